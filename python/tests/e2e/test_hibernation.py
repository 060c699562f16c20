"""Estimators without records: their processes end, and nobody can tell from the numbers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cells import JOINT, KALMAN, Script, assert_same, drive, plain_kalman
from database import forget_records, query
from processes import wait
from server import Server, ServerFactory, fresh
from streaming import Streamer, upload

SOON = ("--hibernate-after", "0.5")
SLOW = KALMAN.replace("    hours =", "    __import__('time').sleep(0.001)\n    hours =")
"""Its transition is asked for five times a step."""
UNSAVED = KALMAN.replace(
    "estimator = ExtendedKalmanFilter(", "class Own(ExtendedKalmanFilter):\n    pass\n\nestimator = Own("
)
SCRIPTS = [
    pytest.param(Script(KALMAN), id="kalman"),
    pytest.param(Script(JOINT, "moirae"), id="joint", marks=pytest.mark.moirae),
]


def wait_asleep(server: Server, *names: str) -> None:
    """Wait until estimators hibernate and no worker is left but the others'."""
    for name in names:
        server.wait_status(name, phase="hibernating")
    awake = sum(status["phase"] != "hibernating" for status in server.get("/online/status").values())
    wait(lambda: living_workers(server) <= awake, lambda: f"an end of workers: {server.tree('worker')}")


def living_workers(server: Server) -> int:
    """Count the workers that live at one moment: the one between the two looks that each of them has lived to see."""
    return sum(worker.is_alive for worker in server.tree("worker"))


@contextmanager
def census(server: Server) -> Iterator[list[int]]:
    """Count the living workers again and again; what is counted is in the list."""
    counts: list[int] = []
    ended = threading.Event()

    def count() -> None:
        while not ended.wait(0.01):
            counts.append(living_workers(server))

    counting = threading.Thread(target=count)
    counting.start()
    try:
        yield counts
    finally:
        ended.set()
        counting.join()


def lasting(status: dict[str, Any]) -> dict[str, Any]:
    """Return what hibernation does not change of a status."""
    return {key: value for key, value in status.items() if key not in ("phase", "checkpoint")}


def test_an_idle_estimator_hibernates_and_its_status_stays(make_server: ServerFactory) -> None:
    server = make_server(*SOON)
    name = fresh("idle")
    server.accept(name, KALMAN)
    upload(server, name, drive(100))
    before = server.wait_status(name, stepped=99)
    wait_asleep(server, name)
    after = server.status(name)
    assert lasting(after) == lasting(before) and after["is_ready"] and after["checkpoint"] == 100
    assert server.get("/health")["status"] == "ok" and living_workers(server) == 0


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_next_record_wakes_it_where_it_was(make_server: ServerFactory, tmp_path: Path, script: Script) -> None:
    server = make_server(*SOON)
    name, records = fresh("wakes"), drive(240)
    script.register(server, name)
    for begin, end in ((0, 100), (100, 101), (101, 240)):
        upload(server, name, records[begin:end])
        status = server.wait_status(name, stepped=end - 1)
        assert_same(status, script.plain(records[:end], tmp_path))
        wait_asleep(server, name)
        if begin == 0:
            forget_records(server, name, 100)
    status = server.status(name)
    assert (status["restarts"], status["checkpoint_problem"], status["checkpoint"]) == (0, None, 240)
    table = f'SELECT test_time FROM "{name}_estimates" ORDER BY lachesis_sequence'
    assert [time for (time,) in query(server, table)] == [record["test_time"] for record in records[1:]]


def test_before_any_record_it_hibernates_as_well(make_server: ServerFactory) -> None:
    server = make_server(*SOON)
    name, records = fresh("before"), drive(50)
    server.accept(name, KALMAN)
    wait_asleep(server, name)
    assert server.status(name)["mean"] == [0.6, 1.5]
    upload(server, name, records)
    assert_same(server.wait_status(name, stepped=49), plain_kalman(records))


def test_it_goes_on_after_a_restart_of_the_server(make_server: ServerFactory) -> None:
    server = make_server(*SOON)
    name, records = fresh("restart"), drive(200)
    server.accept(name, KALMAN)
    upload(server, name, records[:100])
    wait_asleep(server, name)
    server.kill()
    forget_records(server, name, 100)
    server.start()
    server.wait_status(name, stepped=99)
    wait_asleep(server, name)
    upload(server, name, records[100:])
    assert_same(server.wait_status(name, stepped=199), plain_kalman(records))


def test_another_version_takes_the_place_of_one_that_hibernates(make_server: ServerFactory) -> None:
    server = make_server(*SOON)
    name, records = fresh("replaced"), drive(150)
    other = KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.5, 1.0]")
    server.accept(name, KALMAN)
    upload(server, name, records[:100])
    wait_asleep(server, name)
    assert server.accept(name, other)["version"] == 2
    assert_same(server.wait_status(name, stepped=99, version=2), plain_kalman(records[:100], other))
    wait_asleep(server, name)
    upload(server, name, records[100:])
    assert_same(server.wait_status(name, stepped=149), plain_kalman(records, other))


