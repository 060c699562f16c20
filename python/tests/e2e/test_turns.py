"""Registrations take turns: scripts that take their time hold up nobody else's, and only so many wait."""

import select
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import tokens
from cells import KALMAN
from processes import wait
from raw import Connection
from server import Server, ServerFactory, fresh
from test_tls import Authority
from tokens import shown

ENDLESS = "import time\ntime.sleep(3_600)\n"
"""A script that gives no estimator before its time is up."""
PLACES, PLACES_OF_TOKEN = 4, 2
WAITING, WAITING_OF_TOKEN = 256, 64


@pytest.fixture
def shared(make_server: ServerFactory) -> Iterator[Server]:
    """A server that two people may register at, with much time for each script; shows the admin's token."""
    server = make_server("--build-timeout", "3600", start=False)
    server.by_label = {label: tokens.create(server, "register", label=label) for label in ("slow", "other")}
    server.token = tokens.create(server, "admin", label="admin")
    server.start()
    server.wait_plugins()
    yield server


def ask(server: Server, token: str | None, definition: str = ENDLESS) -> Connection:
    """Send a registration and do not wait for its answer."""
    boundary = "b" * 30
    fields = {"name": fresh("turn"), "plugin": "kalman", "definition": definition}
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    body += f"--{boundary}--\r\n"
    head = {
        "Host": "localhost", "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(body)), **shown(token),
    }  # fmt: skip
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    connection = Connection(server)
    connection.send(f"POST /online/register HTTP/1.1\r\n{lines}\r\n{body}".encode())
    return connection


def wait_workers(server: Server, count: int) -> None:
    wait(lambda: len(server.tree("worker")) == count, lambda: f"{count} workers: {server.tree()}")


def test_slow_scripts_of_one_token_hold_up_no_other(shared: Server) -> None:
    with ExitStack() as stack:
        for _ in range(2 * PLACES):
            stack.enter_context(ask(shared, shared.by_label["slow"]))
        wait_workers(shared, PLACES_OF_TOKEN)
        for number in range(3):
            with ask(shared, shared.by_label["other"], KALMAN) as other:
                assert other.answer().status == 200
            wait_workers(shared, PLACES_OF_TOKEN + number + 1)


def answered(connections: list[Connection], seconds: float = 0) -> list[Connection]:
    """Return those of the connections at which an answer has begun; wait for the first so long. s"""
    poll = select.poll()
    by_number = {connection.socket.fileno(): connection for connection in connections}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(seconds * 1_000)]


def fill(stack: ExitStack, server: Server, token: str | None, count: int, status: int) -> list[Connection]:
    """Ask until `count` are inside or wait; return them, whose further ones were refused."""
    further = 3
    asked = [stack.enter_context(ask(server, token)) for _ in range(count + further)]
    wait(lambda: len(answered(asked)) == further, lambda: f"{further} refusals: {len(answered(asked))}")
    refused = answered(asked)
    for connection in refused:
        reply = connection.answer()
        assert reply.status == status and "wait for their turn" in reply.json["detail"]
        assert reply.headers["retry-after"].isdigit() and reply.headers["connection"] == "close"
        connection.socket.settimeout(20)
        assert connection.is_at_end()
    return [connection for connection in asked if connection not in refused]


def test_one_tokens_full_line_shuts_out_no_other(shared: Server) -> None:
    with ExitStack() as stack:
        fill(stack, shared, shared.by_label["slow"], PLACES_OF_TOKEN + WAITING_OF_TOKEN, 429)
        with ask(shared, shared.by_label["other"], KALMAN) as other:
            assert other.answer().status == 200


def test_who_hangs_up_loses_the_turn(shared: Server) -> None:
    slow = shared.by_label["slow"]
    with ExitStack() as stack:
        for _ in range(PLACES_OF_TOKEN):
            stack.enter_context(ask(shared, slow))
        wait_workers(shared, PLACES_OF_TOKEN)
        for connection in fill(stack, shared, slow, WAITING_OF_TOKEN, 429):
            connection.close()

        def left() -> bool:
            return sum(entry.get("status") == 499 for entry in tokens.audit(shared)) == WAITING_OF_TOKEN

        wait(left, lambda: f"all who hung up in the audit log: {tokens.audit(shared)[-3:]}")
        again = stack.enter_context(ask(shared, slow))
        assert answered([again], 1) == []
        assert "request failed" not in shared.log_tail()


def test_who_hangs_up_over_tls_loses_the_turn(make_server: ServerFactory, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = make_server("--build-timeout", "3600", *authority.options, start=False)
    server.trust = authority.trust()
    server.start()
    server.wait_plugins()
    with ExitStack() as stack:
        for _ in range(PLACES):
            stack.enter_context(ask(server, None))
        wait_workers(server, PLACES)
        ask(server, None).close()
        path = server.data / "audit.jsonl"
        wait(lambda: path.exists() and [entry["status"] for entry in tokens.audit(server)] == [499], "a word of it")


def test_without_tokens_all_places_are_everybodys_and_the_line_is_bounded(make_server: ServerFactory) -> None:
    server = make_server("--build-timeout", "3600")
    server.wait_plugins()
    with ExitStack() as stack:
        fill(stack, server, None, PLACES + WAITING, 503)
        wait_workers(server, PLACES)
        assert server.get("/health")
