"""Estimates as they change: server-sent events, over as many connections as it takes."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from lachesis.errors import ServerError, UnreachableError
from lachesis.status import Status

SILENCE = 60.0
"""Without a byte for so long a connection counts as cut; the server says something every 15 s. s"""
MAX_LINE_BYTES = 64 << 20
"""Of a line that does not end: more is no event."""


@dataclass(frozen=True)
class Event:
    """The status of a battery, None if the estimator was deleted; `id` grows with every change on the server."""

    name: str
    status: Status | None
    id: int | None


Stream = Callable[..., AbstractContextManager[Iterator[bytes]]]
"""Opens a path with a query, header fields and a time-out (s) as pieces of a body."""


class Events:
    """The events of some batteries, or of all; iterating connects, and connects again where a connection is cut."""

    def __init__(
        self, stream: Stream, names: tuple[str, ...], interval: float, last_id: int | None, give_up_after: float
    ) -> None:
        self._stream = stream
        self._query = {"name": list(names), "interval": interval}
        self._last_id = last_id
        self._give_up_after = give_up_after

    def __iter__(self) -> Iterator[Event]:
        attempt, last_success = 0, time.monotonic()
        while True:
            headers = {"Accept": "text/event-stream"}
            if self._last_id is not None:
                headers["Last-Event-ID"] = str(self._last_id)
            problem: Exception = UnreachableError("the server ended the stream")
            try:
                with self._stream("/online/events", self._query, headers, SILENCE) as pieces:
                    for fields in read(pieces):
                        attempt, last_success = 0, time.monotonic()
                        event = self._event(fields)
                        if event is not None:
                            yield event
                            last_success = time.monotonic()
            except (UnreachableError, ServerError) as error:
                problem = error
            if time.monotonic() - last_success > self._give_up_after:
                raise problem
            time.sleep(random.uniform(0.5, 1.0) * min(0.2 * 2 ** min(attempt, 10), 10.0))
            attempt += 1

    def _event(self, fields: dict[str, str]) -> Event | None:
        if fields.get("id", "").isdecimal():
            self._last_id = int(fields["id"])
        if fields.get("event") not in ("status", "removed") or "data" not in fields:
            return None
        data: dict[str, Any] = json.loads(fields["data"])
        name = data.pop("name")
        status = Status.from_json(name, data) if fields["event"] == "status" else None
        return Event(name, status, self._last_id)


def read(pieces: Iterator[bytes]) -> Iterator[dict[str, str]]:
    """Read server-sent events (WHATWG HTML, 9.2.6): yields each one's fields; a comment as one without any."""
    fields: dict[str, str] = {}
    for line in _lines(pieces):
        if line == "":
            yield fields
            fields = {}
            continue
        key, _, value = line.partition(":")
        if key:
            value = value.removeprefix(" ")
            fields[key] = f"{fields[key]}\n{value}" if key == "data" and "data" in fields else value


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    """Split at \\n, \\r\\n and \\r only: str.splitlines, too, would end lines at characters that JSON may hold."""
    rest = b""
    for piece in pieces:
        rest += piece
        # A \r at the end may be the half of a \r\n.
        held = rest[-1:] if rest.endswith(b"\r") else b""
        *lines, rest = rest.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest += held
        if len(rest) > MAX_LINE_BYTES:
            raise UnreachableError("the server sends a line that does not end")
        for line in lines:
            yield line.decode(errors="replace")
