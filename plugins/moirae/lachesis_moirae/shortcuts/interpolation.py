"""Values at a state of charge are interpolated for each point in its own curve only.

Skipped: evaluating every sigma point's curve at every sigma point's state of charge, of which Moirae keeps the
diagonal; building `interp1d` anew for each call; `np.tile` of constants; what `interp1d` does around its spline.

In the linear style the diagonal's elements come from the very operations that `interp1d` does for each of them. The
segment is searched for among the inner points, which gives what Moirae's search among all and its clipping give. A
spline is the one that Moirae has cached, if the points and values are still those that it was made of. Everything else
goes to Moirae's own function: points that are not in ascending order, numbers other than doubles, the other styles, a
spline to be made, and whatever raises.
"""

from typing import Any

import numpy as np
from numpy import ndarray
from scipy.interpolate import interp1d

from .shortcut import Shortcut, genuine

_HEALTH = "moirae.models.components.soc:SOCInterpolatedHealth"
_get_value = genuine(f"{_HEALTH}.get_value")
_call_spline = interp1d._call_spline
_DOUBLE = np.dtype(np.float64)
_SPLINES = frozenset(("zero", "slinear", "quadratic", "cubic"))


def get_value(self: Any, soc: Any, batch_id: int | None = None) -> ndarray:
    """Return the values at states of charge, shape `(batch, points)`."""
    if batch_id is None and type(soc) is ndarray and soc.dtype == _DOUBLE and soc.ndim == 2 and soc.shape[1] == 1:
        values = self.base_values
        (rows, count), batch = values.shape, soc.shape[0]
        if rows == batch or rows == 1:
            if count == 1:
                return values.copy("K") if rows == batch else values.repeat(batch, 0)
            style, points = self.interpolation_style, self.soc_pinpoints
            if style == "linear":
                if values.dtype == _DOUBLE and _is_ascending(points, count):
                    return _linear(points, values, soc)
            elif style in _SPLINES:
                spline = _cached_spline(self, points, values)
                if spline is not None:
                    found = spline(soc.ravel())
                    return found if rows == 1 else found.diagonal().copy()[:, None]
    return _get_value(self, soc, batch_id)


def _is_ascending(points: Any, count: int) -> bool:
    return (
        type(points) is ndarray
        and points.dtype == _DOUBLE
        and points.shape == (count,)
        and bool((points[:-1] <= points[1:]).all())
    )


def _linear(points: ndarray, values: ndarray, soc: ndarray) -> ndarray:
    """As `interp1d._call_linear`, for one curve or as many as there are states of charge; shape `(batch, 1)`."""
    at = soc.ravel()
    lower = points[1:-1].searchsorted(at)
    upper = lower + 1
    start = points.take(lower)
    if len(values) == 1:
        row = values[0]
        first, last = row.take(lower), row.take(upper)
    else:
        rows = np.arange(len(values))
        first, last = values[rows, lower], values[rows, upper]
    slope = (last - first) / (points.take(upper) - start)
    return (slope * (at - start) + first)[:, None]


def _cached_spline(health: Any, points: Any, values: ndarray) -> Any:
    """Return the spline that Moirae made of these points and values; None if there is none."""
    cached = health.__pydantic_private__["_ppoly_cache"].get(None)
    if cached is None:
        return None
    old_points, old_values, function = cached
    if type(function) is not interp1d or function._call is not _call_spline or not function._extrapolate:
        return None
    is_same = (
        type(points) is ndarray
        and points.shape == old_points.shape
        and values.shape == old_values.shape
        and bool((old_values == values).all())
        and bool((old_points == points).all())
    )
    return function._spline if is_same else None


SHORTCUT = Shortcut(
    name="interpolation",
    replacements={f"{_HEALTH}.get_value": get_value},
    written_for=(
        _HEALTH,
        "moirae.models.components.soc:adjust_soc_shape",
        "scipy.interpolate._interpolate:interp1d",
        "scipy.interpolate._polyint:_Interpolator1D",
        "scipy.interpolate._bsplines:BSpline",
        "scipy._lib._util:_asarray_validated",
        "numpy:array_equal",
        "numpy:tile",
    ),
)
