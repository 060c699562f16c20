"""The host's orders, decoded."""

import json
import math
import struct
from dataclasses import dataclass, field

import numpy as np

from .checkpoint import DEFAULT_BYTES
from .plugin import ACCELERATIONS
from .protocol import ProtocolError

_FILE_NAME = struct.Struct("<H")
_BATCH = struct.Struct("<IIII")
_CHECKPOINT = 1
"""Flag of a batch: make a checkpoint after it."""


@dataclass(frozen=True)
class ScriptFile:
    """A file that comes with a script."""

    name: str
    content: memoryview

    @classmethod
    def decode(cls, payload: bytes | bytearray) -> "ScriptFile":
        """Decode a `file` message; raises ProtocolError unless the name is one path component."""
        view = memoryview(payload)
        if len(view) < _FILE_NAME.size:
            raise ProtocolError("a file without a name")
        (length,) = _FILE_NAME.unpack_from(view)
        end = _FILE_NAME.size + length
        try:
            name = bytes(view[_FILE_NAME.size : end]).decode()
        except UnicodeDecodeError as error:
            raise ProtocolError("a file's name is not UTF-8") from error
        if len(view) < end or name in ("", ".", "..") or "/" in name or "\0" in name:
            raise ProtocolError(f"not a file's name: {name!r}")
        return cls(name, view[end:])


@dataclass(frozen=True)
class BuildOrder:
    """The script and how to build its estimator."""

    name: str
    """The battery's name."""
    definition: str
    """The script's text."""
    valid_time: float | None
    """Records before this `test_time` are not stepped, s; None steps all."""
    seed_inputs: bool
    """Whether the first record sets the estimator's previous inputs."""
    random_seed: int
    """Seed of the global random generators, 0 to 2^32 - 1."""
    acceleration: str = ACCELERATIONS[-1]
    """The most that the plugin may accelerate the estimator, one of ACCELERATIONS."""
    checkpoint_bytes: int = DEFAULT_BYTES
    """Bytes of the largest state that a checkpoint may have."""
    limits: dict[str, float] = field(default_factory=dict)
    """What the host keeps the process to, by name."""

    @classmethod
    def decode(cls, payload: bytes | bytearray) -> "BuildOrder":
        """Decode a `build` message; raises ProtocolError if it is not of the form expected."""
        try:
            order = json.loads(bytes(payload))
            valid_time = order.get("valid_time")
            order = cls(
                name=order["name"],
                definition=order["definition"],
                valid_time=None if valid_time is None else float(valid_time),
                seed_inputs=order["seed_inputs"],
                random_seed=order["random_seed"],
                acceleration=order.get("acceleration", ACCELERATIONS[-1]),
                checkpoint_bytes=order.get("checkpoint_bytes", DEFAULT_BYTES),
                limits=order.get("limits", {}),
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise ProtocolError(f"a malformed build order: {error!r}") from error
        texts = isinstance(order.name, str) and isinstance(order.definition, str)
        if not texts or not isinstance(order.seed_inputs, bool) or type(order.random_seed) is not int:
            raise ProtocolError("a build order with a value of a wrong type")
        if not 0 <= order.random_seed < 1 << 32 or (order.valid_time is not None and math.isnan(order.valid_time)):
            raise ProtocolError("a build order with a number out of range")
        if order.acceleration not in ACCELERATIONS:
            raise ProtocolError(f"a build order whose acceleration is not one of {', '.join(ACCELERATIONS)}")
        if type(order.checkpoint_bytes) is not int or order.checkpoint_bytes < 1:
            raise ProtocolError("a build order whose checkpoint_bytes are no positive number")
        if not isinstance(order.limits, dict):
            raise ProtocolError("a build order whose limits are no object")
        return order


@dataclass(frozen=True)
class Batch:
    """Records to take in, in order."""

    records: list[list[float]]
    """A float for each column, NaN where the record has no number."""
    checkpoint: bool
    """Whether to make a checkpoint afterwards; only then there may be no records."""

    @classmethod
    def decode(cls, payload: bytes | bytearray, columns: int) -> "Batch":
        """Decode a `batch` message.

        Raises ProtocolError if it has another number of columns, flags that are not known, not the length announced,
        or neither records nor the flag for a checkpoint.
        """
        if len(payload) < _BATCH.size:
            raise ProtocolError("a batch without a header")
        records, width, flags, zero = _BATCH.unpack_from(payload)
        if flags & ~_CHECKPOINT or zero != 0:
            raise ProtocolError(f"a batch with flags {flags:#x} and {zero} after them")
        if (records == 0 and flags == 0) or width != columns or len(payload) != _BATCH.size + 8 * records * width:
            raise ProtocolError(f"a batch of {records} records, {width} columns and {len(payload)} bytes")
        # Python's own floats: indexing an array would make a new object at every access.
        values = np.frombuffer(payload, "<f8", offset=_BATCH.size).reshape(records, width).tolist()
        return cls(values, flags == _CHECKPOINT)
