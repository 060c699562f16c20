"""Messages that cannot be stored, and uploads that end badly: what is said of them, and that nothing else is lost."""

import asyncio
import contextlib
import json
import re
from typing import Any

import msgpack
import pytest
import websockets
from cells import drive
from raw import Connection
from server import Server, fresh
from streaming import Message, acknowledged, connect, handshake_refusal, packed, refusal, reset, upload

GOOD = {"test_time": 0.0, "whole": 1, "text": "a", "real": 0.5}
"""The record before each bad one: it decides the columns' types."""
REFUSED = (1003, 1007, 1008)


@pytest.mark.parametrize(
    ("bad", "code", "words"),
    [
        ("text", 1003, "text"),
        (json.dumps(GOOD), 1003, "text"),
        (b"", 1007, ""),
        (b"\xc1", 1007, "msgpack"),
        (json.dumps(GOOD).encode(), 1007, ""),
        (packed(GOOD)[:-1], 1007, "early"),
        (packed(GOOD) + b"\x00", 1007, "1 bytes follow"),
        (packed(GOOD) * 2, 1007, "follow"),
        (msgpack.packb([1, 2]), 1007, "array"),
        (msgpack.packb(5), 1007, "integer"),
        (msgpack.packb(None), 1007, "nil"),
        (msgpack.packb({1: 2.0}), 1007, "keys"),
        (msgpack.packb({b"whole": 2.0}), 1007, "keys"),
        (b"\x81\xa1\xff\x01", 1007, "UTF-8"),
        (b"\xdf\xff\xff\xff\xff", 1007, ""),
        (b"\x91" * 60_000, 1007, ""),
        (b"\x81\xa1a" * 20_000, 1007, ""),
    ],
)  # fmt: skip
def test_a_message_that_is_no_map_is_refused_with_its_number(
    server: Server, bad: Message, code: int, words: str
) -> None:
    name = fresh("malformed")
    close = refusal(server, name, [GOOD] * 20 + [bad] + [GOOD] * 3)
    assert close.code == code, close
    assert close.reason.startswith("message 21: ") and words in close.reason
    assert len(server.rows(name)) == 20


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("real", {"deep": 1}, "map"), ("real", [1.0], "array"), ("real", "text", "FLOAT"), ("real", b"1.5", "FLOAT"),
        ("whole", "1", "INTEGER"), ("text", 1, "VARCHAR"), ("text", 1.5, "VARCHAR"), ("text", True, "VARCHAR"),
        ("whole", 2**63, "64 bits"), ("real", 2**53 + 1, "FLOAT"), ("real", msgpack.ExtType(5, b"x"), "extension"),
        ("real", msgpack.Timestamp(5), "extension"), ("text", b"\xff", "UTF-8"), ("current", "much", "FLOAT"),
        ("fresh", [], "array"),
        ("WHOLE", 1, "whole"), ("Received", 1.0, "received"), ("lachesis_sequence", 1, "lachesis_"),
        ("", 1, "1 to 128"), ("k" * 129, 1, "1 to 128"), ("nul\0", 1, "NUL"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_with_its_key(server: Server, key: str, value: Any, words: str) -> None:
    name = fresh("unfit")
    close = refusal(server, name, [GOOD] * 3 + [{"another": 1.0, key: value}, GOOD])
    assert close.code in REFUSED, close
    assert close.reason.startswith(f"message 4: key '{key[:30]}") and words in close.reason, close.reason
    assert len(server.rows(name)) == 3
    assert set(server.stats(name)["data_stats"]["columns"]) == {*GOOD, "received"}, "a refused record left a column"


def test_a_key_that_stands_twice_is_refused(server: Server) -> None:
    name = fresh("double")
    close = refusal(server, name, [GOOD, b"\x82\xa1a\x01\xa1a\x02"])
    assert close.code in REFUSED and close.reason.startswith("message 2: key 'a'")
    assert len(server.rows(name)) == 1


def test_a_refused_first_message_leaves_no_battery(server: Server) -> None:
    name = fresh("nothing")
    assert refusal(server, name, [b"\xc1"]).reason.startswith("message 1:")
    assert server.stats(name) is None


def test_messages_are_counted_on_each_connection(server: Server) -> None:
    name = fresh("counted")
    for number in (3, 6):
        close = refusal(server, name, [GOOD] * number + [b"\xc1"])
        assert close.reason.startswith(f"message {number + 1}:")
    upload(server, name, [GOOD])
    assert len(server.rows(name)) == 10


@pytest.mark.parametrize("size", [65_537, 70_000, 2_000_000])
@pytest.mark.parametrize("pieces", [1, 10])
def test_a_message_that_is_too_large_is_refused_with_its_number(server: Server, size: int, pieces: int) -> None:
    name = fresh("oversized")

    async def attempt() -> tuple[int, str]:
        message = msgpack.packb({"a": "x" * (size - 8)}).ljust(size, b"\x00")
        step = -(-size // pieces)
        async with connect(server, name) as connection:
            for _ in range(3):
                await connection.send(packed(GOOD))
            # The server may close while the rest is being sent.
            with contextlib.suppress(websockets.ConnectionClosed):
                await connection.send([message[at : at + step] for at in range(0, size, step)])
            await asyncio.wait_for(connection.wait_closed(), 60)
            return connection.close_code or 0, connection.close_reason or ""

    code, reason = asyncio.run(attempt())
    assert len(server.rows(name)) == 3
    assert code in REFUSED and reason.startswith("message 4: "), (code, reason)


def test_fragments_are_put_together(server: Server) -> None:
    name, records = fresh("fragments"), drive(50)

    async def send() -> None:
        async with connect(server, name) as connection:
            for record in records:
                message = packed(record)
                await connection.send([message[:1], b"", message[1:40], message[40:]])
                await connection.ping()

    asyncio.run(send())
    assert [row["test_time"] for row in server.rows(name)] == [record["test_time"] for record in records]


def test_a_client_that_vanishes_loses_only_what_was_under_way(server: Server) -> None:
    name, records = fresh("vanished"), drive(400)

    async def vanish() -> int:
        async with connect(server, name, acknowledging=True) as connection:
            stored = await acknowledged(connection)
            for record in records[:200]:
                await connection.send(packed(record))
            while stored < 200:
                stored = await acknowledged(connection)
            for record in records[200:]:
                await connection.send(packed(record))
            reset(connection)
            return stored

    assert asyncio.run(vanish()) == 200
    upload(server, name, [GOOD | {"test_time": 1e9}])
    times = [row["test_time"] for row in server.rows(name)]
    assert times[-1] == 1e9 and len(times) > 200
    assert times[:-1] == [record["test_time"] for record in records[: len(times) - 1]]


def test_a_client_that_vanishes_within_a_message_leaves_the_ones_before(server: Server) -> None:
    name = fresh("cut")
    with Connection(server) as connection:
        connection.send(
            f"GET /db/upload/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        assert connection.answer().status == 101
        message = packed(GOOD)
        frame = bytes([0x82, 0x80 | len(message), 0, 0, 0, 0]) + message
        connection.send(frame * 5 + frame[:10])
    server.wait_rows(name, 5)


@pytest.mark.parametrize(
    "name",
    ["a_estimates", "A_Estimates", "sqlite_master", "lachesis_x", "battery_metadata", "x" * 129, "-a", ".a", " a", "a ",
     'q";DROP TABLE x;--', "a\nb", "a\0b", "a/b", "../a", "a:b", "🔋", "a\u202eb", "%"],
)  # fmt: skip
def test_an_upload_under_a_bad_name_is_not_opened(server: Server, name: str) -> None:
    before = set(server.get("/db/stats"))
    status, body = handshake_refusal(server, name)
    assert 400 <= status < 500
    assert list(json.loads(body)) == ["detail"] and json.loads(body)["detail"]
    assert set(server.get("/db/stats")) == before


def test_an_upload_under_a_name_that_differs_in_case_alone_is_not_opened(server: Server) -> None:
    name = fresh("Cell")
    upload(server, name, [GOOD])
    status, body = handshake_refusal(server, name.lower())
    assert status == 409 and name in json.loads(body)["detail"]
    assert name.lower() not in server.get("/db/stats")


@pytest.mark.parametrize(
    "query", ["?stream=", "?stream=" + "x" * 129, "?streem=a", "?stream=a&x=1", "?stream=a&stream=b"]
)
def test_an_upload_of_a_bad_stream_is_not_opened(server: Server, query: str) -> None:
    status, body = handshake_refusal(server, fresh("stream"), query)
    assert 400 <= status < 500 and re.search("stream", json.loads(body)["detail"])
