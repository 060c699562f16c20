"""Uploads over the WebSocket."""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote

import msgpack
import websockets
from server import Server
from websockets.frames import Close, Frame, Opcode
from websockets.sync.client import connect as connect_plainly
from websockets.typing import Subprotocol

ACKNOWLEDGING = "lachesis.ack.v1"
PATIENCE = 60
"""How long a frame of the server's is awaited. s"""

Message = dict[Any, Any] | bytes | str


def connect(
    server: Server, name: str, query: str = "", acknowledging: bool = False, headers: dict[str, str] | None = None
) -> websockets.connect:
    """Open an upload; `headers` go in the place of the server's credentials."""
    return websockets.connect(
        server.url.replace("http", "ws", 1) + f"/db/upload/{quote(name, safe='')}{query}",
        subprotocols=[Subprotocol(ACKNOWLEDGING)] if acknowledging else None,
        open_timeout=PATIENCE, close_timeout=PATIENCE, max_queue=None, compression=None, proxy=None, ssl=server.trust,
        additional_headers=server.credentials if headers is None else headers,
    )  # fmt: skip


def packed(message: Message) -> bytes | str:
    return msgpack.packb(message) if isinstance(message, dict) else message


async def send(server: Server, name: str, messages: Iterable[Message]) -> None:
    """Send messages and close; when this returns, they are stored."""
    async with connect(server, name) as connection:
        for message in messages:
            await connection.send(packed(message))


def upload(server: Server, name: str, messages: Iterable[Message]) -> None:
    """Send messages and close; when this returns, they are stored."""
    asyncio.run(send(server, name, messages))


def refusal(server: Server, name: str, messages: Iterable[Message]) -> Close:
    """Send messages of which the server refuses one; return its close frame."""

    async def attempt() -> Close:
        async with connect(server, name) as connection:
            try:
                for message in messages:
                    await connection.send(packed(message))
                await asyncio.wait_for(connection.recv(), PATIENCE)
            except websockets.ConnectionClosed as closed:
                assert closed.rcvd is not None, "the connection was cut without a close frame"
                return closed.rcvd
        raise AssertionError("the server sent a message instead of closing")

    return asyncio.run(attempt())


def handshake_refusal(
    server: Server, name: str, query: str = "", headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Try an upload that the server refuses to open; return status and body."""

    async def attempt() -> tuple[int, bytes]:
        try:
            async with connect(server, name, query, headers=headers):
                pass
        except websockets.InvalidStatus as error:
            return error.response.status_code, error.response.body or b""
        raise AssertionError("the upload was opened")

    return asyncio.run(attempt())


def frames(messages: Iterable[Message]) -> bytes:
    """Return messages as a client's WebSocket frames, to be poured."""
    return b"".join(Frame(Opcode.BINARY, packed(message)).serialize(mask=True) for message in messages)


def pour(server: Server, name: str, wire: bytes) -> None:
    """Send frames as fast as the server takes them and close; when this returns, they are stored."""
    url = server.url.replace("http", "ws", 1) + f"/db/upload/{quote(name, safe='')}"
    with connect_plainly(
        url, compression=None, ping_interval=None, open_timeout=PATIENCE, close_timeout=10 * PATIENCE, proxy=None,
        ssl=server.trust, additional_headers=server.credentials,
    ) as connection:  # fmt: skip
        connection.socket.sendall(wire)


async def acknowledged(connection: websockets.ClientConnection) -> int:
    """Return the count of the server's next acknowledgement."""
    frame = await asyncio.wait_for(connection.recv(), PATIENCE)
    assert isinstance(frame, bytes)
    message = msgpack.unpackb(frame)
    assert list(message) == ["stored"], message
    return message["stored"]


def reset(connection: websockets.ClientConnection) -> None:
    """Cut a connection at once, with a TCP reset."""
    connection.transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    connection.transport.abort()


class Streamer(threading.Thread):
    """Streams records as a device does: slowly, and after each cut again from what the server has stored."""

    def __init__(self, server: Server, name: str, records: Sequence[Message], seconds: float) -> None:
        """Describe an upload that takes so many seconds if nothing cuts it."""
        super().__init__(daemon=True)
        self.server, self.name_of_battery, self.records = server, name, records
        self.pause = 20 * seconds / len(records)
        self._patience = 2 * PATIENCE + 4 * seconds
        self.stored = 0
        """Records that were acknowledged."""
        self.cuts = 0
        self.failure: BaseException | None = None
        self._cut: Callable[[], object] | None = None

    def cut(self) -> None:
        """Reset the connection that is open at the moment, if one is."""
        if cut := self._cut:
            # Its loop may have ended since.
            with contextlib.suppress(RuntimeError):
                cut()

    def run(self) -> None:
        end = time.monotonic() + self._patience
        try:
            while self.stored < len(self.records):
                assert time.monotonic() < end, f"{self.stored} records are stored after {self.cuts} cuts"
                asyncio.run(self._connect())
        except BaseException as error:  # noqa: BLE001 (told to whoever waits)
            self.failure = error

    def finish(self) -> None:
        """Wait until everything is acknowledged; raises what stood in the way."""
        self.join()
        if self.failure:
            raise self.failure

    async def _connect(self) -> None:
        try:
            async with connect(self.server, self.name_of_battery, "?stream=device", acknowledging=True) as connection:
                stored = await acknowledged(connection)
                assert stored >= self.stored, f"{self.stored} records were acknowledged, and only {stored} are there"
                self.stored = stored
                loop = asyncio.get_running_loop()
                self._cut = lambda: loop.call_soon_threadsafe(reset, connection)
                sending = asyncio.create_task(self._send(connection, stored))
                try:
                    while self.stored < len(self.records):
                        self.stored = await acknowledged(connection)
                finally:
                    self._cut = None
                    sending.cancel()
        except (OSError, TimeoutError, websockets.WebSocketException):
            self.cuts += 1
            await asyncio.sleep(0.05)

    async def _send(self, connection: websockets.ClientConnection, start: int) -> None:
        for number, record in enumerate(self.records[start:]):
            await connection.send(packed(record))
            if number % 20 == 0:
                await asyncio.sleep(self.pause)
