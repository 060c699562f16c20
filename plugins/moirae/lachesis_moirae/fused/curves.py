"""Parameters that depend on the state of charge, as Moirae's `SOCInterpolatedHealth` interpolates them."""

from typing import Any, Protocol

import numpy as np
from moirae.models.components.soc import SOCInterpolatedHealth
from scipy.interpolate import interp1d

from .parameters import Parameter, doubles
from .recognition import Unsure, require_that


class Curve(Protocol):
    """A parameter's value at states of charge."""

    def __call__(self, soc: np.ndarray, states: np.ndarray) -> Any:
        """Return the value at `soc` `(n,)`, where each hidden state in `states` `(n, s)` has its own curve.

        A number, or `(n,)`.
        """


class Grid:
    """Pinpoints of linear curves; what they have in common at the same states of charge is computed once."""

    def __init__(self, pinpoints: np.ndarray) -> None:
        last = len(pinpoints) - 1
        # Beyond the ends the first and last piece go on.
        self.pieces = np.clip(np.arange(last + 2), 1, last) - 1
        """Piece, counted from 0, of the states of charge that so many pinpoints are below."""
        self._pinpoints, self._starts = pinpoints, pinpoints[self.pieces]
        self._soc: np.ndarray | None = None

    def locate(self, soc: np.ndarray) -> None:
        """Set `below`, how many pinpoints are below each state of charge, and `offset`, the distance from its piece's
        first."""
        if soc is self._soc:
            return
        self.below = self._pinpoints.searchsorted(soc)
        self.offset = soc - self._starts.take(self.below)
        self._soc = soc


class Constant:
    """The same at all states of charge."""

    def __init__(self, parameter: Parameter) -> None:
        self._parameter = parameter

    def __call__(self, soc: np.ndarray, states: np.ndarray) -> Any:
        return self._parameter.scalar(states)


class LinearConstant:
    """Linear between pinpoints, of which none is estimated: slopes are computed once."""

    def __init__(self, grid: Grid, pinpoints: np.ndarray, values: np.ndarray) -> None:
        self._grid = grid
        slopes = (values[1:] - values[:-1]) / (pinpoints[1:] - pinpoints[:-1])
        self._values, self._slopes = values[grid.pieces], slopes[grid.pieces]

    def __call__(self, soc: np.ndarray, states: np.ndarray) -> np.ndarray:
        grid = self._grid
        grid.locate(soc)
        return self._slopes.take(grid.below) * grid.offset + self._values.take(grid.below)


class LinearEstimated:
    """Linear between pinpoints whose values are estimated: each hidden state is asked for its own curve only.

    Moirae asks every curve for every state's value, and keeps the diagonal.
    """

    def __init__(self, grid: Grid, pinpoints: np.ndarray, columns: slice) -> None:
        self._grid = grid
        self._widths = (pinpoints[1:] - pinpoints[:-1])[grid.pieces]
        self._first = columns.start
        self._rows = np.empty(0, np.intp)

    def __call__(self, soc: np.ndarray, states: np.ndarray) -> np.ndarray:
        grid = self._grid
        grid.locate(soc)
        count, width = states.shape
        if len(self._rows) != count:
            self._rows = np.arange(count) * width + self._first
        flat = states.reshape(-1)
        index = self._rows + grid.pieces.take(grid.below)
        low = flat.take(index)
        index += 1
        slope = (flat.take(index) - low) / self._widths.take(grid.below)
        return slope * grid.offset + low


class FunctionConstant:
    """Any other style, not estimated: the function that Moirae would build anew, or keep, built once."""

    def __init__(self, style: str, pinpoints: np.ndarray, values: np.ndarray) -> None:
        self._function = _interpolation(style, pinpoints, values[None, :])

    def __call__(self, soc: np.ndarray, states: np.ndarray) -> np.ndarray:
        return _finite(self._function(soc)[0])


class FunctionEstimated:
    """Any other style whose values are estimated: the curves are built at each call, as Moirae does."""

    def __init__(self, style: str, pinpoints: np.ndarray, columns: slice) -> None:
        self._style, self._pinpoints, self._columns = style, pinpoints, columns

    def __call__(self, soc: np.ndarray, states: np.ndarray) -> np.ndarray:
        function = _interpolation(self._style, self._pinpoints, states[:, self._columns])
        return _finite(function(soc).diagonal())


def curve(health: SOCInterpolatedHealth, values: Parameter, grids: dict[bytes, Grid]) -> Curve:
    """Return the curve of a part of the health whose `base_values` are `values`.

    Raises Unrecognized if its pinpoints are of no order that is known.
    `grids`: those of the cell's other curves, by the bytes of their pinpoints; a new one is added.
    """
    if len(values) == 1:
        return Constant(values)
    pinpoints = pinpoints_of(health)
    is_increasing = pinpoints.shape == (len(values),) and (np.diff(pinpoints) > 0).all()
    require_that(is_increasing, "pinpoints of the state of charge do not increase")
    style = health.interpolation_style
    if style != "linear":
        if values.columns is None:
            return FunctionConstant(style, pinpoints, values.values)
        return FunctionEstimated(style, pinpoints, values.columns)
    grid = grids.setdefault(pinpoints.tobytes(), Grid(pinpoints))
    if values.columns is None:
        return LinearConstant(grid, pinpoints, values.values)
    return LinearEstimated(grid, pinpoints, values.columns)


def pinpoints_of(health: SOCInterpolatedHealth) -> np.ndarray:
    """Return the states of charge at which a curve's values are given, evenly from 0 to 1 if not told otherwise."""
    if health.soc_pinpoints is None:
        return np.linspace(0, 1, health.base_values.shape[1])
    return doubles(health.soc_pinpoints, "soc_pinpoints")


def _interpolation(style: str, pinpoints: np.ndarray, values: np.ndarray) -> interp1d:
    return interp1d(pinpoints, values, kind=style, bounds_error=False, fill_value="extrapolate")


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise Unsure("a curve that is not defined at this state of charge")
    return values
