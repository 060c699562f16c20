"""Each layer of the sandbox switched off: what the others cover fails, and something that only it prevents is done."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from hostile import USERS, Ground, Report, Sandboxed, reported, reporting, serving
from server import fresh
from streaming import upload

LAYERS = ["namespaces", "landlock", "system-calls", "identity"]
# What a deed gives without one of them, in this order. `done`, and what else is no error, nothing else prevents.
TABLE: dict[str, tuple[str, list[Any]]] = {
    # Files: the root that holds little, Landlock, and the read-only mounts.
    "read-users": ("open('/etc/passwd')", ["EACCES", "ENOENT", "ENOENT", "ENOENT"]),
    "read-passwords": ("open('/etc/shadow')", ["EACCES", "ENOENT", "ENOENT", "ENOENT"]),
    "read-the-database": ("os.listdir(DATA)", ["EACCES", "ENOENT", "ENOENT", "ENOENT"]),
    "see-processes": ("open('/proc/self/status')", ["EACCES", "ENOENT", "ENOENT", "ENOENT"]),
    "read-others-environment": ("open('/proc/1/environ', 'rb')", ["EACCES", "ENOENT", "ENOENT", "ENOENT"]),
    "write-programs": ("open('/usr/lachesis', 'w')", ["EACCES", "EROFS", "EROFS", "EROFS"]),
    "write-the-environment": ("open(sys.prefix + '/lachesis', 'w')", ["EACCES", "EROFS", "EROFS", "EROFS"]),
    "write-temporary-files": ("open('/tmp/lachesis', 'w')", ["EACCES", "EROFS", "EROFS", "EROFS"]),
    "folder-in-the-root": ("os.mkdir('/lachesis')", ["EACCES", "EROFS", "EROFS", "EROFS"]),
    "link-elsewhere": ("os.symlink('/etc/passwd', 'link')\nopen('link')", ["EACCES", "ENOENT", "ENOENT", "ENOENT"]),
    "list-the-root": ("len(os.listdir('/')) > 3", ["EACCES", True, "EACCES", "EACCES"]),
    "permit-a-program": ("os.chmod('/usr/bin/env', 0o755)", ["EPERM", "EROFS", "EROFS", "EROFS"]),
    "load-an-uploaded-library": (
        "import shutil, _ctypes\nshutil.copyfile(_ctypes.__file__, 'l.so')\nctypes.CDLL('./l.so')",
        ["done", "OSError", "OSError", "OSError"],
    ),
    "file-larger-than-allowed": ("os.truncate(os.open('large', 66), (320 << 20) + 1)", ["EFBIG"] * 4),
    "more-entries-than-allowed": (
        "os.mkdir('many')\nfor number in range(10_001): open(f'many/{number}', 'x').close()",
        ["done", "ENOSPC", "ENOSPC", "ENOSPC"],
    ),
    # Devices: the filter, Landlock, and mounts without devices.
    "make-a-device": ("os.mknod('null', 0o20600, 0x103)", ["EPERM", "EPERM", "EACCES", "EPERM"]),
    "make-a-pipe": ("os.mkfifo('fifo')", ["EPERM", "EPERM", "EACCES", "EPERM"]),
    # The network: the filter, an empty network, and Landlock.
    "socket": ("socket.socket()", ["EPERM", "EPERM", "done", "EPERM"]),
    "connect": ("socket.create_connection(('127.0.0.1', PORT), 2)", ["EPERM", "EPERM", "EACCES", "EPERM"]),
    "connect-by-datagrams": (
        "socket.socket(2, 2).sendto(b'x', ('169.254.169.254', 53))",
        ["EPERM", "EPERM", "ENETUNREACH", "EPERM"],
    ),
    "connect-to-an-abstract-name": (
        "socket.socket(1).connect('\\0lachesis')",
        ["EPERM", "EPERM", "ECONNREFUSED", "EPERM"],
    ),
    "listen": ("socket.create_server(('127.0.0.1', 0))", ["EPERM", "EPERM", "EACCES", "EPERM"]),
    "socket-in-the-work-folder": ("socket.socket(1).bind('s')", ["EPERM", "EPERM", "EACCES", "EPERM"]),
    "interfaces": ("[name for _, name in socket.if_nameindex()]", ["EPERM", "EPERM", ["lo"], "EPERM"]),
    # Processes: the filter, a process namespace, Landlock's and mounts' ban on executing.
    "fork": ("if (pid := os.fork()) == 0: os._exit(0)\nos.waitpid(pid, 0)", ["EPERM", "EPERM", "done", "EPERM"]),
    "execute": ("os.execv('/usr/bin/true', ['true'])", ["EPERM", "EPERM", "EACCES", "EPERM"]),
    "trace": ("call(101, 0, 0, None, None)", ["EPERM", "EPERM", "done", "EPERM"]),
    "trace-the-host": ("call(101, 16, HOST, None, None)", ["EPERM", "EPERM", "ESRCH", "EPERM"]),
    "read-the-hosts-memory": (
        "call(310, HOST, words(id(libc)), 1, words(id(libc)), 1, 0)",
        ["EPERM", "EPERM", "ESRCH", "EPERM"],
    ),
    "ask-for-the-host": ("os.kill(HOST, 0)", ["EPERM", "EPERM", "ESRCH", "EPERM"]),
    "ask-for-everyone": ("os.kill(-1, 0)", ["EPERM", "EPERM", "ESRCH", "EPERM"]),
    # The kernel: the filter, no capabilities, and a user namespace without powers.
    "namespace-of-its-own": ("call(272, 0x10000000)", ["EPERM"] * 4),
    "mount": ("call(165, b'x', b'.', b'tmpfs', 0, None)", ["EPERM"] * 4),
    "unmount": ("call(166, b'/usr', 2)", ["EPERM"] * 4),
    "open-a-file-system": ("call(430, b'tmpfs', 0)", ["EPERM"] * 4),
    "change-the-root": ("call(161, b'.')", ["EPERM"] * 4),
    "become-root": ("os.setuid(0)", ["EPERM", "EPERM", "EINVAL", "EPERM"]),
    "give-a-file-to-root": ("os.chown('.', 0, 0)", ["EPERM", "EPERM", "EINVAL", "EPERM"]),
    "rename-the-machine": ("call(170, b'x', 1)", ["EPERM"] * 4),
    "set-the-clock": ("call(227, 0, (ctypes.c_long * 2)(0, 0))", ["EPERM"] * 4),
    "raise-limits": ("call(160, 7, (ctypes.c_ulong * 2)(512, 512))", ["EPERM"] * 4),
    "be-more-important": ("os.setpriority(0, 0, -5)", ["EPERM", "EPERM", "EACCES", "EPERM"]),
    "messages-of-the-kernel": ("call(103, 3, bytes(64), 64)", ["EPERM"] * 4),
    "keyring": ("call(250, 0, -3, 1)", ["EPERM", "EPERM", "done", "EPERM"]),
    "memory-file": ("call(319, b'x', 0)", ["ENOSYS", "ENOSYS", "done", "ENOSYS"]),
    "shared-memory": ("call(29, 0, 4096, 0o1600)", ["EPERM", "EPERM", "done", "EPERM"]),
    "machines-name": ("socket.gethostname() != 'worker'", [True, False, False, False]),
    # The last: of a process with threads the kernel tells other errors.
    "threads": (
        "import threading\nend, number = threading.Event(), 0\ntry:\n"
        "    for number in range(100): threading.Thread(target=end.wait, daemon=True).start()\nfinally: end.set()",
        ["done", "RuntimeError", "RuntimeError", "done"],
    ),
    "be-root": ("os.getuid() == 0", [False, False, False, True]),
}
CASES = [
    pytest.param(layer, deed, outcomes[index], id=f"{layer}-{deed}")
    for index, layer in enumerate(LAYERS)
    for deed, (_, outcomes) in TABLE.items()
]


def is_done(outcome: Any) -> bool:
    """Whether an outcome of the table is a deed that was done."""
    return outcome == "done" or outcome is True or isinstance(outcome, list)


PRELUDE = """
def words(address):
    return (ctypes.c_ulong * 2)(address, 8)
