"""`/admin/workers`: what administrators see of workers, and do to them."""

import time
from typing import Any
from urllib.parse import quote

import pytest
import tokens
from cells import JOINT, KALMAN, Script, assert_same, drive, plain_kalman
from processes import look_up, wait
from server import Server, ServerFactory, fresh
from streaming import upload

CRASHING = KALMAN.replace("    hours =", "    import os; os._exit(3)\n    hours =")


def order(server: Server, name: str, what: str) -> Any:
    return server.http.post(f"/admin/workers/{quote(name)}/{what}")


def accepted(server: Server, name: str, what: str) -> str:
    """Give an order that must be accepted; return the state that the answer names."""
    reply = order(server, name, what)
    assert reply.status_code == 200, reply.text
    assert reply.json()["name"] == name
    return reply.json()["state"]


def worker(server: Server, name: str) -> dict[str, Any]:
    found = [one for one in server.get("/admin/workers")["workers"] if one["name"] == name]
    assert len(found) == 1, found
    return found[0]


def test_what_is_known_of_a_worker(make_server: ServerFactory) -> None:
    server = make_server()
    name = fresh("Überblick")
    before = time.time()
    server.accept(name, KALMAN, memory_mb="512")
    upload(server, name, drive(300))
    server.wait_status(name, stepped=299)
    wait(lambda: worker(server, name)["memory_bytes"], "a measurement")
    one = worker(server, name)
    assert one["state"] == "running" and one["version"] == 1 and one["plugin"] == "kalman"
    assert one["estimator"] == "ExtendedKalmanFilter"
    assert (one["stepped"], one["skipped"], one["failed"]) == (299, 0, 0)
    assert (one["lag_records"], one["lag_seconds"], one["restarts"], one["last_error"]) == (0, 0, 0, None)
    process = look_up(one["pid"])
    assert process and process.name == "lachesis-worker"
    assert 1 << 20 < one["memory_bytes"] < 200 << 20 and one["cpu_seconds"] >= 0
    assert before - 1 <= one["started"] <= time.time() + 1 and one["steps_per_second"] >= 0
    assert one["limits"]["memory_bytes"] == 512 << 20 and one["limits"]["step_seconds"] == 5
    overview = server.get("/admin/workers")
    assert overview["max_workers"] == 1000
    assert [host["workers"] for host in overview["hosts"]] == [1] and overview["hosts"][0]["name"]


def test_a_paused_one_keeps_its_process_and_steps_no_record(server: Server) -> None:
    name, records = fresh("pause"), drive(400)
    server.accept(name, KALMAN)
    upload(server, name, records[:100])
    server.wait_status(name, stepped=99)
    pid = worker(server, name)["pid"]
    assert accepted(server, name, "pause") == "paused"
    assert accepted(server, name, "pause") == "paused", "twice is no mistake"
    upload(server, name, records[100:])
    time.sleep(1)
    status = server.status(name)
    assert (status["phase"], status["stepped"], status["waiting"]) == ("paused", 99, 300)
    assert status["is_ready"] is False
    one = worker(server, name)
    assert (one["state"], one["pid"], one["lag_records"]) == ("paused", pid, 300) and one["lag_seconds"] >= 1
    assert accepted(server, name, "checkpoint") == "paused"
    assert server.status(name)["checkpoint"] == 100
    assert accepted(server, name, "resume") == "running"
    assert_same(server.wait_status(name, stepped=399), plain_kalman(records))
    assert worker(server, name)["pid"] == pid


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(KALMAN), id="kalman"),
        pytest.param(Script(JOINT, "moirae"), id="joint", marks=pytest.mark.moirae),
    ],
)
def test_a_stopped_one_ends_and_goes_on_where_it_was(server: Server, tmp_path: Any, script: Script) -> None:
    name, records = fresh("stop"), drive(300)
    script.register(server, name)
    upload(server, name, records[:150])
    server.wait_status(name, stepped=149)
    pid = worker(server, name)["pid"]
    assert accepted(server, name, "stop") == "stopped"
    wait(lambda: look_up(pid) is None, "an end of the process")
    upload(server, name, records[150:])
    time.sleep(0.5)
    one = worker(server, name)
    assert (one["state"], one["pid"], one["memory_bytes"], one["lag_records"]) == ("stopped", None, None, 150)
    for what, reason in (("pause", "stopped"), ("restart", "stopped"), ("checkpoint", "no process")):
        reply = order(server, name, what)
        assert reply.status_code == 409 and reason in reply.json()["detail"], reply.text
    assert server.get("/health")["estimators"]["stopped"] >= 1
    assert accepted(server, name, "resume") in ("starting", "running")
    status = server.wait_status(name, stepped=299)
    assert_same(status, script.plain(records, tmp_path))
    assert status["restarts"] == 0


