"""Parameters of health are set and read without walking through all of it.

Skipped: splitting each name at its dots anew, tuples of names and models along the way, and pydantic's handler of the
assignment, which puts the value into `__dict__` and the name into the set of fields that were set; in reading, the walk
over every parameter for the batch size, where the wanted ones have one size above 1: the whole cannot have another.
A name that does not lead along updatable fields to an array goes to Moirae's own function, and so does anything else
that is to raise.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from moirae.models.components.soc import ScaledSOCInterpolatedHealth, SOCInterpolatedHealth
from moirae.models.ecm import ECMASOH
from moirae.models.ecm.components import (
    Capacitance,
    HysteresisParameters,
    MaxTheoreticalCapacity,
    OpenCircuitVoltage,
    RCComponent,
    Resistance,
)
from numpy import ndarray

from .shortcut import Shortcut, genuine

_HEALTH = "moirae.models.base:HealthVariable"
_get = genuine(f"{_HEALTH}.get_parameters")
_update = genuine(f"{_HEALTH}.update_parameters")
KINDS = frozenset(
    (
        ECMASOH,
        MaxTheoreticalCapacity,
        OpenCircuitVoltage,
        Resistance,
        Capacitance,
        RCComponent,
        HysteresisParameters,
        SOCInterpolatedHealth,
        ScaledSOCInterpolatedHealth,
    )
)
CLASSES = (
    _HEALTH,
    "moirae.models.components.soc:SOCDependentHealth",
    "moirae.models.components.soc:SOCInterpolatedHealth",
    "moirae.models.components.soc:ScaledSOCInterpolatedHealth",
    "moirae.models.ecm.advancedSOH:ECMASOH",
    "moirae.models.ecm.components:Capacitance",
    "moirae.models.ecm.components:HysteresisParameters",
    "moirae.models.ecm.components:MaxTheoreticalCapacity",
    "moirae.models.ecm.components:OpenCircuitVoltage",
    "moirae.models.ecm.components:RCComponent",
    "moirae.models.ecm.components:Resistance",
    "pydantic.main:BaseModel",
    "pydantic.main:_model_field_setattr_handler",
)


def get_parameters(self: Any, names: Any = None) -> ndarray:
    """Return parameters side by side, shape `(batch, values)`."""
    if names:
        leaves = [_leaf(self, name, updatable=False) for name in names]
        if None not in leaves:
            values = [model.__dict__[field] for model, field in leaves]
            count = values[0].shape[0]
            if count > 1 and all(value.shape[0] == count for value in values):
                return np.concatenate(values, axis=1)
    return _get(self, names)


def update_parameters(self: Any, values: Any, names: Any = None) -> None:
    """Set parameters from values of shape `(batch, values)` or `(values,)`."""
    wanted = [name for name, _ in self.iter_parameters()] if names is None else names
    leaves = [_leaf(self, name, updatable=True) for name in wanted]
    if None in leaves or type(values) is not ndarray or values.ndim not in (1, 2):
        _update(self, values, names)
        return
    copied = np.array(values)
    if copied.ndim == 1:
        copied = copied[None, :]
    ends, end = [], 0
    for model, field in leaves:
        end += model.__dict__[field].shape[1]
        ends.append(end)
    if end != copied.shape[1]:
        _update(self, values, names)
        return
    begin = 0
    for (model, field), end in zip(leaves, ends, strict=True):
        model.__dict__[field] = copied[:, begin:end]
        model.__pydantic_fields_set__.add(field)
        begin = end


def _leaf(model: Any, name: str, updatable: bool) -> tuple[Any, str] | None:
    """Return the model and field that hold a parameter; None where Moirae's own search is to be asked."""
    steps = iter(_steps(name))
    for step in steps:
        if type(model) not in KINDS or (updatable and step not in model.updatable):
            return None
        value = model.__dict__.get(step)
        if type(value) is ndarray:
            return None if next(steps, None) is not None or value.ndim != 2 else (model, step)
        if type(value) is tuple:
            index = next(steps, "")
            if not index.isdecimal() or int(index) >= len(value):
                return None
            value = value[int(index)]
        model = value
    return None


@lru_cache(maxsize=1024)
def _steps(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


SHORTCUT = Shortcut(
    name="parameters",
    replacements={f"{_HEALTH}.get_parameters": get_parameters, f"{_HEALTH}.update_parameters": update_parameters},
    written_for=CLASSES,
)
