"""Deletion of batteries: nothing is left of them, and nobody else is held up."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import tokens
import websockets
from cells import KALMAN, assert_same, drive, plain_kalman
from database import battery_tables, query
from processes import wait
from raw import exchange
from server import Server, ServerFactory, fresh
from streaming import PATIENCE, Streamer, acknowledged, connect, frames, packed, pour, upload

SLOW = KALMAN.replace("    hours =", "    __import__('time').sleep(0.002)\n    hours =")
"""Its transition is asked for five times a step."""
OTHER = KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.5, 1.0]")
METADATA = {"name": "", "battery": {"model": "of the deleted one"}}


def delete(server: Server, name: str, **query: str) -> httpx.Response:
    return server.http.delete(f"/db/{quote(name, safe='')}", params=query or None)


def deleted(server: Server, name: str, **query: str) -> int:
    """Delete a battery; return how many rows it had."""
    reply = delete(server, name, **query)
    assert reply.status_code == 200, reply.text
    assert list(reply.json()) == ["name", "rows"] and reply.json()["name"] == name
    return reply.json()["rows"]


def battery_number(server: Server, name: str) -> int:
    """Return the number under which the server's own tables know a battery."""
    ((number,),) = query(server, "SELECT battery FROM lachesis_batteries WHERE name = ?", name)
    return number


def doomed(server: Server) -> list[tuple[Any, ...]]:
    return query(server, "SELECT name FROM sqlite_master WHERE name LIKE 'lachesis~_doomed~_%' ESCAPE '~'")


