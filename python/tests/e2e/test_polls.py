"""Polls of statuses, which are answered where they arrive: by whom, how often, and to whom they end."""

import socket
import time
from urllib.parse import urlsplit

import pytest
import tokens
from cells import KALMAN, drive
from processes import peak_memory, wait
from raw import Connection
from server import Server, ServerFactory
from streaming import upload

UNREAD = 64 << 20
"""Bytes that a client asks for and does not read, if the server lets it."""


def poll(name: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET /online/status/{name} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


def test_many_at_once_are_answered_in_their_order(server: Server, battery: str) -> None:
    with Connection(server) as connection:
        connection.send(poll(battery) + poll("nonesuch") + poll(battery) + poll("-x") + poll(battery))
        assert [connection.answer().status for _ in range(5)] == [200, 404, 200, 422, 200]


@pytest.mark.parametrize("at_once", [1, 100])
def test_one_who_does_not_read_the_answers_is_not_heard_for_ever(server: Server, battery: str, at_once: int) -> None:
    before = peak_memory(server.pid)
    with Connection(server) as connection:
        connection.socket.settimeout(3)
        sent, many = 0, poll(battery) * at_once
        with pytest.raises(TimeoutError):
            while sent < UNREAD:
                sent += connection.socket.send(many)
        assert server.status(battery)["phase"] == "running"
        assert peak_memory(server.pid) - before < 16


def test_a_host_that_is_allowed_opens_for_no_other(server: Server, battery: str) -> None:
    good, foreign = poll(battery), poll(battery).replace(b"Host: localhost", b"Host: evil.example")
    page = poll(battery, "Origin: http://evil.example")
    with Connection(server) as connection:
        connection.send(good + foreign + good + page + foreign + good)
        assert [connection.answer().status for _ in range(6)] == [200, 403, 200, 403, 403, 200]


def test_a_connection_between_polls_ends_with_the_server(make_server: ServerFactory) -> None:
    server = make_server()
    server.accept("a", KALMAN)
    with Connection(server) as connection:
        for name, status in [("nonesuch", 404), *[("a", 200)] * 3]:
            connection.send(poll(name))
            assert connection.answer().status == status
        server.stop()
        assert connection.is_at_end()


def test_a_client_of_the_old_version_is_answered_and_let_go(server: Server, battery: str) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), 30) as client:
        client.sendall(f"GET /online/status/{battery} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b" 200 OK\r\n" in answer and answer.endswith(b"}")


def test_who_loses_its_token_is_refused_on_the_same_connection_and_audited_once(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    secret, server.token = tokens.create(server, "read", label="poller"), tokens.create(server, "admin")
    server.start()
    server.accept("a", KALMAN)
    upload(server, "a", drive(3))
    with Connection(server) as connection:

        def status() -> int:
            connection.send(poll("a", f"Authorization: Bearer {secret}"))
            return connection.answer().status

        assert [status() for _ in range(3)] == [200] * 3
        tokens.revoke(server, "poller")
        wait(lambda: status() == 401, "a refusal")
        time.sleep(0.1)
        refused = [entry for entry in tokens.audit(server) if entry["outcome"] == "refused"]
        assert [(entry["action"], entry["status"]) for entry in refused] == [("GET /online/status/{name}", 401)]
        for field in ("Origin: http://elsewhere.example", f"Cookie: lachesis_token={secret}"):
            connection.send(poll("a", field))
            assert connection.answer().status in (401, 403)
    assert len([entry for entry in tokens.audit(server) if entry["outcome"] == "refused"]) == 3
