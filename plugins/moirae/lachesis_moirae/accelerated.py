"""Steps an estimator in the fastest way that gives Moirae's own bits, and goes on proving that it does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from moirae.estimators.online import OnlineEstimator

from .conversion import RecordConverter
from .fused import Step, Unrecognized, Unsure, fuse
from .proof import Schedule, differing, pinpoints
from .shortcuts import Shortcuts
from .undo import FilterUndo, filters_of, undo_for
from .ways import FastWay, FusedWay, GenuineWay, ShortcutsWay


class AcceleratedEstimator:
    """An estimator, and the way that its steps are made."""

    def __init__(self, estimator: OnlineEstimator, converter: RecordConverter, level: str, distrust: str = "") -> None:
        """Choose the way, at most that of `level`; with `distrust`, the reason why there is none, Moirae's own."""
        # An estimator before this one, such as a rehearsal's, may not have come to its end.
        Shortcuts.reset()
        self._estimator = estimator
        self._genuine = GenuineWay(estimator, converter)
        self._undo = undo_for(estimator)
        self.level = "off"
        """The way in use: "off", "shortcuts" or "full"."""
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
        if level == "full":
            try:
                fused = fuse(self._estimator)
            except Unrecognized as error:
                self.reason = str(error)
            else:
                self.level, self._way = level, FusedWay(fused, converter)
        if self._way is None:
            shortcuts = Shortcuts.recognized(self._estimator)
            if shortcuts is not None:
                self.level, self._way = "shortcuts", ShortcutsWay(shortcuts, self._genuine, filters_of(self._estimator))
            elif not self.reason:
                self.reason = "it has a class that is not accelerated"
        heeds_temperature = getattr(self._estimator._inputs, "temperature", None) is not None
        self._schedule = Schedule(pinpoints(self._estimator.asoh), heeds_temperature)

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
        if self._schedule.is_due(way.before(), values[1], values[3]):
            return self._prove(way, values)
        mark = self.mark()
        try:
            return way.step(values)
        except Unsure:
            self.rollback(mark)
            return self._genuine.step(values)
        except Exception as error:  # noqa: BLE001 (whether Moirae raises, too, is what matters)
            return self._instead(mark, error, values)

    def mark(self) -> Any:
        """Return what `rollback` needs to undo the one step or seeding that follows."""
        way = self._way
        if way is None or not self._enter(way):
            return self._undo.mark(), None, None
        return self._undo.mark(), way, way.mark()

    def rollback(self, mark: Any) -> None:
        """Return to the state at `mark`, bit for bit.

        The way that was in use then gives the state back, though it may not be in use any more.
        """
        held, way, inside = mark
        self._undo.rollback(held)
        if way is not None:
            way.rollback(inside)
            way.leave()
            self._is_inside = False

    def _prove(self, way: FastWay, values: Sequence[float]) -> Step:
        """Step both ways from the same state, and go on from Moirae's result; without the other way if they differ."""
        mark = self.mark()
        made: Sequence[np.ndarray] | None = None
        try:
            made = (*way.step(values), *way.state())
        except Unsure:
            pass
        except Exception as error:  # noqa: BLE001 (whether Moirae raises, too, is what matters)
            return self._instead(mark, error, values)
        self.rollback(mark)
        try:
            expected = self._genuine.step(values)
        except Exception as error:
            if made is not None:
                self._distrust(f"where Moirae raised {type(error).__name__}, it did not", values)
            raise
        if made is not None:
            different = differing((*expected, *way.genuine_state()), made)
            if different is None:
                self._schedule.proven()
            else:
                self._distrust(f"its {different} was not Moirae's", values)
        return expected

    def _instead(self, mark: Any, failure: Exception, values: Sequence[float]) -> Step:
        """Step as Moirae after the way raised; without the way from then on, unless Moirae raises, too."""
        self.rollback(mark)
        expected = self._genuine.step(values)
        self._distrust(f"it raised {type(failure).__name__}, and Moirae did not", values)
        return expected

    def _distrust(self, what: str, values: Sequence[float]) -> None:
        """Go on with Moirae's own steps for good."""
        self.reason = self.distrust = (
            f"the step at test_time {values[0]:.17g} s differed: {what}; since then every step is genuine Moirae's"
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
