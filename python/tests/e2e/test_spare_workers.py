"""A worker is forked ahead of its order: who registers next gets it, and nobody notices if it is not there."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from processes import Process, look_up, wait
from server import Server, ServerFactory, fresh
from streaming import upload

RECORDS = drive(60)


def spare(server: Server) -> Process:
    """Return the one of the plugin that the test uses, once it waits."""
    server.wait_plugins()

    def found() -> list[Process]:
        return [one for one in server.tree("spare") if b"/kalman\0" in command_line(one.parent)]

    (one,) = wait(found, lambda: f"a spare worker: {server.tree()}")
    return one


def command_line(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


def assert_works(server: Server, name: str) -> None:
    upload(server, name, RECORDS)
    assert_same(server.wait_status(name, stepped=len(RECORDS) - 1, restarts=0), plain_kalman(RECORDS))


def test_the_next_estimator_gets_it(make_server: ServerFactory) -> None:
    server, name = make_server(), fresh("next")
    before = spare(server)
    server.accept(name, KALMAN)
    assert [one.pid for one in server.tree("worker")] == [before.pid]
    assert spare(server).pid != before.pid
    assert_works(server, name)


def test_nobody_misses_one_that_was_killed(make_server: ServerFactory) -> None:
    server, name = make_server(), fresh("missed")
    for _ in range(2):
        one = spare(server)
        os.kill(one.pid, signal.SIGKILL)
        wait(lambda one=one: not one.is_alive, "its end")
        server.accept(name, KALMAN)
    assert_works(server, name)


def test_many_at_once_need_more_than_there_is(make_server: ServerFactory) -> None:
    server = make_server()
    spare(server)
    names = [fresh("many") for _ in range(12)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: server.accept(name, KALMAN), names))
    for name in names:
        assert_works(server, name)
    assert len(server.tree("worker")) == len(names)
    spare(server)


@pytest.mark.parametrize("options", [(), ("--sandbox-without", "namespaces")])
def test_it_ends_with_its_zygote(make_server: ServerFactory, options: tuple[str, ...]) -> None:
    server, name = make_server(*options), fresh("end")
    one = spare(server)
    os.kill(one.parent, signal.SIGKILL)
    wait(lambda: not one.is_alive and look_up(one.parent) is None, lambda: f"its end: {server.tree()}")
    server.accept(name, KALMAN)
    assert_works(server, name)
