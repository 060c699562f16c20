"""Resources: memory, time, descriptors, output; each script has its share and no more."""

import re
from typing import Any

import pytest
from cells import KALMAN, drive
from hostile import Ground, Report, cases
from processes import peak_memory, wait
from streaming import upload

ADDRESSES = 4 << 30
"""Bytes that a script may have beyond what it starts with."""

DEEDS, PARAMETERS = cases(
    {
        "array-of-8-tb": ("__import__('numpy').empty(10**12)", "MemoryError"),
        "array-of-8-tb-of-zeros": ("__import__('numpy').zeros(10**12)", "MemoryError"),
        "map-of-8-tb": ("__import__('mmap').mmap(-1, 8 << 40)", "ENOMEM"),
        "map-without-reserve": ("call(9, None, 8 << 40, 3, 0x4022, -1, 0)", "ENOMEM"),
        "unbounded-recursion": ("def f(): f()\nf()", "RecursionError"),
        "limit-of-recursion": ("sys.setrecursionlimit(1 << 31)", "OverflowError"),
        "descriptors": (
            "held = []\ntry:\n    while True: held.append(os.dup(0))\nexcept OSError as error:\n"
            "    reason = named(error)\n"
            "top = held[-1]\nfor number in held: os.close(number)\nreturn [reason, top]",
            ["EMFILE", 255],
        ),
        "descriptors-by-files": (
            "held = []\ntry:\n    while True: held.append(open(f'{len(held)}', 'w'))\nexcept OSError as error:\n"
            "    return [named(error), len(held) > 240]",
            ["EMFILE", True],
        ),
        "pipes": (
            "held = []\ntry:\n    while True: held += os.pipe()\nfinally:\n    for number in held: os.close(number)",
            "EMFILE",
        ),
        "descriptor-of-a-high-number": ("os.dup2(0, 256)", "EBADF"),
        # Raising what it has.
        "more-descriptors": ("call(160, 7, (ctypes.c_ulong * 2)(512, 512))", "EPERM"),
        "more-memory": ("call(160, 9, (ctypes.c_ulong * 2)(2**64 - 1, 2**64 - 1))", "EPERM"),
        "more-by-prlimit": ("call(302, 0, 7, (ctypes.c_ulong * 2)(512, 512), None)", "EPERM"),
        "fewer-by-prlimit": ("call(302, 1, 7, (ctypes.c_ulong * 2)(16, 16), None)", "EPERM"),
        "larger-files": ("__import__('resource').setrlimit(1, (1 << 40, 1 << 40))", "ValueError"),
        "core-files": ("__import__('resource').setrlimit(4, (1 << 30, 1 << 30))", "ValueError"),
        "nice-above": ("os.nice(-5)", "EPERM"),
        "nice-below": ("os.nice(5)", "EPERM"),
        "priority": ("os.setpriority(os.PRIO_PROCESS, 0, -20)", "EPERM"),
        "real-time": ("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", "EPERM"),
        "deadline-time": ("call(314, 0, b'\\0' * 48, 0)", "EPERM"),
        "disk-priority": ("call(251, 1, 0, 1 << 13)", "EPERM"),
        "processors": ("os.sched_setaffinity(0, {0})", "EPERM"),
        "locked-memory": ("call(149, None, 4096)", "EPERM"),
        "huge-pages": ("__import__('mmap').mmap(-1, 1 << 30, flags=0x40022)", "ENOMEM"),
        "limits": (
            "resource = __import__('resource')\n"
            "return [resource.getrlimit(kind)[1] for kind in (7, 6, 1, 4, 8, 12, 13, 14)]",
            [256, 64, 320 << 20, 0, 0, 0, 0, 0],
        ),
    }
)


@pytest.fixture(scope="module")
def report(ground: Ground) -> Report:
    return ground.report(DEEDS)


@pytest.mark.parametrize(("deed", "outcome"), PARAMETERS)
def test_a_resource_is_bounded(report: Report, deed: str, outcome: Any) -> None:
    assert report[deed] == outcome


