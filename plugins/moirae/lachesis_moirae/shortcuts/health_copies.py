"""Health and transient states are copied directly.

Skipped: the general `copy.deepcopy` of models. What they hold is known: arrays, numbers, texts, sets of field names and
models of the same kind, and each is copied as `deepcopy` would, arrays in their order in memory, and what two of them
share, once. A spline that was cached is not copied but shared: nothing changes it, it is only ever replaced. Anything
else is given to `deepcopy`.
"""

import copy
from typing import Any

from numpy import ndarray

from . import containers, parameters
from .construction import build
from .shortcut import Shortcut, genuine

_HEALTH, _CONTAINER = "moirae.models.base:HealthVariable.model_copy", "moirae.models.base:GeneralContainer.model_copy"
_copy = genuine(_HEALTH)
_KINDS = parameters.KINDS | containers.KINDS
_CONSTANT = frozenset((type(None), bool, int, float, str))
_SHARED = frozenset(("all_fields", "all_fields_with_types"))
"""Tuples of texts."""


def model_copy(self: Any, *, update: Any = None, deep: bool = False) -> Any:
    """`BaseModel.model_copy` for health and containers."""
    if deep and not update and type(self) in _KINDS:
        return _model(self, {})
    return _copy(self, update=update, deep=deep)


def _model(model: Any, memo: dict[int, Any]) -> Any:
    fields, private = {}, model.__pydantic_private__
    if private is not None:
        private = {
            name: dict(value) if name == "_ppoly_cache" else copy.deepcopy(value, memo)
            for name, value in private.items()
        }
    memo[id(model)] = made = build(type(model), fields, model.__pydantic_fields_set__.copy(), private)
    for name, value in model.__dict__.items():
        kind = type(value)
        if kind in _CONSTANT or name in _SHARED:
            fields[name] = value
        elif (known := memo.get(id(value))) is not None:
            fields[name] = known
        elif kind is ndarray and not value.dtype.hasobject:
            fields[name] = memo[id(value)] = value.copy("K")
        elif kind is set:
            fields[name] = memo[id(value)] = value.copy()
        elif kind in _KINDS:
            fields[name] = _model(value, memo)
        elif kind is tuple and all(type(item) in _KINDS for item in value):
            copies = tuple([memo.get(id(item)) or _model(item, memo) for item in value])
            fields[name] = memo[id(value)] = copies
        else:
            fields[name] = copy.deepcopy(value, memo)
    return made


SHORTCUT = Shortcut(
    name="health copies",
    replacements={_HEALTH: model_copy, _CONTAINER: model_copy},
    written_for=(*parameters.CLASSES, *containers.SHORTCUT.written_for, "copy:deepcopy"),
)
