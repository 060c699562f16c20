"""A covariance is found symmetric with two operations instead of fifteen.

Skipped: `np.allclose(Sig, Sig.T)` where no element differs from its mirror image by more than the absolute tolerance,
1e-8. `allclose` adds a relative tolerance, which is not negative, so it says yes to these too; NaN and infinities fail
the comparison here and go, like any greater difference, to `allclose` itself.
"""

import numpy as np
from numpy import ndarray

from .shortcut import Shortcut, genuine

_FILTER = "moirae.estimators.online.filters.kalman.unscented"
_ensure = genuine(f"{_FILTER}:ensure_positive_semi_definite")
_cholesky = np.linalg.cholesky


def is_symmetric(matrix: ndarray) -> bool:
    """Whether `np.allclose(matrix, matrix.T)`; False also where that takes a closer look."""
    with np.errstate(invalid="ignore"):
        return bool((matrix - matrix.T).max() <= 1e-8)


def ensure_positive_semi_definite(Sig: ndarray) -> ndarray:
    """Return a copy of a matrix that is symmetric and positive definite; Moirae's repair of another."""
    if type(Sig) is ndarray and Sig.ndim == 2 and Sig.size and Sig.shape[0] == Sig.shape[1] and is_symmetric(Sig):
        try:
            _cholesky(Sig)
        except np.linalg.LinAlgError:
            return _ensure(Sig)
        return Sig.copy()
    return _ensure(Sig)


SHORTCUT = Shortcut(
    name="definiteness",
    replacements={f"{_FILTER}:ensure_positive_semi_definite": ensure_positive_semi_definite},
    written_for=(
        "moirae.estimators.online.filters.kalman.utils:ensure_positive_semi_definite",
        "numpy:allclose",
        "numpy:isclose",
        "numpy.linalg:cholesky",
    ),
)