def test_a_memory_bomb_ends_at_its_limit(ground: Ground) -> None:
    bomb = """
held = []
try:
    while True:
        held.append(bytearray(64 << 20))
except MemoryError:
    return len(held) * (64 << 20)
"""
    assert 0.7 * ADDRESSES < ground.report({"bomb": bomb})["bomb"] <= ADDRESSES


def test_a_recursion_in_compiled_code_ends_the_process(ground: Ground) -> None:
    deep = "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())"
    detail = ground.refused(deep)
    assert "signal 11 (SIGSEGV)" in detail
    # The end of its output names the line.
    assert "line 4" in detail


def test_a_flood_of_output_is_cut_and_costs_nothing(ground: Ground) -> None:
    host = ground.server.host().pid
    before = peak_memory(host)
    detail = ground.refused("import os\nfor _ in range(20_000): os.write(1, b'flood ' * 1_000)\nos._exit(3)")
    dropped = re.search(r"^\[(\d+) bytes before this are not kept\]$", detail, re.MULTILINE)
    assert "exit status 3" in detail and dropped and int(dropped[1]) > 100_000_000
    assert len(detail) < 20_000 and detail.rstrip().endswith("flood")
    assert peak_memory(host) - before < 8


def test_a_flood_of_output_in_steps_costs_nothing(ground: Ground) -> None:
    host = ground.server.host().pid
    before = peak_memory(host)
    flood = KALMAN.replace("    hours =", "    print('flood ' * 100_000, flush=True)\n    hours =")
    with ground.accepted(flood) as (name,):
        upload(ground.server, name, drive(30))
        ground.server.wait_status(name, stepped=29, failed=0)
    assert peak_memory(host) - before < 8


STEPS = {
    "spin": "while True: pass",
    "compiled-loop-that-holds-the-lock": "__import__('ctypes').PyDLL(None).pause()",
    "arithmetic-that-holds-the-lock": "pow(10, 10**9)",
    "regular-expression": "__import__('re').match('(a+)+$', 'a' * 64 + 'b')",
    "sleep": "__import__('time').sleep(600)",
    "spin-that-catches-all": (
        "while True:\n            try:\n                while True: pass\n            except BaseException: pass"
    ),
}


@pytest.fixture(scope="module")
def stuck(ground: Ground) -> dict[str, dict[str, Any]]:
    """Status of estimators whose steps do not end, after their processes were ended once; at the same time, all."""
    server = ground.server
    scripts = [
        KALMAN.replace("    hours =", f"    if now['current'] > 100:\n        {deed}\n    hours =")
        for deed in STEPS.values()
    ]
    spoilt = [record | {"current": 500.0} if k == 5 else record for k, record in enumerate(drive(10))]
    with ground.accepted(*scripts) as names:
        for name in names:
            upload(server, name, spoilt)

        def ended() -> dict[str, dict[str, Any]] | None:
            found = {deed: server.status(name) for deed, name in zip(STEPS, names, strict=True)}
            # The first end may come before what was stepped in the same batch is told; the next worker gets one by one.
            is_ended = [s and s["last_error"] and not s["is_ready"] and s["stepped"] == 4 for s in found.values()]
            return found if all(is_ended) else None

        return wait(ended, lambda: f"an end of all: {[server.status(name) for name in names]}")


@pytest.mark.parametrize("deed", STEPS)
def test_a_step_that_does_not_end_is_ended(stuck: dict[str, dict[str, Any]], deed: str) -> None:
    status = stuck[deed]
    assert "a step took longer than 2.0 s" in status["last_error"], status
    assert not status["is_ready"] and status["stepped"] == 4


def test_a_spinning_script_leaves_others_their_time(ground: Ground) -> None:
    spinning = "import threading\ndef spin():\n    while True: pass\n"
    spinning += "for _ in range(8): threading.Thread(target=spin, daemon=True).start()\n"
    # The check at the end is what is asserted: the neighbour goes on.
    with ground.accepted(spinning + KALMAN):
        ground.check_neighbour()
