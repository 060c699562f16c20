"""Versions of an estimator, and going back to one."""

import time

import tokens
from cells import JOINT, KALMAN, MOIRAE_FILES, assert_same, drive, plain_kalman
from pytest import mark
from server import Server, ServerFactory, fresh
from streaming import upload

OTHER = KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.5, 1.3]")
READING = "text = open('note.txt').read()\n" + OTHER


def test_all_versions_are_told_the_newest_first(server: Server) -> None:
    name, before = fresh("versions"), time.time()
    server.accept(name, KALMAN, valid_time="-5", memory_mb="256", acceleration="shortcuts")
    server.accept(name, READING, files=[("files", ("note.txt", b"12345"))], **{"from": "now"})
    newest, oldest = server.get(f"/online/{name}/versions")
    assert before - 1 <= oldest.pop("registered") <= newest.pop("registered") <= time.time() + 1
    assert newest == {
        "version": 2, "estimator": "ExtendedKalmanFilter", "plugin": "kalman", "current": True,
        "files": [{"name": "note.txt", "bytes": 5}], "valid_time": None, "seed_inputs": True, "from": "now",
        "acceleration": "full", "limits": {},
    }  # fmt: skip
    assert oldest == {
        "version": 1, "estimator": "ExtendedKalmanFilter", "plugin": "kalman", "current": False, "files": [],
        "valid_time": -5, "seed_inputs": True, "from": "start", "acceleration": "shortcuts",
        "limits": {"memory_bytes": 256 << 20},
    }  # fmt: skip
    for number, definition in ((1, KALMAN), (2, READING)):
        one = server.get(f"/online/{name}/versions/{number}")
        assert one["definition"] == definition and one["version"] == number


def test_every_limit_of_a_registration_is_told(server: Server) -> None:
    name = fresh("limited")
    server.accept(
        name, KALMAN, memory_mb="512", folder_mb="16", threads="6", build_timeout="50", build_cpu="40.5",
        step_timeout="4", log_kb="64", log_rate_kb="8",
    )  # fmt: skip
    told = {
        "memory_bytes": 512 << 20, "folder_bytes": 16 << 20, "threads": 6, "build_seconds": 50,
        "build_cpu_seconds": 40.5, "step_seconds": 4, "log_bytes": 64 << 10, "log_rate_bytes": 8 << 10,
    }  # fmt: skip
    (version,) = server.get(f"/online/{name}/versions")
    assert version["limits"] == told
    assert server.get(f"/online/{name}/versions/1")["limits"] == told
    (worker,) = [one for one in server.get("/admin/workers")["workers"] if one["name"] == name]
    own = {key: worker["limits"].pop(key) for key in ("cores", "checkpoint_bytes")}
    assert worker["limits"] == told and own["cores"] > 0 and own["checkpoint_bytes"] > 0
    schemas = server.get("/openapi.json")["components"]["schemas"]
    assert set(schemas["ScriptLimits"]["properties"]) == set(told)
    assert set(schemas["WorkerLimits"]["required"]) == set(told) | set(own)


def roll_back(server: Server, name: str, query: str) -> tuple[int, dict]:
    reply = server.http.post(f"/online/{name}/rollback?{query}")
    return reply.status_code, reply.json()


def test_rolling_back_registers_the_old_script_and_files_anew(server: Server) -> None:
    name, records = fresh("back"), drive(200)
    server.accept(name, READING, files=[("files", ("note.txt", b"x"))])
    server.accept(name, KALMAN)
    upload(server, name, records)
    assert_same(server.wait_status(name, stepped=199, version=2), plain_kalman(records))
    status, answer = roll_back(server, name, "version=1")
    assert status == 200
    assert answer == {
        "name": name, "estimator": "ExtendedKalmanFilter", "version": 3, "state_names": ["soc", "capacity"],
    }  # fmt: skip
    assert_same(server.wait_status(name, stepped=199, version=3), plain_kalman(records, OTHER))
    versions = server.get(f"/online/{name}/versions")
    assert [(one["version"], one["current"], len(one["files"])) for one in versions] == [
        (3, True, 1), (2, False, 0), (1, False, 1),
    ]  # fmt: skip
    assert roll_back(server, name, "version=2&from=now")[0] == 200
    more = drive(260)[200:]
    upload(server, name, more)
    assert_same(server.wait_status(name, stepped=59, version=4), plain_kalman(more))


@mark.moirae
def test_a_moirae_script_rolls_back_with_its_file(server: Server) -> None:
    name = fresh("moirae")
    server.accept(name, JOINT, "moirae", files=MOIRAE_FILES)
    server.accept(name, KALMAN)
    assert roll_back(server, name, "version=1")[1]["estimator"] == "JointEstimator"
    server.wait_status(name, version=3)


def test_what_cannot_be_gone_back_to(server: Server) -> None:
    name = fresh("no")
    server.accept(name, KALMAN)
    upload(server, name, drive(30))
    server.wait_status(name, stepped=29)
    for query, expected in (
        ("version=9", 404), ("version=0", 422), ("version=x", 422), ("", 422), ("version=1&from=end", 422),
    ):  # fmt: skip
        status, answer = roll_back(server, name, query)
        assert status == expected and answer["detail"], query
    nobody = fresh("nobody")
    upload(server, nobody, drive(1))
    for path in (f"/online/{nobody}/versions", f"/online/{nobody}/versions/1", f"/online/{name}/versions/2"):
        assert server.http.get(path).status_code == 404
    assert server.http.get(f"/online/{name}/versions/x").status_code == 422
    assert roll_back(server, nobody, "version=1")[0] == 404
    assert server.status(name)["version"] == 1 and server.status(name)["stepped"] == 29


def test_a_script_that_builds_no_longer_leaves_the_current_one(server: Server) -> None:
    name = fresh("broken")
    # What it does when it is built depends on the version that it gets.
    server.accept(name, "import random\nassert random.random() >= 0\n" + KALMAN)
    server.accept(name, KALMAN)
    flaky = fresh("flaky")
    moment = f"import time\nassert time.time() < {time.time() + 4}, 'too late'\n" + KALMAN
    server.accept(flaky, moment)
    server.accept(flaky, KALMAN)
    time.sleep(4.5)
    status, answer = roll_back(server, flaky, "version=1")
    assert status == 422 and "too late" in answer["detail"]
    assert server.status(flaky)["version"] == 2 and server.get(f"/online/{flaky}/versions")[0]["version"] == 2


def test_reading_is_for_readers_and_rolling_back_for_those_who_register(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    server.token = tokens.create(server, "admin", label="boss")
    reader = tokens.shown(tokens.create(server, "read", label="reader"))
    server.start()
    name = fresh("roles")
    server.accept(name, KALMAN)
    assert server.http.get(f"/online/{name}/versions", headers=reader).status_code == 200
    assert server.http.post(f"/online/{name}/rollback?version=1", headers=reader).status_code == 403
    assert server.http.post(f"/online/{name}/rollback?version=1").status_code == 200
    assert tokens.audited(server, "POST /online/{name}/rollback", status=200)["battery"] == name
