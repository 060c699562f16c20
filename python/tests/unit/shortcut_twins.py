"""One estimator stepped by genuine Moirae and one with its shortcuts, compared bit by bit after each record."""

import sys
import types
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from pydantic import BaseModel

_FILTERS = ("filter", "trans_filter", "asoh_filter")
_REMEMBERED = {"all_fields", "all_fields_with_types", "lambda_param", "mean_weights", "cov_weights"}
"""What objects keep once somebody asked; a step that raises need not have come to the same question."""


class Different(AssertionError):
    """The two differ; says where."""


class Twins:
    """Two estimators that a script makes, and the shortcuts recognized for the second."""

    def __init__(self, script: str) -> None:
        from lachesis_moirae.shortcuts import Shortcuts

        self.genuine, self.short = estimator_of(script), estimator_of(script)
        shortcuts = Shortcuts.recognized(self.short)
        assert shortcuts is not None
        self.shortcuts = shortcuts

    def step(self, time: float, current: float, voltage: float, temperature: float | None = None) -> Exception | None:
        """Step both and raise Different if a bit differs; return the exception that both raised, if they did.

        In s, A (positive: charging), V and °C.
        """
        values = (time, current, voltage, temperature)
        genuine = _outcome(self.genuine, *values)
        with Installed(self.shortcuts):
            short = _outcome(self.short, *values)
        if isinstance(genuine, Exception) or isinstance(short, Exception):
            if type(genuine) is not type(short) or str(genuine) != str(short):
                raise Different(f"{genuine!r} became {short!r}")
        else:
            compare(genuine, short, "result")
        for name in _FILTERS:
            if hasattr(self.genuine, name):
                one, other = getattr(self.genuine, name), getattr(self.short, name)
                compare((one.hidden, one.controls), (other.hidden, other.controls), name)
                # Where a step raises, its scratch values depend on how far it came.
                if not isinstance(genuine, Exception):
                    compare(one, other, name)
        return genuine if isinstance(genuine, Exception) else None


class Installed:
    """Has shortcuts installed while it is entered."""

    def __init__(self, shortcuts: Any) -> None:
        self._shortcuts = shortcuts

    def __enter__(self) -> Self:
        self._shortcuts.install()
        return self

    def __exit__(self, *_: object) -> None:
        self._shortcuts.remove()


def estimator_of(script: str) -> Any:
    """Return the estimator that a script defines."""
    module = sys.modules["a_script"] = types.ModuleType("a_script")
    exec(compile(script, "script.py", "exec", dont_inherit=True), module.__dict__)
    return module.estimator


def _outcome(estimator: Any, time: float, current: float, voltage: float, temperature: float | None) -> Any:
    outputs = estimator.cell_model.calculate_terminal_voltage(estimator._inputs, estimator.transients, estimator.asoh)
    inputs = type(estimator._inputs)(time=time, current=current, temperature=temperature)
    try:
        return estimator.step(inputs, type(outputs)(terminal_voltage=voltage))
    except Exception as error:  # noqa: BLE001 (whatever it is, the two must raise the same)
        return error


def compare(genuine: Any, short: Any, where: str = "") -> None:
    """Raise Different unless the two are of the same classes, bits and layout in memory."""
    for place, one, other in _pairs(genuine, short, where):
        if type(one) is not type(other):
            raise Different(f"{place}: {type(one).__name__} became {type(other).__name__}")
        if isinstance(one, np.ndarray):
            if one.dtype != other.dtype or one.shape != other.shape or _layout(one) != _layout(other):
                raise Different(f"{place}: shape {one.shape} and strides {one.strides} became {other.strides}")
            if one.tobytes() != other.tobytes():
                raise Different(f"{place}: {one} became {other}")
        elif isinstance(one, (int, float, str, set, np.generic)) and repr(one) != repr(other) and one != other:
            raise Different(f"{place}: {one} became {other}")


def _layout(array: np.ndarray) -> tuple[int, ...]:
    """Order in memory: strides of the axes that go anywhere."""
    return tuple(stride for stride, length in zip(array.strides, array.shape, strict=True) if length > 1)


def _pairs(one: Any, other: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    yield where, one, other
    if type(one) is not type(other):
        return
    if isinstance(one, BaseModel):
        yield f"{where} fields set", one.model_fields_set, other.model_fields_set
        yield from _pairs(one.__pydantic_private__, other.__pydantic_private__, f"{where} private")
    if isinstance(one, dict):
        first, second = one, other
    elif isinstance(one, (tuple, list)):
        first, second = dict(enumerate(one)), dict(enumerate(other))
    elif type(one).__module__.partition(".")[0] in ("moirae", "scipy"):
        first, second = vars(one), vars(other)
    else:
        return
    yield f"{where} names", set(first) - _REMEMBERED, set(second) - _REMEMBERED
    for name in first.keys() & second.keys():
        yield from _pairs(first[name], second[name], f"{where}.{name}")
