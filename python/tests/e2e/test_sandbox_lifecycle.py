"""Lives and ends of workers: scripts that end at the wrong moment, or will not, or change what they share."""

import os
import time
from collections.abc import Iterator

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from hostile import USERS, Ground, serving
from processes import wait
from server import fresh
from streaming import upload

BUILD_SECONDS = 3


@pytest.fixture(scope="module", params=USERS)
def hasty_ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A server that waits a short time for scripts; it is the clock's that is met, busy or not."""
    options = ("--build-timeout", str(BUILD_SECONDS), "--build-cpu", "600")
    with serving(request.param, *options) as server:
        yield Ground(server)


AT_IMPORT = {
    "sys-exit": ("import sys; sys.exit(5)", ["SystemExit: 5", "the script called sys.exit"]),
    "sys-exit-in-a-thread": (
        "import sys, threading\nthread = threading.Thread(target=sys.exit)\nthread.start(); thread.join()\n"
        "raise KeyError('on')",
        ["KeyError: 'on'"],
    ),
    "os-exit": ("import os; os._exit(7)", ["exit status 7"]),
    "os-exit-0": ("import os; os._exit(0)", ["exit status 0"]),
    "exit-of-the-c-library": ("import ctypes; ctypes.CDLL(None).exit(9)", ["exit status 9"]),
    "raw-exit": ("import ctypes; ctypes.CDLL(None).syscall(231, 11)", ["exit status 11"]),
    # The kernel lets the first process of a namespace ignore what it raises itself; abort then ends it by a fault.
    "abort": ("import os; os.abort()", ["Aborted", "signal 11 (SIGSEGV)"]),
    "segfault": ("import ctypes; ctypes.string_at(0)", ["Segmentation fault", "signal 11 (SIGSEGV)"]),
    "segfault-by-writing": ("import ctypes; ctypes.memset(0, 0, 1)", ["signal 11 (SIGSEGV)"]),
    "jump-to-nowhere": ("import ctypes; ctypes.CFUNCTYPE(None)(8)()", ["signal 11 (SIGSEGV)"]),
    "bus-error": (
        "import ctypes, mmap\nwith open('a', 'w+b') as file:\n    file.truncate(4096)\n"
        "    page = mmap.mmap(file.fileno(), 4096)\n"
        "    file.truncate(0)\n    page[0]",
        ["signal 7 (SIGBUS)"],
    ),
    "illegal-instruction": (
        "import ctypes, mmap\npage = mmap.mmap(-1, 4096, prot=7)\npage.write(b'\\x0f\\x0b')\n"
        "ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()",
        ["signal 4 (SIGILL)"],
    ),
    "division-in-compiled-code": (
        "import ctypes, mmap\npage = mmap.mmap(-1, 4096, prot=7)\npage.write(b'\\x31\\xc9\\xf7\\xf1')\n"
        "ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()",
        ["signal 8 (SIGFPE)"],
    ),
    "corrupted-heap": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.free(ctypes.c_void_p(16))",
        ["signal 11 (SIGSEGV)"],
    ),
    "stop-itself-by-alarm": (
        "import signal, os, time\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\ntime.sleep(0.1)\nos._exit(3)",
        ["exit status 3"],
    ),
    "atexit-that-hangs": (
        "import atexit, time\natexit.register(time.sleep, 600)\nraise KeyError('hangs')",
        ["KeyError: 'hangs'"],
    ),
    "thread-that-hangs": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nraise KeyError('hangs')",
        ["KeyError: 'hangs'"],
    ),
    "destructor-that-hangs": (
        "import time\nclass A:\n    def __del__(self): time.sleep(600)\na = A()\nraise KeyError('hangs')",
        ["KeyError: 'hangs'"],
    ),
    "exception-whose-text-raises": ("class A(Exception):\n    def __str__(self): raise A\nraise A", ["A"]),
    "exception-whose-text-ends-the-process": (
        "class A(Exception):\n    def __str__(self): __import__('os')._exit(4)\nraise A",
        ["exit status 4"],
    ),
    "hook-of-exceptions": ("import sys\nsys.excepthook = None\nraise KeyError('hook')", ["KeyError: 'hook'"]),
}


@pytest.mark.parametrize(("definition", "words"), AT_IMPORT.values(), ids=AT_IMPORT)
def test_a_script_that_ends_while_it_is_imported_is_explained(
    ground: Ground, definition: str, words: list[str]
) -> None:
    began = time.monotonic()
    detail = ground.refused("print('before', flush=True)\n" + definition)
    for word in words:
        assert word in detail, detail
    assert time.monotonic() - began < 20


ENDLESS = {
    "loop": "while True: pass",
    "loop-that-catches-all": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "sleep": "import time; time.sleep(600)",
    "all-signals-ignored": (
        "import signal, time\nfor k in range(1, 65):\n    try: signal.signal(k, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(600)"
    ),
    "lock-held-in-compiled-code": "import ctypes; ctypes.PyDLL(None).pause()",
    "loop-in-compiled-code": (
        "import ctypes, mmap\npage = mmap.mmap(-1, 4096, prot=7)\npage.write(b'\\xeb\\xfe')\n"
        "ctypes.PYFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()"
    ),
    "deadlock": "import threading\nlock = threading.Lock()\nlock.acquire(); lock.acquire()",
    "waiting-for-a-thread": (
        "import threading, time\nt = threading.Thread(target=time.sleep, args=(600,)); t.start(); t.join()"
    ),
    "import-of-itself": (
        "import sys, time\nsys.meta_path.insert(0, type('A', (), {'find_spec': lambda *a: time.sleep(600)}))\nimport x"
    ),
    "reading-the-orders": "import os\nwhile True: os.read(3, 1 << 17)",
    "waiting-for-input": "import time, sys\nassert sys.stdin.read() == ''\ntime.sleep(600)",
}


