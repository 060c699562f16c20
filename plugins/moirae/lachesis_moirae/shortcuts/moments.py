"""Means and covariances of sigma points without what does not change them.

Skipped: multiplying by the matrix `np.diag(weights)`, where each row times its weight is the same product plus zeros;
deviations from the mean computed a second time for the cross-covariance, and weighted once more for the outputs; the
checks of `np.average`; validation of the resulting distributions; copies of the noise, which is only added.

Zeros that a matrix product adds change no finite number but may turn -0 into +0; that cannot be seen after the product
that follows, whose sums begin at +0. With an infinity or NaN they would matter: so where a covariance is not finite,
Moirae's own function is asked instead.
"""

from math import isfinite
from typing import Any

import numpy as np
from moirae.estimators.online.filters.kalman import unscented
from numpy import ndarray

from .construction import gaussian
from .shortcut import Shortcut, genuine

_MODULE = "moirae.estimators.online.filters.kalman.unscented"
_assemble = genuine(f"{_MODULE}:assemble_unscented_estimate_from_samples")
_matmul, _sum = np.matmul, np.add.reduce
_DOUBLE = np.dtype(np.float64)


def estimation_update(self: Any, sigma_pts: ndarray, new_controls: Any, **kwargs: Any) -> tuple[Any, Any, ndarray]:
    """Return the predicted state, the predicted outputs and the covariance between them, shape `(s, o)`."""
    count = self.model.num_hidden_dimensions
    states = self._evolve_hidden(hidden_states=sigma_pts[:, :count].copy(), new_controls=new_controls)
    states += sigma_pts[:, count : 2 * count]
    mean_weights, weights = self.mean_weights[:, None], self.cov_weights[:, None]
    state, deviations, _ = _moments(states, mean_weights, weights)
    outputs = self._predict_outputs(states, new_controls)
    outputs += sigma_pts[:, 2 * count :]
    output, output_deviations, weighted = _moments(outputs, mean_weights, weights)
    if deviations is None or output_deviations is None:
        cross = unscented.compute_unscented_covariance(
            cov_weights=self.cov_weights, array0=states - state.get_mean(), array1=outputs - output.get_mean()
        )
    else:
        cross = _matmul(deviations.T, weighted)
    return state, output, cross


def _moments(samples: ndarray, mean_weights: ndarray, weights: ndarray) -> tuple[Any, ndarray | None, ndarray | None]:
    """Return a Gaussian and, if it is finite, the samples' deviations, `(points, n)`, and these weighted."""
    if type(samples) is ndarray and samples.dtype == _DOUBLE and samples.ndim == 2 and len(samples) == len(weights):
        total = _sum(mean_weights, 0)
        if total[0] != 0:
            mean = _sum(samples * mean_weights, 0) / total
            deviations = samples - mean
            weighted = weights * deviations
            covariance = _matmul(deviations.T, weighted)
            if isfinite(_sum(covariance, None)):
                return gaussian(mean, covariance), deviations, weighted
    found = _assemble(samples, mean_weights[:, 0], weights[:, 0])
    return unscented.MultivariateGaussian.model_validate(found), None, None


SHORTCUT = Shortcut(
    name="moments",
    replacements={f"{_MODULE}:UnscentedKalmanFilter.estimation_update": estimation_update},
    written_for=(
        f"{_MODULE}:UnscentedKalmanFilter",
        f"{_MODULE}:assemble_unscented_estimate_from_samples",
        f"{_MODULE}:compute_unscented_covariance",
        "moirae.estimators.online.filters.distributions:MultivariateGaussian",
        "numpy:average",
        "numpy.lib._function_base_impl:_weights_are_valid",
        "numpy:diag",
    ),
)
