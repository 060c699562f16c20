"""Sigma points are laid out in one array, and the augmented covariance is decomposed once.

Skipped: `scipy.linalg.block_diag`, whose checks cost more than the three blocks; the Cholesky decomposition that only
looks whether there is one, since the same decomposition of the same bits follows; `hstack` and `vstack`. Plus and minus
the scaled root are the same products, as the sign of a factor changes only that of the product, and adding a negative
is subtracting. What cannot be decomposed goes to Moirae, which repairs it or raises.
"""

from typing import Any

import numpy as np
from numpy import ndarray

from .definiteness import is_symmetric
from .shortcut import Shortcut, genuine

_FILTER = "moirae.estimators.online.filters.kalman.unscented:UnscentedKalmanFilter"
_build = genuine(f"{_FILTER}.build_sigma_points")
_cholesky = np.linalg.cholesky
_DOUBLE = np.dtype(np.float64)


def build_sigma_points(self: Any) -> ndarray:
    """Return the augmented points, shape `(2 a + 1, a)`."""
    mean, blocks = self.hidden.mean, (self.hidden.covariance, self.cov_w, self.cov_v)
    size = self._aug_len
    if mean.dtype != _DOUBLE or not _are_square(blocks, size) or self.model.num_hidden_dimensions != len(mean):
        return _build(self)
    covariance = np.zeros((size, size))
    begin = 0
    for block in blocks:
        end = begin + len(block)
        covariance[begin:end, begin:end] = block
        begin = end
    if not is_symmetric(covariance):
        return _build(self)
    try:
        root = _cholesky(covariance)
    except np.linalg.LinAlgError:
        return _build(self)
    scaled = self.gamma_param * root.T
    centre = np.zeros(size)
    centre[: len(mean)] = mean
    points = np.empty((2 * size + 1, size))
    np.add(centre, 0.0, out=points[0])
    np.add(centre, scaled, out=points[1 : size + 1])
    np.subtract(centre, scaled, out=points[size + 1 :])
    return points


def _are_square(blocks: tuple[ndarray, ...], size: int) -> bool:
    """Whether they are square matrices of doubles and make up `size` rows."""
    return (
        all(block.dtype == _DOUBLE and block.ndim == 2 and block.shape[0] == block.shape[1] for block in blocks)
        and sum(map(len, blocks)) == size
    )


SHORTCUT = Shortcut(
    name="sigma points",
    replacements={f"{_FILTER}.build_sigma_points": build_sigma_points},
    written_for=(
        _FILTER,
        "moirae.estimators.online.filters.kalman.utils:ensure_positive_semi_definite",
        "moirae.estimators.online.filters.distributions:MultivariateGaussian",
        "numpy:allclose",
        "numpy:isclose",
        "numpy.linalg:cholesky",
        "scipy.linalg:block_diag",
    ),
)