@pytest.fixture(scope="module")
def endless(hasty_ground: Ground) -> dict[str, str]:
    """What the authors of scripts without end are told; all at the same time."""
    return hasty_ground.refusals({name: "print('begun', flush=True)\n" + text for name, text in ENDLESS.items()})


@pytest.mark.parametrize("name", ENDLESS)
def test_a_script_without_end_is_ended(endless: dict[str, str], name: str) -> None:
    assert f"the script gave no estimator within {BUILD_SECONDS}" in endless[name]
    assert "begun" in endless[name]


LIVING = {
    "daemon-threads": (
        "import threading, time\n"
        "for _ in range(20): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    ),
    "threads": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
    "atexit-that-hangs": "import atexit, time\natexit.register(time.sleep, 600)",
    "all-signals-ignored": (
        "import signal\nfor k in range(1, 65):\n    try: signal.signal(k, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass"
    ),
    "handlers-that-raise": "import signal\ndef no(*a): raise KeyError\nfor k in (1, 2, 15): signal.signal(k, no)",
    "alarm": (
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)"
    ),
    "files": "for k in range(100): open(f'{k}', 'w').write('x' * 1000)",
    "no-collector": "import gc\ngc.disable(); gc.unfreeze()",
    "collector": "import gc\ngc.unfreeze(); gc.collect()",
}


@pytest.mark.parametrize("definition", LIVING.values(), ids=LIVING)
def test_an_estimator_with_odd_habits_steps_as_any_other_and_ends_when_told(ground: Ground, definition: str) -> None:
    records = drive(20)
    with ground.accepted(definition + "\n" + KALMAN) as (name,):
        upload(ground.server, name, records)
        assert_same(ground.server.wait_status(name, stepped=19, failed=0, restarts=0), plain_kalman(records))


SPOILING = {
    "numpy": "import numpy\nnumpy.array = numpy.eye = numpy.asarray = numpy.linalg.solve = None",
    "numpy-in-place": (
        "import ctypes, numpy\narray = numpy.linalg.solve\nnumpy.pi = 3\nnumpy.cbrt = numpy.finfo = lambda x: 1 / 0"
    ),
    "builtins": "import builtins\nbuiltins.float = builtins.len = builtins.zip = builtins.open = None",
    "json": "import json\njson.loads = json.dumps = lambda *a, **k: '{}'",
    "modules": "import sys\nsys.modules.clear()",
    "path-of-modules": "import sys\nsys.path[:] = []; sys.meta_path[:] = []",
    "plugin": "import lachesis_kalman\nlachesis_kalman.ExtendedKalmanFilter.step = lambda *a: ([0.0], [[1.0]])",
    "worker": "import lachesis_worker.session as s\ns.Session.process = s.build = s.Session._take = None",
    "protocol": "import lachesis_worker.protocol as p\np.Channel.send = p.Channel.receive = lambda *a: None",
    "small-integers": "import ctypes\nctypes.c_int.from_address(id(7) + 24).value = 8",
    "true-and-false": "import ctypes\nctypes.c_int.from_address(id(True) + 24).value = 0",
    "shared-code": (
        "import ctypes\nlibc = ctypes.CDLL(None)\naddress = ctypes.cast(libc.abs, ctypes.c_void_p).value & ~4095\n"
        "libc.mprotect(ctypes.c_void_p(address), 8192, 7)\n"
        "ctypes.memset(ctypes.cast(libc.abs, ctypes.c_void_p), 0xcc, 16)"
    ),
    "environment": "import os\nos.environ.clear()",
    "current-folder": "import os\nos.chdir('/')",
    "descriptors": "import os\nfor k in range(3): os.close(k)",
}


@pytest.mark.parametrize("definition", SPOILING.values(), ids=SPOILING)
def test_a_script_that_changes_what_it_shares_changes_its_own_copy_alone(ground: Ground, definition: str) -> None:
    server, spoilt, other, records = ground.server, fresh("spoilt"), fresh("other"), drive(10)
    reply = server.register(spoilt, definition + "\n" + KALMAN)
    assert reply.status_code in (200, 422), reply.text
    if reply.status_code == 200:
        upload(server, spoilt, records)
    # While the process of the first lives, or what is left of it.
    server.accept(other, KALMAN)
    upload(server, other, records)
    assert_same(server.wait_status(other, stepped=9, failed=0, restarts=0), plain_kalman(records))
    for name in (spoilt, other):
        server.http.delete(f"/db/{name}", params={"force": "true"})
    ground.check()


def test_a_host_and_a_zygote_that_are_killed_take_hostile_workers_with_them(hasty_ground: Ground) -> None:
    """The last of these: it changes the processes that the ground knows."""
    server = hasty_ground.server
    stubborn = LIVING["all-signals-ignored"] + "\n" + LIVING["threads"] + "\n" + KALMAN
    name = fresh("stubborn")
    server.accept(name, stubborn)
    for victim in ("zygote", "host"):
        # The status of before is told until the end of the worker has been seen.
        before = wait(lambda: two if len(two := server.tree("worker")) == 2 else None, "both workers")
        (one,) = server.tree(victim)
        os.kill(one.pid, 9)
        wait(lambda workers=before: not any(worker.is_alive for worker in workers), "an end of all workers")
        server.wait_status(name)
    server.http.delete(f"/db/{name}", params={"force": "true"})
