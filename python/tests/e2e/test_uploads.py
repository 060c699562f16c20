"""WS /db/upload/{name}: what closing and acknowledgements promise."""

import asyncio
import time
from itertools import pairwise
from urllib.parse import quote

import pytest
import websockets
from cells import drive
from server import Server, fresh
from streaming import ACKNOWLEDGING, PATIENCE, acknowledged, connect, packed, send, upload


def test_what_was_sent_is_there_as_soon_as_the_close_is_answered(server: Server) -> None:
    name, records = fresh("closed"), drive(3_000)
    for count in range(500, 3_001, 500):
        upload(server, name, records[count - 500 : count])
        assert server.stats(name)["data_stats"]["rows"] == count
        assert server.rows(name, limit=1)[0]["test_time"] == records[count - 1]["test_time"]


def test_a_client_with_the_usual_settings_can_upload(server: Server) -> None:
    name = fresh("usual")

    async def stream() -> None:
        address = server.url.replace("http", "ws", 1) + f"/db/upload/{quote(name)}"
        async with websockets.connect(address) as socket:
            for record in drive(100):
                await socket.send(packed(record))

    asyncio.run(stream())
    assert len(server.rows(name)) == 100


def test_an_upload_of_nothing_leaves_no_battery(server: Server) -> None:
    name = fresh("silent")
    upload(server, name, [])
    assert server.stats(name) is None


def test_without_the_subprotocol_the_server_says_nothing(server: Server) -> None:
    name = fresh("quiet")

    async def listen() -> None:
        async with connect(server, name) as socket:
            assert socket.subprotocol is None
            for record in drive(300):
                await socket.send(packed(record))
            await asyncio.wait_for(await socket.ping(), PATIENCE)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.5)

    asyncio.run(listen())
    assert len(server.rows(name)) == 300


def test_an_unknown_subprotocol_is_not_agreed_on(server: Server) -> None:
    name = fresh("other")

    async def attempt() -> str | None:
        address = server.url.replace("http", "ws", 1) + f"/db/upload/{name}"
        async with websockets.connect(address, subprotocols=["mqtt"], proxy=None) as socket:
            await socket.send(packed(drive(1)[0]))
            return socket.subprotocol

    assert asyncio.run(attempt()) is None
    assert len(server.rows(name)) == 1


def test_acknowledgements_begin_at_zero_grow_and_end_at_the_count(server: Server) -> None:
    name, records = fresh("acks"), drive(2_000)

    async def stream() -> list[int]:
        async with connect(server, name, acknowledging=True) as socket:
            assert socket.subprotocol == ACKNOWLEDGING
            counts = [await acknowledged(socket)]
            for record in records:
                await socket.send(packed(record))
            while counts[-1] < len(records):
                counts.append(await acknowledged(socket))
            return counts

    counts = asyncio.run(stream())
    assert counts[0] == 0 and counts[-1] == 2_000
    assert all(before < after for before, after in pairwise(counts))


def test_what_is_acknowledged_can_be_read_at_once(server: Server) -> None:
    name, records = fresh("stored"), drive(100)

    async def stream() -> None:
        async with connect(server, name, acknowledging=True) as socket:
            assert await acknowledged(socket) == 0
            for number, record in enumerate(records, 1):
                await socket.send(packed(record))
                assert await acknowledged(socket) == number
                if number % 10 == 0:
                    assert server.stats(name)["data_stats"]["rows"] == number == len(server.rows(name))

    asyncio.run(stream())


def test_acknowledgements_count_a_connection_when_there_is_no_stream(server: Server) -> None:
    name = fresh("connection")

    async def once(count: int) -> int:
        async with connect(server, name, acknowledging=True) as socket:
            assert await acknowledged(socket) == 0
            stored = 0
            for record in drive(count):
                await socket.send(packed(record))
            while stored < count:
                stored = await acknowledged(socket)
            return stored

    assert [asyncio.run(once(count)) for count in (7, 5)] == [7, 5]
    assert len(server.rows(name)) == 12


