"""Pickles arrays with their layout in memory.

Numpy's own way makes every array whole and alone: two that share memory no longer do, and sums over another layout
are taken in another order, which changes the last bit.
"""

from typing import Any

import numpy as np


def reduce_array(array: np.ndarray) -> Any:
    """Reduce an array for a pickler, NotImplemented where numpy's own way keeps everything."""
    base = array
    while type(base.base) is np.ndarray:
        base = base.base
    if array.dtype.hasobject or base.dtype.hasobject:
        return NotImplemented
    if base is not array:
        flat = _flat(base)
        if flat is None or (array.flags.writeable and not flat.flags.writeable):
            return NotImplemented
        offset = _address(array) - _address(base)
        # The whole base goes along, and once only, however many arrays look at it.
        return view, (base, array.dtype, array.shape, offset, array.strides, array.flags.writeable)
    if array.flags.forc or _flat(array) is None:
        return NotImplemented
    # Dense, with its axes in an order of its own.
    axes = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    return permuted, (array.transpose(axes).copy(), tuple(axes))


def view(
    base: np.ndarray, dtype: np.dtype, shape: tuple[int, ...], offset: int, strides: tuple[int, ...], writeable: bool
) -> np.ndarray:
    """Return an array that looks at `base`; offset and strides in bytes."""
    array = np.ndarray(shape, dtype, _flat(base), offset, strides)
    if not writeable:
        array.flags.writeable = False
    return array


def permuted(dense: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return an array that owns its memory and has, transposed by `axes`, the numbers and layout of `dense`."""
    array = np.empty_like(dense.transpose(np.argsort(axes)), order="K")
    array.transpose(axes)[...] = dense
    return array


def _flat(array: np.ndarray) -> np.ndarray | None:
    """The array's memory as one dimension; None if it has gaps."""
    flat = array.ravel(order="K")
    return flat if flat.base is not None and _address(flat) == _address(array) else None


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]
