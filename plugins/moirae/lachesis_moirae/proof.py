"""When a step is made both ways, and what of it is compared."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from moirae.models.base import HealthVariable
from moirae.models.components.soc import SOCInterpolatedHealth

FIRST = 64
"""So many steps of an estimator are proven when it begins or goes on in a new process."""
EVERY = 1_000
"""And each that comes so many steps after the one proven before."""
AGAIN = 10_000
"""A change of regime that was proven is proven again after so many steps."""
BAND = 5.0
"""Width of what counts as one temperature, °C."""
_NAMES = ("mean", "covariance", "predicted output", "predicted output's covariance")
_MOST_CHANGES, _MOST_OWED = 4_096, 16
"""Changes of regime that are remembered, and that one comparison may stand for."""
_REST = 1e-6
"""Current that counts as none, A; as in Moirae's equivalent circuit."""


class Before(NamedTuple):
    """What a step begins with."""

    soc: float
    """The first state, which is an equivalent circuit's state of charge."""
    current: float
    """Of the record before, A."""


class Schedule:
    """Tells which steps are proven.

    Besides those above it is the first after a change of regime: the signs of the current before and after, the piece
    of the curves over the state of charge, or the temperature. A change between the same two is not proven again for
    `AGAIN` steps: a current that flickers about zero would make every step a proof. What is due stays so until
    something was compared.
    """

    def __init__(self, pinpoints: Sequence[float], heeds_temperature: bool) -> None:
        """`pinpoints`: states of charge at which the curves' pieces meet, increasing."""
        self._pinpoints = pinpoints
        self._heeds_temperature = heeds_temperature
        self._steps = self._compared = self._next = 0
        self._regime: Any = None
        self._proven: dict[Any, int] = {}
        self._owed: list[Any] = []

    def is_due(self, before: Before, current: float, temperature: float) -> bool:
        """Tell whether the next step is proven, by its current (A) and temperature (°C) and by what was before it."""
        step = self._steps = self._steps + 1
        band = int(temperature // BAND) if self._heeds_temperature and -1e3 < temperature < 1e4 else 0
        regime = (_sign(before.current), _sign(current), bisect(self._pinpoints, before.soc), band)
        if regime != self._regime:
            change = (self._regime, regime)
            self._regime = regime
            if step >= self._proven.get(change, -AGAIN) + AGAIN and len(self._owed) < _MOST_OWED:
                self._owed.append(change)
        return bool(self._owed) or self._compared < FIRST or step >= self._next

    def proven(self) -> None:
        """Note that the latest step was compared."""
        if len(self._proven) > _MOST_CHANGES:
            self._proven.clear()
        self._proven.update(dict.fromkeys(self._owed, self._steps))
        self._owed.clear()
        self._compared += 1
        self._next = self._steps + EVERY


def pinpoints(health: Any) -> list[float]:
    """Return the states of charge at which pieces of a health's curves meet, increasing."""
    return sorted(set(_pinpoints(health)))


def _pinpoints(part: Any) -> Iterator[float]:
    if isinstance(part, (tuple, list)):
        for item in part:
            yield from _pinpoints(item)
    elif isinstance(part, HealthVariable):
        if isinstance(part, SOCInterpolatedHealth) and (count := part.base_values.shape[1]) > 1:
            yield from (np.linspace(0, 1, count) if part.soc_pinpoints is None else part.soc_pinpoints).tolist()
        for value in vars(part).values():
            yield from _pinpoints(value)


def _sign(current: float) -> int:
    return (current > _REST) - (current < -_REST)


def differing(expected: Sequence[np.ndarray], made: Sequence[np.ndarray]) -> str | None:
    """Return what of a step is not the same bit for bit, None if all is.

    Of each: mean, covariance, predicted outputs and their covariance, then the filters' own states.
    """
    if len(expected) != len(made):
        return "number of arrays"
    for index, (one, other) in enumerate(zip(expected, made, strict=True)):
        if one.shape != other.shape or one.dtype != other.dtype or one.tobytes() != other.tobytes():
            return _NAMES[index] if index < len(_NAMES) else "filter's state"
    return None
