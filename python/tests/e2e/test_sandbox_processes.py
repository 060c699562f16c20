"""Processes: a worker is alone, starts nobody, and reaches nobody."""

import os
import signal
from typing import Any

import pytest
from cells import KALMAN
from hostile import Ground, Report, cases, reported, reporting
from processes import Process, look_up, wait
from server import fresh

THREADS = 64

DEEDS, PARAMETERS = cases(
    {
        # Starting others.
        "fork": ("os.fork()", "EPERM"),
        "fork-of-the-c-library": ("checked(libc.fork())", "EPERM"),
        "raw-fork": ("call(57)", "EPERM"),
        "vfork": ("call(58)", "EPERM"),
        "clone": ("call(56, 17, 0, 0, 0, 0)", "EPERM"),
        "clone-with-shared-memory": ("call(56, 0x100 | 17, 0, 0, 0, 0)", "EPERM"),
        "fork-bomb": ("for _ in range(10_000):\n    try: os.fork()\n    except OSError: pass\nos.fork()", "EPERM"),
        "forkpty": ("os.forkpty()", "ENOENT"),
        "subprocess": ("__import__('subprocess').run(['/usr/bin/true'])", "EPERM"),
        "subprocess-of-a-new-session": (
            "__import__('subprocess').Popen(['sleep', '9'], start_new_session=True)",
            "EPERM",
        ),
        "shell": ("os.waitstatus_to_exitcode(os.system('true'))", 127),
        "posix-spawn": ("os.posix_spawn('/usr/bin/true', ['true'], {})", "EPERM"),
        "execve": ("os.execv('/usr/bin/true', ['true'])", "EPERM"),
        "execveat": ("call(322, -100, b'/usr/bin/true', None, None, 0)", "EPERM"),
        "execute-python": ("os.execv(sys.executable, ['python'])", "EPERM"),
        "execute-its-own": (
            "__import__('shutil').copy('/usr/bin/true', 'own')\nos.chmod('own', 0o700)\nos.execv('own', ['own'])",
            "EPERM",
        ),
        "multiprocessing-fork": (
            "__import__('multiprocessing').get_context('fork').Process(target=print).start()",
            "EPERM",
        ),
        "multiprocessing-spawn": (
            "__import__('multiprocessing').get_context('spawn').Process(target=print).start()",
            "EPERM",
        ),
        # Signals.
        "kill-everyone": ("os.kill(-1, 9)", "EPERM"),
        "kill-its-group": ("os.kill(0, 9)", "EPERM"),
        "kill-the-zygotes-group": ("os.killpg(ZYGOTE, 9)", "EPERM"),
        "kill-the-sibling": ("os.kill(SIBLING, 9)", "EPERM"),
        "kill-the-zygote": ("os.kill(ZYGOTE, 9)", "EPERM"),
        "kill-the-host": ("os.kill(HOST, 9)", "EPERM"),
        "kill-the-server": ("os.kill(SERVER, 9)", "EPERM"),
        "ask-for-the-sibling": ("os.kill(SIBLING, 0)", "EPERM"),
        "kill-by-64-bits": ("call(62, 1 << 32 | SIBLING, 9)", "EPERM"),
        "tkill": ("call(200, SIBLING, 9)", "EPERM"),
        "tgkill": ("call(234, SIBLING, SIBLING, 9)", "EPERM"),
        "queue-a-signal": ("call(129, SIBLING, 9, None)", "EPERM"),
        "queue-a-signal-to-a-thread": ("call(297, SIBLING, SIBLING, 9, None)", "EPERM"),
        "signal-by-descriptor": ("call(424, 3, 9, None, 0)", "EPERM"),
        # Looking into others.
        "ptrace-the-sibling": ("call(101, 16, SIBLING, None, None)", "EPERM"),
        "seize-the-sibling": ("call(101, 0x4206, SIBLING, None, None)", "EPERM"),
        "be-traced": ("call(101, 0, 0, None, None)", "EPERM"),
        "read-the-siblings-memory": ("call(310, SIBLING, None, 0, None, 0, 0)", "EPERM"),
        "write-the-siblings-memory": ("call(311, SIBLING, None, 0, None, 0, 0)", "EPERM"),
        "memory-by-file": ("open(f'/proc/{SIBLING}/mem', 'rb')", "ENOENT"),
        "pidfd": ("call(434, SIBLING, 0)", "EPERM"),
        "pidfd-of-itself": ("call(434, 1, 0)", "EPERM"),
        "descriptor-of-the-sibling": ("call(438, 3, 0, 0)", "EPERM"),
        "kcmp": ("call(312, SIBLING, 1, 0, 0, 0)", "EPERM"),
        "limits-of-the-sibling": ("call(302, SIBLING, 7, None, b'\\0' * 16)", "EPERM"),
        "set-limits-of-the-sibling": ("call(302, SIBLING, 7, b'\\0' * 16, None)", "EPERM"),
        "set-limits-of-the-sibling-by-64-bits": ("call(302, 1 << 32, 7, b'\\0' * 16, None)", "EPERM"),
        "priority-of-the-sibling": ("os.setpriority(os.PRIO_PROCESS, SIBLING, 19)", "EPERM"),
        "processors-of-the-sibling": ("os.sched_setaffinity(SIBLING, {0})", "EPERM"),
        "group-of-the-sibling": ("os.setpgid(0, SIBLING)", "EPERM"),
        "namespace-of-the-sibling": ("open(f'/proc/{SIBLING}/ns/pid')", "ENOENT"),
        "socket-of-the-sibling": ("os.open(f'/proc/{SIBLING}/fd/3', os.O_RDWR)", "ENOENT"),
        "socket-of-the-sibling-by-connecting": (
            "socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(f'/proc/{SIBLING}/fd/3')",
            "EPERM",
        ),
        "folder-of-the-sibling": ("os.listdir(f'/proc/{SIBLING}/cwd')", "ENOENT"),
        "robust-list-of-the-sibling": ("call(274, SIBLING, ctypes.pointer(box), ctypes.pointer(box))", "ESRCH"),
        # What it is.
        "own-number": ("[os.getpid(), os.getppid(), os.getsid(0), os.getpgrp()]", [1, 0, 1, 1]),
        "own-user": ("[*os.getresuid(), *os.getresgid(), os.getgroups()]", [65534] * 6 + [[]]),
    }
)


