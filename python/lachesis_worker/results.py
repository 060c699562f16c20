"""Collects what became of records, and encodes it as a `result` message."""

import struct
from collections import deque

import numpy as np

from .gate import Outcome
from .stepstate import StepState

MAX_RECORDS = 256
"""Records of one result, which is what the daemon accepts."""
MAX_ERRORS = 16
MAX_ERROR_BYTES = 4_000
MAX_STATES = 1_000
"""States, and outputs, of one estimator: a full result then is far below what a message may have."""
_HEADER = struct.Struct("<6I")
_ERROR = struct.Struct("<II")


class Results:
    """Results of up to MAX_RECORDS records.

    Everything is copied in at once, so that a script which changes its arrays later cannot change what is reported.
    """

    def __init__(self, states: int, outputs: int) -> None:
        """Allocate for an estimator of so many states and outputs."""
        self._states, self._outputs = states, outputs
        self._outcomes = bytearray(MAX_RECORDS)
        self._times = np.empty(MAX_RECORDS)
        # States first, then outputs.
        self._means = np.empty((MAX_RECORDS, states + outputs))
        self._variances = np.empty((MAX_RECORDS, states + outputs))
        # The next step's numbers go into `_next`, and the two change places when it is accepted.
        self._latest, self._next = StepState(states, outputs), StepState(states, outputs)
        self._errors: deque[tuple[int, bytes]] = deque(maxlen=MAX_ERRORS)
        self.count = 0
        self._stepped = 0

    @property
    def is_full(self) -> bool:
        """Whether no further record fits."""
        return self.count == MAX_RECORDS

    def add_step(self, test_time: float, step: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]) -> None:
        """Add a stepped record, with what the estimator's step returned.

        Raises ValueError or TypeError if the step's arrays are not valid; then nothing was added.
        """
        following, row = self._next, self._stepped
        following.take(*step)
        self._next, self._latest = self._latest, following
        self._times[row] = test_time
        self._means[row] = following.means
        self._variances[row] = following.variances
        self._stepped = row + 1
        self._outcomes[self.count] = 0
        self.count += 1

    def add(self, outcome: Outcome) -> None:
        """Add a record that was not stepped."""
        self._outcomes[self.count] = outcome
        self.count += 1

    def add_failure(self, text: str) -> None:
        """Add a record whose step failed; only the latest texts are kept, and of a long one the end."""
        self._errors.append((self.count, shorten(text, MAX_ERROR_BYTES)))
        self.add(Outcome.FAILED)

    def take(self, checkpoint: bytes = b"") -> bytes:
        """Return the payload of a `result` message, with a checkpoint section if there is one, and start over."""
        count, states = self.count, self._states
        stepped = slice(0, self._stepped)
        parts = [
            _HEADER.pack(count, self._stepped, states, self._outputs, len(self._errors), len(checkpoint)),
            self._outcomes[:count],
            bytes(-count % 8),
            self._times[stepped].tobytes(),
            self._means[stepped, :states].tobytes(),
            self._variances[stepped, :states].tobytes(),
            self._means[stepped, states:].tobytes(),
            self._variances[stepped, states:].tobytes(),
        ]
        if self._stepped > 0:
            parts.append(self._latest.covariance.tobytes())
        for index, text in self._errors:
            parts += (_ERROR.pack(index, len(text)), text)
        parts.append(checkpoint)
        self.count = self._stepped = 0
        self._errors.clear()
        return b"".join(parts)


def shorten(text: str, limit: int) -> bytes:
    """Encode a text as UTF-8 of at most `limit` bytes, by dropping its beginning: what happened is at the end."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data
    mark = "… ".encode()
    return mark + data[len(mark) - limit :].decode("utf-8", "ignore").encode()
