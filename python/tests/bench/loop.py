"""A bare Moirae loop over the example's records, in a process of its own; prints its rate and its result as JSON.

python loop.py joint|dual|thevenin
"""

import json
import os
import sys

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[variable] = "1"

from measure import EXAMPLE, records_of, stopwatch
from moirae.interface import row_to_inputs
from moirae.models.base import OutputQuantities
from moirae.models.ecm import ECMInput, ECMMeasurement
from moirae.models.thevenin import TheveninInput
from scripts import RECORDS, SCRIPTS


def main() -> None:
    kind = sys.argv[1]
    records = records_of(RECORDS[kind])
    inputs, outputs = (TheveninInput, OutputQuantities) if kind == "thevenin" else (ECMInput, ECMMeasurement)
    os.chdir(EXAMPLE)
    names = {"__name__": "script"}
    exec(SCRIPTS[kind], names)
    step = names["estimator"].step
    with stopwatch() as watch:
        for record in records[1:]:
            state, _ = step(*row_to_inputs(record, input_class=inputs, output_class=outputs))
    result = {
        "rate": (len(records) - 1) / watch.seconds,
        "mean": state.get_mean().tolist(),
        "covariance": state.get_covariance().tolist(),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