def test_records_that_come_as_it_falls_asleep_are_not_missed(make_server: ServerFactory) -> None:
    server = make_server("--hibernate-after", "0", "--max-workers", "2")
    names, records = [fresh("drowsy") for _ in range(3)], drive(600)
    for name in names:
        server.accept(name, KALMAN)
    devices = [Streamer(server, name, records, seconds=2) for name in names]
    for device in devices:
        device.start()
    for device in devices:
        device.finish()
    for name in names:
        assert_same(server.wait_status(name, stepped=599, restarts=0), plain_kalman(records))


def test_no_more_workers_live_than_allowed(make_server: ServerFactory) -> None:
    server = make_server("--max-workers", "3")
    names, records = [fresh("crowd") for _ in range(9)], drive(900)
    with census(server) as counts:
        for name in names:
            server.accept(name, KALMAN)
        devices = [Streamer(server, name, records, seconds=2) for name in names]
        for device in devices:
            device.start()
        for device in devices:
            device.finish()
        for name in names:
            assert_same(server.wait_status(name, stepped=899, failed=0, restarts=0), plain_kalman(records))
    assert max(counts) == 3, f"{max(counts)} workers lived at once"


def test_after_a_restart_no_more_workers_live_than_allowed(make_server: ServerFactory) -> None:
    server = make_server("--max-workers", "2")
    names, records = [fresh("restart") for _ in range(6)], drive(150)
    for name in names:
        server.accept(name, KALMAN)
        upload(server, name, records[:100])
    before = {name: server.wait_status(name, stepped=99) for name in names}
    server.stop()
    server.start()
    for name in names:
        assert server.status(name)["mean"] == before[name]["mean"]
    with census(server) as counts:
        for name in names:
            server.wait_status(name, stepped=99)
            upload(server, name, records[100:])
        for name in names:
            assert_same(server.wait_status(name, stepped=149, restarts=0), plain_kalman(records))
    assert max(counts) <= 2, f"{max(counts)} workers lived at once"


def test_the_one_used_least_recently_makes_room(make_server: ServerFactory) -> None:
    server = make_server("--max-workers", "2")
    records = drive(60)
    used_first, used_last, newest = (fresh(stem) for stem in ("first", "last", "newest"))
    server.accept(used_last, KALMAN)
    server.accept(used_first, KALMAN)
    for name in (used_first, used_last):
        upload(server, name, records[:30])
        server.wait_status(name, stepped=29, phase="running")
        # An estimator is idle once its estimates are written, too.
        wait(lambda of=name: len(query(server, f'SELECT 1 FROM "{of}_estimates"')) == 29, "all estimates")
    time.sleep(0.2)

    def phases() -> list[str]:
        return [server.status(name)["phase"] for name in (used_first, used_last, newest)]

    server.accept(newest, KALMAN)
    wait(lambda: phases() == ["hibernating", "running", "running"], lambda: f"room for the newest: {phases()}")
    upload(server, newest, records[:30])
    server.wait_status(newest, stepped=29, phase="running")
    upload(server, used_first, records[30:])
    assert_same(server.wait_status(used_first, stepped=59, phase="running"), plain_kalman(records))
    wait(lambda: phases() == ["running", "hibernating", "running"], lambda: f"room for the first: {phases()}")


def test_a_busy_estimator_makes_room_when_its_turn_is_over(make_server: ServerFactory) -> None:
    server = make_server("--max-workers", "1")
    busy, other, records = fresh("busy"), fresh("other"), drive(800)
    server.accept(other, KALMAN)
    server.accept(busy, SLOW)
    with census(server) as counts:
        upload(server, busy, records)
        upload(server, other, records[:50])
        assert_same(server.wait_status(other, stepped=49, restarts=0), plain_kalman(records[:50]))
        assert 0 < server.status(busy)["stepped"] < 799, "nobody took turns"
        assert_same(server.wait_status(busy, stepped=799, restarts=0), plain_kalman(records))
    assert max(counts) == 1, f"{max(counts)} workers lived at once"


def test_estimators_that_cannot_be_saved_get_their_turns_too(make_server: ServerFactory) -> None:
    server = make_server("--max-workers", "1", *SOON)
    names, records = [fresh("unsaved") for _ in range(3)], drive(100)
    for name in names:
        server.accept(name, UNSAVED)
    for start in (0, 50):
        for name in names:
            upload(server, name, records[start : start + 50])
    for name in names:
        assert_same(server.wait_status(name, stepped=99, failed=0, restarts=0), plain_kalman(records))


def test_registrations_find_room_among_the_busy(make_server: ServerFactory) -> None:
    server = make_server("--max-workers", "1")
    busy, other, records = fresh("busy"), fresh("other"), drive(300)
    server.accept(busy, SLOW)
    upload(server, busy, records)
    for wrong in ("raise RuntimeError('on purpose')", "import os; os._exit(1)", "estimator = 5"):
        assert server.register(fresh("wrong"), wrong).status_code == 422
    server.accept(other, KALMAN)
    upload(server, other, records)
    for name in (other, busy):
        assert_same(server.wait_status(name, stepped=299, restarts=0), plain_kalman(records))
