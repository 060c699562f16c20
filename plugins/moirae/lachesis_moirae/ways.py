"""Ways to step an estimator: Moirae's own, and faster ones."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from moirae.estimators.online import OnlineEstimator
from moirae.estimators.online.filters.base import BaseFilter

from .conversion import RecordConverter
from .fused import Fused, Step, Unsure
from .proof import Before
from .shortcuts import Shortcuts


class GenuineWay:
    """Moirae's own step; the estimator holds its state."""

    def __init__(self, estimator: OnlineEstimator, converter: RecordConverter) -> None:
        self._estimator, self._converter = estimator, converter

    def step(self, values: Sequence[float]) -> Step:
        """Step by a record's values; what Moirae raises passes through."""
        converter = self._converter
        state, outputs = self._estimator.step(converter.inputs(values), converter.measurements(values))
        return state.get_mean(), state.get_covariance(), outputs.get_mean(), outputs.get_covariance()


class FastWay(Protocol):
    """A faster way. Between `enter` and `leave` it may hold the estimator's state itself, or alter Moirae."""

    def enter(self) -> None:
        """Take over; raises Unsure if the estimator's state is none that the way can start from."""

    def leave(self) -> None:
        """Give the state back, and put Moirae as it was; nothing happens if that is so already."""

    def step(self, values: Sequence[float]) -> Step:
        """Step by a record's values; raises Unsure, and changes nothing, if Moirae itself should make the step."""

    def before(self) -> Before:
        """Return what the next step begins with."""

    def genuine_state(self) -> list[np.ndarray]:
        """Return what `state` does, as Moirae's filters have it."""

    def state(self) -> list[np.ndarray]:
        """Return mean, covariance and controls of each filter, in its own coordinates."""

    def mark(self) -> Any:
        """Return what `rollback` needs to undo the one step that follows, besides what the estimator holds."""

    def rollback(self, mark: Any) -> None:
        """Return to the state at `mark`; the estimator must be as it was then, too."""


class FusedWay:
    """Whole steps in plain numpy, on the filters' states in arrays of its own."""

    def __init__(self, fused: Fused, converter: RecordConverter) -> None:
        self._fused, self._converter, self._filters = fused, converter, fused.filters

    def enter(self) -> None:
        for filter in self._filters:
            filter.take()

    def leave(self) -> None:
        for filter in self._filters:
            filter.put()

    def step(self, values: Sequence[float]) -> Step:
        try:
            return self._fused.step(self._converter.controls(values), values[2])
        except (ArithmeticError, ValueError) as error:
            raise Unsure(str(error)) from error

    def before(self) -> Before:
        state, controls = self._filters[0].state
        return Before(state.mean.item(0), controls[1])

    def genuine_state(self) -> list[np.ndarray]:
        return state_of([filter.filter for filter in self._filters])

    def state(self) -> list[np.ndarray]:
        return [array for filter in self._filters for array in filter.arrays()]

    def mark(self) -> Any:
        return [filter.mark() for filter in self._filters]

    def rollback(self, mark: Any) -> None:
        for filter, state in zip(self._filters, mark, strict=True):
            filter.rollback(state)


class ShortcutsWay:
    """Moirae's own step with replacements of some of its functions; the estimator holds its state."""

    def __init__(self, shortcuts: Shortcuts, genuine: GenuineWay, filters: Sequence[BaseFilter]) -> None:
        self.enter, self.leave, self.step = shortcuts.install, shortcuts.remove, genuine.step
        self._filters = filters

    def before(self) -> Before:
        filter = self._filters[0]
        return Before(filter.hidden.mean.item(0), filter.controls.get_mean().item(1))

    def state(self) -> list[np.ndarray]:
        return state_of(self._filters)

    genuine_state = state

    def mark(self) -> Any:
        return ()

    def rollback(self, mark: Any) -> None:
        pass


def state_of(filters: Sequence[BaseFilter]) -> list[np.ndarray]:
    """Return mean, covariance and controls of each of Moirae's filters, in their own coordinates."""
    return [
        array
        for filter in filters
        for array in (filter.hidden.get_mean(), filter.hidden.get_covariance(), filter.controls.get_mean())
    ]
