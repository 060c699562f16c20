"""Undoes a step that failed."""

import copy
from typing import Any

from moirae.estimators.online import OnlineEstimator
from moirae.estimators.online.dual import DualEstimator
from moirae.estimators.online.filters.base import BaseFilter
from moirae.estimators.online.filters.kalman.unscented import UnscentedKalmanFilter
from moirae.estimators.online.joint import JointEstimator
from moirae.estimators.online.utils.model import CellModelWrapper, DegradationModelWrapper, JointCellModelWrapper
from moirae.models.utils import NoDegradation

_KNOWN_ESTIMATORS = (JointEstimator, DualEstimator)
_KNOWN_WRAPPERS = (JointCellModelWrapper, CellModelWrapper, DegradationModelWrapper)


def filters_of(estimator: OnlineEstimator) -> list[BaseFilter]:
    """Return the filters that an estimator holds as attributes, in their order."""
    return [value for value in vars(estimator).values() if isinstance(value, BaseFilter)]


def undo_for(estimator: OnlineEstimator) -> "FilterUndo | CopyUndo":
    """Choose how an estimator's steps are undone: the cheap way where it is known what a step changes."""
    filters = filters_of(estimator)
    models = [filter.model for filter in filters]
    is_known = (
        type(estimator) in _KNOWN_ESTIMATORS
        and all(type(filter) is UnscentedKalmanFilter for filter in filters)
        and all(type(model) in _KNOWN_WRAPPERS for model in models)
        # A model of degradation may remember the past, in attributes of its own.
        and all(type(getattr(model, "deg_model", None)) in (NoDegradation, type(None)) for model in models)
    )
    if is_known:
        return FilterUndo(filters)
    try:
        copy.deepcopy(vars(estimator))
    except Exception:  # noqa: BLE001 (a lock, a file, a generator: each raises another)
        # What the filters hold can be undone; what else such a class changes in a step that fails, stays changed.
        return FilterUndo(filters)
    return CopyUndo(estimator)


class FilterUndo:
    """Undo for Moirae's own estimators.

    Their filters put new objects in place of `hidden` and `controls` and change neither. What else a step changes, the
    wrappers' scratch values, the next step sets before it reads them.
    """

    def __init__(self, filters: list[BaseFilter]) -> None:
        self._filters = filters

    def mark(self) -> Any:
        """Return references to the filters' states."""
        return [(filter.hidden, filter.controls) for filter in self._filters]

    def rollback(self, mark: Any) -> None:
        """Put them back."""
        for filter, (hidden, controls) in zip(self._filters, mark, strict=True):
            filter.hidden, filter.controls = hidden, controls


class CopyUndo:
    """Undo for classes of a script's own, which may change anything they hold; it takes some 0.4 ms a step.

    What a step changes elsewhere, in the script's global variables, stays changed.
    """

    def __init__(self, estimator: OnlineEstimator) -> None:
        self._estimator = estimator
        self._filters = FilterUndo(filters_of(estimator))

    def mark(self) -> Any:
        """Return a copy of all that the estimator holds; where that has become impossible, of its filters' states."""
        try:
            return copy.deepcopy(vars(self._estimator)), None
        except BaseException:  # noqa: BLE001 (a step may have made a lock, a file, a generator: each raises another)
            return None, self._filters.mark()

    def rollback(self, mark: Any) -> None:
        """Let the copy take its place."""
        copied, states = mark
        if copied is None:
            self._filters.rollback(states)
            return
        attributes = vars(self._estimator)
        attributes.clear()
        attributes.update(copied)
        self._filters = FilterUndo(filters_of(self._estimator))
