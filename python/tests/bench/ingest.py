"""Rows stored per second through WebSockets and by `POST`, without an estimator, against plain SQLite."""

import json
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
SOCKETS = (1, 4, 16)
BULK = 10_000
"""Rows of one `POST`."""
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


def bulk_rate(server: Server, body: bytes, kind: str) -> float:
    """Return rows per second of one `POST` after another, each of `BULK` rows, to one battery."""
    name = fresh("bulk")
    with stopwatch() as watch:
        for _ in range(ROWS // BULK):
            reply = server.http.post(f"/db/upload/{name}", content=body, headers={"Content-Type": kind})
            assert reply.status_code == 200, reply.text
    return ROWS / watch.seconds


def figures(server: Server, rounds: int) -> Iterator[Figure]:
    records = rows()
    wire = frames(records)
    bodies = {
        "json": (json.dumps(records[:BULK]).encode(), "application/json"),
        "msgpack": (msgpack.packb(records[:BULK]), "application/msgpack"),
    }
    plain: list[float] = []
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        plain.append(plain_sqlite(records))
        name = fresh("rows")
        with stopwatch() as watch:
            send(server, name, wire)
        stats = server.stats(name)
        assert stats and stats["data_stats"]["rows"] == ROWS, stats
        rates = {"one_upload": ROWS / watch.seconds}
        for sockets in SOCKETS:
            rates[f"{sockets}_uploads_acknowledged"] = acknowledged_rate(server, wire, sockets)
        for form, (body, kind) in bodies.items():
            rates[f"bulk_{form}"] = bulk_rate(server, body, kind)
        for name, rate in rates.items():
            found.setdefault(name, []).append(rate)
    yield Figure("plain_sqlite", median(plain), "rows/s")
    for name, rates_of in found.items():
        yield Figure(name, median(rates_of), "rows/s")
        yield Figure(f"{name}_to_plain_sqlite", median(a / b for a, b in zip(rates_of, plain, strict=True)), "ratio")
