"""Host and Origin: no web page makes a browser ask the server for something."""

import socket
from collections.abc import Iterator

import pytest
import tokens
from cells import KALMAN
from raw import Answer, exchange
from server import Server, ServerFactory, fresh
from tokens import shown

HANDSHAKE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

GOOD_HOSTS = [
    "localhost", "LocalHost", "localhost.", "localhost:1", "127.0.0.1", "127.0.0.1:80", "127.9.8.7", "[::1]",
    "[::1]:8000", "[0:0:0:0:0:0:0:1]",
]  # fmt: skip
BAD_HOSTS = [
    "x", "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.1",
    "10.0.0.1", "0.0.0.0", "[::2]", "::1", "127.1", "2130706433", "0x7f.1", "user@localhost", "localhost/", "",
    "localhost evil.example", "localhost, evil.example", "[localhost]", "localhost:x", "[::1", "%6cocalhost",
]  # fmt: skip
BAD_ORIGINS = [
    "http://evil.example", "https://evil.example:8000", "null", "http://localhost.evil.example", "file://", "",
    "http://10.0.0.1", "ftp://localhost", "chrome-extension://localhost", "localhost", "http://localhost@evil.example",
    "http://localhost/", "http://", "http://localhost http://evil.example", "javascript://localhost",
]  # fmt: skip


def ask(server: Server, method: str, path: str, *fields: str) -> Answer:
    """Send a request with these header fields alone."""
    head = "".join(f"{field}\r\n" for field in fields)
    return exchange(server, f"{method} {path} HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n".encode())


def shake(server: Server, *fields: str) -> int:
    """Try to open an upload with these header fields besides its own; return the status."""
    head = "".join(f"{field}\r\n" for field in fields)
    path = f"/db/upload/{fresh('origin')}"
    return exchange(server, f"GET {path} HTTP/1.1\r\n{head}{HANDSHAKE}\r\n".encode()).status


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_a_loopback_host_is_served(server: Server, host: str) -> None:
    assert ask(server, "GET", "/db/stats", f"Host: {host}").status == 200
    for scheme in ("http", "https", "HTTP"):
        assert ask(server, "GET", "/db/stats", "Host: localhost", f"Origin: {scheme}://{host}").status == 200


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_any_other_host_is_refused(server: Server, host: str) -> None:
    for path in ("/db/stats", "/health", "/no"):
        reply = ask(server, "GET", path, f"Host: {host}")
        assert reply.status == 403 and list(reply.json) == ["detail"]
    assert shake(server, f"Host: {host}") == 403


def test_a_request_says_once_which_host_it_is_for(server: Server) -> None:
    assert exchange(server, b"GET /health HTTP/1.0\r\n\r\n").status == 403
    for fields in ([], ["Host: localhost", "Host: localhost"], ["Host: localhost", "Host: evil.example"]):
        assert 400 <= ask(server, "GET", "/health", *fields).status <= 403
        assert 400 <= shake(server, *fields) <= 403
    # The target's own host does not count: no browser sends one, and no check must be got round by it.
    assert ask(server, "GET", "http://localhost/db/stats", "Host: evil.example").status == 403


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_other_pages_are_refused_with_every_method(server: Server, origin: str) -> None:
    for method in METHODS:
        fields = ("Host: localhost", f"Origin: {origin}")
        head = "".join(f"{field}\r\n" for field in fields)
        for path in ("/db/stats", "/online/register", "/no"):
            request = f"{method} {path} HTTP/1.1\r\n{head}Connection: close\r\nContent-Length: 0\r\n\r\n"
            # The answer to HEAD has no body to read.
            with socket.create_connection(("127.0.0.1", server.http.base_url.port), 60) as connection:
                connection.sendall(request.encode())
                assert connection.recv(1_000).startswith(b"HTTP/1.1 403 "), (method, path)
    assert shake(server, "Host: localhost", f"Origin: {origin}") == 403


def test_one_good_origin_does_not_excuse_another(server: Server) -> None:
    fields = ("Host: localhost", "Origin: http://localhost", "Origin: http://evil.example")
    assert ask(server, "GET", "/db/stats", *fields).status == 403
    assert shake(server, *fields) == 403


def test_a_page_cannot_post_a_script(server: Server) -> None:
    name = fresh("posted")
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        reply = server.http.post(
            "/online/register", headers=headers, files={"name": (None, name), "definition": (None, KALMAN)}
        )
        assert reply.status_code == 403
    assert server.stats(name) is None


def test_a_good_page_may_open_an_upload(server: Server) -> None:
    for host in ("localhost:3000", "127.0.0.1", "[::1]:8000"):
        assert shake(server, "Host: localhost", f"Origin: http://{host}") == 101


def test_a_token_excuses_no_foreign_page(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    server.token = tokens.create(server, "admin")
    server.start()
    token = shown(server.token)["Authorization"]
    fields = (f"Authorization: {token}", "Host: localhost")
    assert ask(server, "GET", "/db/stats", *fields).status == 200
    assert ask(server, "GET", "/db/stats", *fields, "Origin: http://evil.example").status == 403
    assert ask(server, "GET", "/db/stats", fields[0], "Host: evil.example").status == 403


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that listens everywhere and has two names."""
    options = ("--host", "0.0.0.0", "--allowed-host", "Lab.example", "--allowed-host", "192.0.2.7")
    server = Server(tmp_path_factory.mktemp("named"), *options)
    server.token = tokens.create(server, "admin")
    try:
        yield server.start()
    finally:
        server.dispose()


def test_further_hosts_can_be_allowed(named: Server) -> None:
    token = f"Authorization: Bearer {named.token}"
    for host in ("lab.example", "LAB.EXAMPLE:443", "192.0.2.7:8000", "localhost", "0.0.0.0"):
        assert ask(named, "GET", "/db/stats", token, f"Host: {host}").status == 200
        assert ask(named, "GET", "/db/stats", token, f"Host: {host}", "Origin: https://lab.example").status == 200
    for host in ("x.lab.example", "lab.example.evil.example", "192.0.2.8"):
        assert ask(named, "GET", "/db/stats", token, f"Host: {host}").status == 403


def test_a_server_that_listens_everywhere_is_called_by_the_address_that_was_reached(named: Server) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Sends nothing: it only asks for the address of the way out.
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return
        own = probe.getsockname()[0]
    token = f"Authorization: Bearer {named.token}\r\n"
    with socket.create_connection((own, named.http.base_url.port), 60) as connection:
        connection.sendall(f"GET /db/stats HTTP/1.1\r\nHost: {own}\r\n{token}\r\n".encode())
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200 ")
    # Whoever came by another address has no reason to call it so.
    if not own.startswith("127."):
        assert ask(named, "GET", "/db/stats", token.strip(), f"Host: {own}").status == 403