"""


def script(server: Sandboxed) -> str:
    port, host = int(server.url.rsplit(":", 1)[1]), server.host().pid
    prelude = f"DATA, PORT, HOST = {str(server.data)!r}, {port}, {host}\n" + PRELUDE
    return reporting({name: deed for name, (deed, _) in TABLE.items()}, prelude)


@pytest.fixture(scope="module", params=USERS)
def weakened(request: pytest.FixtureRequest) -> Iterator[dict[str, tuple[Sandboxed, Report]]]:
    """By layer, a server without it and what became of the deeds there."""
    found: dict[str, tuple[Sandboxed, Report]] = {}
    servers = [serving(request.param, "--sandbox-without", layer) for layer in LAYERS]
    entered = []
    try:
        for layer, context in zip(LAYERS, servers, strict=True):
            server = context.__enter__()
            entered.append(context)
            server.wait_plugins()
            reply = server.register(fresh("hostile"), script(server))
            assert reply.status_code == 422, reply.text
            found[layer] = server, reported(reply.json()["detail"])
        yield found
    finally:
        for context in reversed(entered):
            context.__exit__(None, None, None)


@pytest.mark.parametrize(("layer", "deed", "outcome"), CASES)
def test_a_layer_is_missing(weakened: dict[str, tuple[Sandboxed, Report]], layer: str, deed: str, outcome: Any) -> None:
    """The others hold for what they cover too; where a control group counts threads, no layer is needed for that."""
    server, report = weakened[layer]
    if deed == "threads" and "pids" in server.get("/health")["control_groups"]["controllers"]:
        outcome = "RuntimeError"
    assert report[deed] == outcome


@pytest.fixture(scope="module")
def complete(ground: Ground) -> Report:
    return reported(ground.refused(script(ground.server)))


@pytest.mark.parametrize("deed", TABLE)
def test_with_all_layers_nothing_is_done(complete: Report, deed: str) -> None:
    assert not is_done(complete[deed]), complete[deed]


@pytest.mark.parametrize("index", range(len(LAYERS)), ids=LAYERS)
def test_no_layer_is_decoration(index: int) -> None:
    """The test above shows that with it they are not done."""
    assert [name for name, (_, outcomes) in TABLE.items() if is_done(outcomes[index])]
    # And of what is prevented without it, most is prevented by another whichever is missing.
    assert sum(not any(map(is_done, outcomes)) for _, outcomes in TABLE.values()) > 30


@pytest.mark.parametrize("layer", LAYERS)
def test_a_missing_layer_is_told_everywhere_and_estimates_are_the_same(
    weakened: dict[str, tuple[Sandboxed, Report]], layer: str
) -> None:
    server, name, records = weakened[layer][0], fresh("weakened"), drive(30)
    server.accept(name, KALMAN)
    upload(server, name, records)
    status = server.wait_status(name, stepped=29, failed=0)
    assert_same(status, plain_kalman(records))
    assert status["sandbox_without"] == [layer] and server.get("/health")["sandbox_without"] == [layer]


def test_a_worker_that_is_root_for_want_of_identity_changes_no_device() -> None:
    """They are shown for reading only, as all else: what is written into them is no change of theirs."""
    for user in USERS:
        with serving(user, "--sandbox-without", "identity") as server:
            server.wait_plugins()
            # To what it is already.
            deeds = {"permit": "os.chmod('/dev/null', 0o666)", "write": "open('/dev/null', 'w').write('x')"}
            reply = server.register(fresh("hostile"), reporting(deeds))
            assert reported(reply.json()["detail"]) == {"permit": "EROFS", "write": 1}


def test_the_proof_of_the_sandbox_gives_nothing_of_the_machines_away() -> None:
    """Without namespaces it is tried in a folder on the machine, which changes hands; once that was one for all."""
    before = {path: os.stat(path).st_uid for path in ("/tmp", "/var/tmp")}
    for user in USERS:
        with serving(user, "--sandbox-without", "namespaces") as server:
            server.wait_plugins()
            server.accept(fresh("unchanged"), KALMAN)
    assert {path: os.stat(path).st_uid for path in before} == before
