"""Conversions between a filter's coordinates and the model's, as Moirae's operators make them."""

from typing import Protocol

import numpy as np
from moirae.estimators.online.filters.conversions import (
    ConversionOperator,
    IdentityConversionOperator,
    LinearConversionOperator,
)

from .recognition import require, require_that


class Coordinates(Protocol):
    """How the filter's coordinates and the model's convert into each other."""

    def to_model(self, states: np.ndarray) -> np.ndarray: ...
    def to_filter(self, states: np.ndarray) -> np.ndarray: ...
    def covariance_to_model(self, covariance: np.ndarray) -> np.ndarray: ...


class Same:
    """They are the same."""

    def to_model(self, states: np.ndarray) -> np.ndarray:
        return states

    def to_filter(self, states: np.ndarray) -> np.ndarray:
        return states

    def covariance_to_model(self, covariance: np.ndarray) -> np.ndarray:
        return covariance


class Linear:
    """Moirae multiplies by a matrix and adds a vector; it does so here too, in products that are not all zeros."""

    def __init__(self, operator: LinearConversionOperator, size: int) -> None:
        """Raises Unrecognized unless the matrix is square."""
        forward, backward = operator.multiplicative_array, operator.inv_multi
        require_that(forward.shape == (size, size), "a conversion that is no square matrix")
        self._added = operator.additive_array
        self._forward, self._backward = forward, backward
        self._is_diagonal = _is_diagonal(forward) and _is_diagonal(backward)
        self._factors, self._inverse = forward.diagonal().copy(), backward.diagonal().copy()

    def to_model(self, states: np.ndarray) -> np.ndarray:
        if self._is_diagonal:
            return states * self._factors + self._added
        return np.matmul(states, self._forward) + self._added

    def to_filter(self, states: np.ndarray) -> np.ndarray:
        if self._is_diagonal:
            return (states - self._added) * self._inverse + 0.0
        return np.matmul(states - self._added, self._backward)

    def covariance_to_model(self, covariance: np.ndarray) -> np.ndarray:
        if self._is_diagonal:
            return self._factors[:, None] * covariance * self._factors + 0.0
        return np.matmul(np.matmul(self._forward.T, covariance), self._forward)


def coordinates(operator: ConversionOperator, size: int) -> Coordinates:
    """Return the conversion that an operator makes; raises Unrecognized if it is not known."""
    require(operator, IdentityConversionOperator, LinearConversionOperator)
    return Same() if type(operator) is IdentityConversionOperator else Linear(operator, size)


def _is_diagonal(matrix: np.ndarray) -> bool:
    return not (matrix - np.diag(matrix.diagonal())).any()
