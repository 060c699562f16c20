"""A bare Moirae loop over the example's records, in a process of its own; prints its rate and its result as JSON."""

import json
import os
import sys

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[variable] = "1"

from measure import EXAMPLE, SCRIPT, example_records, stopwatch
from moirae.interface import row_to_inputs


def main() -> None:
    records = example_records()
    os.chdir(EXAMPLE)
    names = {"__name__": "script"}
    exec(SCRIPT, names)
    step = names["estimator"].step
    with stopwatch() as watch:
        for record in records[1:]:
            state, _ = step(*row_to_inputs(record))
    result = {
        "rate": (len(records) - 1) / watch.seconds,
        "mean": state.get_mean().tolist(),
        "covariance": state.get_covariance().tolist(),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
