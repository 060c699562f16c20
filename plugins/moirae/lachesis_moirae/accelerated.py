"""Steps an estimator in the fastest way that gives Moirae's own bits, and goes on proving that it does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from moirae.estimators.online import OnlineEstimator

from .conversion import RecordConverter
from .fused import Unrecognized, Unsure, fuse
from .proof import Schedule, differing
from .shortcuts import Shortcuts
from .undo import FilterUndo, filters_of, undo_for
from .ways import FastWay, FusedWay, GenuineWay, ShortcutsWay, Step, state_of

LEVELS = ("off", "shortcuts", "full")


class AcceleratedEstimator:
    """An estimator, and the way that its steps are made."""

    def __init__(self, estimator: OnlineEstimator, converter: RecordConverter, level: str, distrust: str = "") -> None:
        """Choose the way, at most that of `level`; with `distrust`, the reason why there is none, Moirae's own."""
        self._estimator = estimator
        self._genuine = GenuineWay(estimator, converter)
        self._undo = undo_for(estimator)
        self._filters = filters_of(estimator)
        self.level = "off"
        """The way in use: one of LEVELS."""
        self.reason = distrust
        """Why it is less than what was asked for; empty if it is not."""
        self.distrust = distrust
        """The reason, if a proof failed: it holds for good, in later processes too."""
        self._way: FastWay | None = None
        self._is_inside = False
        if level != "off" and not distrust:
            self._choose(level, converter)

    def _choose(self, level: str, converter: RecordConverter) -> None:
        if not isinstance(self._undo, FilterUndo):
            self.reason = "it has parts of the script's own"
            return
        pinpoints: Sequence[float] = ()
        if level == "full":
            try:
                fused = fuse(self._estimator)
            except Unrecognized as error:
                self.reason = str(error)
            else:
                self.level, self._way, pinpoints = level, FusedWay(fused, converter), fused.pinpoints
        if self._way is None:
            shortcuts = Shortcuts.recognized(self._estimator)
            if shortcuts is not None:
                self.level, self._way = "shortcuts", ShortcutsWay(shortcuts, self._genuine, self._filters)
            elif not self.reason:
                self.reason = "a class of it is not known"
        self._schedule = Schedule(pinpoints)

    @property
    def estimator(self) -> OnlineEstimator:
        """Moirae's estimator, holding its state, and Moirae as it was; to be asked for at each use."""
        self._leave()
        return self._estimator

    def step(self, values: Sequence[float]) -> Step:
        """Step by a record's values; what Moirae raises passes through, and `rollback` must follow then."""
        way = self._way
        if way is None or not self._enter(way):
            return self._genuine.step(values)
        if self._schedule.is_due(values[1], way.soc, values[3]):
            return self._prove(way, values)
        try:
            return way.step(values)
        except Unsure:
            self._leave()
            return self._genuine.step(values)

    def mark(self) -> Any:
        """Return what `rollback` needs to undo the one step or seeding that follows."""
        way = self._way
        return self._undo.mark(), way.mark() if way is not None and self._enter(way) else None

    def rollback(self, mark: Any) -> None:
        """Return to the state at `mark`, bit for bit."""
        held, inside = mark
        self._undo.rollback(held)
        if inside is not None and self._way is not None:
            self._way.rollback(inside)
            self._is_inside = True
            self._leave()

    def _prove(self, way: FastWay, values: Sequence[float]) -> Step:
        """Step both ways from the same state, and go on from Moirae's result; without the other way if they differ."""
        mark = self.mark()
        made: Sequence[np.ndarray] | None = None
        failure: Exception | None = None
        try:
            made = (*way.step(values), *way.state())
        except Unsure:
            pass
        except Exception as error:  # noqa: BLE001 (whether Moirae raises, too, is what matters)
            failure = error
        self.rollback(mark)
        try:
            expected = self._genuine.step(values)
        except Exception as error:
            if made is not None:
                self._distrust(f"where Moirae raised {type(error).__name__}, it did not", values)
            raise
        if failure is not None:
            self._distrust(f"it raised {type(failure).__name__}, and Moirae did not", values)
        elif made is not None:
            different = differing((*expected, *state_of(self._filters)), made)
            if different is not None:
                self._distrust(f"its {different} was not Moirae's", values)
        return expected

    def _distrust(self, what: str, values: Sequence[float]) -> None:
        """Go on with Moirae's own steps for good."""
        self.reason = self.distrust = (
            f"the step at test_time {values[0]:.17g} s, number {self._schedule.steps:,}, differed: {what}; "
            f"since then every step is genuine Moirae's"
        )
        self.level, self._way = "off", None

    def _enter(self, way: FastWay) -> bool:
        """Let the way take over; return whether it could."""
        if not self._is_inside:
            try:
                way.enter()
            except Unsure:
                return False
            self._is_inside = True
        return True

    def _leave(self) -> None:
        if self._is_inside and self._way is not None:
            self._is_inside = False
            self._way.leave()
