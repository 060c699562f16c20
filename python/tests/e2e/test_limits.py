"""What a script may take, and what it is told when it wants more; and what it writes."""

import time

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from processes import wait
from server import Server, fresh
from streaming import upload


def refused(server: Server, definition: str, **limits: str) -> str:
    reply = server.register(fresh("limit"), definition, **limits)
    assert reply.status_code == 422, reply.text
    return reply.json()["detail"]


@pytest.mark.parametrize(
    ("limits", "greed", "words"),
    [
        ({"memory_mb": "200"}, "b'x' * (300 << 20)", ["MemoryError", "limit of memory is 200 MiB"]),
        ({"folder_mb": "2"}, "open('big', 'wb').write(bytes(3 << 20))", ["limit of the script's folder is 2 MiB"]),
        (
            {"threads": "5"},
            "import threading, time\nfor _ in range(9): threading.Thread(target=time.sleep, args=(9,)).start()",
            ["limit of threads is 5"],
        ),
        ({"build_timeout": "0.5"}, "while True: pass", ["no estimator within 0.5 s"]),
    ],
)
def test_a_registration_may_ask_for_less(server: Server, limits: dict[str, str], greed: str, words: list[str]) -> None:
    detail = refused(server, greed, **limits)
    for word in words:
        assert word in detail
    if "build_timeout" not in limits:
        # What is too much under that limit is not under the server's own.
        assert "defines no `estimator`" in refused(server, greed)


def test_a_step_beyond_its_time_ends_the_process_and_the_status_says_so(server: Server) -> None:
    name = fresh("slow")
    slow = KALMAN.replace("    hours =", "    __import__('time').sleep(3 if now['test_time'] > 60 else 0)\n    hours =")
    server.accept(name, slow, step_timeout="0.5")
    upload(server, name, drive(100))
    status = wait(lambda: (found := server.status(name))["restarts"] > 0 and found, "a restart")
    assert "a step took longer than 0.5 s" in status["last_error"]
    assert server.http.delete(f"/db/{name}").status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [("memory_mb", "1e9"), ("memory_mb", "0"), ("folder_mb", "-1"), ("threads", "1.5"), ("threads", "65"),
     ("step_timeout", "5.5"), ("build_timeout", "61"), ("build_timeout", "nan"), ("memory_mb", "much")],
)  # fmt: skip
def test_a_limit_beyond_the_servers_own_is_refused_by_its_name(server: Server, field: str, value: str) -> None:
    reply = server.register(fresh("beyond"), KALMAN, **{field: value})
    assert reply.status_code == 422 and field in reply.text


HOARD = """
try:
    hoard = bytearray(150 << 20)
except MemoryError:
    estimator.mean = estimator.mean * 0.5
"""


def test_a_script_may_make_do_with_less(server: Server) -> None:
    name, records = fresh("less"), drive(60)
    server.accept(name, KALMAN + HOARD, memory_mb="100")
    assert server.status(name)["mean"] == [0.3, 0.75], "it had the memory"
    upload(server, name, records)
    server.wait_status(name, stepped=59)


def test_what_a_script_writes_can_be_read(server: Server) -> None:
    name, records, begin = fresh("log"), drive(5), time.time()
    speaking = "import sys\nprint('hello')\n" + KALMAN.replace(
        "    hours =", "    print('at', now['test_time'], file=sys.stderr)\n    hours ="
    )
    server.accept(name, speaking)
    upload(server, name, records)
    assert_same(server.wait_status(name, stepped=4), plain_kalman(records))

    def last_line() -> dict | None:
        log = server.get(f"/online/{name}/logs")
        texts = [entry["text"] for entry in log["entries"]]
        return log if f"at {records[-1]['test_time']}" in texts else None

    log = wait(last_line, "the last line")
    assert log["name"] == name and log["dropped"] == 0 and log["entries"][0]["text"] == "hello"
    assert all(begin - 1 <= entry["time"] <= time.time() + 1 and entry["version"] == 1 for entry in log["entries"])


def test_a_flood_of_output_is_cut_and_told_of(server: Server) -> None:
    name = fresh("flood")
    server.accept(name, "print('begin', flush=True)\nfor _ in range(3000): print('x' * 1000)\n" + KALMAN)
    log = server.get(f"/online/{name}/logs")
    assert log["dropped"] > 1_000_000 and sum(len(entry["text"]) for entry in log["entries"]) <= 64 << 10


def test_there_is_no_log_without_an_estimator(server: Server) -> None:
    reply = server.http.get(f"/online/{fresh('nobody')}/logs")
    assert reply.status_code == 404 and list(reply.json()) == ["detail"]
