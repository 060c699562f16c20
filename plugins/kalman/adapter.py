"""Entry module of the kalman plugin."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from lachesis_kalman import ExtendedKalmanFilter

from lachesis_worker.plugin import ScriptError

EXPECTED = "a variable `estimator` that holds an ExtendedKalmanFilter of lachesis_kalman"


def load(namespace: dict[str, Any], acceleration: str) -> "KalmanEstimator":
    """Present the filter in a script's namespace to the worker; raises ScriptError if there is none.

    There is nothing to accelerate in a script's own functions, whatever `acceleration` allows.
    """
    if "estimator" not in namespace:
        raise ScriptError(f"the script must define {EXPECTED}; it defines no `estimator`")
    estimator = namespace["estimator"]
    if not isinstance(estimator, ExtendedKalmanFilter):
        raise ScriptError(f"`estimator` is of type {type(estimator).__name__}; the script must define {EXPECTED}")
    return KalmanEstimator(estimator)


class KalmanEstimator:
    """A filter, stepped record by record."""

    acceleration = None
    acceleration_reason = ""

    def __init__(self, filter: ExtendedKalmanFilter) -> None:
        self._filter = filter
        self.class_name = type(filter).__name__
        self.state_names = filter.state_names
        self.output_names = filter.output_names
        self.columns = ("test_time", *filter.inputs, *filter.outputs, *filter.optional)
        self.required = self.columns[: len(self.columns) - len(filter.optional)]

    def initial(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean `(s,)` and covariance `(s, s)` before the first record."""
        return self._filter.mean, self._filter.covariance

    def seed(self, values: Sequence[float]) -> None:
        """Take the first record as the previous one."""
        self._filter.previous = self._record(values)

    def step(self, values: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Step; return mean `(s,)`, covariance `(s, s)`, predicted outputs `(o,)` and their covariance `(o, o)`."""
        filter = self._filter
        output_mean, output_covariance = filter.step(self._record(values))
        return filter.mean, filter.covariance, output_mean, output_covariance

    def mark(self) -> Any:
        """Return the filter's state: a step puts new objects in its place and does not change these."""
        return self._filter.mean, self._filter.covariance, self._filter.previous

    def rollback(self, mark: Any) -> None:
        """Put the state back."""
        self._filter.mean, self._filter.covariance, self._filter.previous = mark

    def save(self) -> bytes:
        """Return mean, covariance and, if there was one, the previous record's values as this machine's doubles.

        Raises TypeError for a class of the script's own, which may hold anything else.
        """
        filter = self._filter
        if type(filter) is not ExtendedKalmanFilter:
            raise TypeError(f"only an ExtendedKalmanFilter itself can be saved, not a {self.class_name}")
        previous = [] if filter.previous is None else [filter.previous[name] for name in self.columns]
        return np.concatenate((filter.mean, filter.covariance.reshape(-1), previous)).tobytes()

    def restore(self, data: bytes) -> None:
        """Go on from a checkpoint; raises ValueError if it has another size."""
        states = len(self.state_names)
        end = states * (states + 1)
        numbers = np.frombuffer(data)
        if len(numbers) not in (end, end + len(self.columns)):
            raise ValueError("the checkpoint is of another estimator")
        filter = self._filter
        filter.mean, filter.covariance = numbers[:states].copy(), numbers[states:end].reshape(states, states).copy()
        filter.previous = self._record(numbers[end:].tolist()) if len(numbers) > end else None

    def _record(self, values: Sequence[float]) -> dict[str, float]:
        return dict(zip(self.columns, values, strict=True))
