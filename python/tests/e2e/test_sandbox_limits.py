"""Limits of a script: each is met by a script that asked for less, named with its value, and is nobody else's."""

import re

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from hostile import Ground, Report, reported, reporting
from processes import wait
from server import Files, fresh
from streaming import upload

SPIN = "while True: pass"
THREADS = "import threading, time\nfor _ in range(9): threading.Thread(target=time.sleep, args=(9,)).start()"
CPU = "no estimator within 0.4 s of processor time (build_cpu)"

BUILDING = {
    "memory": ({"memory_mb": "200"}, "b'x' * (300 << 20)", ["MemoryError", "limit of memory is 200 MiB (memory_mb)"]),
    "folder": (
        {"folder_mb": "2"},
        "open('big', 'wb').write(bytes(3 << 20))",
        ["OSError", "limit of the script's folder is 2 MiB (folder_mb)"],
    ),
    "threads": ({"threads": "5"}, THREADS, ["can't start new thread", "limit of threads is 5 (threads)"]),
    "clock": ({"build_timeout": "0.5"}, "import time; time.sleep(600)", ["no estimator within 0.5 s (build_timeout)"]),
    "processor": ({"build_cpu": "0.4"}, SPIN, [CPU]),
    # A process that a library ends for want of something tells what it was kept to.
    "ended-by-a-library": (
        {"memory_mb": "300", "threads": "7"},
        "import os; os.abort()",
        ["300 MiB of memory (memory_mb)", "320 MiB of files (folder_mb)", "7 threads (threads)"],
    ),
}


@pytest.mark.parametrize(("limits", "greed", "words"), BUILDING.values(), ids=BUILDING)
def test_a_script_meets_its_limit_and_is_told(
    ground: Ground, limits: dict[str, str], greed: str, words: list[str]
) -> None:
    detail = ground.refused(greed, **limits)
    for word in words:
        assert word in detail, detail


@pytest.mark.parametrize(
    "greed",
    ["b'x' * (300 << 20)", "open('big', 'wb').write(bytes(3 << 20))", THREADS],
    ids=["memory", "folder", "threads"],
)
def test_what_is_too_much_under_a_lower_limit_is_not_under_the_servers_own(ground: Ground, greed: str) -> None:
    assert "defines no `estimator`" in ground.refused(greed)


def test_files_that_the_folder_does_not_hold_are_told_of(ground: Ground) -> None:
    files: Files = [("files", (f"{number}.bin", bytes(1 << 20))) for number in range(3)]
    assert "limit of the script's folder is 2 MiB (folder_mb)" in ground.refused(KALMAN, files, folder_mb="2")


# Processor time.

EVASIONS = {
    "all-signals-ignored": (
        "import signal\nfor k in range(1, 65):\n    try: signal.signal(k, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n" + SPIN
    ),
    "limits-raised": (
        "import resource\ntry: resource.setrlimit(resource.RLIMIT_CPU, (-1, -1))\nexcept (OSError, ValueError): pass\n"
        + SPIN
    ),
    "compiled-loop-that-holds-the-lock": (
        "import ctypes, mmap\npage = mmap.mmap(-1, 4096, prot=7)\npage.write(b'\\xeb\\xfe')\n"
        "ctypes.PYFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()"
    ),
    "many-short-threads": (
        "import threading\ndef spin():\n    for _ in range(100_000): pass\n"
        "while True:\n    thread = threading.Thread(target=spin)\n    thread.start(); thread.join()"
    ),
    "one-thread-spins-the-other-sleeps": (
        "import threading, time\ndef spin():\n    while True: pass\n"
        "threading.Thread(target=spin, daemon=True).start()\ntime.sleep(600)"
    ),
    "in-the-kernel": "import os\nwhile True: os.getppid()",
    "another-clock": "import ctypes\nctypes.CDLL(None).syscall(227, 2, bytes(16))\n" + SPIN,
}


@pytest.fixture(scope="module")
def evaded(ground: Ground) -> Report:
    """What the authors of scripts that are busy without end are told; all at the same time."""
    return ground.refusals(EVASIONS, build_cpu="0.4")


@pytest.mark.parametrize("name", EVASIONS)
def test_processor_time_cannot_be_hidden(evaded: Report, name: str) -> None:
    assert CPU in evaded[name]


def test_sleeping_takes_no_processor_time(ground: Ground) -> None:
    detail = ground.refused("import time; time.sleep(600)", build_cpu="0.3", build_timeout="1.5")
    assert "no estimator within 1.5 s (build_timeout)" in detail


def test_processor_time_of_steps_is_not_that_of_building(ground: Ground) -> None:
    busy = (
        "import time\ndef work():\n    end = time.process_time() + 0.15\n    while time.process_time() < end: pass\n"
        + KALMAN.replace("    hours =", "    work()\n    hours =")
    )
    records = drive(12)
    with ground.accepted(busy, build_cpu="1") as (name,):
        upload(ground.server, name, records)
        assert_same(ground.server.wait_status(name, stepped=11, restarts=0, failed=0), plain_kalman(records))


