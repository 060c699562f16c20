"""Decides which records may reach an estimator."""

from collections.abc import Sequence
from enum import IntEnum
from math import isfinite


class Outcome(IntEnum):
    """What became of a record; the values are those on the wire."""

    STEPPED = 0
    SEEDED = 1
    """The first record: previous inputs, not stepped."""
    MISSING = 2
    """Skipped: a required value is missing or not finite."""
    EARLY = 3
    """Skipped: before `valid_time`."""
    LATE = 4
    """Skipped: before the latest accepted record."""
    FAILED = 5
    """The step raised or gave no valid state; undone."""


class Gate:
    """Judges records by their values and by what was accepted before; knows no estimator.

    Usage: `judge` a record, and `accept` it if it then was stepped or has seeded the estimator.
    """

    def __init__(self, required: Sequence[int], valid_time: float | None = None) -> None:
        """Create a gate.

        `required`: positions of the values that must be finite; `test_time`, s, is at 0 and always required.
        `valid_time`: records with an earlier `test_time` are skipped, s; None skips none.
        """
        self._required = tuple(sorted({0, *required}))
        self._valid_time = float("-inf") if valid_time is None else valid_time
        self.latest: float | None = None
        """`test_time` of the last record accepted, s; None before the first."""

    def judge(self, values: Sequence[float]) -> Outcome:
        """Tell what to do with a record: step it (STEPPED), seed with it (SEEDED), or skip it (the others)."""
        for index in self._required:
            if not isfinite(values[index]):
                return Outcome.MISSING
        if values[0] < self._valid_time:
            return Outcome.EARLY
        if self.latest is None:
            return Outcome.SEEDED
        # Equal times are stepped: cyclers write them where a step changes.
        return Outcome.LATE if values[0] < self.latest else Outcome.STEPPED

    def accept(self, values: Sequence[float]) -> None:
        """Note that a record took effect."""
        self.latest = values[0]
