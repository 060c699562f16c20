"""Runs a plugin's example before workers are forked, so that they share what a first estimator loads and fills.

What a first build, a first step, a first checkpoint and a first return to one make (modules imported late, caches,
compiled patterns, buffers of the linear algebra) would else be made anew in each worker: some 2 MB, and milliseconds.
"""

import contextlib
import json
import os
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from . import script
from .checkpoint import RandomState
from .orders import BuildOrder
from .plugin import Plugin
from .protocol import Kind
from .session import build

SINGLE = 10
"""Records that come in a batch each, as they do live."""
TOGETHER = 90
"""Records of the batch behind them."""


class RehearsalError(Exception):
    """An example that does not run as it should; the message says what went wrong."""


def rehearse(plugin: Plugin, *, only_build: bool = False) -> None:
    """Run the plugin's example, if it names one: build it, step it, save its state, and go on from that.

    `only_build`: no more than the first of these, which takes milliseconds.

    Nothing stays behind that a script could tell: no module, no entry of the search path, no number drawn. Raises
    RehearsalError; nothing but memory and time depends on a rehearsal.
    """
    if plugin.rehearsal is None:
        return
    path = plugin.folder / plugin.rehearsal.script
    answers = _Answers()
    with _without_a_trace(str(path.parent)):
        order = BuildOrder("rehearsal", path.read_text("utf-8"), None, True, 0)
        for begin in (0, SINGLE + TOGETHER):
            session = build(order, plugin, answers, {}, answers.state)
            if only_build:
                return
            for batch in answers.batches(plugin.rehearsal.records, begin):
                session.process(batch, answers)


class _Answers:
    """Takes a worker's answers in the host's place."""

    columns: Sequence[str] = ()
    """What the estimator wants of a record."""
    state: bytes | None = None
    """Of the latest checkpoint."""

    def send(self, kind: int, payload: bytes) -> None:
        if kind == Kind.FAILED:
            raise RehearsalError(json.loads(payload)["error"])
        if kind == Kind.READY:
            (length,) = struct.unpack_from("<I", payload)
            self.columns = json.loads(payload[4 : 4 + length])["columns"]
        if kind == Kind.RESULT:
            *_, failures, section = struct.unpack_from("<6I", payload)
            if failures:
                raise RehearsalError("a step failed")
            if section:
                if payload[-section] == 0:
                    raise RehearsalError(payload[1 - section :].decode())
                self.state = payload[1 - section :]

    def batches(self, records: Sequence[Mapping[str, float]], begin: int) -> Iterator[bytes]:
        """Give batches of records that repeat these, a second apart from `begin` on; the last asks for a state."""
        values = [
            [records[time % len(records)].get(name, time if name == "test_time" else np.nan) for name in self.columns]
            for time in range(begin, begin + SINGLE + TOGETHER)
        ]
        for rows in [*([row] for row in values[:SINGLE]), values[SINGLE:]]:
            header = struct.pack("<IIII", len(rows), len(self.columns), len(rows) == TOGETHER, 0)
            yield header + np.array(rows, "<f8").tobytes()


@contextlib.contextmanager
def _without_a_trace(folder: str) -> Iterator[None]:
    """Work in a folder, and leave the process's state as it was."""
    here, path, randomness = os.getcwd(), list(sys.path), RandomState.take()
    os.chdir(folder)
    try:
        yield
    finally:
        script.forget()
        os.chdir(here)
        sys.path[:] = path
        randomness.put()