def assert_gone(server: Server, name: str, number: int) -> None:
    """Assert that nothing is left of a deleted battery, and wait for the end of its tables."""
    assert name not in server.get("/db/stats") and name not in server.get("/online/status")
    assert server.http.get(f"/db/data/{quote(name)}").status_code == 404
    assert not {name, f"{name}_estimates"} & battery_tables(server)
    tables = [table for (table,) in query(server, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        columns = {column for (column,) in query(server, "SELECT name FROM pragma_table_info(?)", table)}
        if "battery" in columns and table.startswith("lachesis_"):
            left = query(server, f'SELECT count(*) FROM "{table}" WHERE battery = ?', number)
            assert left == [(0,)], f"{left} rows in {table}"
    wait(lambda: not doomed(server), lambda: f"an end of {doomed(server)}")


def test_nothing_of_a_deleted_battery_is_left(server: Server) -> None:
    name, neighbour, records = fresh("deleted"), fresh("neighbour"), drive(300)
    assert server.http.post("/db/register", json=METADATA | {"name": name}).status_code == 200
    for battery in (name, neighbour):
        server.accept(battery, KALMAN, files=[("files", ("a.txt", b"a"))])
        upload(server, battery, records)
        server.wait_status(battery, stepped=299)
    number = battery_number(server, name)
    assert deleted(server, name) == 300
    assert_gone(server, name, number)
    assert delete(server, name).status_code == 404
    upload(server, neighbour, [{"test_time": records[-1]["test_time"]}])
    assert_same(server.wait_status(neighbour, stepped=299, skipped=1), plain_kalman(records))


def test_the_worker_of_a_deleted_battery_ends(make_server: ServerFactory) -> None:
    server = make_server()
    name = fresh("worker")
    server.accept(name, SLOW)
    upload(server, name, drive(1_000))
    wait(lambda: server.status(name)["stepped"] > 0, "a step")
    number = battery_number(server, name)
    assert deleted(server, name) == 1_000
    assert_gone(server, name, number)
    wait(lambda: not server.tree("worker"), lambda: f"an end of the worker: {server.tree()}")
    # Whatever the worker had still to say.
    time.sleep(0.3)
    assert_gone(server, name, number)
    server.stop()
    server.start()
    assert server.get("/db/stats") == {} == server.get("/online/status")


@pytest.mark.parametrize("what", ["metadata", "records", "estimator"])
def test_a_battery_that_has_one_thing_only_is_deleted(server: Server, what: str) -> None:
    name = fresh("only")
    if what == "metadata":
        assert server.http.post("/db/register", json=METADATA | {"name": name}).status_code == 200
    elif what == "records":
        upload(server, name, drive(5))
    else:
        server.accept(name, KALMAN)
    number = battery_number(server, name)
    assert deleted(server, name) == (5 if what == "records" else 0)
    assert_gone(server, name, number)


@pytest.mark.parametrize(("name", "code"), [("unknown", 404), ("-x", 422), ("a_estimates", 422)])
def test_what_is_no_battery_cannot_be_deleted(server: Server, name: str, code: int) -> None:
    reply = delete(server, name)
    assert reply.status_code == code and list(reply.json()) == ["detail"], reply.text


def test_a_battery_with_the_name_of_an_endpoint_is_deleted(make_server: ServerFactory) -> None:
    server = make_server()
    upload(server, "stats", drive(7))
    # As bytes: a client library may take the escape for superfluous.
    answer = exchange(server, b"DELETE /db/%73tats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert (answer.status, answer.json) == (200, {"name": "stats", "rows": 7})
    assert server.get("/db/stats") == {}


def test_a_battery_is_not_deleted_under_an_open_upload(server: Server) -> None:
    name, records = fresh("open"), drive(100)
    server.accept(name, KALMAN)

    async def stream() -> None:
        async with connect(server, name, acknowledging=True) as socket:
            assert await acknowledged(socket) == 0
            for half in (records[:50], records[50:]):
                for record in half:
                    await socket.send(packed(record))
                while await acknowledged(socket) % 50:
                    pass
                reply = await asyncio.to_thread(delete, server, name)
                assert reply.status_code == 409 and "upload" in reply.json()["detail"]
                assert (await asyncio.to_thread(delete, server, name, force="false")).status_code == 409

    asyncio.run(stream())
    assert_same(server.wait_status(name, stepped=99), plain_kalman(records))
    wait(lambda: delete(server, name).status_code == 200, "a deletion")


def test_force_closes_the_uploads_and_says_why(server: Server) -> None:
    name, records = fresh("forced"), drive(2_000)
    server.accept(name, KALMAN)

    async def stream(ready: asyncio.Barrier) -> websockets.frames.Close | None:
        """Send until the server closes."""
        async with connect(server, name) as socket:
            await socket.send(packed(records[0]))
            await ready.wait()
            try:
                for record in records:
                    await socket.send(packed(record))
                await asyncio.wait_for(socket.recv(), PATIENCE)
            except websockets.ConnectionClosed as closed:
                return closed.rcvd
        raise AssertionError("the upload was not closed")

    async def attempt() -> tuple[int, list[websockets.frames.Close | None]]:
        ready = asyncio.Barrier(4)
        streams = [asyncio.create_task(stream(ready)) for _ in range(3)]
        await ready.wait()
        await asyncio.sleep(0.05)
        rows = await asyncio.to_thread(deleted, server, name, force="true")
        return rows, await asyncio.gather(*streams)

    upload(server, name, records[:1])
    number = battery_number(server, name)
    rows, closes = asyncio.run(attempt())
    assert rows >= 1
    for close in closes:
        assert close is not None and close.code == 1008 and "deleted" in close.reason, close
    assert_gone(server, name, number)


def test_the_name_can_be_used_again_as_if_new(server: Server) -> None:
    name, records = fresh("anew"), drive(200)
    assert server.http.post("/db/register", json=METADATA | {"name": name}).status_code == 200
    server.accept(name, OTHER)
    server.accept(name, OTHER)

    async def stream(messages: list[Any]) -> int:
        async with connect(server, name, "?stream=s", acknowledging=True) as socket:
            before = stored = await acknowledged(socket)
            for message in messages:
                await socket.send(packed(message))
            while stored < before + len(messages):
                stored = await acknowledged(socket)
            return before

    assert asyncio.run(stream([record | {"note": 1, "level": "high"} for record in records])) == 0
    server.wait_status(name, stepped=199)
    assert deleted(server, name) == 200
    assert asyncio.run(stream([record | {"note": "text", "level": 2} for record in records[:100]])) == 0
    columns = server.stats(name)["data_stats"]["columns"]
    assert (columns["note"], columns["level"]) == ("VARCHAR", "INTEGER")
    assert server.stats(name)["has_metadata"] is False and server.stats(name)["has_estimator"] is False
    # Versions alone count on: a late result of the old estimator is no result of the new one.
    assert server.accept(name, KALMAN)["version"] == 3
    assert_same(server.wait_status(name, stepped=99, version=3), plain_kalman(records[:100]))
    assert [row["note"] for row in server.rows(name)] == ["text"] * 100
    assert len(query(server, f'SELECT 1 FROM "{name}_estimates"')) == 99


def test_a_new_estimator_after_a_deletion_survives_a_restart(make_server: ServerFactory) -> None:
    # Without a checkpoint, so that the script's own start is repeated.
    server = make_server("--checkpoint-records", "1000000", "--checkpoint-interval", "3600")
    name, records = fresh("survives"), drive(101)
    draws = "import random\n" + KALMAN.replace("mean=[0.6, 1.5]", "mean=[np.random.rand(), 1 + random.random()]")
    table = f'SELECT * FROM "{name}_estimates" ORDER BY lachesis_sequence'
    for _ in range(2):
        version = server.accept(name, draws)["version"]
        upload(server, name, records[:100])
        server.wait_status(name, stepped=99, version=version)
        wait(lambda: len(query(server, table)) == 99, "all estimates")
        estimates = query(server, table)
        server.kill()
        server.start()
        # The last record is news; by then all before it were stepped again, and their estimates written again.
        upload(server, name, records[100:])
        server.wait_status(name, stepped=100, version=version)
        wait(lambda: len(query(server, table)) == 100, "all estimates")
        assert query(server, table)[:-1] == estimates
        deleted(server, name)


def test_deletion_goes_on_after_a_kill(make_server: ServerFactory) -> None:
    server = make_server()
    name, rows = fresh("large"), 60_000
    wire = frames(drive(1_000))
    for _ in range(rows // 1_000):
        pour(server, name, wire)
    number = battery_number(server, name)
    assert deleted(server, name) == rows
    server.kill()
    server.start()
    upload(server, name, drive(10))
    wait(lambda: not doomed(server), lambda: f"an end of {doomed(server)}")
    assert server.stats(name)["data_stats"]["rows"] == 10 and battery_number(server, name) != number


def test_deleting_a_large_battery_holds_up_no_other(make_server: ServerFactory) -> None:
    server = make_server()
    large, name, records = fresh("large"), fresh("small"), drive(1_000)
    server.accept(name, KALMAN)
    wire = frames(records) * 60
    pour(server, large, wire)
    device = Streamer(server, name, records, seconds=1)
    device.start()
    wait(lambda: device.stored > 100 or device.failure, "progress")
    assert deleted(server, large) == 60_000
    device.finish()
    assert device.cuts == 0
    assert_same(server.wait_status(name, stepped=999), plain_kalman(records))
    wait(lambda: not doomed(server), lambda: f"an end of {doomed(server)}")


def test_two_deletions_at_once_delete_once(server: Server) -> None:
    name = fresh("twice")
    server.accept(name, KALMAN)
    upload(server, name, drive(500))
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: delete(server, name), range(4)))
    codes = sorted(reply.status_code for reply in replies)
    assert codes[0] == 200 and set(codes[1:]) <= {404, 409}, codes
    assert name not in server.get("/db/stats")


def test_a_battery_is_not_deleted_while_its_estimator_is_registered(server: Server) -> None:
    name, records = fresh("registering"), drive(50)
    upload(server, name, records)
    with ThreadPoolExecutor(1) as pool:
        registering = pool.submit(server.accept, name, "import time\ntime.sleep(1.5)\n" + KALMAN)
        time.sleep(0.5)
        reply = delete(server, name)
        assert reply.status_code == 409 and list(reply.json()) == ["detail"], reply.text
        assert registering.result()["version"] == 1
    assert_same(server.wait_status(name, stepped=49), plain_kalman(records))
    assert deleted(server, name) == 50


# The estimator alone


def delete_estimator(server: Server, name: str) -> httpx.Response:
    return server.http.delete(f"/online/{quote(name, safe='')}")


def test_an_estimator_is_deleted_alone(make_server: ServerFactory) -> None:
    server = make_server()
    name, records = fresh("alone"), drive(200)
    server.accept(name, OTHER)
    server.accept(name, KALMAN, files=[("files", ("a.txt", b"a"))])
    upload(server, name, records)
    server.wait_status(name, stepped=199)
    before = server.rows(name)
    reply = delete_estimator(server, name)
    assert (reply.status_code, reply.json()) == (200, {"name": name, "version": 2})
    tokens.audited(server, "DELETE /online/{name}", battery=name, outcome="ok")
    wait(lambda: not server.tree("worker"), lambda: f"an end of the worker: {server.tree()}")
    for _ in range(2):
        stats = server.stats(name)
        assert stats is not None and stats["has_data"] and not stats["has_estimator"]
        assert server.rows(name) == before and server.status(name) is None
        assert f"{name}_estimates" not in battery_tables(server)
        for path in ("/online/status/{}", "/online/history/{}", "/online/{}/logs", "/online/{}/versions"):
            reply = server.http.get(path.format(quote(name)))
            assert (reply.status_code, reply.json()["detail"]) == (404, f"the battery '{name}' has no estimator"), path
        server.stop()
        server.start()
    # It begins anew, with the first record.
    assert server.accept(name, OTHER)["version"] == 3
    assert_same(server.wait_status(name, stepped=199, version=3), plain_kalman(records, OTHER))
    assert [entry["version"] for entry in server.get(f"/online/{quote(name)}/versions")] == [3]


def test_uploads_go_on_while_an_estimator_is_deleted(server: Server) -> None:
    name, records = fresh("streams"), drive(1_000)
    server.accept(name, KALMAN)
    device = Streamer(server, name, records, seconds=1)
    device.start()
    wait(lambda: (server.status(name) or {})["stepped"] > 100 or device.failure, "steps")
    assert delete_estimator(server, name).status_code == 200
    device.finish()
    assert device.cuts == 0 and len(server.rows(name)) == 1_000
    server.accept(name, KALMAN)
    assert_same(server.wait_status(name, stepped=999), plain_kalman(records))


def test_what_has_no_estimator_has_none_to_delete(server: Server) -> None:
    name, nobody = fresh("data"), fresh("nobody")
    upload(server, name, drive(5))
    for battery, detail in (
        (name, f"the battery '{name}' has no estimator"),
        (nobody, f"no battery is named '{nobody}'"),
    ):
        reply = delete_estimator(server, battery)
        assert (reply.status_code, reply.json()) == (404, {"detail": detail})
        for path in ("/online/status/{}", "/online/{}/logs", "/online/{}/versions", "/online/history/{}"):
            reply = server.http.get(path.format(battery))
            assert (reply.status_code, reply.json()) == (404, {"detail": detail}), path
        reply = server.http.post(f"/admin/workers/{battery}/restart")
        assert (reply.status_code, reply.json()) == (404, {"detail": detail})
    assert delete_estimator(server, "-x").status_code == 422
    assert len(server.rows(name)) == 5


def test_an_estimator_is_not_deleted_while_it_is_registered(server: Server) -> None:
    name = fresh("registering")
    server.accept(name, KALMAN)
    with ThreadPoolExecutor(1) as pool:
        registering = pool.submit(server.accept, name, "import time\ntime.sleep(1.5)\n" + KALMAN)
        time.sleep(0.5)
        assert delete_estimator(server, name).status_code == 409
        assert registering.result()["version"] == 2
    # Nothing but the estimator is known of it.
    assert delete_estimator(server, name).json() == {"name": name, "version": 2}
    assert server.stats(name) is None
