"""Leaks: what a script could learn of the server, of other scripts, or tell them."""

import fcntl
import os
from typing import Any

import pytest
from cells import KALMAN
from hostile import SECRET, Ground, Report, cases, reported, reporting
from server import fresh

ENVIRONMENT = [
    "BLOSC_NTHREADS", "HOME", "JE_ARROW_MALLOC_CONF", "LANG", "NUMEXPR_MAX_THREADS", "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED",
    "SWIFT_BACKTRACE", "TMPDIR",
]  # fmt: skip
# What selects the kernel of linear algebra is passed on.
ENVIRONMENT = sorted(ENVIRONMENT + [name for name in ("OPENBLAS_CORETYPE",) if name in os.environ])

DEEDS, PARAMETERS = cases(
    {
        # The environment.
        "secret-in-the-environment": (f"{SECRET!r} in os.environ", False),
        "secret-by-the-c-library": ("bool(libc.getenv(SECRET.encode()))", False),
        "environment": (
            "sorted(os.environ)",
            ENVIRONMENT,
        ),
        "environment-of-a-process": ("open('/proc/self/environ')", "ENOENT"),
        "environment-on-the-stack": ("found(stack())", []),
        "stack-is-readable-at-all": ("b'OMP_NUM_THREADS=1' in stack()", True),
        # Other scripts.
        "objects-of-others": ("import gc\ngc.unfreeze()\nreturn found(*map(text, gc.get_objects()))", []),
        "objects-are-visible-at-all": ("import gc\nreturn len(gc.get_objects()) > 10_000", True),
        "heap-of-others": ("found(heap())", []),
        "heap-is-readable-at-all": ("b'ExtendedKalmanFilter' in heap()", True),
        "modules-of-others": ("'lachesis_script_before' in sys.modules", False),
        "work-folder-of-others": ("os.listdir('/estimator')", []),
        # Descriptors.
        "descriptors": (
            "import stat\nkinds = {}\nfor number in range(4096):\n"
            "    try: kinds[number] = stat.filemode(os.fstat(number).st_mode)[0]\n    except OSError: pass\n"
            "return kinds",
            {"0": "c", "1": "p", "2": "p", "3": "s"},
        ),
        "descriptor-of-a-folder": ("os.fchdir(3)", "ENOTDIR"),
        "read-its-own-output": ("os.read(1, 1)", "EBADF"),
        "descriptor-by-the-socket": ("libc.recv(3, ctypes.create_string_buffer(1), 1, 0x40)", -1),
        # The kernel's own files.
        "proc": ("os.listdir('/proc')", "ENOENT"),
        "proc-of-itself": ("open('/proc/self/maps')", "ENOENT"),
        "proc-settings": ("open('/proc/sys/kernel/core_pattern')", "ENOENT"),
        "sys": ("os.listdir('/sys')", "ENOENT"),
        "control-groups": ("os.listdir('/sys/fs/cgroup')", "ENOENT"),
        "boot": ("os.listdir('/boot')", "ENOENT"),
        "users": ("__import__('pwd').getpwuid(os.getuid())", "KeyError"),
        "host-name": ("os.uname().nodename", "worker"),
        "terminal": ("os.ttyname(0)", "ENOTTY"),
        "login": ("os.getlogin()", "ENOTTY"),
        # Locks of what all share: nothing may be told by them.
        "lease": ("fcntl.fcntl(os.open(SHARED, os.O_RDONLY), 1024, fcntl.F_RDLCK)", "EPERM"),
        "notification": ("fcntl.fcntl(os.open('/usr', os.O_RDONLY), 1026, 1)", "EPERM"),
        "lock-of-a-library": ("fcntl.lockf(os.open(SHARED, os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)", "done"),
        "change-a-files-time-of-access": ("os.utime(SHARED)", "EROFS"),
    }
)

