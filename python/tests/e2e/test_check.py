"""`POST /online/check`: a script is tried and nothing of it stays."""

from typing import Any

import httpx
import tokens
from cells import KALMAN, assert_same, drive, plain_kalman
from processes import wait
from server import Files, Server, ServerFactory, fresh
from streaming import upload


def check(server: Server, name: str, definition: str, files: Files | None = None, **fields: str) -> httpx.Response:
    parts: Files = [("name", (None, name)), ("definition", (None, definition)), ("plugin", (None, "kalman"))]
    parts += [(key, (None, value)) for key, value in fields.items()]
    return server.http.post("/online/check", files=parts + (files or []))


def accepted(server: Server, name: str, definition: str, **more: Any) -> dict[str, Any]:
    reply = check(server, name, definition, **more)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_script_is_tried_over_the_newest_records(make_server: ServerFactory) -> None:
    server = make_server()
    name, records = fresh("try"), drive(500)
    upload(server, name, records)
    script = "print('hello', open('note.txt').read())\n" + KALMAN
    found = accepted(server, name, script, files=[("files", ("note.txt", b"there"))], rows="200")
    assert (found["name"], found["estimator"], found["complete"]) == (name, "ExtendedKalmanFilter", True)
    assert (found["records"], found["stepped"], found["skipped"], found["failed"]) == (200, 199, 0, 0)
    assert found["latest_time"] == records[-1]["test_time"] and found["last_error"] is None
    assert found["log"] == "hello there" and found["output_names"] == ["terminal_voltage"]
    assert found["seconds"]["build"] > 0 and found["seconds"]["steps"] > 0
    assert_same(found, plain_kalman(records[-200:]))
    # Nothing of it is left.
    assert server.status(name) is None and server.stats(name)["has_estimator"] is False
    assert server.http.get(f"/online/{name}/logs").status_code == 404
    wait(lambda: not server.tree("worker"), "an end of the process")
    assert server.accept(name, KALMAN)["version"] == 1


def test_an_estimator_that_runs_is_not_disturbed(server: Server) -> None:
    name, records = fresh("beside"), drive(300)
    server.accept(name, "print('mine')\n" + KALMAN)
    upload(server, name, records)
    before = server.wait_status(name, stepped=299)
    found = accepted(server, name, "print('other')\n" + KALMAN.replace("[0.6, 1.5]", "[0.5, 1.2]"))
    assert found["records"] == 300 and found["mean"] != before["mean"]
    # A checkpoint may be made meanwhile.
    same = ("version", "mean", "covariance", "latest_time", "stepped", "failed", "last_error", "restarts", "phase")
    after = server.status(name)
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    log = server.get(f"/online/{name}/logs")
    assert [entry["text"] for entry in log["entries"]] == ["mine"]


def test_a_battery_without_records_gives_the_first_state(server: Server) -> None:
    found = accepted(server, fresh("empty"), KALMAN)
    assert (found["records"], found["stepped"], found["latest_time"]) == (0, 0, None)
    assert found["mean"] == [0.6, 1.5] and found["complete"]
    name = fresh("none")
    upload(server, name, drive(10))
    assert accepted(server, name, KALMAN, rows="0")["records"] == 0


def test_steps_that_fail_are_counted_and_told(server: Server) -> None:
    name = fresh("fails")
    upload(server, name, drive(20))
    found = accepted(server, name, KALMAN.replace("    hours =", "    1 / 0\n    hours ="))
    assert found["failed"] == 19 and "ZeroDivisionError" in found["last_error"]


def test_what_does_not_work_is_said_as_for_a_registration(server: Server) -> None:
    name = fresh("wrong")
    upload(server, name, drive(20))
    reply = check(server, name, "x = 1\nraise ValueError('no')")
    assert reply.status_code == 422 and "ValueError: no" in reply.json()["detail"]
    assert "line 2" in reply.json()["detail"]
    reply = check(server, name, KALMAN.replace("    hours =", "    import os; os._exit(4)\n    hours ="))
    assert reply.status_code == 422 and "exit status 4" in reply.json()["detail"]
    for rows in ("-1", "100001", "x", "1.5"):
        reply = check(server, name, KALMAN, rows=rows)
        assert reply.status_code == 422 and "rows" in reply.text
    assert check(server, ".x", KALMAN).status_code == 422
    assert server.http.post("/online/check", json={}).status_code in (400, 415, 422)
    assert server.status(name) is None


def test_trying_is_for_those_who_register(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    server.token = tokens.create(server, "register", label="scientist")
    reader = tokens.shown(tokens.create(server, "read", label="reader"))
    server.start()
    server.wait_plugins()
    assert server.http.post("/online/check", headers=reader).status_code == 403
    name = fresh("role")
    accepted(server, name, KALMAN)
    entry = tokens.audited(server, "POST /online/check", outcome="ok")
    assert (entry["battery"], entry["status"]) == (name, 200)