def test_a_hold_outlives_the_server_and_ends_with_a_registration(make_server: ServerFactory) -> None:
    server = make_server()
    paused, stopped, records = fresh("paused"), fresh("stopped"), drive(100)
    for name, what in ((paused, "pause"), (stopped, "stop")):
        server.accept(name, KALMAN)
        upload(server, name, records[:50])
        server.wait_status(name, stepped=49)
        accepted(server, name, what)
    server.kill()
    server.start()
    for name, state in ((paused, "paused"), (stopped, "stopped")):
        upload(server, name, records[50:])
        wait(lambda name=name, state=state: worker(server, name)["state"] == state, "a hold")
    server.wait_plugins()
    time.sleep(0.5)
    assert [worker(server, name)["stepped"] for name in (paused, stopped)] == [49, 49]
    accepted(server, paused, "resume")
    assert_same(server.wait_status(paused, stepped=99), plain_kalman(records))
    assert server.accept(stopped, KALMAN)["version"] == 2
    assert_same(server.wait_status(stopped, stepped=99), plain_kalman(records))
    server.stop()
    server.start()
    server.wait_status(stopped, stepped=99)


def test_a_restarted_one_goes_on_from_its_state_in_another_process(server: Server) -> None:
    name, records = fresh("restart"), drive(600)
    server.accept(name, KALMAN)
    upload(server, name, records[:300])
    server.wait_status(name, stepped=299)
    before = worker(server, name)["pid"]
    accepted(server, name, "restart")
    upload(server, name, records[300:])
    status = server.wait_status(name, stepped=599)
    assert_same(status, plain_kalman(records))
    assert worker(server, name)["pid"] not in (None, before)
    assert status["checkpoint"] >= 300 and status["restarts"] == 0


def test_a_parked_one_is_revived_by_a_restart(server: Server) -> None:
    name, records = fresh("parked"), drive(20)
    server.accept(name, CRASHING)
    upload(server, name, records)
    wait(lambda: worker(server, name)["state"] == "parked", "a parked estimator", 120)
    restarts = worker(server, name)["restarts"]
    assert "exit status 3" in worker(server, name)["last_error"]
    assert order(server, name, "resume").status_code == 409
    accepted(server, name, "restart")
    wait(lambda: worker(server, name)["restarts"] > restarts, "another attempt", 120)
    assert accepted(server, name, "stop") == "stopped"
    assert server.http.delete(f"/db/{name}").status_code == 200


def test_orders_at_a_rush_leave_the_estimate_right(server: Server) -> None:
    name, records = fresh("rush"), drive(1_200)
    server.accept(name, KALMAN)
    for number in range(12):
        upload(server, name, records[100 * number : 100 * number + 100])
        for what in (("pause", "resume"), ("stop", "resume"), ("restart",), ("stop", "stop", "resume"))[number % 4]:
            accepted(server, name, what)
    assert_same(server.wait_status(name, stepped=1_199), plain_kalman(records))


def test_what_cannot_be_ordered(server: Server) -> None:
    name = fresh("nobody")
    for what in ("pause", "stop", "resume", "restart", "checkpoint"):
        assert order(server, name, what).status_code == 404
    assert order(server, name, "dance").status_code == 404
    assert server.http.post("/admin/workers/.x/pause").status_code == 422
    assert server.http.get(f"/admin/workers/{name}/pause").status_code == 405
    name = fresh("asleep")
    server.accept(name, KALMAN)
    assert server.http.delete(f"/db/{name}").status_code == 200
    assert order(server, name, "pause").status_code == 404


