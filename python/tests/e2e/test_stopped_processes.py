"""Processes that stop, for a moment or for good: the numbers stay the same."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from database import query
from processes import Process, look_up, wait
from server import ServerFactory, fresh
from streaming import Streamer, upload


@pytest.fixture
def frozen() -> Iterator[list[Process]]:
    """Processes that a test stops; they go on at its end if they are still there."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        if process.is_alive:
            os.kill(process.pid, signal.SIGCONT)


def freeze(process: Process, frozen: list[Process]) -> None:
    frozen.append(process)
    os.kill(process.pid, signal.SIGSTOP)
    wait(lambda: (now := look_up(process.pid)) is None or now.state == "T", "a stopped process")


def test_a_worker_that_stops_is_replaced(make_server: ServerFactory, frozen: list[Process]) -> None:
    server = make_server("--step-timeout", "1")
    name, records = fresh("stopped"), drive(1_500)
    server.accept(name, KALMAN)
    (worker,) = server.tree("worker")
    device = Streamer(server, name, records, seconds=1.5)
    device.start()
    wait(lambda: device.stored >= 300 or device.failure, "progress")
    freeze(worker, frozen)
    device.finish()
    assert device.cuts == 0, "ingest does not depend on workers"
    assert_same(server.wait_status(name, stepped=1_499, restarts=1, failed=0), plain_kalman(records))
    assert not worker.is_alive
    table = f'SELECT test_time FROM "{name}_estimates" ORDER BY lachesis_sequence'
    wait(lambda: len(query(server, table)) == 1_499, "all estimates")
    assert [time for (time,) in query(server, table)] == [record["test_time"] for record in records[1:]]


def test_a_worker_that_stops_for_a_moment_goes_on(make_server: ServerFactory, frozen: list[Process]) -> None:
    server = make_server()
    name, records = fresh("moment"), drive(800)
    server.accept(name, KALMAN)
    (worker,) = server.tree("worker")
    device = Streamer(server, name, records, seconds=1.5)
    device.start()
    for stored in (100, 300, 500):
        wait(lambda count=stored: device.stored >= count or device.failure, "progress")
        freeze(worker, frozen)
        time.sleep(0.2)
        os.kill(worker.pid, signal.SIGCONT)
    device.finish()
    assert_same(server.wait_status(name, stepped=799, restarts=0), plain_kalman(records))
    assert worker.is_alive


def test_a_worker_that_comes_back_when_another_has_its_place_changes_nothing(
    make_server: ServerFactory, frozen: list[Process]
) -> None:
    server = make_server("--checkpoint-records", "50")
    name, records = fresh("revived"), drive(400)
    changed = KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.5, 1.0]")
    server.accept(name, changed)
    (worker,) = server.tree("worker")
    upload(server, name, records[:200])
    server.wait_status(name, stepped=199)
    freeze(worker, frozen)
    upload(server, name, records[200:])
    server.accept(name, KALMAN)
    if worker.is_alive:
        os.kill(worker.pid, signal.SIGCONT)
    expected = plain_kalman(records)
    assert_same(server.wait_status(name, stepped=399, version=2), expected)
    wait(lambda: not worker.is_alive, "an end of the former worker")
    assert_same(server.wait_status(name, stepped=399, version=2, restarts=0), expected)
    server.stop()
    server.start()
    assert_same(server.wait_status(name, stepped=399, version=2), expected)


def test_a_host_that_stops_is_replaced(make_server: ServerFactory, frozen: list[Process]) -> None:
    server = make_server()
    names, records = [fresh("host") for _ in range(2)], drive(1_200)
    for name in names:
        server.accept(name, KALMAN)
    devices = [Streamer(server, name, records, seconds=2) for name in names]
    for device in devices:
        device.start()
    wait(lambda: all(device.stored >= 200 or device.failure for device in devices), "progress")
    host = server.host()
    freeze(host, frozen)
    for device in devices:
        device.finish()
        assert device.cuts == 0, "ingest does not depend on the host"
    assert set(server.get("/online/status")) == set(names)
    assert len(server.rows(names[0])) == 1_200
    for name in names:
        assert_same(server.wait_status(name, stepped=1_199, failed=0), plain_kalman(records))
    assert not host.is_alive and server.host().pid != host.pid
    late = fresh("late")
    server.accept(late, KALMAN)
    upload(server, late, records)
    assert_same(server.wait_status(late, stepped=1_199), plain_kalman(records))
