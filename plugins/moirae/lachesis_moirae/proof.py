"""When a step is made both ways, and what of it is compared."""

from bisect import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np

FIRST = 64
"""So many steps of an estimator are proven when it begins or goes on in a new process."""
EVERY = 1_000
"""And each that comes so many steps after the one proven before."""
AGAIN = 10_000
"""A change of regime that was proven is proven again after so many steps."""
BAND = 5.0
"""Width of what counts as one temperature, °C."""
_NAMES = ("mean", "covariance", "predicted output", "predicted output's covariance")
_REST = 1e-6
"""Current that counts as none, A; as in Moirae's equivalent circuit."""


class Schedule:
    """Tells which steps are proven.

    Besides those above it is the first after a change of regime: the sign of the current, the piece of the curves over
    the state of charge, or the temperature. A change between the same two is not proven again for `AGAIN` steps: a
    current that flickers about zero would make every step a proof.
    """

    def __init__(self, pinpoints: Sequence[float]) -> None:
        """`pinpoints`: states of charge at which the curves' pieces meet, increasing."""
        self._pinpoints = pinpoints
        self._steps = 0
        self._next = 0
        self._regime: tuple[int, int, int] | None = None
        self._proven: dict[Any, int] = {}

    @property
    def steps(self) -> int:
        """Steps so far."""
        return self._steps

    def is_due(self, current: float, soc: float, temperature: float) -> bool:
        """Tell whether the next step is proven, by current (A), temperature (°C) and the state of charge before it."""
        step = self._steps
        self._steps = step + 1
        sign = (current > _REST) - (current < -_REST)
        # What is not a number compares false.
        band = int(temperature // BAND) if -1e3 < temperature < 1e6 else 0
        regime = (sign, bisect(self._pinpoints, soc), band)
        due = step < FIRST or step >= self._next
        if regime != self._regime:
            change = (self._regime, regime)
            self._regime = regime
            if step >= self._proven.get(change, -AGAIN) + AGAIN:
                self._proven[change] = step
                due = True
        if due:
            self._next = step + EVERY
        return due


def differing(expected: Sequence[np.ndarray], made: Sequence[np.ndarray]) -> str | None:
    """Return what of a step is not the same bit for bit, None if all is.

    Of each: mean, covariance, predicted outputs and their covariance, then the filters' own states.
    """
    for index, (one, other) in enumerate(zip(expected, made, strict=True)):
        if one.shape != other.shape or one.dtype != other.dtype or one.tobytes() != other.tobytes():
            return _NAMES[index] if index < len(_NAMES) else "filter's state"
    return None
