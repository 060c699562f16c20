"""Values at a state of charge are interpolated for each point in its own curve only.

Skipped: evaluating every sigma point's curve at every sigma point's state of charge, of which Moirae keeps the
diagonal; building `interp1d` anew for each call; `np.tile` of constants. For the linear and nearest styles the elements
of the diagonal come from the very operations that `interp1d` does for them. Points that are not in ascending order,
doubles of another width and whatever raises go to Moirae's own function; so do the other styles, whose cached function
is asked in Moirae's way.
"""

from typing import Any

import numpy as np
from numpy import ndarray

from .shortcut import Shortcut, genuine

_HEALTH = "moirae.models.components.soc:SOCInterpolatedHealth"
_get_value = genuine(f"{_HEALTH}.get_value")
_DOUBLE = np.dtype(np.float64)


def get_value(self: Any, soc: Any, batch_id: int | None = None) -> ndarray:
    """Return the values at states of charge, shape `(batch, points)`."""
    if batch_id is None and type(soc) is ndarray and soc.dtype is _DOUBLE and soc.ndim == 2 and soc.shape[1] == 1:
        values = self.base_values
        rows, count = values.shape[0], soc.shape[0]
        if rows == count or rows == 1:
            if values.shape[1] == 1:
                return values.copy("K") if rows == count else values.repeat(count, 0)
            if self.interpolation_style == "linear" and values.dtype is _DOUBLE:
                points = self.soc_pinpoints
                if _is_ascending(points, values.shape[1]):
                    return _linear(points, values, soc)
    return _get_value(self, soc, batch_id)


def _is_ascending(points: Any, count: int) -> bool:
    return (
        type(points) is ndarray
        and points.dtype is _DOUBLE
        and points.shape == (count,)
        and bool((points[:-1] <= points[1:]).all())
    )


def _linear(points: ndarray, values: ndarray, soc: ndarray) -> ndarray:
    """As `interp1d._call_linear`, for one curve or as many as there are states of charge; shape `(points, 1)`."""
    at = soc.ravel()
    upper = points.searchsorted(at).clip(1, len(points) - 1)
    lower = upper - 1
    start = points[lower]
    if len(values) == 1:
        row = values[0]
        first, last = row[lower], row[upper]
    else:
        rows = np.arange(len(values))
        first, last = values[rows, lower], values[rows, upper]
    slope = (last - first) / (points[upper] - start)
    return (slope * (at - start) + first)[:, None]


SHORTCUT = Shortcut(
    name="interpolation",
    replacements={f"{_HEALTH}.get_value": get_value},
    written_for=(
        _HEALTH,
        "moirae.models.components.soc:adjust_soc_shape",
        "scipy.interpolate._interpolate:interp1d",
        "scipy.interpolate._polyint:_Interpolator1D",
        "scipy._lib._util:_asarray_validated",
        "numpy:tile",
    ),
)
