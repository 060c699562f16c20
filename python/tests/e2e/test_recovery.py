"""Whatever is killed while records stream in: each is stored once, and the estimates are those of a plain loop."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from cells import JOINT, KALMAN, MOIRAE_FILES, Estimate, Record, assert_same, drive, plain_kalman, plain_moirae
from database import query
from processes import Process, descendants, look_up, wait
from server import Server, ServerFactory, fresh
from streaming import Streamer, upload

KILLS = 3


def victim(server: Server, kind: str, name: str) -> Process:
    """Find the process to kill; the worker is the one of a battery's estimator, the zygote that worker's parent."""
    if kind == "server":
        found = look_up(server.pid)
    elif kind == "host":
        found = server.host()
    else:
        # The server of these tests has one estimator.
        (found,) = wait(lambda: server.tree("worker"), lambda: f"a worker: {server.status(name)}")
        if kind == "zygote":
            found = look_up(found.parent)
    assert found is not None
    return found


def kill(server: Server, kind: str, name: str) -> None:
    target = victim(server, kind, name)
    if kind == "server":
        server.kill()
        server.start()
        return
    below = descendants(target.pid)
    os.kill(target.pid, signal.SIGKILL)
    wait(lambda: not any(one.is_alive for one in (target, *below)), lambda: f"an end of {target} and {below}", 20)


def assert_all_there(server: Server, name: str, records: list[Record], expected: Estimate) -> None:
    times = [record["test_time"] for record in records]
    assert [row["test_time"] for row in server.rows(name)] == times
    status = server.wait_status(name, stepped=len(records) - 1)
    assert_same(status, expected)
    assert (status["failed"], status["skipped"], status["version"]) == (0, 0, 1)
    table = f'SELECT test_time FROM "{name}_estimates" ORDER BY lachesis_sequence'
    wait(lambda: len(query(server, table)) == len(records) - 1, "all estimates")
    assert [time for (time,) in query(server, table)] == times[1:]


@pytest.mark.parametrize("kind", ["worker", "zygote", "host", "server"])
def test_a_kill_loses_nothing(make_server: ServerFactory, kind: str) -> None:
    server = make_server()
    name, records = fresh(kind), drive(3_000)
    server.accept(name, KALMAN)
    device = Streamer(server, name, records, seconds=3)
    device.start()
    for number in range(KILLS):
        wait(lambda count=700 * (number + 1): device.stored >= count or device.failure, "progress")
        kill(server, kind, name)
    device.finish()
    assert (device.cuts > 0) == (kind == "server"), "an upload was cut"
    assert_all_there(server, name, records, plain_kalman(records))
    if kind != "server":
        assert server.status(name)["restarts"] >= 1


@pytest.mark.moirae
@pytest.mark.parametrize("kind", ["worker", "server"])
def test_a_kill_loses_nothing_of_moirae(make_server: ServerFactory, tmp_path: Path, kind: str) -> None:
    server = make_server()
    name, records = fresh(kind), drive(600)
    server.accept(name, JOINT, plugin="moirae", files=MOIRAE_FILES)
    device = Streamer(server, name, records, seconds=1)
    device.start()
    wait(lambda: device.stored >= 300 or device.failure, "progress")
    kill(server, kind, name)
    device.finish()
    assert_all_there(server, name, records, plain_moirae(records, JOINT, tmp_path))


def test_kills_in_quick_succession_lose_nothing(make_server: ServerFactory) -> None:
    server = make_server()
    name, records = fresh("again"), drive(1_500)
    server.accept(name, KALMAN)
    device = Streamer(server, name, records, seconds=1)
    device.start()
    for kind in ("worker", "server", "host", "zygote", "server", "server", "host", "worker"):
        kill(server, kind, name)
    device.finish()
    assert_all_there(server, name, records, plain_kalman(records))


def test_a_killed_worker_disturbs_no_other(make_server: ServerFactory) -> None:
    server = make_server()
    name, neighbour, records = fresh("killed"), fresh("neighbour"), drive(1_000)
    server.accept(name, KALMAN)
    (worker,) = server.tree("worker")
    server.accept(neighbour, KALMAN)
    devices = [Streamer(server, battery, records, seconds=1) for battery in (name, neighbour)]
    for device in devices:
        device.start()
    wait(lambda: devices[0].stored >= 300 or devices[0].failure, "progress")
    os.kill(worker.pid, signal.SIGKILL)
    for device in devices:
        device.finish()
    assert_all_there(server, neighbour, records, plain_kalman(records))
    assert server.status(neighbour)["restarts"] == 0 and server.status(neighbour)["last_error"] is None
    assert_all_there(server, name, records, plain_kalman(records))
    assert server.status(name)["restarts"] == 1


def test_while_an_estimator_restarts_its_last_word_stays(make_server: ServerFactory) -> None:
    server = make_server()
    name, records = fresh("last-word"), drive(200)
    server.accept(name, "import time\ntime.sleep(1)\n" + KALMAN)
    upload(server, name, records)
    before = server.wait_status(name, stepped=199)
    (worker,) = server.tree("worker")
    os.kill(worker.pid, signal.SIGKILL)
    during = wait(lambda: not (status := server.status(name))["is_ready"] and status, "a restart")
    for field in ("latest_time", "mean", "covariance", "state_names", "version", "stepped"):
        assert during[field] == before[field]
    assert during["phase"] != "running" and "SIGKILL" in (during["last_error"] or "SIGKILL")
    after = server.wait_status(name, stepped=199)
    assert (after["mean"], after["restarts"], after["last_error"]) == (before["mean"], 1, None)


def test_registrations_and_uploads_work_again_after_the_host_was_killed(make_server: ServerFactory) -> None:
    server = make_server()
    os.kill(server.host().pid, signal.SIGKILL)
    name, records = fresh("after"), drive(50)
    # No failure of the script: the registration waits for a host.
    server.accept(name, KALMAN)
    upload(server, name, records)
    assert_same(server.wait_status(name, stepped=49), plain_kalman(records))
    assert server.get("/health")["hosts"] == 1


def test_a_registration_under_way_when_its_worker_is_killed_is_answered(make_server: ServerFactory) -> None:
    server = make_server()
    name = fresh("under-way")
    replies: list[int] = []
    registering = threading.Thread(
        target=lambda: replies.append(server.register(name, "import time\ntime.sleep(2)\n" + KALMAN).status_code)
    )
    registering.start()
    (worker,) = wait(lambda: server.tree("worker"), "a worker")
    time.sleep(0.3)
    os.kill(worker.pid, signal.SIGKILL)
    registering.join(60)
    # Whether it is told that the script's process ended, or was built in another one.
    assert replies in ([200], [422])
    assert server.register(name, KALMAN).status_code == 200
