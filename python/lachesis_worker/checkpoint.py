"""The state of a worker as bytes, opaque to all others: made and read inside the sandbox only.

A header, the fingerprint as JSON, then a pickle. The header is `8s` a mark, `u32` format, `u32` bytes of the
fingerprint, `32s` BLAKE2b digest of all that follows it; little-endian.
"""

import hashlib
import json
import pickle
import platform
import random
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .plugin import Plugin

FORMAT = 1
"""To be raised whenever a state of before cannot be read, or would go on differently."""
DEFAULT_BYTES = 16 << 20
"""Bytes of the largest state, if the build order does not say."""
MAX_BYTES = 40 << 20
"""Bytes of a state that fits a message with the largest result, whatever the build order says."""
_MARK = b"lachesis"
_HEADER = struct.Struct("<8sII32s")
_SCRIPT = "script"


class CheckpointError(Exception):
    """A state that cannot be used here, or not be made; the message says why, without a traceback."""


@dataclass(frozen=True)
class RandomState:
    """State of the global random generators, of `random` and of `numpy.random`."""

    python: Any
    numpy: Any

    @classmethod
    def take(cls) -> "RandomState":
        """Note the state as it is."""
        return cls(random.getstate(), np.random.get_state(legacy=False))

    def put(self) -> None:
        """Return to it."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)


@dataclass(frozen=True)
class WorkerState:
    """All that a worker needs to go on bit for bit, besides what the same orders give it again."""

    estimator: bytes
    """What the plugin's `save` returned."""
    latest: float | None
    """`test_time` of the last record accepted, s; None before the first."""
    random: RandomState

    def encode(self, fingerprint: Mapping[str, str], limit: int) -> bytes:
        """Return it as bytes; raises CheckpointError if these are more than `limit`."""
        values = (self.estimator, self.latest, self.random.python, self.random.numpy)
        content = pickle.dumps(values, pickle.HIGHEST_PROTOCOL)
        names = json.dumps(fingerprint).encode()
        size = _HEADER.size + len(names) + len(content)
        if size > limit:
            raise CheckpointError(f"the state has {size} bytes; at most {limit} are allowed")
        digest = hashlib.blake2b(names, digest_size=32)
        digest.update(content)
        return b"".join((_HEADER.pack(_MARK, FORMAT, len(names), digest.digest()), names, content))

    @classmethod
    def decode(cls, data: bytes | bytearray, fingerprint: Mapping[str, str]) -> "WorkerState":
        """Return what `encode` was called on.

        Raises CheckpointError if the bytes are damaged or no state, and if another fingerprint was in force then: the
        message names what differs.
        """
        if len(data) < _HEADER.size or data[: len(_MARK)] != _MARK:
            raise CheckpointError("the checkpoint is none of a worker's")
        _, form, length, digest = _HEADER.unpack_from(data)
        if form != FORMAT:
            raise CheckpointError(f"the checkpoint has format {form}; this worker reads format {FORMAT}")
        content = memoryview(data)[_HEADER.size :]
        # Before anything is unpickled: of damaged bytes that could end the process, or take all its memory.
        if hashlib.blake2b(content, digest_size=32).digest() != digest or length > len(content):
            raise CheckpointError("the checkpoint is damaged")
        _compare(json.loads(bytes(content[:length])), fingerprint)
        estimator, latest, python, numpy = pickle.loads(content[length:])
        return cls(estimator, latest, RandomState(python, numpy))


def fingerprint(plugin: Plugin, definition: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """Return what must be the same where a state is made and where it is used.

    `files`: digest of each file that came with the script. Two batteries may have one script and differ in these.
    """
    digest = hashlib.blake2b(definition.encode("utf-8", "surrogatepass"), digest_size=16)
    for name in sorted(files):
        digest.update(hashlib.blake2b(name.encode("utf-8", "surrogatepass")).digest() + files[name])
    return {
        "Python": platform.python_version(),
        "numpy": np.__version__,
        "plugin": plugin.name,
        **plugin.versions,
        _SCRIPT: digest.hexdigest(),
    }


def file_digest(content: bytes | memoryview) -> bytes:
    """Return the digest of a file's content, for `fingerprint`."""
    return hashlib.blake2b(content, digest_size=32).digest()


def _compare(theirs: Mapping[str, str], ours: Mapping[str, str]) -> None:
    differing = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    if differing == [_SCRIPT]:
        raise CheckpointError("the checkpoint is of another script, or of other files")
    if differing:
        # With another version the rest may differ too; the script's digest tells nobody anything.
        parts = [
            f"{name} {theirs.get(name, 'none')} where this worker has {ours.get(name, 'none')}"
            for name in differing
            if name != _SCRIPT
        ]
        raise CheckpointError(f"the checkpoint was made with {', '.join(parts)}")
