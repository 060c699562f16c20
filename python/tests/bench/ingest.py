"""Rows stored per second through WebSockets, without an estimator, against plain SQLite."""

import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import msgpack
from measure import Figure, example_records, stopwatch
from server import Server, fresh
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect
from websockets.typing import Subprotocol

ROWS = 100_000
TRANSACTION = 1_000
"""Rows of one transaction of plain SQLite."""


def rows() -> list[dict[str, Any]]:
    example = example_records()
    return [example[k % len(example)] | {"test_time": float(k)} for k in range(ROWS)]


def frames(records: list[dict[str, Any]]) -> bytes:
    """Return the records as a client's WebSocket frames, made beforehand: what is measured is the server."""
    return b"".join(Frame(Opcode.BINARY, msgpack.packb(record)).serialize(mask=True) for record in records)


def send(server: Server, name: str, wire: bytes) -> None:
    """Send frames and close; when this returns, they are stored."""
    url = server.url.replace("http", "ws", 1) + f"/db/upload/{quote(name)}"
    with connect(url, compression=None, close_timeout=600) as connection:
        connection.socket.sendall(wire)


def acknowledged(server: Server, name: str, wire: bytes, count: int) -> None:
    """Send frames of so many records; returns once the server has acknowledged all."""
    url = server.url.replace("http", "ws", 1) + f"/db/upload/{quote(name)}"
    with connect(url, subprotocols=[Subprotocol("lachesis.ack.v1")], compression=None, close_timeout=600) as connection:
        # Whoever does not read in the meantime lets the server's acknowledgements wait in the socket's buffers.
        connection.socket.sendall(wire)
        while msgpack.unpackb(connection.recv(600))["stored"] < count:
            pass


def acknowledged_rate(server: Server, wire: bytes, sockets: int) -> float:
    """Return rows per second over so many uploads at once, each to a battery of its own."""
    names = [fresh("acknowledged") for _ in range(sockets)]
    with stopwatch() as watch, ThreadPoolExecutor(sockets) as uploads:
        list(uploads.map(lambda name: acknowledged(server, name, wire, ROWS), names))
    return sockets * ROWS / watch.seconds


def plain_sqlite(records: list[dict[str, Any]]) -> float:
    """Return rows per second of the same rows into a table of the same columns, as durable as the server's."""
    columns = list(records[0])
    values = [(*record.values(), 0.0) for record in records]
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "plain.sqlite", isolation_level=None)
        database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        database.execute(f"CREATE TABLE rows ({', '.join(columns)}, received)")
        insert = f"INSERT INTO rows VALUES ({', '.join('?' * (len(columns) + 1))})"
        with stopwatch() as watch:
            for start in range(0, len(values), TRANSACTION):
                database.execute("BEGIN")
                database.executemany(insert, values[start : start + TRANSACTION])
                database.execute("COMMIT")
        database.close()
    return len(records) / watch.seconds


def figures(server: Server, rounds: int) -> Iterator[Figure]:
    records = rows()
    wire = frames(records)
    plain, stored, one, four = [], [], [], []
    for _ in range(rounds):
        plain.append(plain_sqlite(records))
        name = fresh("rows")
        with stopwatch() as watch:
            send(server, name, wire)
        stats = server.stats(name)
        assert stats and stats["data_stats"]["rows"] == ROWS, stats
        stored.append(ROWS / watch.seconds)
        one.append(acknowledged_rate(server, wire, 1))
        four.append(acknowledged_rate(server, wire, 4))
    yield Figure("plain_sqlite", median(plain), "rows/s")
    yield Figure("one_upload", median(stored), "rows/s")
    yield Figure("one_upload_to_plain_sqlite", median(a / b for a, b in zip(stored, plain, strict=True)), "ratio")
    yield Figure("one_upload_acknowledged", median(one), "rows/s")
    yield Figure(
        "one_upload_acknowledged_to_plain_sqlite", median(a / b for a, b in zip(one, plain, strict=True)), "ratio"
    )
    yield Figure("four_uploads_acknowledged", median(four), "rows/s")
    yield Figure(
        "four_uploads_acknowledged_to_plain_sqlite", median(a / b for a, b in zip(four, plain, strict=True)), "ratio"
    )
