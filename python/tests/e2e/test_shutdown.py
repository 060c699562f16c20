"""The end that SIGTERM brings, and the start after it."""

import asyncio
import os
import signal
import threading

import httpx
import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from database import change, query
from processes import wait
from raw import Connection
from server import Server, ServerFactory, fresh
from streaming import PATIENCE, Streamer, acknowledged, connect, packed, upload

LASTING = ("latest_time", "state_names", "mean", "covariance", "output_names", "output_mean", "output_variance",
           "estimator", "plugin", "version", "stepped", "skipped", "failed", "skipped_because")  # fmt: skip


def test_after_a_restart_everything_is_as_before(make_server: ServerFactory) -> None:
    server = make_server()
    name, other, records = fresh("restarted"), fresh("without"), drive(600)
    records[20]["voltage"] = None
    server.accept(name, KALMAN, valid_time=repr(records[5]["test_time"]))
    upload(server, name, records[:400])
    upload(server, other, records[:10])
    before, stats = server.wait_status(name, stepped=393), server.get("/db/stats")
    rows = server.rows(name)
    table = f'SELECT * FROM "{name}_estimates"'
    wait(lambda: len(query(server, table)) == 393, "all estimates")
    estimates = query(server, table)
    server.stop()
    server.start()
    at_once = server.status(name)
    assert {key: at_once[key] for key in LASTING} == {key: before[key] for key in LASTING}
    assert server.get("/db/stats") == stats and server.rows(name) == rows
    after = server.wait_status(name, stepped=393)
    assert {key: after[key] for key in LASTING} == {key: before[key] for key in LASTING}
    assert query(server, table) == estimates
    upload(server, name, records[400:])
    clean = [record for k, record in enumerate(records[5:], 5) if k != 20]
    assert_same(server.wait_status(name, stepped=593), plain_kalman(clean))


def test_a_script_that_draws_random_numbers_draws_the_same_after_a_restart(make_server: ServerFactory) -> None:
    server, undisturbed = make_server(), make_server()
    name, records = fresh("random"), drive(150)
    draws = "import random\n" + KALMAN.replace("mean=[0.6, 1.5]", "mean=[np.random.rand(), 1 + random.random()]")
    for one in (server, undisturbed):
        one.accept(name, draws)
        upload(one, name, records[:100])
        one.wait_status(name, stepped=99)
    server.stop()
    # Else it would go on from there, and draw nothing anew.
    change(server, "DELETE FROM lachesis_checkpoints")
    server.start()
    for one in (server, undisturbed):
        upload(one, name, records[100:])
    after, expected = (one.wait_status(name, stepped=149) for one in (server, undisturbed))
    assert (after["mean"], after["covariance"]) == (expected["mean"], expected["covariance"])


def test_a_parked_script_gets_another_chance_after_a_restart(make_server: ServerFactory) -> None:
    server = make_server()
    name, records = fresh("parked"), drive(50)
    server.accept(name, KALMAN.replace("    hours =", "    __import__('os')._exit(1)\n    hours ="))
    upload(server, name, records)
    wait(lambda: server.status(name)["phase"] == "parked", "parking")
    server.stop()
    server.start()
    assert server.status(name)["phase"] != "parked"
    wait(lambda: server.status(name)["phase"] == "parked", "parking")
    server.accept(name, KALMAN)
    assert_same(server.wait_status(name, stepped=49), plain_kalman(records))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_records_stream_in_loses_nothing(make_server: ServerFactory, number: signal.Signals) -> None:
    server = make_server()
    name, records = fresh("signal"), drive(2_000)
    server.accept(name, KALMAN)
    device = Streamer(server, name, records, seconds=2)
    device.start()
    wait(lambda: device.stored >= 500 or device.failure, "progress")
    if number == signal.SIGINT:
        os.kill(server.pid, number)
    server.stop()
    acknowledged_before = device.stored
    server.start()
    device.finish()
    assert acknowledged_before < 2_000 and device.cuts > 0
    assert [row["test_time"] for row in server.rows(name)] == [record["test_time"] for record in records]
    assert_same(server.wait_status(name, stepped=1_999), plain_kalman(records))


def test_uploads_are_told_that_the_server_goes(make_server: ServerFactory) -> None:
    server = make_server()
    name, records = fresh("told"), drive(200)

    async def stream() -> tuple[int | None, int]:
        async with connect(server, name, acknowledging=True) as socket:
            stored = await acknowledged(socket)
            for record in records:
                await socket.send(packed(record))
            while stored < len(records):
                stored = await acknowledged(socket)
            stopping = asyncio.create_task(asyncio.to_thread(server.stop))
            await asyncio.wait_for(socket.wait_closed(), PATIENCE)
            await stopping
            return socket.close_code, stored

    assert asyncio.run(stream()) == (1001, 200)
    server.start()
    assert server.stats(name)["data_stats"]["rows"] == 200


def test_scripts_that_hang_do_not_hold_up_the_end(make_server: ServerFactory) -> None:
    server = make_server()
    hanging = fresh("hanging")
    ignore = (
        "import signal\nfor k in range(1, 32):\n    try: signal.signal(k, signal.SIG_IGN)\n    except OSError: pass\n"
    )
    server.accept(hanging, KALMAN.replace("    hours =", "    while True: pass\n    hours ="))
    upload(server, hanging, drive(5))
    registering = threading.Thread(target=lambda: attempt(server, ignore + "while True: pass"))
    registering.start()
    wait(lambda: len(server.tree("worker")) == 2, "two workers")
    server.stop()
    registering.join()


def attempt(server: Server, definition: str) -> None:
    """Register a script at a server that may go meanwhile."""
    address = server.url
    try:
        form = {"name": fresh("attempt"), "definition": definition, "plugin": "kalman"}
        reply = httpx.post(f"{address}/online/register", data=form, timeout=PATIENCE, trust_env=False)
        assert 400 <= reply.status_code <= 503
    except httpx.TransportError:
        pass


def test_silent_connections_do_not_hold_up_the_end(make_server: ServerFactory) -> None:
    server = make_server()
    connections = [Connection(server) for _ in range(20)]
    try:
        for connection in connections[5:10]:
            connection.send(b"GET /health HTTP/1.1\r\n")
        for connection in connections[10:15]:
            connection.send(b"POST /db/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
        for connection in connections[15:]:
            connection.send(
                b"GET /db/upload/silent HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
        server.stop()
    finally:
        for connection in connections:
            connection.close()


def test_a_server_with_many_estimators_ends_in_time_and_comes_back(make_server: ServerFactory) -> None:
    server = make_server()
    names, records = [fresh("many") for _ in range(25)], drive(40)
    for name in names:
        server.accept(name, KALMAN)
        upload(server, name, records)
    server.stop()
    server.start()
    expected = plain_kalman(records)
    for name in names:
        assert_same(server.wait_status(name, stepped=39), expected)


def test_a_server_may_be_stopped_as_soon_as_it_listens(make_server: ServerFactory) -> None:
    server = make_server()
    for _ in range(3):
        server.stop()
        server.start()
