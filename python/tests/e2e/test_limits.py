"""What a script may take, and what it is told when it wants more; and what it writes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from processes import wait
from server import Server, command, fresh
from streaming import upload


@pytest.mark.parametrize(
    ("field", "value"),
    [("memory_mb", "1e9"), ("memory_mb", "0"), ("folder_mb", "-1"), ("threads", "1.5"), ("threads", "65"),
     ("step_timeout", "5.5"), ("build_timeout", "61"), ("build_timeout", "nan"), ("memory_mb", "much"),
     ("build_cpu", "60.5"), ("build_cpu", "0"), ("log_kb", "65"), ("log_kb", "0.5"),
     ("log_rate_kb", "65"), ("log_rate_kb", "-1"), ("log_rate_kb", "inf")],
)  # fmt: skip
def test_a_limit_beyond_the_servers_own_is_refused_by_its_name(server: Server, field: str, value: str) -> None:
    reply = server.register(fresh("beyond"), KALMAN, **{field: value})
    assert reply.status_code == 422 and field in reply.text


ADMINS = {
    "memory_mb": ("--max-memory-mb", "150", "b'x' * (200 << 20)", "limit of memory is 150 MiB"),
    "folder_mb": ("--max-folder-mb", "3", "open('a', 'wb').write(bytes(4 << 20))", "script's folder is 3 MiB"),
    "threads": (
        "--max-threads",
        "4",
        "import threading, time\nfor _ in range(9): threading.Thread(target=time.sleep, args=(9,)).start()",
        "limit of threads is 4",
    ),
    "build_timeout": (
        "--build-timeout",
        "2",
        "import time; time.sleep(60)",
        "no estimator within 2.0 s (build_timeout)",
    ),
    "build_cpu": ("--build-cpu", "0.5", "while True: pass", "within 0.5 s of processor time"),
    "step_timeout": ("--step-timeout", "1", None, "a step took longer than 1.0 s"),
    "log_kb": ("--max-log-kb", "8", None, "only the latest 8 KiB of its output (log_kb) are kept"),
    "log_rate_kb": ("--max-log-rate-kb", "4", None, "faster than 4 KiB/s (log_rate_kb)"),
}
"""Each limit's option, a maximum, what goes beyond it while building, if that does, and what is told."""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose admin has set all maxima."""
    options = [word for option, value, _, _ in ADMINS.values() for word in (option, value)]
    server = Server(tmp_path_factory.mktemp("strict"), *options)
    try:
        yield server.start()
    finally:
        server.dispose()


@pytest.mark.parametrize("field", ADMINS)
def test_an_admins_maximum_bounds_what_may_be_asked_for(strict: Server, field: str) -> None:
    maximum = float(ADMINS[field][1])
    reply = strict.register(fresh("beyond"), KALMAN, **{field: str(maximum + 1)})
    (problem,) = reply.json()["detail"]
    assert reply.status_code == 422 and problem["loc"] == ["body", field]
    assert f"{field} must be greater than 0 and at most {maximum}, not {maximum + 1}" in problem["msg"]
    strict.accept(fresh("within"), KALMAN, **{field: ADMINS[field][1]})


@pytest.mark.parametrize("field", [field for field in ADMINS if ADMINS[field][2]])
def test_an_admins_maximum_holds_for_who_asks_for_nothing(strict: Server, field: str) -> None:
    _, _, greed, words = ADMINS[field]
    reply = strict.register(fresh("greedy"), greed)
    assert reply.status_code == 422 and words in reply.json()["detail"]


@pytest.mark.parametrize(
    ("field", "pause"),
    # The one as slowly as the rate allows, the other at once.
    [("log_kb", 0.5), ("log_rate_kb", 0)],
)
def test_an_admins_maximum_of_a_log_holds_for_who_asks_for_nothing(strict: Server, field: str, pause: float) -> None:
    name, words = fresh("chatty"), ADMINS[field][3]
    chat = f"print('x' * 1_500, flush=True); __import__('time').sleep({pause})"
    strict.accept(name, KALMAN.replace("    hours =", f"    {chat}\n    hours ="))
    upload(strict, name, drive(12))
    wait(lambda: words in (strict.status(name)["log_problem"] or ""), lambda: f"{words}: {strict.status(name)}")


def test_an_admins_time_for_a_step_holds_for_who_asks_for_nothing(strict: Server) -> None:
    name = fresh("slow")
    strict.accept(name, KALMAN.replace("    hours =", "    __import__('time').sleep(60)\n    hours ="))
    upload(strict, name, drive(3))
    status = wait(lambda: (found := strict.status(name))["restarts"] > 0 and found, "a restart")
    assert ADMINS["step_timeout"][3] in status["last_error"]
    assert strict.http.delete(f"/db/{name}", params={"force": "true"}).status_code == 200


@pytest.mark.parametrize(
    "option",
    [("--max-log-kb", "0"), ("--max-log-rate-kb", "-1"), ("--build-cpu", "0"), ("--build-cpu", "inf"),
     ("--max-memory-mb", "9000000000000"), ("--max-unfinished-mb", "63"), ("--message-timeout", "0")],
    ids=lambda option: " ".join(option),
)  # fmt: skip
def test_a_maximum_that_is_none_is_refused_at_the_start(tmp_path: Path, option: tuple[str, str]) -> None:
    done = command("serve", tmp_path / "data", "--port", "0", *option)
    assert done.returncode == 64 and "Error" in done.stderr, done.stderr


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


def test_a_line_a_step_is_no_flood(server: Server) -> None:
    name = fresh("lines")
    server.accept(name, KALMAN.replace("    hours =", "    print('step', flush=True)\n    hours ="))
    upload(server, name, drive(150))
    server.wait_status(name, stepped=149)
    log = wait(lambda: (log := server.get(f"/online/{name}/logs"))["entries"][149:] and log, "all lines")
    assert log["dropped"] == 0 and server.status(name)["log_problem"] is None


def test_a_flood_of_output_is_cut_and_told_of(server: Server) -> None:
    name = fresh("flood")
    server.accept(name, "print('begin', flush=True)\nfor _ in range(3000): print('x' * 1000)\n" + KALMAN)
    log = server.get(f"/online/{name}/logs")
    assert log["dropped"] > 1_000_000 and sum(len(entry["text"]) for entry in log["entries"]) <= 64 << 10


def test_there_is_no_log_without_an_estimator(server: Server) -> None:
    reply = server.http.get(f"/online/{fresh('nobody')}/logs")
    assert reply.status_code == 404 and list(reply.json()) == ["detail"]
