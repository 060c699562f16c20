"""Tokens and roles: who may do what."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path

import pytest
import tokens
import websockets
from cells import KALMAN, drive
from processes import wait
from raw import Connection, exchange
from server import Server, ServerFactory, fresh
from streaming import PATIENCE, connect, handshake_refusal, packed, upload
from tokens import SOON, shown

from lachesis import Client, RequestError, UploadError

ROLES = ("read", "upload", "register", "admin")
ENDPOINTS: list[tuple[str, str, str | None]] = [
    ("GET", "/health", None),
    ("HEAD", "/health", None),
    ("GET", "/", "read"),
    ("GET", "/dashboard/nobody", "read"),
    ("GET", "/dashboard/nobody/residuals", "read"),
    ("GET", "/workers", "admin"),
    ("GET", "/docs", None),
    ("GET", "/login", None),
    ("POST", "/login", None),
    ("POST", "/logout", None),
    ("GET", "/static/lachesis.css", None),
    ("GET", "/static/dygraphs/no", None),
    ("GET", "/db/stats", "read"),
    ("HEAD", "/db/stats", "read"),
    ("GET", "/db/data/table", "read"),
    ("GET", "/online/status", "read"),
    ("GET", "/online/table/logs", "read"),
    ("GET", "/db/metadata/table", "read"),
    ("GET", "/online/status/table", "read"),
    ("GET", "/online/history/table", "read"),
    # Without end if it were right.
    ("GET", "/online/events?interval=no", "read"),
    ("GET", "/openapi.json", None),
    ("POST", "/db/upload/table", "upload"),
    ("GET", "/db/upload/table", "upload"),
    ("POST", "/db/register", "register"),
    ("POST", "/online/register", "register"),
    ("POST", "/online/check", "register"),
    ("GET", "/online/nobody/versions", "read"),
    ("GET", "/online/nobody/versions/1", "read"),
    ("POST", "/online/nobody/rollback", "register"),
    ("DELETE", "/online/nobody", "register"),
    ("GET", "/metrics", "read"),
    ("GET", "/health/live", None),
    ("GET", "/health/ready", None),
    ("GET", "/admin/workers", "admin"),
    *(
        ("POST", f"/admin/workers/nobody/{action}", "admin")
        for action in ("pause", "stop", "resume", "restart", "checkpoint", "limits")
    ),
    ("DELETE", "/db/nobody", "admin"),
    # What stands in no table needs the most.
    ("GET", "/no", "admin"),
    ("PUT", "/db/register", "admin"),
    ("DELETE", "/db/stats", "admin"),
    ("OPTIONS", "/db/stats", "admin"),
    ("POST", "/health", "admin"),
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a token for each role, labelled with it; shows the admin's."""
    server = Server(tmp_path_factory.mktemp("guarded"))
    server.by_role = {role: tokens.create(server, role, label=role) for role in ROLES}
    server.token = server.by_role["admin"]
    try:
        yield server.start()
    finally:
        server.dispose()


@pytest.mark.parametrize("holder", [None, *ROLES])
@pytest.mark.parametrize(("method", "path", "role"), ENDPOINTS)
def test_every_endpoint_asks_for_its_role(
    guarded: Server, method: str, path: str, role: str | None, holder: str | None
) -> None:
    fields = "".join(f"{name}: {value}\r\n" for name, value in shown(guarded.by_role.get(holder)).items())
    request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: 0\r\n\r\n"
    with Connection(guarded) as connection:
        connection.send(request.encode())
        reply = connection.answer(method)
    if role is None or holder in (role, "admin"):
        assert reply.status not in (401, 403)
        return
    assert reply.status == (401 if holder is None else 403)
    assert reply.headers.get("www-authenticate") == ("Bearer" if holder is None else None)
    if method != "HEAD":
        assert list(reply.json) == ["detail"]


