"""A dual estimator hands each filter's estimate to the other without copying it twice.

Skipped: deep copies of health and transient state that were copies already and that nothing else holds; in joining the
two estimates, the checks of `scipy.linalg.block_diag`, whose result is zeros and the two blocks.
"""

from typing import Any

import numpy as np
from moirae.estimators.online import dual
from moirae.estimators.online.filters.distributions import MultivariateGaussian
from numpy import ndarray

from . import health_copies
from .construction import gaussian
from .shortcut import Shortcut, genuine

_ESTIMATOR = "moirae.estimators.online.dual:DualEstimator"
_GAUSSIAN = "moirae.estimators.online.filters.distributions:MultivariateGaussian"
_combine = genuine(f"{_GAUSSIAN}.combine_with")
_DOUBLE = np.dtype(np.float64)


def step(self: Any, inputs: Any, measurements: Any) -> tuple[Any, Any]:
    """Step both filters; return the state and the outputs that the filter of transients predicted."""
    controls = dual.convert_vals_model_to_filter(inputs)
    outputs = dual.convert_vals_model_to_filter(measurements)
    transients, health = self.cell_wrapper, self.asoh_wrapper
    health.transients, transients.asoh = self.get_estimated_state()
    transient_state, predicted = self.trans_filter.step(
        new_controls=controls.convert(conversion_operator=transients.control_conversion, inverse=True),
        measurements=outputs.convert(conversion_operator=transients.output_conversion, inverse=True),
    )
    health_state, _ = self.asoh_filter.step(
        new_controls=controls.convert(conversion_operator=health.control_conversion, inverse=True),
        measurements=outputs.convert(conversion_operator=health.output_conversion, inverse=True),
    )
    transient_state = transient_state.convert(conversion_operator=transients.hidden_conversion)
    health_state = health_state.convert(conversion_operator=health.hidden_conversion)
    predicted = predicted.convert(conversion_operator=transients.output_conversion)
    return transient_state.combine_with((health_state,)), predicted


def combine_with(self: Any, random_dists: Any) -> Any:
    """Join independent Gaussians."""
    if type(random_dists) is not tuple:
        return _combine(self, random_dists)
    parts = (self, *random_dists)
    if not all(type(part) is MultivariateGaussian and _is_plain(part.covariance) for part in parts):
        return _combine(self, random_dists)
    mean = np.concatenate([part.mean for part in parts], axis=None)
    covariance = np.zeros((len(mean), len(mean)))
    begin = 0
    for part in parts:
        end = begin + len(part.mean)
        covariance[begin:end, begin:end] = part.covariance
        begin = end
    return gaussian(mean, covariance)


def _is_plain(covariance: ndarray) -> bool:
    return type(covariance) is ndarray and covariance.dtype == _DOUBLE


SHORTCUT = Shortcut(
    name="dual step",
    replacements={f"{_ESTIMATOR}.step": step, f"{_GAUSSIAN}.combine_with": combine_with},
    written_for=(
        _ESTIMATOR,
        _GAUSSIAN,
        "moirae.estimators.online.filters.distributions:MultivariateRandomDistribution",
        "scipy.linalg:block_diag",
        *health_copies.SHORTCUT.written_for,
    ),
)