def test_a_stream_tells_how_many_of_it_are_stored(server: Server) -> None:
    name, other, records = fresh("stream"), fresh("stream"), drive(300)

    async def stored(battery: str, query: str) -> int:
        async with connect(server, battery, query, acknowledging=True) as socket:
            return await acknowledged(socket)

    async def resume(stop: int) -> None:
        async with connect(server, name, "?stream=Lauf%201", acknowledging=True) as socket:
            count = await acknowledged(socket)
            for record in records[count:stop]:
                await socket.send(packed(record))

    for stop in (100, 150, 150, 300):
        asyncio.run(resume(stop))
        assert asyncio.run(stored(name, "?stream=Lauf%201")) == stop
    upload(server, name, [{"test_time": 1e9}])
    assert asyncio.run(stored(name, "?stream=Lauf%201")) == 300, "records outside the stream were counted"
    for battery, query in ((name, "?stream=other"), (name, ""), (other, "?stream=Lauf%201")):
        assert asyncio.run(stored(battery, query)) == 0
    assert [row["test_time"] for row in server.rows(name)] == [*(record["test_time"] for record in records), 1e9]


def test_a_connection_is_closed_as_soon_as_another_goes_on_with_its_stream(server: Server) -> None:
    name, records = fresh("moved"), drive(20)

    async def stream() -> None:
        async with (
            connect(server, name, "?stream=s", acknowledging=True) as first,
            connect(server, name, "?stream=t", acknowledging=True) as other,
        ):
            assert await acknowledged(first) == await acknowledged(other) == 0
            await first.send(packed(records[0]))
            assert await acknowledged(first) == 1
            async with connect(server, name, "?stream=s", acknowledging=True) as second:
                assert await acknowledged(second) == 1
                # It sends nothing, and is told.
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await asyncio.wait_for(first.recv(), PATIENCE)
                assert closed.value.rcvd is not None
                assert (closed.value.rcvd.code, "another connection" in closed.value.rcvd.reason) == (4409, True)
                for number, socket in enumerate((second, other)):
                    await socket.send(packed(records[number + 1]))
                assert (await acknowledged(second), await acknowledged(other)) == (2, 1)

    asyncio.run(stream())
    assert len(server.rows(name)) == 3


def test_a_refused_message_of_a_stream_is_not_counted(server: Server) -> None:
    name = fresh("refused")

    async def attempt() -> int:
        async with connect(server, name, "?stream=s", acknowledging=True) as socket:
            assert await acknowledged(socket) == 0
            for message in (*map(packed, drive(10)), b"\xc1", packed(drive(1)[0])):
                await socket.send(message)
            await asyncio.wait_for(socket.wait_closed(), PATIENCE)
            assert socket.close_code == 1007
        async with connect(server, name, "?stream=s", acknowledging=True) as socket:
            return await acknowledged(socket)

    assert asyncio.run(attempt()) == 10


def test_fifty_batteries_are_uploaded_at_once(server: Server) -> None:
    names, records = [fresh("fleet") for _ in range(50)], drive(100)

    async def everything() -> None:
        await asyncio.gather(*(send(server, name, records[: 50 + k]) for k, name in enumerate(names)))

    asyncio.run(everything())
    stats = server.get("/db/stats")
    assert [stats[name]["data_stats"]["rows"] for name in names] == list(range(50, 100))


def test_acknowledgements_may_be_left_unread(server: Server) -> None:
    name, count = fresh("unread"), 20_000

    async def stream() -> None:
        async with connect(server, name, acknowledging=True) as socket:
            for record in drive(count):
                await socket.send(packed(record))

    asyncio.run(stream())
    assert server.stats(name)["data_stats"]["rows"] == count


def test_an_open_upload_is_stored_without_waiting_for_its_end(server: Server) -> None:
    name = fresh("open")

    async def stream() -> None:
        async with connect(server, name) as socket:
            await socket.send(packed(drive(1)[0]))
            end = time.monotonic() + PATIENCE
            while server.stats(name) is None and time.monotonic() < end:
                await asyncio.sleep(0.02)
            assert server.stats(name)["data_stats"]["rows"] == 1

    asyncio.run(stream())