def is_served(server: Server, method: str, path: str) -> bool:
    """Tell whether a method of a path is anything: neither not allowed, nor nothing."""
    with Connection(server) as connection:
        fields = "Host: localhost\r\nConnection: close\r\nContent-Length: 0\r\n"
        connection.send(f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode())
        # An answer may have no end; that there is nothing has one.
        status = int(connection.line().split()[1])
        return status != 405 and not (status == 404 and "there is nothing at this path" in connection.rest())


def test_the_table_leaves_no_route_out(make_server: ServerFactory) -> None:
    """What is served and does not stand in the table above is something whose role nobody has tested."""
    server = make_server("--log-level", "debug")
    (said,) = re.findall(r"routes: ([^\n\"\[]*)", server.log_path.read_text("utf-8"))
    routes = said.split()
    assert "/online/status" in routes and "/db/data/{name}" in routes
    forgotten = []
    for route in routes:
        pattern = re.compile(re.sub(r"\\{.*?\\}", "[^/]+", re.escape(route)))
        # A path with a route of its own tests no other.
        tested = {
            method
            for method, path in ((method, path.partition("?")[0]) for method, path, _ in ENDPOINTS)
            if path == route or (path not in routes and pattern.fullmatch(path))
        }
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - tested:
            if is_served(server, method, re.sub(r"{.*?}", "nobody", route)):
                forgotten.append(f"{method} {route}")
    assert not forgotten


@pytest.mark.parametrize("holder", [None, *ROLES])
def test_uploads_ask_for_the_role_at_the_handshake(guarded: Server, holder: str | None) -> None:
    name, headers = fresh("handshake"), shown(guarded.by_role.get(holder))
    if holder in ("upload", "admin"):

        async def stream() -> None:
            async with connect(guarded, name, headers=headers) as connection:
                await connection.send(packed({"test_time": 1.0}))

        asyncio.run(stream())
        assert guarded.stats(name)["data_stats"]["rows"] == 1
        return
    status, body = handshake_refusal(guarded, name, headers=headers)
    assert status == (401 if holder is None else 403) and list(json.loads(body)) == ["detail"]
    # A WebSocket elsewhere tells nobody but the admin that there is none.
    assert guarded.stats(name) is None


def test_whoever_does_not_show_a_token_as_it_was_given_is_nobody(guarded: Server) -> None:
    token = guarded.by_role["admin"]
    for field in (
        token, f"Basic {token}", f"Bearer {token}0", f"Bearer {token[:-1]}", f"Bearer {token.upper()}", "Bearer",
        "Bearer ", f"Bearer {token} {token}", f"Bearer {'lachesis_' + '0' * 64}", f"Bearer {token[9:]}",
        f"Bearer {token}\r\nAuthorization: Bearer {token}",
    ):  # fmt: skip
        request = f"GET /db/stats HTTP/1.1\r\nHost: localhost\r\nAuthorization: {field}\r\n\r\n"
        reply = exchange(guarded, request.encode())
        assert reply.status == 401 and reply.headers["www-authenticate"] == "Bearer", field
    assert exchange(
        guarded, f"GET /db/stats HTTP/1.1\r\nHost: localhost\r\nauthorization: bearer {token}\r\n\r\n".encode()
    ).status == 200  # fmt: skip


