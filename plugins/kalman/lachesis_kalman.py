"""An extended Kalman filter whose model is a script's functions; numpy is all it needs.

The state changes from one record to the next by `x' = f(x, before, now)` and noise; the measured columns are
`y = h(x, now)` and noise. `before` and `now` are the two records: dicts of floats, with `test_time` in s and the
columns that were asked for.

    from lachesis_kalman import ExtendedKalmanFilter

    estimator = ExtendedKalmanFilter(
        state_names=["level"], mean=[0.5], covariance=[[0.1]],
        transition=lambda x, before, now: x,
        measurement=lambda x, now: x,
        process_noise=[[1e-6]], measurement_noise=[[0.01]],
        outputs=["reading"],
    )
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["ExtendedKalmanFilter"]

Record = dict[str, float]


class ExtendedKalmanFilter:
    """An extended Kalman filter; for functions that are linear in the state, the Kalman filter itself.

    `mean` `(s,)` and `covariance` `(s, s)` are those of the state after the latest record; `previous` is that record,
    None before the first.
    """

    def __init__(
        self,
        *,
        state_names: Sequence[str],
        mean: ArrayLike,
        covariance: ArrayLike,
        transition: Callable[[np.ndarray, Record, Record], ArrayLike],
        measurement: Callable[[np.ndarray, Record], ArrayLike],
        process_noise: ArrayLike,
        measurement_noise: ArrayLike,
        outputs: Sequence[str],
        inputs: Sequence[str] = (),
        optional: Sequence[str] = (),
        output_names: Sequence[str] | None = None,
        transition_jacobian: Callable[[np.ndarray, Record, Record], ArrayLike] | None = None,
        measurement_jacobian: Callable[[np.ndarray, Record], ArrayLike] | None = None,
    ) -> None:
        """Create a filter of s states and o outputs.

        `state_names`, `mean` `(s,)`, `covariance` `(s, s)`: before the first record, in units of your choice.
        `transition(x, before, now)` → `(s,)` and `measurement(x, now)` → `(o,)`: the model. They must not keep anything
        from call to call, and not change their arguments.
        `process_noise` `(s, s)`: covariance that a second adds to the state's.
        `measurement_noise` `(o, o)`: covariance of the outputs' noise.
        `outputs`: the columns that are measured, `inputs`: others that the model reads; a record that lacks one is
        skipped. `optional`: columns that may be NaN. `output_names`: what the predictions are called, by default as the
        columns are.
        `transition_jacobian` → `(s, s)` and `measurement_jacobian` → `(o, s)`: derivatives by x, with the functions'
        arguments; by default they are found by central differences.

        Raises ValueError that names the argument if one does not fit.
        """
        self.state_names = _names("state_names", state_names)
        self.outputs = _names("outputs", outputs)
        self.inputs = _names("inputs", inputs, may_be_empty=True)
        self.optional = _names("optional", optional, may_be_empty=True)
        self.output_names = self.outputs if output_names is None else _names("output_names", output_names)
        columns = ("test_time", *self.inputs, *self.outputs, *self.optional)
        if len(set(columns)) < len(columns):
            raise ValueError("inputs, outputs and optional must name different columns, and not test_time")
        if len(self.output_names) != len(self.outputs):
            raise ValueError("output_names must be as many as outputs")
        states, measured = len(self.state_names), len(self.outputs)
        self.mean = _array("mean", mean, (states,))
        self.covariance = _covariance("covariance", covariance, states)
        self._process_noise = _covariance("process_noise", process_noise, states)
        self._measurement_noise = _covariance("measurement_noise", measurement_noise, measured)
        self._transition, self._measurement = transition, measurement
        self._transition_jacobian, self._measurement_jacobian = transition_jacobian, measurement_jacobian
        self.previous: Record | None = None

    def step(self, now: Record) -> tuple[np.ndarray, np.ndarray]:
        """Take a record in; return the outputs as predicted before it, `(o,)`, and their covariance `(o, o)`.

        The first record, if it was not set as `previous`, counts as following itself. Puts new arrays in the place of
        `mean` and `covariance`; if anything raises, the state is what it was. Raises ValueError if a function returns
        an array of a wrong shape, LinAlgError if the outputs' covariance cannot be inverted.
        """
        before = now if self.previous is None else self.previous
        x, p = self._predict(before, now)
        measured = len(self.outputs)
        output_mean = _array("what measurement returns", self._measurement(x.copy(), now), (measured,))
        h = self._measurement_derivative(x, now)
        output_covariance = _symmetric(h @ p @ h.T + self._measurement_noise)
        gain = np.linalg.solve(output_covariance, h @ p).T
        seen = np.array([now[name] for name in self.outputs])
        # Joseph's form: stays positive where the short one, (1 - K H) P, loses it to rounding.
        remaining = np.eye(len(x)) - gain @ h
        covariance = remaining @ p @ remaining.T + gain @ self._measurement_noise @ gain.T
        self.mean, self.covariance = x + gain @ (seen - output_mean), _symmetric(covariance)
        self.previous = now
        return output_mean, output_covariance

    def _predict(self, before: Record, now: Record) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and covariance at `now`, before its measurement."""
        states = len(self.state_names)
        x = _array("what transition returns", self._transition(self.mean.copy(), before, now), (states,))
        if self._transition_jacobian is None:
            f = _differences(lambda state: self._transition(state, before, now), self.mean, states)
        else:
            f = self._transition_jacobian(self.mean.copy(), before, now)
            f = _array("what transition_jacobian returns", f, (states, states))
        seconds = now["test_time"] - before["test_time"]
        return x, _symmetric(f @ self.covariance @ f.T + seconds * self._process_noise)

    def _measurement_derivative(self, x: np.ndarray, now: Record) -> np.ndarray:
        shape = len(self.outputs), len(x)
        if self._measurement_jacobian is None:
            return _differences(lambda state: self._measurement(state, now), x, shape[0])
        return _array("what measurement_jacobian returns", self._measurement_jacobian(x.copy(), now), shape)


