"""One step of Moirae's `UnscentedKalmanFilter` on arrays."""

from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from moirae.estimators.online.filters.distributions import MultivariateGaussian
from moirae.estimators.online.filters.kalman.unscented import UnscentedKalmanFilter
from scipy.linalg import block_diag

from .recognition import Unrecognized, Unsure, require, require_that

_ABSOLUTE, _RELATIVE = 1e-8, 1e-5
"""What np.allclose tolerates."""
_CLEARLY = 1e-10
"""A factor's squared diagonal, relative to the covariance's, above which rounding cannot make it indefinite."""


class State(NamedTuple):
    """A normal distribution of hidden states, in the filter's coordinates."""

    mean: np.ndarray
    """`(s,)`."""
    covariance: np.ndarray
    """`(s, s)`."""
    factor: np.ndarray
    """Lower triangular, `(s, s)`: its product with its transpose is the covariance."""


class Unscented:
    """A filter's constants, and what it does with samples.

    Of the `2 a + 1` sigma points, `a = 2 s + 1`, half of a hidden state's columns never change: those of the noises.
    """

    def __init__(self, filter: UnscentedKalmanFilter) -> None:
        """Take the filter apart; raises Unrecognized if it is not one with a single output, in Moirae's own class."""
        require(filter, UnscentedKalmanFilter)
        size = filter.model.num_hidden_dimensions
        require_that(filter._aug_len == 2 * size + 1, "sigma points of another number")
        for noise in (filter.cov_w, filter.cov_v):
            require_that(type(noise) is np.ndarray and noise.dtype == np.float64, "noise that is no array of doubles")
        require_that(filter.model.num_output_dimensions == 1, "several outputs")
        self.size = size
        self._gamma = filter.gamma_param
        require_that(_is_symmetric(filter.cov_w) and _is_symmetric(filter.cov_v), "noise that is not symmetric")
        # The noises' columns of the sigma points, which are the same whatever the covariance before them.
        try:
            factor = np.linalg.cholesky(block_diag(np.eye(size), filter.cov_w, filter.cov_v))
        except np.linalg.LinAlgError as error:
            raise Unrecognized("noise that is not definite") from error
        spread = self._gamma * factor.T
        points = np.vstack((np.zeros(len(factor)), spread, -spread)) + np.zeros(len(factor))
        self._noise, self._sensor_noise = points[:, size:-1].copy(), points[:, -1].copy()
        self.points = len(points)
        self._zeros = np.zeros((self.points, 1))
        self._zeros[size * 2 + 2 :] = -0.0
        self._output_mean_weights, self._output_weights = filter.mean_weights.copy(), filter.cov_weights.copy()
        self._mean_weights, self._weights = self._output_mean_weights[:, None], self._output_weights[:, None]
        self._mean_total = self._mean_weights.sum(axis=0).item()
        self._samples = np.empty((self.points, size))
        self._plus, self._minus = self._samples[1 : size + 1], self._samples[size * 2 + 2 : size * 3 + 2]
        self._augmented = block_diag(np.zeros((size, size)), filter.cov_w, filter.cov_v)

    def state(self, distribution: MultivariateGaussian) -> State:
        """Return a distribution in arrays of its own; raises Unsure if its covariance is not definite."""
        covariance = distribution.get_covariance()
        return State(distribution.get_mean(), covariance, self._factor(covariance))

    def sample(self, state: State) -> np.ndarray:
        """Return the sigma points' hidden states, `(n, s)`; they hold until the next call."""
        mean = state.mean
        spread = self._gamma * state.factor.T
        samples = np.add(mean, self._zeros, self._samples)
        np.add(mean, spread, self._plus)
        np.subtract(mean, spread, self._minus)
        return samples

    def add_noise(self, samples: np.ndarray) -> np.ndarray:
        """Return evolved hidden states `(n, s)` with the process noise."""
        return samples + self._noise

    def correct(self, samples: np.ndarray, predicted: Any, measured: float) -> tuple[State, np.ndarray, np.ndarray]:
        """Correct by a measurement; return the state, the predicted output's mean `(1,)` and its variance `(1, 1)`.

        `samples`: evolved hidden states with noise, `(n, s)`; `predicted`: the outputs of each, a number or `(n,)`.
        Raises Unsure if the corrected covariance is not symmetric and definite.
        """
        outputs = self._sensor_noise + predicted
        mean = np.add.reduce(samples * self._mean_weights, axis=0) / self._mean_total
        output_mean = np.add.reduce(outputs * self._output_mean_weights).item() / self._mean_total
        deviations = samples - mean
        output_deviations = outputs - output_mean
        weighted = self._output_weights * output_deviations
        transposed = deviations.T
        covariance = transposed.dot(self._weights * deviations)
        variance = output_deviations.dot(weighted).item()
        # In Moirae products with matrices of one row or column are single products, added to zero: none is a negative
        # zero. That counts only beside another negative zero, which the covariance has not: its sums begin with zero.
        gain = transposed.dot(weighted) * (1 / variance)
        mean = mean + (gain * (measured - output_mean) + 0.0)
        covariance = covariance - gain[:, None] * (variance * gain)
        if not isfinite(sum(mean.tolist())):
            raise Unsure("a mean that is not finite")
        state = State(mean, covariance, self._factor(covariance))
        return state, np.array([output_mean]), np.array([[variance]])

    def _factor(self, covariance: np.ndarray) -> np.ndarray:
        """Factorize a covariance that Moirae would leave as it is; raises Unsure if it might repair it.

        Along with the noises': alone, its factor's last bits are others.
        """
        if not _is_symmetric(covariance):
            raise Unsure("a covariance that is not symmetric")
        size = self.size
        self._augmented[:size, :size] = covariance
        try:
            factor = np.linalg.cholesky(self._augmented)[:size, :size]
        except np.linalg.LinAlgError as error:
            raise Unsure("a covariance that is not definite") from error
        # Moirae asks whether the covariance alone is definite, which rounding could decide otherwise here.
        pivots, variances = factor.diagonal().tolist(), covariance.diagonal().tolist()
        if not all(pivot * pivot > _CLEARLY * variance for pivot, variance in zip(pivots, variances, strict=True)):
            raise Unsure("a covariance that is hardly definite")
        return factor


def _is_symmetric(matrix: np.ndarray) -> bool:
    """Whether np.allclose finds a matrix and its mirror image close; one that is not finite is not symmetric here."""
    difference = matrix - matrix.T
    flat = difference.ravel()
    # None is larger than the root of the sum of their squares.
    if flat.dot(flat) <= _ABSOLUTE * _ABSOLUTE:
        return True
    return bool((np.abs(difference) <= _ABSOLUTE + _RELATIVE * np.abs(matrix.T)).all())
