"""Transient states, inputs and outputs turn into arrays and back without pydantic.

Skipped: pydantic's handler of each assignment, which for these classes puts the value into `__dict__` and the name into
the set of fields that were set; the walk that looks for the batch size, where all values have the same one.
"""

from typing import Any

import numpy as np
from moirae.models.base import InputQuantities, OutputQuantities
from moirae.models.ecm import ECMInput, ECMMeasurement, ECMTransientVector
from numpy import ndarray

from .shortcut import Shortcut, genuine

_CONTAINER = "moirae.models.base:GeneralContainer"
_to_numpy = genuine(f"{_CONTAINER}.to_numpy")
_from_numpy = genuine(f"{_CONTAINER}.from_numpy")
KINDS = frozenset((InputQuantities, ECMInput, OutputQuantities, ECMMeasurement, ECMTransientVector))
_NAMES = {kind: tuple(kind.model_fields) for kind in KINDS}


def to_numpy(self: Any) -> ndarray:
    """Return all values side by side, shape `(batch, values)`."""
    names = _NAMES.get(type(self))
    if names is not None:
        fields = self.__dict__
        values = [value for name in names if (value := fields[name]) is not None]
        if values:
            count = values[0].shape[0]
            if count and all(value.shape[0] == count for value in values):
                return np.concatenate(values, axis=1)
    return _to_numpy(self)


def from_numpy(self: Any, values: ndarray) -> None:
    """Take all values from an array of shape `(batch, values)` or `(values,)`."""
    names = _NAMES.get(type(self))
    if names is None:
        _from_numpy(self, values)
        return
    if values.ndim == 1:
        values = values[None, :]
    fields, chosen, begin = self.__dict__, self.__pydantic_fields_set__, 0
    for name in names:
        current = fields[name]
        if current is not None:
            end = begin + current.shape[-1]
            fields[name] = values[:, begin:end]
            chosen.add(name)
            begin = end


SHORTCUT = Shortcut(
    name="containers",
    replacements={f"{_CONTAINER}.to_numpy": to_numpy, f"{_CONTAINER}.from_numpy": from_numpy},
    written_for=(
        _CONTAINER,
        "moirae.models.base:InputQuantities",
        "moirae.models.base:OutputQuantities",
        "moirae.models.ecm.ins_outs:ECMInput",
        "moirae.models.ecm.ins_outs:ECMMeasurement",
        "moirae.models.ecm.transient:ECMTransientVector",
        "pydantic.main:BaseModel",
        "pydantic.main:_model_field_setattr_handler",
    ),
)
