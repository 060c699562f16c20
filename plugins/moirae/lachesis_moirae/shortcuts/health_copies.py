"""Health and transient states are copied directly.

Skipped: the general `copy.deepcopy` of models. What they hold is known: arrays, numbers, texts, sets of field names and
models of the same kind, and each is copied as `deepcopy` would, arrays in their order in memory, and what two of them
share, once. Anything else, such as the cached function of a spline, is given to `deepcopy`.
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


def model_copy(self: Any, *, update: Any = None, deep: bool = False) -> Any:
    """`BaseModel.model_copy` for health and containers."""
    if deep and not update and type(self) in _KINDS:
        return _model(self, {})
    return _copy(self, update=update, deep=deep)


def _model(model: Any, memo: dict[int, Any]) -> Any:
    private = model.__pydantic_private__
    fields = dict.fromkeys(model.__dict__)
    made = build(
        type(model),
        fields,
        model.__pydantic_fields_set__.copy(),
        None if private is None else {name: _copied(value, memo) for name, value in private.items()},
    )
    memo[id(model)] = made
    for name, value in model.__dict__.items():
        fields[name] = value if name.startswith("all_fields") else _copied(value, memo)
    return made


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    kind = type(value)
    if kind in _CONSTANT:
        return value
    made = memo.get(id(value))
    if made is not None:
        return made
    if kind is ndarray and not value.dtype.hasobject:
        made = value.copy("K")
    elif kind in _KINDS:
        return _model(value, memo)
    elif kind is set and all(type(item) is str for item in value):
        made = value.copy()
    elif kind is dict and not value:
        made = {}
    elif kind is tuple and all(type(item) in _KINDS for item in value):
        made = tuple([_copied(item, memo) for item in value]) if value else value
    else:
        return copy.deepcopy(value, memo)
    memo[id(value)] = made
    return made


SHORTCUT = Shortcut(
    name="health copies",
    replacements={_HEALTH: model_copy, _CONTAINER: model_copy},
    written_for=(*parameters.CLASSES, *containers.SHORTCUT.written_for, "copy:deepcopy"),
)
