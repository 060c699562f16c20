"""Where an estimator begins, and how one version follows another."""

import json
import threading
import time

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from database import query
from processes import wait
from server import Server, ServerFactory, fresh
from streaming import Streamer, upload

OTHER = KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.5, 1.0]")


@pytest.mark.parametrize("place", ["form", "query"])
def test_from_now_steps_only_what_is_stored_after_the_registration(make_server: ServerFactory, place: str) -> None:
    server = make_server("--checkpoint-records", "1000000", "--checkpoint-interval", "3600")
    name, records = fresh("now"), drive(300)
    upload(server, name, records[:100])
    if place == "form":
        reply = server.register(name, KALMAN, **{"from": "now"})
    else:
        form = {"name": name, "definition": KALMAN, "plugin": "kalman"}
        reply = server.http.post("/online/register", data=form, params={"from": "now"})
    assert reply.status_code == 200, reply.text
    status = server.wait_status(name)
    assert (status["latest_time"], status["stepped"], status["mean"]) == (None, 0, [0.6, 1.5])
    upload(server, name, records[100:200])
    assert_same(server.wait_status(name, stepped=99, skipped=0), plain_kalman(records[100:200]))
    # Without a checkpoint: it begins again where it did.
    server.kill()
    server.start()
    upload(server, name, records[200:])
    assert_same(server.wait_status(name, stepped=199, skipped=0), plain_kalman(records[100:]))
    table = f'SELECT test_time FROM "{name}_estimates" ORDER BY lachesis_sequence'
    wait(lambda: len(query(server, table)) == 199, "all estimates")
    assert [time for (time,) in query(server, table)] == [record["test_time"] for record in records[101:]]


def test_from_now_holds_for_a_new_version_alone(server: Server) -> None:
    name, records = fresh("now-again"), drive(200)
    server.accept(name, KALMAN)
    upload(server, name, records[:100])
    server.wait_status(name, stepped=99)
    assert server.accept(name, KALMAN, **{"from": "now"})["version"] == 2
    upload(server, name, records[100:])
    assert_same(server.wait_status(name, stepped=99, version=2), plain_kalman(records[100:]))
    assert server.accept(name, KALMAN, **{"from": "start"})["version"] == 3
    assert_same(server.wait_status(name, stepped=199, version=3), plain_kalman(records))
    server.accept(name, KALMAN)
    assert_same(server.wait_status(name, stepped=199, version=4), plain_kalman(records))


def test_from_now_without_records_is_from_the_start(server: Server) -> None:
    name, records = fresh("now-first"), drive(80)
    server.accept(name, KALMAN, **{"from": "now"})
    upload(server, name, records)
    assert_same(server.wait_status(name, stepped=79), plain_kalman(records))


@pytest.mark.parametrize("value", ["Now", "then", "0", "start,now", "now "])
def test_from_anything_else_is_refused(server: Server, value: str) -> None:
    name, records = fresh("then"), drive(50)
    server.accept(name, KALMAN)
    upload(server, name, records)
    reply = server.register(name, OTHER, **{"from": value})
    assert reply.status_code == 422 and "from" in json.dumps(reply.json()["detail"]), reply.text
    assert_same(server.wait_status(name, stepped=49, version=1), plain_kalman(records))


# Another version


def test_the_former_version_goes_on_until_the_new_one_is_ready(server: Server) -> None:
    name, records = fresh("former"), drive(1_500)
    server.accept(name, KALMAN)
    device = Streamer(server, name, records, seconds=3)
    device.start()
    wait(lambda: device.stored >= 200 or device.failure, "progress")
    before = server.status(name)
    registering = threading.Thread(target=server.accept, args=(name, "import time\ntime.sleep(1)\n" + OTHER))
    registering.start()
    seen = []
    while registering.is_alive():
        status = server.status(name)
        assert status["is_ready"] or status["version"] == 2, status
        seen += [status["stepped"]] if status["version"] == 1 else []
        time.sleep(0.01)
    assert max(seen) > before["stepped"], "the former version did not go on"
    device.finish()
    assert_same(server.wait_status(name, stepped=1_499, version=2), plain_kalman(records, OTHER))


def test_late_results_of_the_former_version_change_nothing(server: Server) -> None:
    name, records = fresh("late"), drive(200)
    # Its first batch is answered long after the next version has answered everything.
    server.accept(name, OTHER.replace("    hours =", "    __import__('time').sleep(0.2)\n    hours ="))
    upload(server, name, records)
    server.accept(name, KALMAN)
    expected = plain_kalman(records)
    assert_same(server.wait_status(name, stepped=199, version=2), expected)
    table = f'SELECT * FROM "{name}_estimates" ORDER BY lachesis_sequence'
    wait(lambda: len(query(server, table)) == 199, "all estimates")
    estimates = query(server, table)
    time.sleep(1.5)
    status = server.wait_status(name, stepped=199, version=2, restarts=0)
    assert_same(status, expected)
    assert query(server, table) == estimates
