"""The corrected state is stored without pydantic's validation, and what a step returns is copied no more than it must.

Skipped: validation of the corrected mean and covariance; copies of means and covariances that are only read; the deep
copy of the predicted outputs, which nothing but the caller holds; for a single output, LAPACK's inverse of a matrix of
one number, which is its reciprocal: the factor of such a matrix is the number, and what is solved for is one divided by
it. Near the ends of the range of doubles, and at zero, `inv` is asked.
"""

from typing import Any

import numpy as np
from moirae.estimators.online.filters.kalman import unscented
from numpy import ndarray

from .construction import gaussian
from .shortcut import Shortcut

_MODULE = "moirae.estimators.online.filters.kalman.unscented"
_matmul = np.matmul
_LEAST, _GREATEST = 1e-290, 1e290


def step(self: Any, new_controls: Any, measurements: Any) -> tuple[Any, Any]:
    """Step the filter; return the corrected state and the predicted outputs."""
    points = self.build_sigma_points()
    state, outputs, cross = self.estimation_update(sigma_pts=points, new_controls=new_controls)
    self.correction_update(x_k_minus=state, y_hat=outputs, cov_xy=cross, y=measurements)
    self.controls = new_controls.model_copy(deep=True)
    return self.hidden.model_copy(deep=True), outputs


def correction_update(self: Any, x_k_minus: Any, y_hat: Any, cov_xy: ndarray, y: Any) -> None:
    """Correct the predicted state by what was measured."""
    outputs = y_hat.covariance
    if outputs.shape == (1, 1) and _LEAST < abs(outputs[0, 0]) < _GREATEST:
        gain = _matmul(cov_xy, 1.0 / outputs)
    else:
        gain = unscented.calculate_gain_matrix(cov_xy=cov_xy, cov_y=outputs)
    innovation = (y.mean - y_hat.mean).flatten()
    mean = x_k_minus.mean + _matmul(gain, innovation)
    covariance = x_k_minus.covariance - _matmul(gain, _matmul(outputs, gain.T))
    self.hidden = gaussian(mean, unscented.ensure_positive_semi_definite(covariance))


SHORTCUT = Shortcut(
    name="correction",
    replacements={
        f"{_MODULE}:UnscentedKalmanFilter.step": step,
        f"{_MODULE}:UnscentedKalmanFilter.correction_update": correction_update,
    },
    written_for=(
        f"{_MODULE}:UnscentedKalmanFilter",
        "moirae.estimators.online.filters.kalman.utils:calculate_gain_matrix",
        "numpy.linalg:inv",
        "moirae.estimators.online.filters.distributions:MultivariateGaussian",
        "moirae.estimators.online.filters.distributions:DeltaDistribution",
        "pydantic.main:BaseModel",
    ),
)
