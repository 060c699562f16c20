"""Turns a record's values into what an estimator's step takes, with the numbers of Moirae's own loop."""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import numpy as np
from moirae.estimators.online import OnlineEstimator
from moirae.models.base import GeneralContainer, InputQuantities, OutputQuantities
from moirae.models.ecm import ECMInput, ECMMeasurement
from moirae.models.thevenin import TheveninInput

from lachesis_worker.plugin import ScriptError

COLUMNS = ("test_time", "current", "voltage", "temperature")
"""What is read of a record: s, A (positive: charging), V, °C."""
REQUIRED = COLUMNS[:3]
DEFAULT_TEMPERATURE = 25
"""Of a record without a finite temperature, °C; as in Moirae's `row_to_inputs`."""

# Of these it is known that validating makes a 1×1 array of each number and does nothing else.
_PLAIN = frozenset((InputQuantities, ECMInput, TheveninInput, OutputQuantities, ECMMeasurement))


class RecordConverter:
    """Makes inputs and measurements of the classes that an estimator was built with."""

    def __init__(self, estimator: OnlineEstimator) -> None:
        """Tell the classes from the estimator; raises ScriptError if a record does not give what they need."""
        # A class of a script's own need not have been initialized like Moirae's.
        template = getattr(estimator, "_inputs", None) or ECMInput()
        self._takes_temperature = _takes_temperature(template)
        has_temperature = "temperature" in type(template).model_fields
        fixed = {} if self._takes_temperature or not has_temperature else {"temperature": None}
        names = ["time", "current", *(["temperature"] if self._takes_temperature else [])]
        try:
            self._make_inputs = _builder(type(template), names, fixed)
            self._make_outputs = _builder(_output_class(estimator), ["terminal_voltage"], {})
        except ValueError as error:
            raise ScriptError(
                f"a record gives time, current, temperature and voltage, which is not what {error}"
            ) from error

    def inputs(self, values: Sequence[float]) -> InputQuantities:
        """Make the inputs from values in the order of COLUMNS."""
        return self._make_inputs(*self.controls(values))

    def controls(self, values: Sequence[float]) -> list[float]:
        """Return the inputs' numbers, in their order."""
        if not self._takes_temperature:
            return [values[0], values[1]]
        temperature = values[3]
        return [values[0], values[1], temperature if isfinite(temperature) else DEFAULT_TEMPERATURE]

    def measurements(self, values: Sequence[float]) -> OutputQuantities:
        """Make the measurements from values in the order of COLUMNS."""
        return self._make_outputs(values[2])


def _takes_temperature(template: InputQuantities) -> bool:
    """Tell whether inputs get a temperature.

    Filters read inputs by position, along the fields that are not None in the script's template. A temperature that is
    None there must not come before a field that is not: it would land in that one. After all of them it is passed over,
    and is given as Moirae's own loop gives it.
    """
    names = list(type(template).model_fields)
    if "temperature" not in names:
        return False
    following = names[names.index("temperature") + 1 :]
    return template.temperature is not None or all(getattr(template, name) is None for name in following)


def _output_class(estimator: OnlineEstimator) -> type[OutputQuantities]:
    """Class of what the cell model predicts; the equivalent circuit's where it cannot be told."""
    try:
        example = estimator.cell_model.calculate_terminal_voltage(
            estimator._inputs, estimator.transients, estimator.asoh
        )
    except Exception:  # noqa: BLE001 (a model may need more than a first guess of its state)
        return ECMMeasurement
    return type(example)


def _builder(kind: type[GeneralContainer], names: list[str], fixed: dict[str, Any]) -> Callable[..., Any]:
    """Return a function of one number per name that makes a `kind`; raises ValueError if these are not all it needs."""
    try:
        example = kind(**dict.fromkeys(names, 1.0), **fixed)
    except ValueError as error:
        raise ValueError(f"{kind.__name__} takes: {error}") from error
    if kind not in _PLAIN:
        # Scripts may validate, so their classes go the long way.
        return lambda *numbers: kind(**dict(zip(names, numbers, strict=True)), **fixed)
    # Validating takes a third of the time of a fast step; this makes the same objects. Fields that no record tells get
    # the class's defaults, as in Moirae's own loop.
    others = {name: getattr(example, name) for name in kind.model_fields if name not in names}
    chosen = example.model_fields_set
    construct, array = kind.model_construct, np.array

    def make(*numbers: float) -> GeneralContainer:
        fields = {name: array([[number]]) for name, number in zip(names, numbers, strict=True)}
        for name, value in others.items():
            fields[name] = value if value is None else value.copy()
        return construct(chosen.copy(), **fields)

    return make
