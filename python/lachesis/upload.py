"""Streams records so that each is stored once, whatever happens to the connection."""

import contextlib
import json
import math
import random
import re
import ssl
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from time import monotonic, sleep
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import msgpack
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from lachesis.connection import in_path
from lachesis.errors import RefusedRecordError, RequestError, UploadCutError, UploadError, failure
from lachesis.records import Record

ACKNOWLEDGING = Subprotocol("lachesis.ack.v1")
WINDOW = 20_000
"""Records sent and not yet acknowledged, at most; they are kept to be sent again."""
BURST = 200
"""Records sent between two looks at what the server said."""
HASTE = 0.05
"""How long records are gathered before they are sent: a source may be slower than that, one that measures. s"""
PATIENCE = 30.0
"""How long the server may take to acknowledge anything, or to open a connection. s"""
REFUSALS = (1003, 1007, 1008)
"""Close codes after which it is no use to go on: of a record that cannot be stored, or of the upload as a whole."""
TOO_MANY = 429
"""HTTP status of a server that has too many connections of this address for now."""


class Progress(Protocol):
    """What is told of an upload's progress; tqdm's bars are such."""

    def update(self, n: int) -> object:
        """So many more records are stored."""

    def set_postfix_str(self, s: str) -> None:
        """What is the matter; empty if nothing is."""


class Upload:
    """One stream of records to one battery, resumed after a cut where the server says that it stopped.

    A stream has an identifier of its own; the server counts what it stored of it in the same transaction, so that
    nothing is stored twice and nothing is left out.
    """

    def __init__(
        self, url: str, name: str, records: Iterator[Record], progress: Progress, give_up_after: float,
        headers: Mapping[str, str] | None = None, verify: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        scheme, place, path, _, _ = urlsplit(url)
        path = f"{path.rstrip('/')}/db/upload/{in_path(name)}"
        self._url = urlunsplit(("wss" if scheme == "https" else "ws", place, path, f"stream={uuid.uuid4()}", ""))
        self._records = records
        self._progress = progress
        self._give_up_after = give_up_after
        # A connection without TLS refuses to be given what only one with it needs.
        self._headers, self._verify = headers, verify if scheme == "https" else None
        self._kept: deque[bytes] = deque()  # those after the first `_stored` records; not acknowledged
        self._sent = 0  # of those, on this connection
        self._stored = 0
        self._is_exhausted = False
        self._last_success = monotonic()

    def run(self) -> int:
        """Send all records; return how many are stored: all.

        Raises RefusedRecordError if the server refuses a record, UploadCutError if it stays away or takes nothing for
        `give_up_after` seconds, UploadError if it ends the upload, RequestError if it refuses to begin it.
        """
        attempt, away_since = 0, -math.inf
        while True:
            before = self._stored
            try:
                with self._open() as socket:
                    self._send_all(socket)
                return self._stored
            except ConnectionClosed as closed:
                self._check_refusal(closed)
                problem: Exception = closed
            except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
                problem = error
            attempt = 0 if self._stored > before else attempt + 1
            if self._last_success > away_since:
                away_since = monotonic()
            left = self._give_up_after - (monotonic() - away_since)
            if left <= 0:
                raise UploadCutError(_reason(problem), self._stored) from problem
            self._progress.set_postfix_str(f"reconnecting: {problem}"[:60])
            pause = random.uniform(0.5, 1.0) * min(0.2 * 2 ** min(attempt, 10), 10.0)
            sleep(min(max(pause, random.uniform(1.0, 1.5) * _asked_pause(problem)), left))

    def _open(self) -> ClientConnection:
        try:
            return connect(
                self._url, subprotocols=[ACKNOWLEDGING], compression=None, open_timeout=PATIENCE,
                close_timeout=PATIENCE, additional_headers=self._headers, ssl=self._verify,
            )  # fmt: skip
        except InvalidURI as error:
            raise RequestError(str(error)) from error
        except InvalidStatus as error:
            status = error.response.status_code
            if status < 500 and status != TOO_MANY:
                raise failure(status, _detail(error), "the upload was refused: ") from error
            raise

    def _send_all(self, socket: ClientConnection) -> None:
        if socket.subprotocol != ACKNOWLEDGING:
            raise RequestError("the server does not acknowledge records; is it Lachesis?")
        self._sent = 0
        self._take(socket, PATIENCE)
        self._progress.set_postfix_str("")
        while True:
            self._fill()
            for _ in range(min(BURST, len(self._kept) - self._sent)):
                socket.send(self._kept[self._sent])
                self._sent += 1
            if not self._kept and self._is_exhausted:
                return
            # Only with the window full, or with nothing more to send, is there nothing to do but wait.
            must_wait = self._sent == len(self._kept) and (self._is_exhausted or len(self._kept) >= WINDOW)
            self._take(socket, PATIENCE if must_wait else 0)

    def _fill(self) -> None:
        end = monotonic() + HASTE
        while not self._is_exhausted and len(self._kept) < WINDOW and len(self._kept) - self._sent < BURST:
            record = next(self._records, None)
            if record is None:
                self._is_exhausted = True
            else:
                self._kept.append(msgpack.packb(record))
                if monotonic() > end:
                    return

    def _take(self, socket: ClientConnection, timeout: float) -> None:
        """Read all acknowledgements that are there, the first within `timeout` seconds."""
        try:
            self._acknowledge(socket.recv(timeout))
            while True:
                self._acknowledge(socket.recv(0))
        except TimeoutError:
            if timeout > 0 and monotonic() - self._last_success > timeout:
                raise

    def _acknowledge(self, frame: str | bytes) -> None:
        total = msgpack.unpackb(frame)["stored"] if isinstance(frame, bytes) else -1
        new = total - self._stored
        if not 0 <= new <= len(self._kept):
            raise RequestError(f"the server acknowledges {total} records; {self._stored + len(self._kept)} were sent")
        for _ in range(new):
            self._kept.popleft()
        self._sent = max(0, self._sent - new)
        self._stored = total
        self._last_success = monotonic()
        self._progress.update(new)

    def _check_refusal(self, closed: ConnectionClosed) -> None:
        if closed.rcvd is None or closed.rcvd.code not in REFUSALS:
            return
        # The server counts the messages of a connection; who made the records counts those of the whole upload.
        reason, count = re.subn(r"^message \d+: ", "", closed.rcvd.reason)
        if count == 0:
            raise UploadError(f"the server ended the upload: {reason}", self._stored) from closed
        named = re.match(r"key '(.*?)': ", reason)
        record = msgpack.unpackb(self._kept[0]) if named and self._kept else {}
        key = named[1] if named and named[1] in record else None
        raise RefusedRecordError(reason, self._stored, key=key, value=record.get(key)) from closed


def _detail(refusal: InvalidStatus) -> str:
    """Return what the server gave as the reason."""
    text = (refusal.response.body or b"").decode(errors="replace")
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return str(json.loads(text)["detail"])
    return text


def _reason(problem: Exception) -> str:
    """Return why an upload was given up, in words."""
    if isinstance(problem, InvalidStatus):
        return f"the server takes no upload for now ({problem.response.status_code}): {_detail(problem)}"
    return f"the server stays away: {problem}"


def _asked_pause(problem: Exception) -> float:
    """Return how many seconds the server asks its client to stay away, at most a minute; 0 if it names none."""
    asked = problem.response.headers.get_all("Retry-After") if isinstance(problem, InvalidStatus) else []
    return min(float(asked[0]), 60) if asked and asked[0].isdecimal() else 0
