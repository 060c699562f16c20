"""Where the numbers of a cell's health are: in the hidden state, or constant."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from moirae.models.base import HealthVariable

from .recognition import require_that


class Parameter:
    """One parameter of the health: columns of the hidden states, or constant values."""

    def __init__(self, columns: slice | None, values: np.ndarray) -> None:
        self.columns = columns
        """Columns of the hidden states in the model's coordinates; None if the parameter is not estimated."""
        self.values = values
        """The constant values, `(k,)`; of an estimated one those of the script, of which only the length counts."""
        self._first = values.item(0)

    @property
    def is_constant(self) -> bool:
        return self.columns is None

    def __len__(self) -> int:
        return len(self.values)

    def scalar(self, states: np.ndarray) -> Any:
        """Of a parameter of length 1, for hidden states `(n, s)`: a number if it is constant, else `(n,)`."""
        return self._first if self.columns is None else states[:, self.columns.start]


class Parameters:
    """Finds a health's parameters by their dotted names."""

    def __init__(self, health: HealthVariable, estimated: Sequence[str], first: int) -> None:
        """Lay out: the parameters named in `estimated` follow one another in the hidden states from column `first` on.

        Raises Unrecognized if the names are not those of single parameters, each once.
        """
        self._health = health
        self._columns: dict[str, slice] = {}
        for name in estimated:
            length = self._values(name).shape[1]
            require_that(name not in self._columns, f"{name} is estimated twice")
            self._columns[name] = slice(first, first + length)
            first += length
        self.width = first
        self._found: set[str] = set()

    def __getitem__(self, name: str) -> Parameter:
        values = self._values(name)
        columns = self._columns.get(name)
        require_that(columns is not None or values.shape[0] == 1, f"{name} is batched")
        self._found.add(name)
        return Parameter(columns, values[0])

    def require_all_used(self) -> None:
        """Raise Unrecognized if an estimated parameter is none that the model was asked for."""
        for name in self._columns:
            require_that(name in self._found, f"{name} is estimated in a way that is not known")

    def _values(self, name: str) -> np.ndarray:
        part: Any = self._health
        for word in name.split("."):
            part = part[int(word)] if isinstance(part, tuple) else getattr(part, word)
        require_that(type(part) is np.ndarray and part.ndim == 2, f"{name} is no parameter")
        return doubles(part, name)


def doubles(values: np.ndarray, name: str) -> np.ndarray:
    """Return an array's numbers as doubles; raises Unrecognized if those could not have the same values."""
    is_small = values.dtype.kind in "iu" and (np.abs(values) < 1 << 53).all()
    require_that(values.dtype == np.float64 or is_small, f"{name} has numbers of type {values.dtype}")
    return values.astype(np.float64)
