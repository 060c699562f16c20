"""Rows stored per second through one WebSocket, without an estimator, against plain SQLite."""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import msgpack
from measure import Figure, example_records, stopwatch
from server import Server, fresh
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

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
    plain, stored = [], []
    for _ in range(rounds):
        plain.append(plain_sqlite(records))
        name = fresh("rows")
        with stopwatch() as watch:
            send(server, name, wire)
        stats = server.stats(name)
        assert stats and stats["data_stats"]["rows"] == ROWS, stats
        stored.append(ROWS / watch.seconds)
    yield Figure("plain_sqlite", median(plain), "rows/s")
    yield Figure("one_upload", median(stored), "rows/s")
    yield Figure("one_upload_to_plain_sqlite", median(a / b for a, b in zip(stored, plain, strict=True)), "ratio")
