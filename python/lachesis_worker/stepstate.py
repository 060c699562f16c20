"""A copy of what one step gave, checked."""

from math import isfinite

import numpy as np

_SYMMETRY = 5e-7
"""Accepted difference of mirrored covariances, relative; half of what the daemon accepts, so that it refuses none."""


class StepState:
    """Mean and covariance of states and predicted outputs after one step, in arrays of its own."""

    def __init__(self, states: int, outputs: int) -> None:
        """Allocate for so many states and outputs."""
        # All means lie in one block and all covariances in another, so that one look at each finds what is not finite.
        self.means = np.empty(states + outputs)
        """States first, then outputs, `(s + o,)`."""
        self._mean, self._output_mean = self.means[:states], self.means[states:]
        self._covariances = np.empty(states * states + outputs * outputs)
        self.covariance = self._covariances[: states * states].reshape(states, states)
        """Of the states, `(s, s)`."""
        self._output_covariance = self._covariances[states * states :].reshape(outputs, outputs)
        self._positions = np.concatenate(
            (np.arange(states) * (states + 1), states * states + np.arange(outputs) * (outputs + 1))
        )
        self._parts = (
            (self._mean, "mean"),
            (self.covariance, "covariance"),
            (self._output_mean, "mean of the outputs"),
            (self._output_covariance, "covariance of the outputs"),
        )
        self._mirrored = self.covariance.T
        self._variances = self.covariance.diagonal()
        self._difference = np.empty((states, states))
        self._differences = self._difference.reshape(-1)

    @property
    def variances(self) -> np.ndarray:
        """The covariances' diagonals, states first, then outputs, `(s + o,)`."""
        return self._covariances.take(self._positions)

    def take(
        self, mean: np.ndarray, covariance: np.ndarray, output_mean: np.ndarray, output_covariance: np.ndarray
    ) -> None:
        """Copy a step's arrays in.

        Raises ValueError or TypeError that names the array if a shape is wrong, a number is not real and finite, or a
        covariance not symmetric.
        """
        for (target, name), source in zip(self._parts, (mean, covariance, output_mean, output_covariance), strict=True):
            if not isinstance(source, np.ndarray) or source.shape != target.shape:
                raise ValueError(f"the step gave a {name} that is {_form(source)} instead of {_form(target)}")
            np.copyto(target, source, casting="same_kind")
        # A sum of squares is finite only if its terms are; where that of huge terms overflows, each term is looked at.
        if not (isfinite(self.means.dot(self.means)) and isfinite(self._covariances.dot(self._covariances))):
            self._check_each()
        # Most covariances differ from their mirror image in the last place only, and are accepted here: no difference
        # is large beside even the smallest variance.
        np.subtract(self.covariance, self._mirrored, self._difference)
        if not np.maximum.reduce(self._differences) <= _SYMMETRY * min(self._variances.tolist()):
            _check_symmetry(self.covariance, "covariance")
        if len(self._output_mean) > 1:
            _check_symmetry(self._output_covariance, "covariance of the outputs")

    def _check_each(self) -> None:
        for values, name in self._parts:
            if not np.isfinite(values).all():
                raise ValueError(f"the step gave a {name} that is not finite")


def _check_symmetry(matrix: np.ndarray, name: str) -> None:
    # Small covariances of large variances carry rounding errors of the latter's size: they are judged by that.
    deviations = np.sqrt(np.abs(matrix.diagonal()))
    sizes = np.abs(matrix)
    scale = np.maximum(np.maximum(sizes, sizes.T), np.outer(deviations, deviations))
    if not (np.abs(matrix - matrix.T) <= _SYMMETRY * scale).all():
        raise ValueError(f"the step gave a {name} that is not symmetric")


def _form(value: object) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
