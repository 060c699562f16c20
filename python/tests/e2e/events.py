"""Reads server-sent events."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
from processes import wait
from server import Server


class Event(NamedTuple):
    """One event; `time` is that of this process's monotonic clock, s."""

    kind: str
    id: int
    data: dict[str, Any]
    time: float


class Listener(threading.Thread):
    """Follows `/online/events` until the server ends it or `close`."""

    def __init__(self, server: Server, headers: dict[str, str] | None = None, **query: Any) -> None:
        """Describe a request; `headers` are beside the server's credentials."""
        super().__init__(daemon=True)
        self.events: list[Event] = []
        self.comments = 0
        self.status: int | None = None
        self.has_ended = False
        self._client = httpx.Client(
            base_url=server.url, timeout=httpx.Timeout(60, read=300), trust_env=False,
            headers=server.credentials | (headers or {}),
        )  # fmt: skip
        self._query = query
        self._response: httpx.Response | None = None

    def run(self) -> None:
        with (
            contextlib.suppress(httpx.HTTPError, httpx.StreamError, OSError, ValueError),
            self._client.stream("GET", "/online/events", params=self._query) as response,
        ):
            self._response = response
            self.status = response.status_code
            assert response.headers["content-type"] == "text/event-stream"
            fields: dict[str, str] = {}
            for line in response.iter_lines():
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    key, _, value = line.partition(": ")
                    fields[key] = value
                elif fields:
                    data = json.loads(fields["data"])
                    self.events.append(Event(fields["event"], int(fields["id"]), data, time.monotonic()))
                    fields = {}
        self.has_ended = True

    def of(self, name: str) -> list[Event]:
        return [event for event in list(self.events) if event.data["name"] == name]

    def wait_for(self, name: str, seconds: float = 60, **expected: Any) -> Event:
        """Wait for an event of a battery with these members."""

        def found() -> Event | None:
            return next(
                (one for one in self.of(name) if all(one.data.get(key) == expected[key] for key in expected)), None
            )

        return wait(found, lambda: f"{expected} among the events of {name}: {self.of(name)[-3:]}", seconds)

    def close(self) -> None:
        """Cut the connection."""
        self._client.close()


@contextlib.contextmanager
def listening(server: Server, headers: dict[str, str] | None = None, **query: Any) -> Iterator[Listener]:
    """Follow events while the block runs."""
    listener = Listener(server, headers, **query)
    listener.start()
    try:
        wait(lambda: listener.status, "an answer")
        yield listener
    finally:
        listener.close()