# In steps.


def stepping(deed: str) -> str:
    """Return a script that does something at records with a current above 100 A."""
    return KALMAN.replace("    hours =", f"    if now['current'] > 100:\n        {deed}\n    hours =")


STEPS = {
    "memory": ({"memory_mb": "200"}, "b'x' * (300 << 20)", "limit of memory is 200 MiB (memory_mb)"),
    "folder": (
        {"folder_mb": "2"},
        "open('big', 'wb').write(bytes(3 << 20))",
        "limit of the script's folder is 2 MiB (folder_mb)",
    ),
    "threads": (
        {"threads": "5"},
        "import threading, time; [threading.Thread(target=time.sleep, args=(1,)).start() for _ in range(9)]",
        "limit of threads is 5 (threads)",
    ),
}


@pytest.mark.parametrize(("limits", "deed", "words"), STEPS.values(), ids=STEPS)
def test_a_step_that_meets_a_limit_fails_alone_and_the_status_says_which(
    ground: Ground, limits: dict[str, str], deed: str, words: str
) -> None:
    records = [record | {"current": 500.0} if k == 5 else record for k, record in enumerate(drive(10))]
    with ground.accepted(stepping(deed), **limits) as (name,):
        upload(ground.server, name, records)
        status = ground.server.wait_status(name, stepped=8, failed=1, restarts=0)
        assert words in status["last_error"]


def test_a_step_beyond_its_time_ends_the_process_and_the_status_says_so(ground: Ground) -> None:
    records = [record | {"current": 500.0} if k == 5 else record for k, record in enumerate(drive(10))]
    with ground.accepted(stepping("__import__('time').sleep(600)"), step_timeout="0.5") as (name,):
        upload(ground.server, name, records)
        status = wait(lambda: (found := ground.server.status(name))["restarts"] > 0 and found, "a restart")
        assert "a step took longer than 0.5 s (step_timeout)" in status["last_error"]


# Output.


def test_a_log_keeps_as_much_as_its_script_asked_for(ground: Ground) -> None:
    server = ground.server
    chatty = "import time\nfor k in range(40):\n    print(k, 'x' * 250, flush=True)\n    time.sleep(0.02)\n" + KALMAN
    with ground.accepted(chatty, log_kb="4") as (name,):
        log = wait(
            lambda: (found := server.get(f"/online/{name}/logs"))["entries"][-1]["text"][:2] == "39" and found, "it"
        )
        assert 5 < len(log["entries"]) < 16 and log["dropped"] > 5_000
        assert sum(len(entry["text"]) for entry in log["entries"]) <= 4 << 10
        assert server.status(name)["log_problem"] == "only the latest 4 KiB of its output (log_kb) are kept"
        # Another's limit is another's.
        other = fresh("other")
        server.accept(other, chatty)
        wait(lambda: len(server.get(f"/online/{other}/logs")["entries"]) == 40, "all lines")
        assert server.status(other)["log_problem"] is None
        server.http.delete(f"/db/{other}", params={"force": "true"})
        assert server.status(ground.neighbour)["log_problem"] is None


def test_output_that_comes_too_fast_is_cut_at_the_rate_that_its_script_asked_for(ground: Ground) -> None:
    server = ground.server
    flood = "for k in range(3_000): print('x' * 100)\nprint('end', flush=True)\n" + KALMAN
    with ground.accepted(flood, log_rate_kb="2") as (name,):
        told = wait(lambda: server.status(name)["log_problem"], "what became of its output")
        assert told == "its output comes faster than 2 KiB/s (log_rate_kb) and is cut"
        path = f"/online/{name}/logs"
        log = wait(lambda: (found := server.get(path))["dropped"] > 200_000 and found, "all that was cut")
        # A burst, and what a slow machine had the time for.
        assert sum(len(entry["text"]) for entry in log["entries"]) < 64 << 10


def test_the_end_of_the_output_that_an_author_is_shown_keeps_to_the_log_too(ground: Ground) -> None:
    detail = ground.refused("import os\nos.write(1, b'y' * 9_000)\nos._exit(3)", log_kb="2")
    found = re.search(r"^\[(\d+) bytes before this are not kept\]$", detail, re.MULTILINE)
    assert found and int(found[1]) == 9_000 - 2_048 and detail.count("y" * 100) <= 21


def test_a_limit_is_the_kernels_and_not_the_scripts_to_change(ground: Ground) -> None:
    deeds = {
        "raise": "call(302, 0, 9, (ctypes.c_ulong * 2)(2**64 - 1, 2**64 - 1), None)",
        "write-more": "open('big', 'wb').write(bytes(9 << 20))",
        "grow": "os.truncate(os.open('sparse', os.O_CREAT | os.O_RDWR), 9 << 20)",
    }
    detail = ground.refused(reporting(deeds), memory_mb="200", folder_mb="8")
    assert reported(detail) == {"raise": "EPERM", "write-more": "EFBIG", "grow": "EFBIG"}