def test_a_refused_body_is_not_read_to_its_end(guarded: Server) -> None:
    with Connection(guarded) as connection:
        connection.send(
            b"POST /online/register HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        )
        reply = connection.answer()
        assert reply.status == 401 and reply.headers["connection"] == "close"
        assert connection.is_at_end()


def test_a_connection_ends_when_the_answer_says_so(guarded: Server) -> None:
    with Connection(guarded) as connection:
        connection.socket.settimeout(20)
        connection.send(b"POST /db/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
        reply = connection.answer()
        assert reply.status == 401 and reply.headers["connection"] == "close"
        assert connection.is_at_end()


def test_a_token_may_be_for_some_batteries_only(guarded: Server) -> None:
    mine, other = fresh("Zelle Ä"), fresh("other")
    token = tokens.create(guarded, "upload", batteries=(mine, fresh("more")), label=mine)
    wait(lambda: handshake_refusal(guarded, other, headers=shown(token))[0] == 403, "a token that is known", SOON)

    async def stream() -> None:
        async with connect(guarded, mine, headers=shown(token)) as connection:
            await connection.send(packed({"test_time": 1.0}))

    asyncio.run(stream())
    assert guarded.stats(mine)["data_stats"]["rows"] == 1
    for name in (other, mine.upper(), mine + "x"):
        assert handshake_refusal(guarded, name, headers=shown(token))[0] == 403, name
    assert handshake_refusal(guarded, f"{mine}/../{other}", headers=shown(token))[0] == 422
    assert guarded.stats(other) is None


def test_roles_add_up(guarded: Server) -> None:
    token = tokens.create(guarded, "read", "register", label="both")
    wait(lambda: guarded.http.get("/db/stats", headers=shown(token)).status_code == 200, "a token that is known", SOON)
    assert guarded.http.post("/db/register", json={}, headers=shown(token)).status_code == 200
    assert guarded.http.delete("/db/nobody", headers=shown(token)).status_code == 403


def test_a_revoked_token_opens_nothing_and_its_uploads_are_closed(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    server.token = tokens.create(server, "admin", label="admin")
    stays, goes = (tokens.create(server, "upload", label=label) for label in ("stays", "goes"))
    server.start()

    async def stream() -> tuple[int | None, str | None]:
        async with (
            connect(server, "stays", headers=shown(stays)) as kept,
            connect(server, "goes", headers=shown(goes)) as lost,
        ):
            for connection in (kept, lost):
                await connection.send(packed({"test_time": 1.0}))
            await asyncio.to_thread(tokens.revoke, server, "goes")
            await asyncio.wait_for(lost.wait_closed(), SOON)
            await kept.send(packed({"test_time": 2.0}))
            assert kept.state is websockets.State.OPEN
            return lost.close_code, lost.close_reason

    code, reason = asyncio.run(stream())
    assert code == 1008 and "token" in (reason or "")
    assert server.stats("stays")["data_stats"]["rows"] == 2
    assert server.stats("goes")["data_stats"]["rows"] == 1
    assert handshake_refusal(server, "goes", headers=shown(goes))[0] == 401


def test_the_first_token_shuts_out_those_without(make_server: ServerFactory) -> None:
    server = make_server()
    assert "there are no tokens" in server.log_tail()

    async def stream() -> int | None:
        async with connect(server, "cell") as connection:
            await connection.send(packed({"test_time": 1.0}))
            server.token = await asyncio.to_thread(tokens.create, server, "admin")
            await asyncio.wait_for(connection.wait_closed(), SOON)
            return connection.close_code

    assert asyncio.run(stream()) == 1008
    assert server.http.get("/db/stats").status_code == 401
    assert server.http.get("/health").status_code == 200
    assert server.http.get("/db/stats", headers=server.credentials).json()["cell"]["data_stats"]["rows"] == 1


# Where it listens


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_without_tokens_it_listens_on_loopback_only(tmp_path: Path, host: str) -> None:
    server = Server(tmp_path, "--host", host)
    with pytest.raises(AssertionError, match="without tokens the server listens on loopback only"):
        server.start()
    assert server._process is not None and server._process.wait(10) == 1
    server._process = None
    server.dispose()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.5"])
def test_all_of_loopback_needs_no_tokens(make_server: ServerFactory, host: str) -> None:
    assert make_server("--host", host).get("/db/stats") == {}


def test_with_a_token_it_listens_everywhere_and_without_any_left_serves_nobody(make_server: ServerFactory) -> None:
    server = make_server("--host", "0.0.0.0", start=False)
    server.token = tokens.create(server, "admin", label="only")
    server.start()
    assert server.get("/db/stats") == {}
    assert "unencrypted" in server.log_tail()
    tokens.revoke(server, "only")
    wait(lambda: server.http.get("/db/stats").status_code == 401, "a token that is no longer known", SOON)
    assert server.http.get("/db/stats", headers={"Authorization": ""}).status_code == 401
    assert server.http.get("/health").status_code == 200


# Limits of connections


def test_connections_beyond_the_limit_are_refused_at_once(make_server: ServerFactory) -> None:
    server = make_server("--max-connections", "5")
    server.http.close()
    connections = [Connection(server) for _ in range(5)]
    try:
        for connection in connections:
            connection.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.answer().status == 200
        for _ in range(3):
            with Connection(server) as further:
                reply = further.answer()
                assert reply.status == 503 and "connections" in reply.json["detail"]
                assert reply.headers["retry-after"].isdigit() and further.is_at_end()
        connections.pop().close()

        def served() -> bool:
            try:
                return exchange(server, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
            except (OSError, HTTPException):
                return False

        wait(served, "a place that is free again", 10)
    finally:
        for connection in connections:
            connection.close()


def test_an_address_has_so_many_connections(make_server: ServerFactory) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    server = make_server("--max-connections-per-address", "2", "--count-loopback")
    server.http.close()
    with Connection(server) as first, Connection(server) as second:
        for connection in (first, second):
            connection.send(request)
            assert connection.answer().status == 200
        with Connection(server) as third:
            reply = third.answer()
            assert reply.status == 429 and "this address" in reply.json["detail"] and third.is_at_end()
        wait(lambda: "connections refused" in server.log_tail(), "a word in the log")
        first.send(request)
        assert first.answer().status == 200


def test_connections_from_this_machine_count_for_nobody(make_server: ServerFactory) -> None:
    server = make_server("--max-connections-per-address", "1")
    with ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(Connection(server))
            connection.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.answer().status == 200


def test_a_body_that_drips_ends(make_server: ServerFactory) -> None:
    server = make_server("--body-timeout", "2")
    with Connection(server) as connection:
        connection.send(b"POST /db/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        start = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - start < 30:
                connection.send(b" ")
                time.sleep(0.2)
        assert 1 < time.monotonic() - start < 20
    assert server.http.get("/health").status_code == 200


# The client


def test_the_client_shows_its_token(guarded: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(KALMAN)
    name = fresh("client")
    monkeypatch.setenv("LACHESIS_TOKEN", guarded.by_role["admin"] + "\n")
    with Client(guarded.url) as client:
        client.register_estimator(name, script, plugin="kalman")
        assert client.upload(name, drive(20), progress=False) == 20
        assert client.wait(name).stepped == 19
    with Client(guarded.url, guarded.by_role["read"]) as client:
        assert client.stats()[name]["data_stats"]["rows"] == 20
        with pytest.raises(RequestError, match=r"^this token lacks the role 'admin'$") as refused:
            client.delete(name)
        assert refused.value.status == 403
        with pytest.raises(RequestError, match=r"^the upload was refused: this token lacks the role 'upload'$"):
            client.upload(name, drive(1), progress=False)
    with Client(guarded.url, "") as client, pytest.raises(RequestError, match=r"^a token that .*$") as refused:
        client.stats()
    assert refused.value.status == 401


def test_the_client_says_why_an_upload_was_ended(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    server.token = tokens.create(server, "admin", label="admin")
    token = tokens.create(server, "upload", label="device")
    server.start()

    def records() -> Iterator[dict[str, float]]:
        yield from drive(10)
        tokens.revoke(server, "device")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            time.sleep(0.01)
            yield {"test_time": 1e6}

    with Client(server.url, token) as client, pytest.raises(UploadError, match=r"^[^\n]*token[^\n]*$"):
        client.upload("cell", records(), progress=False)


def test_a_server_without_tokens_serves_whoever_shows_one(server: Server) -> None:
    upload(server, fresh("shown"), drive(1))
    assert server.http.get("/db/stats", headers=shown("lachesis_" + "0" * 64)).status_code == 200
