"""Control groups: each worker is in one of its own with its limits, where this machine lets the server make them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cells import KALMAN
from processes import group_folders, wait
from server import Server, ServerFactory, fresh


def workers(server: Server) -> dict[int, list[Path]]:
    """Return the control groups of all workers, by process."""
    found = {}
    for one in server.tree():
        # One may have ended since.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if one.name == "lachesis-worker":
                found[one.pid] = group_folders(one.pid)
    return found


@pytest.fixture(scope="module")
def controllers(server: Server) -> list[str]:
    """What can be limited here; where it is not everything the server must have said why."""
    server.wait_plugins()
    told = server.get("/health")["control_groups"]
    missing = {"cpu", "memory", "pids"} - set(told["controllers"])
    assert all(name in told["detail"] for name in missing) if missing else told["detail"] is None, told
    return told["controllers"]


def test_each_worker_has_a_group_that_goes_with_it(server: Server, controllers: list[str]) -> None:
    before, name = set(workers(server)), fresh("group")
    server.accept(name, KALMAN)
    assert server.wait_status(name, is_ready=True)["control_groups"] == controllers
    (pid,) = wait(lambda: set(workers(server)) - before, "a worker")
    groups = workers(server)[pid]
    assert bool(groups) == bool(controllers)
    for group in groups:
        assert (group / "cgroup.procs").read_text().split() == [str(pid)]
    assert server.http.delete(f"/db/{name}").status_code == 200
    wait(lambda: not any(group.exists() for group in groups), lambda: f"an end of {groups}")


def test_a_registrations_limits_are_the_groups(server: Server, controllers: list[str]) -> None:
    before, name = set(workers(server)), fresh("group")
    server.accept(name, KALMAN, threads="7", memory_mb="100", folder_mb="10")
    (pid,) = wait(lambda: set(workers(server)) - before, "a worker")
    limits = {
        file: (group / file).read_text().split()
        for group in workers(server)[pid]
        for file in ("pids.max", "memory.max", "memory.limit_in_bytes")
        if (group / file).exists()
    }
    if "pids" in controllers:
        assert limits["pids.max"] == ["7"]
    if "memory" in controllers:
        (found,) = (value for file, value in limits.items() if file.startswith("memory"))
        # Memory, folder, and what a worker may copy of its zygote's.
        assert found == [str((100 + 10 + 256) << 20)]
    assert server.http.delete(f"/db/{name}").status_code == 200


@pytest.fixture
def narrow() -> Iterator[Path | None]:
    """A group with half a processor, which processes may be started in; None where none can be made."""
    group = Path("/sys/fs/cgroup/cpu/lachesis_test_of_a_quota")
    try:
        group.mkdir()
        (group / "cpu.cfs_quota_us").write_text("50000")
    except OSError:
        yield None
        return
    yield group
    wait(lambda: not (group / "cgroup.procs").read_text(), "an empty group")
    group.rmdir()


def test_a_server_with_less_than_a_processor_has_workers(narrow: Path | None, make_server: ServerFactory) -> None:
    own = make_server(start=False)
    if narrow:
        own.prefix = ["sh", "-c", f'echo $$ >{narrow}/cgroup.procs && exec "$@"', "sh"]
    own.start().wait_plugins()
    own.accept("cell", KALMAN)
    own.stop()


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_no_group_outlives_the_server(controllers: list[str], signal: str, make_server: ServerFactory) -> None:
    own = make_server()
    own.wait_plugins()
    own.accept("cell", KALMAN)
    groups = [group.parent for found in workers(own).values() for group in found]
    assert bool(groups) == bool(controllers)
    if signal == "TERM":
        own.stop()
    else:
        # A host that finds its server gone ends by itself, and takes its groups along.
        own.kill()
    wait(lambda: not any(group.exists() for group in groups), lambda: f"an end of {groups}")