def test_orders_are_for_admins_and_audited(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    server.token = tokens.create(server, "admin", label="boss")
    other = tokens.create(server, "register", "read", "upload", label="scientist")
    server.start()
    name = fresh("audited")
    server.accept(name, KALMAN)
    for method, path in (("GET", "/admin/workers"), ("POST", f"/admin/workers/{name}/stop")):
        assert server.http.request(method, path, headers=tokens.shown(other)).status_code == 403
    accepted(server, name, "pause")
    assert order(server, name, "restart").status_code == 409
    action = "POST /admin/workers/{name}/"
    entries = wait(
        lambda: len(found := [one for one in tokens.audit(server) if one["action"].startswith(action)]) >= 3 and found,
        "entries",
    )
    assert [(one["action"], one["outcome"], one["status"]) for one in entries] == [
        (action + "stop", "refused", 403), (action + "pause", "ok", 200), (action + "restart", "refused", 409),
    ]  # fmt: skip
    assert [one["battery"] for one in entries][1:] == [name, name]


# Limits


def limit(server: Server, name: str, **limits: str) -> Any:
    return server.http.post(f"/admin/workers/{quote(name)}/limits", params=limits)


def test_a_registered_script_is_limited_to_something_else(make_server: ServerFactory) -> None:
    server = make_server()
    name, records = fresh("limits"), drive(300)
    server.accept(name, KALMAN, memory_mb="512", step_timeout="3")
    upload(server, name, records[:200])
    server.wait_status(name, stepped=199)
    old = worker(server, name)["pid"]
    reply = limit(server, name, memory_mb="300", threads="5", step_timeout="")
    assert reply.status_code == 200, reply.text
    limits = reply.json()["limits"]
    assert (limits["memory_bytes"], limits["threads"], limits["step_seconds"]) == (300 << 20, 5, 5)
    wait(lambda: worker(server, name)["pid"] not in (None, old), "another process")
    upload(server, name, records[200:])
    assert_same(server.wait_status(name, stepped=299, version=1), plain_kalman(records))
    for _ in range(2):
        assert worker(server, name)["limits"] == limits
        (version,) = server.get(f"/online/{quote(name)}/versions")
        assert version["limits"] == {"memory_bytes": 300 << 20, "threads": 5}
        server.stop()
        server.start()
    tokens.audited(server, "POST /admin/workers/{name}/limits", battery=name, outcome="ok")


def test_one_that_was_parked_for_its_limit_goes_on_with_a_greater_one(server: Server) -> None:
    name, records = fresh("revived"), drive(3)
    slow = KALMAN.replace("    hours =", "    __import__('time').sleep(0.8)\n    hours =")
    assert slow != KALMAN
    server.accept(name, slow, step_timeout="0.5")
    upload(server, name, records)
    wait(lambda: worker(server, name)["state"] == "parked", lambda: f"an end: {worker(server, name)}", 60)
    assert "0.5 s (step_timeout)" in worker(server, name)["last_error"]
    assert limit(server, name, step_timeout="5").status_code == 200
    assert_same(server.wait_status(name, stepped=2), plain_kalman(records))


def test_limits_that_cannot_be_are_refused_and_change_nothing(server: Server) -> None:
    name = fresh("kept")
    server.accept(name, KALMAN, threads="7")
    before = worker(server, name)["limits"]
    for query in (
        {"threads": "1.5"},
        {"memory_mb": "1e9"},
        {"step_timeout": "soon"},
        {"memory_gb": "1"},
        {"threads": "0"},
    ):
        reply = limit(server, name, **query)
        (problem,) = reply.json()["detail"]
        assert reply.status_code == 422 and problem["loc"] == ["query", *query], reply.text
    assert worker(server, name)["limits"] == before
    assert limit(server, fresh("nobody"), threads="3").status_code == 404


def test_limits_of_one_that_is_held_wait_for_its_start(server: Server) -> None:
    name, records = fresh("held"), drive(60)
    server.accept(name, KALMAN)
    assert accepted(server, name, "stop") == "stopped"
    assert limit(server, name, threads="3").json()["state"] == "stopped"
    upload(server, name, records)
    accepted(server, name, "resume")
    assert_same(server.wait_status(name, stepped=59), plain_kalman(records))
    assert worker(server, name)["limits"]["threads"] == 3
