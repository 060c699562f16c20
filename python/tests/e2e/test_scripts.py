"""POST /online/register: what becomes of scripts, good and bad."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from processes import wait
from server import Server, ServerFactory, fresh
from streaming import upload

SLOW = "import time\ntime.sleep(1)\n" + KALMAN


def refused(server: Server, name: str, definition: str) -> str:
    """Register a script that fails; return what its author is told."""
    reply = server.register(name, definition)
    assert reply.status_code == 422, reply.text
    assert list(reply.json()) == ["detail"] and isinstance(reply.json()["detail"], str)
    assert server.status(name) is None
    return reply.json()["detail"]


@pytest.mark.parametrize(
    ("definition", "line", "words"),
    [
        ("x = 1\nraise RuntimeError('no such cell')", 2, ["RuntimeError: no such cell", "raise RuntimeError"]),
        ("def f():\n    g()\n\ndef g():\n    return 1 / 0\n\nf()", 5, ["ZeroDivisionError", "line 7", "in g"]),
        ("x = 1\n\ndef broken(:\n", 3, ["SyntaxError", "def broken(:", "^"]),
        ("\tx = 1\n  y = 2\n", 1, ["IndentationError"]),
        ("\nopen('missing.json')", 2, ["FileNotFoundError", "missing.json"]),
        ("import no_such_package", 1, ["ModuleNotFoundError", "no_such_package"]),
        ("\n\nimport sys; sys.exit('no more')", 3, ["SystemExit", "no more"]),
        ("raise SystemExit", 1, ["SystemExit"]),
        ("raise KeyboardInterrupt", 1, ["KeyboardInterrupt"]),
        ("def f():\n    f()\nf()", 2, ["RecursionError"]),
        ("x = bytearray(1 << 50)", 1, ["MemoryError"]),
        ("raise ValueError('Ä' * 1_000_000)", 0, ["Ä"]),
        (KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.6, np.nan]"), 9, ["ValueError", "mean"]),
    ],
)  # fmt: skip
def test_a_script_that_raises_is_explained_by_its_traceback(
    server: Server, definition: str, line: int, words: list[str]
) -> None:
    name = fresh("raises")
    detail = refused(server, name, definition)
    if line:
        assert f'File "{name}.py", line {line}' in detail
    for word in words:
        assert word in detail
    assert "lachesis_worker" not in detail and len(detail) < 100_000
    assert server.stats(name) is None


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("", "estimator"),
        ("x = 1", "estimator"),
        ("estimator = 5", "int"),
        ("estimator = None", "NoneType"),
        ("from lachesis_kalman import ExtendedKalmanFilter as estimator", "estimator"),
    ],
)
def test_a_script_without_an_estimator_is_told_what_is_expected(server: Server, definition: str, words: str) -> None:
    name = fresh("without")
    detail = refused(server, name, definition)
    assert "`estimator`" in detail and words in detail
    assert server.stats(name) is None


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("print('last words', flush=True)\nimport os\nos._exit(3)", ["exit status 3", "last words"]),
        ("import os\nos._exit(0)", ["exit status 0"]),
        # A worker is the first process of its namespace: what it does not handle itself reaches it from outside alone.
        ("import os\nos.abort()", ["Aborted", "SIGSEGV"]),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", ["defines no `estimator`"]),
        ("import ctypes\nctypes.string_at(0)", ["SIGSEGV"]),
    ],
)
def test_a_script_that_ends_its_process_is_explained(server: Server, definition: str, words: list[str]) -> None:
    name = fresh("ends")
    detail = refused(server, name, definition)
    for word in words:
        assert word in detail
    assert server.stats(name) is None
    server.accept(name, KALMAN)


def test_a_script_that_takes_too_long_is_ended(make_server: ServerFactory) -> None:
    server = make_server("--build-timeout", "2")
    for definition in ("while True: pass", "import time\nwhile True:\n    try: time.sleep(9)\n    except: pass"):
        name = fresh("endless")
        detail = refused(server, name, "print('so far', flush=True)\n" + definition)
        assert re.search(r"\b2(\.0)? s\b", detail) and "so far" in detail
        assert server.stats(name) is None
    server.accept(fresh("quick"), KALMAN)
    wait(lambda: len(server.tree("worker")) == 1, "an end of the endless scripts' processes")


def test_a_failed_registration_leaves_the_battery_as_it_was(server: Server) -> None:
    name = fresh("stored")
    upload(server, name, drive(10))
    before = server.stats(name)
    refused(server, name, "raise RuntimeError")
    assert server.stats(name) == before and not before["has_estimator"]


def test_the_version_before_goes_on_when_the_next_one_fails(server: Server) -> None:
    name, records = fresh("goes-on"), drive(300)
    server.accept(name, KALMAN)
    upload(server, name, records[:100])
    before = server.wait_status(name, stepped=99)
    for definition in ("raise RuntimeError", "import os; os._exit(1)", "estimator = 5", "def broken(:"):
        assert server.register(name, definition).status_code == 422
        assert server.status(name) == before
    upload(server, name, records[100:])
    status = server.wait_status(name, stepped=299, version=1, restarts=0)
    assert_same(status, plain_kalman(records))


def test_the_version_before_goes_on_while_the_next_one_is_built(server: Server) -> None:
    name, records = fresh("meanwhile"), drive(200)
    server.accept(name, KALMAN)
    building = threading.Thread(target=server.accept, args=(name, SLOW.replace("sleep(1)", "sleep(3)")))
    building.start()
    upload(server, name, records)
    assert_same(server.wait_status(name, stepped=199, version=1), plain_kalman(records))
    building.join()
    assert_same(server.wait_status(name, stepped=199, version=2), plain_kalman(records))


def test_a_new_version_steps_all_records_again(server: Server) -> None:
    name, records = fresh("version"), drive(500)
    other = KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.5, 1.0]")
    server.accept(name, KALMAN)
    upload(server, name, records[:400])
    server.wait_status(name, stepped=399)
    assert server.accept(name, other)["version"] == 2
    status = server.wait_status(name, stepped=399, version=2, failed=0)
    assert_same(status, plain_kalman(records[:400], other))
    upload(server, name, records[400:])
    assert_same(server.wait_status(name, stepped=499), plain_kalman(records, other))


def test_the_process_of_a_replaced_version_ends(make_server: ServerFactory) -> None:
    server = make_server()
    name = fresh("replaced")
    for version in range(1, 5):
        assert server.accept(name, KALMAN)["version"] == version
    wait(lambda: len(server.tree("worker")) == 1, lambda: f"one worker: {server.tree()}")


def test_two_registrations_at_once_leave_one_estimator(server: Server) -> None:
    name, records = fresh("at-once"), drive(100)
    upload(server, name, records)
    with ThreadPoolExecutor(4) as pool:
        replies: list[httpx.Response] = list(pool.map(lambda _: server.register(name, SLOW), range(4)))
    codes = [reply.status_code for reply in replies]
    assert set(codes) <= {200, 409} and 200 in codes
    versions = [reply.json()["version"] for reply in replies if reply.status_code == 200]
    assert sorted(versions) == list(range(1, len(versions) + 1))
    assert all(list(reply.json()) == ["detail"] for reply in replies if reply.status_code == 409)
    assert_same(server.wait_status(name, stepped=99, version=max(versions)), plain_kalman(records))
    assert server.accept(name, KALMAN)["version"] == max(versions) + 1


def test_slow_scripts_hold_up_neither_requests_nor_each_other(server: Server) -> None:
    names = [fresh("parallel") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        replies = [pool.submit(server.register, name, SLOW.replace("sleep(1)", "sleep(3)")) for name in names]
        answered = 0
        while not any(reply.done() for reply in replies):
            answered += server.http.get("/health").status_code == 200
        assert answered > 10
        assert [reply.result().status_code for reply in replies] == [200] * 4


def test_what_a_script_prints_disturbs_nothing(server: Server) -> None:
    name, records = fresh("prints"), drive(100)
    noise = "import sys\nfor k in range(20_000):\n    print('Ä' * 50)\nprint('x' * 1_000_000, file=sys.stderr)\n"
    loud = (noise + KALMAN).replace("    hours =", "    print('y' * 5_000, b'\\xff', flush=True)\n    hours =")
    server.accept(name, loud)
    upload(server, name, records)
    assert_same(server.wait_status(name, stepped=99, failed=0), plain_kalman(records))


@pytest.mark.parametrize(
    "definition",
    [
        "\ufeff" + KALMAN,
        KALMAN.replace("\n", "\r\n"),
        KALMAN.rstrip(),
        "# -*- coding: utf-8 -*-\nÄ = '電池'\n" + KALMAN,
        "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    a: int\n"
        + KALMAN,
        "if __name__ == '__main__':\n    raise RuntimeError\n" + KALMAN,
    ],
)
def test_scripts_as_people_write_them_are_accepted(server: Server, definition: str) -> None:
    assert server.accept(fresh("written"), definition)["estimator"] == "ExtendedKalmanFilter"


def test_a_script_sees_nothing_of_the_servers_environment(server: Server) -> None:
    detail = refused(server, fresh("environment"), "import os, json\nraise RuntimeError(json.dumps(dict(os.environ)))")
    found = json.loads(detail[detail.rindex("RuntimeError: ") + len("RuntimeError: ") :])
    assert "XDG_RUNTIME_DIR" not in found and "PYTEST_CURRENT_TEST" not in found
    assert found["HOME"] == found["TMPDIR"]


def test_a_script_has_no_descriptors_but_its_own(server: Server) -> None:
    script = """
import os, stat
kinds = {}
for number in range(256):
    try:
        kinds[number] = stat.filemode(os.fstat(number).st_mode)[0]
    except OSError:
        pass
raise RuntimeError(kinds)
"""
    # Nothing to read, its output twice, and the socket to its host.
    assert "{0: 'c', 1: 'p', 2: 'p', 3: 's'}" in refused(server, fresh("descriptors"), script)