def _differences(function: Callable[[np.ndarray], ArrayLike], x: np.ndarray, size: int) -> np.ndarray:
    """Derivative of `function`, which returns `(size,)`, by central differences, `(size, s)`."""
    jacobian = np.empty((size, len(x)))
    # This step balances rounding against the neglected third derivative.
    steps = np.cbrt(np.finfo(float).eps) * np.maximum(np.abs(x), 1e-3)
    for index, step in enumerate(steps):
        above, below = x.copy(), x.copy()
        above[index] += step
        below[index] -= step
        rise = np.asarray(function(above), float) - np.asarray(function(below), float)
        jacobian[:, index] = rise / (2 * step)
    return jacobian


def _symmetric(matrix: np.ndarray) -> np.ndarray:
    return (matrix + matrix.T) / 2


def _names(what: str, names: Sequence[str], may_be_empty: bool = False) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"{what} must be a list of names")
    names = tuple(names)
    if len(set(names)) < len(names) or not (names or may_be_empty):
        raise ValueError(f"{what} must be different names{'' if may_be_empty else ', at least one'}")
    return names


def _array(what: str, value: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    array = np.array(value, float)
    if array.shape != shape:
        raise ValueError(f"{what} must have the shape {shape}, not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite")
    return array


def _covariance(what: str, value: ArrayLike, size: int) -> np.ndarray:
    matrix = _array(what, value, (size, size))
    scale = np.abs(matrix).max(initial=0.0)
    if np.abs(matrix - matrix.T).max(initial=0.0) > 1e-9 * scale:
        raise ValueError(f"{what} must be symmetric")
    matrix = _symmetric(matrix)
    if np.linalg.eigvalsh(matrix).min(initial=0.0) < -1e-9 * scale:
        raise ValueError(f"{what} must have no negative eigenvalue")
    return matrix