@pytest.fixture(scope="module")
def report(ground: Ground) -> Report:
    server = ground.server
    (sibling,), (zygote,) = server.tree("worker"), server.tree("zygote")
    numbers = {"SERVER": server.pid, "HOST": server.host().pid, "ZYGOTE": zygote.pid, "SIBLING": sibling.pid}
    prelude = "".join(f"{name} = {number}\n" for name, number in numbers.items()) + "box = ctypes.c_long()\n"
    return ground.report(DEEDS, prelude)


@pytest.mark.parametrize(("deed", "outcome"), PARAMETERS)
def test_a_process_is_out_of_reach(report: Report, deed: str, outcome: Any) -> None:
    assert report[deed] == outcome


MANY = """
import threading
end = threading.Event()
for number in range(1_000):
    try:
        threading.Thread(target=end.wait, daemon=True).start()
    except RuntimeError as error:
        reason = str(error)
        break
"""


def test_a_thousand_threads_are_as_many_as_are_allowed(ground: Ground) -> None:
    deed = MANY + "end.set()\nreturn [number, reason]"
    # One is the process itself.
    assert ground.report({"threads": deed})["threads"] == [THREADS - 1, "can't start new thread"]


def test_threads_are_counted_for_each_worker_alone(ground: Ground) -> None:
    with ground.accepted(MANY + KALMAN) as (name,):
        greedy = newest(ground)
        assert len(os.listdir(f"/proc/{greedy.pid}/task")) == THREADS
        few = "import threading\nfor _ in range(20): threading.Thread(target=print).start()"
        reply = ground.server.register(fresh("few"), reporting({"few": few}))
        assert reported(reply.json()["detail"])["few"] == "done"
        assert ground.server.status(name)["is_ready"]


def newest(ground: Ground) -> Process:
    return max(ground.server.tree("worker"), key=lambda one: one.start)


def test_a_worker_as_the_machine_sees_it(ground: Ground) -> None:
    with ground.accepted(KALMAN):
        pid = newest(ground).pid
        with open(f"/proc/{pid}/status") as file:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        assert lines["NoNewPrivs"] == "1" and lines["Seccomp"] == "2" and lines["Threads"] == "1"
        assert {lines[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
        assert lines["NSpid"].split()[-1] == "1"
        (uid,) = set(lines["Uid"].split())
        # Not the server's user if that is root; an ordinary user can be nobody else.
        owner = os.stat(f"/proc/{ground.server.pid}").st_uid
        assert uid == ("65534" if owner == 0 else str(owner)), lines["Uid"]
        for kind in ("user", "mnt", "pid", "net", "ipc", "uts"):
            own, servers = (os.readlink(f"/proc/{number}/ns/{kind}") for number in (pid, ground.server.pid))
            assert own != servers, f"it shares the server's namespace of kind {kind}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_from_outside_that_it_does_not_expect_ends_no_worker(ground: Ground, number: int) -> None:
    # It is the first of its namespace; what ends it is SIGKILL, which its zygote sends.
    with ground.accepted(KALMAN) as (name,):
        os.kill(newest(ground).pid, number)
        assert ground.server.status(name)["restarts"] == 0


def test_a_worker_that_is_killed_from_outside_starts_again(ground: Ground) -> None:
    with ground.accepted(KALMAN) as (name,):
        first = newest(ground)
        os.kill(first.pid, signal.SIGKILL)
        wait(lambda: not (now := look_up(first.pid)) or now.start != first.start, "an end")
        ground.server.wait_status(name, restarts=1)


def test_a_script_that_kills_itself_by_any_signal_is_ended_or_goes_on(ground: Ground) -> None:
    """The kernel protects the first process of a namespace from its own signals, except from faults."""
    deeds = {
        signal.Signals(number).name: f"os.kill(1, {number})"
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGHUP, signal.SIGSEGV, signal.SIGSYS)
    }
    # The interpreter shows a SIGSEGV's origin and has it done again, this time by default: which is nothing.
    assert set(ground.report(deeds).values()) == {"done"}


def test_a_script_learns_nothing_of_a_machines_name(ground: Ground) -> None:
    assert ground.report({"name": "socket.gethostname()"}) == {"name": "worker"}