LOOK = f"""
import fcntl, re
SECRET, SHARED = {SECRET!r}, '/usr/bin/env'

def found(*texts):
    # A pattern, which does not match itself; a battery's name, and the secret's value.
    pattern = re.compile(
        rb'neighbour_[0-9a-f]{{8}}|lachesis_test_secre[t]\\0|PYTEST_CURRENT_TES[T]=|XDG_RUNTIME_DI[R]='
    )
    return sorted({{match.decode() for text in texts for match in pattern.findall(text)}})

def text(thing):
    if isinstance(thing, dict):
        thing = [*thing.keys(), *thing.values()]
    if not isinstance(thing, (list, tuple, set, frozenset)):
        return b''
    return b'\\0'.join(one.encode('utf-8', 'replace') for one in thing if isinstance(one, str))

def pages(start, step):
    \"\"\"What lies at an address and the pages after or before it, as far as there are any.\"\"\"
    reading, writing = os.pipe()
    parts, address = [], start & ~4095
    try:
        # The kernel tells whether a page is there, without a fault.
        while libc.write(writing, ctypes.c_void_p(address), ctypes.c_size_t(4096)) == 4096:
            parts.append(os.read(reading, 4096))
            address += step
    finally:
        os.close(reading)
        os.close(writing)
    return b''.join(parts if step > 0 else reversed(parts))

def stack():
    # The block of the environment that the program was started with ends the stack.
    local = ctypes.c_void_p.in_dll(ctypes.CDLL(None), '__libc_stack_end').value
    return pages(local, 4096)

def heap():
    libc.sbrk.restype = ctypes.c_void_p
    return pages(libc.sbrk(0) - 1, -4096)
"""


@pytest.fixture(scope="module")
def report(ground: Ground) -> Report:
    return ground.report(DEEDS, LOOK)


@pytest.mark.parametrize(("deed", "outcome"), PARAMETERS)
def test_nothing_is_learnt(report: Report, deed: str, outcome: Any) -> None:
    assert report[deed] == outcome


LOCK = """
import fcntl, os
held = [os.open(path, os.O_RDONLY) for path in {paths!r}]
for number in held:
    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
try:
    fcntl.fcntl(held[0], 37, b'\\0' * 32)
except OSError:
    pass
"""


def test_locks_on_what_all_share_tell_nothing(ground: Ground) -> None:
    """They are taken in name only: neither the machine nor another script finds them taken."""
    paths = ["/usr/bin/env", os.path.realpath("/usr/bin/python3.11")]
    with ground.accepted(LOCK.format(paths=paths) + KALMAN):
        for path in paths:
            with open(path) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        second = ground.server.register(fresh("second"), LOCK.format(paths=paths) + reporting({"lock": "'taken'"}))
        assert reported(second.json()["detail"])["lock"] == "taken"


def test_a_lock_that_another_holds_is_not_seen(ground: Ground) -> None:
    with open("/usr/bin/env") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        deed = LOCK.format(paths=["/usr/bin/env"]) + "return 'taken'"
        assert ground.report({"lock": deed}) == {"lock": "taken"}


def test_random_numbers_of_two_scripts_differ(ground: Ground) -> None:
    deeds = {
        "python": "__import__('random').random()",
        "numpy": "float(__import__('numpy').random.random())",
        "system": "os.urandom(8).hex()",
        "uuid": "str(__import__('uuid').uuid4())",
    }
    first, second = ground.report(deeds), ground.report(deeds)
    assert not set(first.values()) & set(second.values())


def test_what_one_script_leaves_in_memory_the_next_does_not_find(ground: Ground) -> None:
    mark = fresh("left")
    ground.refused(
        f"import numpy, builtins\nbuiltins.left = {mark!r}\nnumpy.left = {mark!r} * 1_000\nraise RuntimeError"
    )
    look = {
        "builtins": "hasattr(__import__('builtins'), 'left')",
        "numpy": "hasattr(__import__('numpy'), 'left')",
        "heap": "bool(re.search(rb'left_[0-9a-f]{8}', heap()))",
    }
    assert ground.report(look, LOOK) == {"builtins": False, "numpy": False, "heap": False}
