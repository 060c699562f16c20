"""Scripts that hang, crash or lie while they step: they hurt themselves alone."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from processes import wait
from server import Server, ServerFactory, fresh
from streaming import upload


def spoiled(statement: str) -> str:
    """A script whose step does something at records with a current above 100 A."""
    return KALMAN.replace("    hours =", f"    if now['current'] > 100:\n        {statement}\n    hours =")


def spoil(records: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    return [record | {"current": 500.0} if k == index else record for k, record in enumerate(records)]


def test_a_step_that_hangs_is_ended_and_a_neighbour_undisturbed(make_server: ServerFactory) -> None:
    server = make_server("--step-timeout", "1")
    name, neighbour, records = fresh("hangs"), fresh("neighbour"), drive(400)
    server.accept(name, spoiled("while True: pass"))
    server.accept(neighbour, KALMAN)
    upload(server, name, spoil(records, 100))
    for start in range(0, 400, 100):
        upload(server, neighbour, records[start : start + 100])
        assert server.status(neighbour)["restarts"] == 0
    assert_same(server.wait_status(neighbour, stepped=399, restarts=0), plain_kalman(records))
    status = wait(
        lambda: (status := server.status(name)) and not status["is_ready"] and status["last_error"] and status,
        lambda: f"an end of the worker that hangs: {server.status(name)}",
    )
    assert status["phase"] in ("restarting", "starting", "replaying", "parked")
    assert "step" in status["last_error"] and "1" in status["last_error"]
    assert server.stats(name)["data_stats"]["rows"] == 400
    server.accept(name, KALMAN)
    server.wait_status(name, stepped=399, version=2)


def test_a_script_that_ends_its_process_at_a_record_is_parked(server: Server) -> None:
    name, records = fresh("parked"), drive(200)
    server.accept(name, spoiled("print('goodbye', flush=True); __import__('os')._exit(7)"))
    upload(server, name, spoil(records, 100))
    wait(lambda: server.status(name)["phase"] == "parked", lambda: f"parking: {server.status(name)}")
    status = server.status(name)
    assert not status["is_ready"] and status["version"] == 1 and 5 <= status["restarts"] + 1 <= 7
    for words in ("exit status 7", "goodbye", "behind record 100"):
        assert words in status["last_error"]
    assert server.get("/health")["status"] == "degraded" and server.get("/health")["estimators"]["parked"] >= 1
    upload(server, name, records[150:])
    assert server.stats(name)["data_stats"]["rows"] == 250
    assert server.status(name)["waiting"] > 0 and server.status(name)["phase"] == "parked"
    server.accept(name, KALMAN)
    server.wait_status(name, version=2, failed=0)
    assert server.status(name)["last_error"] is None


def test_a_script_that_ends_its_process_once_loses_nothing(server: Server) -> None:
    name, records = fresh("once"), spoil(drive(400), 100)
    # The first process is old when the record comes; the next one replays it at once.
    statement = "if time.time() - born > 1.5: __import__('os')._exit(1)"
    server.accept(name, "import time\nborn = time.time()\n" + spoiled(statement))
    time.sleep(1.6)
    upload(server, name, records)
    status = server.wait_status(name, stepped=399)
    assert status["restarts"] >= 1 and status["last_error"] is None
    assert_same(status, plain_kalman(records))


GARBAGE = """import os
{indent}for fd in range(3, 256):
{indent}    try:
{indent}        os.write(fd, {data})
{indent}    except OSError:
{indent}        pass
"""


@pytest.mark.parametrize("data", ["b'garbage'", "b''", "b'\\x02' * 9", "b'\\xff' * 70_000", "bytes(16)"])
def test_a_script_that_writes_into_its_connection_hurts_itself_alone(server: Server, data: str) -> None:
    name, neighbour, records = fresh("garbage"), fresh("neighbour"), drive(60)
    server.accept(neighbour, KALMAN)
    reply = server.register(name, GARBAGE.format(indent="", data=data) + KALMAN)
    assert reply.status_code in (200, 422), reply.text
    if reply.status_code == 422:
        assert server.stats(name) is None
    upload(server, neighbour, records)
    assert_same(server.wait_status(neighbour, stepped=59, restarts=0), plain_kalman(records))


def test_a_step_that_writes_into_its_connection_is_parked(server: Server) -> None:
    name, neighbour, records = fresh("liar"), fresh("neighbour"), drive(60)
    server.accept(name, spoiled(GARBAGE.format(indent=" " * 8, data="b'garbage' * 9")))
    server.accept(neighbour, KALMAN)
    upload(server, name, spoil(records, 30))
    upload(server, neighbour, records)
    wait(lambda: server.status(name)["phase"] == "parked", lambda: f"parking: {server.status(name)}")
    assert server.status(name)["last_error"]
    assert_same(server.wait_status(neighbour, stepped=59, restarts=0), plain_kalman(records))


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose every process is known; at its end it must leave none."""
    server = Server(tmp_path_factory.mktemp("spoiled"))
    try:
        server.start().wait_plugins()
        yield server
    finally:
        server.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "import os\nfor fd in range(3, 256):\n    try: os.close(fd)\n    except OSError: pass",
        "import os, sys\nsys.stdout.close(); sys.stderr.close(); os.close(0); os.close(1); os.close(2)",
        "import signal\nfor k in range(1, 32):\n    try: signal.signal(k, signal.SIG_IGN)\n    except OSError: pass",
        "import os\nos.chdir('/')",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
        "import atexit, time\natexit.register(time.sleep, 600)",
        "import os, time\nif os.fork() == 0: time.sleep(600)",
        "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)",
        "import sys\nsys.modules.clear()",
        "import builtins\nbuiltins.open = builtins.len = builtins.isinstance = None",
        "import numpy\nnumpy.frombuffer = numpy.empty = None",
    ],
)
def test_a_script_that_spoils_its_process_leaves_nothing_behind(own_server: Server, statement: str) -> None:
    server = own_server
    name, neighbour, records = fresh("spoils"), fresh("neighbour"), drive(60)
    server.accept(neighbour, KALMAN)
    reply = server.register(name, KALMAN + "\n" + statement)
    assert reply.status_code in (200, 422), reply.text
    upload(server, name, records)
    upload(server, neighbour, records)
    assert_same(server.wait_status(neighbour, stepped=59, restarts=0), plain_kalman(records))
    server.accept(name, KALMAN)
    assert_same(server.wait_status(name, stepped=59), plain_kalman(records))
    plugins = server.get("/health")["plugins"].values()
    expected = Counter({"lachesis-host": 1, "lachesis-worker": len(server.get("/online/status"))})
    expected["lachesis-zygote"] = expected["lachesis-spare"] = sum(plugin["state"] == "ready" for plugin in plugins)
    wait(
        lambda: Counter(process.name for process in server.tree()) == expected,
        lambda: f"{dict(expected)}: {server.tree()}",
    )
