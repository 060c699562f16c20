"""HTTPS and WSS with a certificate authority made here."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import tokens
from cells import KALMAN, drive
from processes import wait
from raw import Connection
from server import Server, ServerFactory
from streaming import acknowledged, connect, packed, upload

from lachesis import Client


def openssl(*arguments: str | Path) -> str:
    made = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return made.stdout


class Authority:
    """A certificate authority of a test's own, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root, self._root_key = folder / "root.pem", folder / "root.key"
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Root of a test",
                "-keyout", self._root_key, "-out", self.root)  # fmt: skip
        self.issue("first")

    def issue(self, name: str) -> None:
        """Replace the server's certificate and key; `name` is its common name."""
        request, extensions = self.folder / "server.csr", self.folder / "server.ext"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", self.key, "-out", request)
        openssl("x509", "-req", "-in", request, "-days", "1", "-CA", self.root, "-CAkey", self._root_key,
                "-CAcreateserial", "-extfile", extensions, "-out", self.certificate)  # fmt: skip

    @property
    def options(self) -> tuple[str, ...]:
        return ("--tls-certificate", str(self.certificate), "--tls-key", str(self.key))

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.root))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def secure(make_server: ServerFactory, authority: Authority) -> Iterator[Server]:
    """A server with a certificate, and a client that trusts it."""
    server = make_server(*authority.options, start=False)
    server.trust = authority.trust()
    yield server.start()


def subject(server: Server, context: ssl.SSLContext) -> tuple[str, str | None]:
    """Shake hands; return the common name of the server's certificate and the protocol's version."""
    with (
        socket.create_connection(("127.0.0.1", server.http.base_url.port), 60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        fields = dict(pair for (pair,) in connection.getpeercert()["subject"])
        return fields["commonName"], connection.version()


def test_everything_works_over_tls(secure: Server) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    secure.token = tokens.create(secure, "admin")
    wait(lambda: secure.http.get("/db/stats").status_code == 401, "a token that is known")
    secure.stop()
    secure.start()
    upload(secure, "cell", drive(2_000))
    rows = secure.get("/db/data/cell")
    assert len(rows) == 2_000
    assert secure.http.post("/db/register", json={"name": "cell", "comments": "x" * 100_000}).status_code == 200
    with Client(secure.url, secure.token, verify=secure.trust) as client:
        assert client.upload("more", drive(500), progress=False) == 500
        assert client.stats()["more"]["data_stats"]["rows"] == 500


def test_the_client_goes_by_what_the_system_trusts(
    secure: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def system(context: ssl.SSLContext, *_: object) -> None:
        context.load_verify_locations(authority.root)

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", system)
    with Client(secure.url) as client:
        assert client.upload("cell", drive(50), progress=False) == 50
        assert client.stats()["cell"]["data_stats"]["rows"] == 50


def test_polls_are_repeated_over_tls(secure: Server) -> None:
    secure.accept("polled", KALMAN)
    secure.wait_status("polled", phase="running")
    with Connection(secure) as connection:
        bodies = []
        for _ in range(4):
            connection.send(b"GET /online/status/polled HTTP/1.1\r\nHost: localhost\r\n\r\n")
            bodies.append(connection.answer().body)
    assert len(set(bodies)) == 1 and b"is_ready" in bodies[0]


def test_a_refusal_and_a_close_come_whole(secure: Server) -> None:
    assert secure.http.get("/no").status_code == 404
    assert secure.http.get("/db/stats", headers={"Host": "evil.example"}).status_code == 403

    async def stream() -> tuple[int | None, int]:
        async with connect(secure, "cell", acknowledging=True) as connection:
            assert await acknowledged(connection) == 0
            await connection.send(packed({"test_time": 1.0}))
            assert await acknowledged(connection) == 1
            await connection.send("text")
            await connection.wait_closed()
            return connection.close_code, 1

    assert asyncio.run(stream()) == (1003, 1)


def test_whoever_does_not_know_the_authority_does_not_connect(secure: Server) -> None:
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{secure.url}/health", trust_env=False)
    with pytest.raises(httpx.HTTPError):
        httpx.get(secure.url.replace("https", "http") + "/health", trust_env=False)
    assert secure.get("/health")["version"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused(secure: Server, authority: Authority, version: ssl.TLSVersion) -> None:
    context = authority.trust()
    # Otherwise this side would not even try.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        subject(secure, context)
    for newer in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = authority.trust()
        context.minimum_version = context.maximum_version = newer
        assert subject(secure, context)[1] == newer.name.replace("_", ".")


def test_a_new_certificate_is_read_at_sighup(secure: Server, authority: Authority) -> None:
    assert subject(secure, authority.trust())[0] == "first"

    async def stream() -> int:
        async with connect(secure, "cell", acknowledging=True) as connection:
            await acknowledged(connection)
            authority.issue("second")
            assert subject(secure, authority.trust())[0] == "first"
            os.kill(secure.pid, signal.SIGHUP)
            await asyncio.to_thread(wait, lambda: subject(secure, authority.trust())[0] == "second", "the new one", 20)
            # A connection that was open stays so.
            await connection.send(packed({"test_time": 1.0}))
            return await acknowledged(connection)

    assert asyncio.run(stream()) == 1


@pytest.mark.parametrize("damage", ["no certificate", "no key", "another key", "no file"])
def test_a_bad_new_certificate_leaves_the_old_one(secure: Server, authority: Authority, damage: str) -> None:
    if damage == "no certificate":
        authority.certificate.write_text("nothing")
    elif damage == "no key":
        authority.key.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    elif damage == "another key":
        openssl("genrsa", "-out", authority.key, "2048")
    else:
        authority.certificate.unlink()
    os.kill(secure.pid, signal.SIGHUP)
    wait(lambda: "the certificate in use stays" in secure.log_tail(), "a word in the log", 20)
    assert subject(secure, authority.trust())[0] == "first"
    authority.issue("third")
    os.kill(secure.pid, signal.SIGHUP)
    wait(lambda: subject(secure, authority.trust())[0] == "third", "the new one", 20)


@pytest.mark.parametrize("damage", ["only one", "no file", "another key"])
def test_it_does_not_start_with_a_bad_certificate(tmp_path: Path, authority: Authority, damage: str) -> None:
    options = authority.options
    if damage == "only one":
        options = options[:2]
    elif damage == "no file":
        authority.key.unlink()
    else:
        openssl("genrsa", "-out", authority.key, "2048")
    (tmp_path / "own").mkdir()
    server = Server(tmp_path / "own", *options)
    with pytest.raises(AssertionError, match=r"Error: .*(tls-key|server.key)"):
        server.start()
    assert server._process is not None and server._process.wait(10) != 0
    server._process = None
    server.dispose()


def test_silent_and_odd_connections_do_not_hold_up_the_end(secure: Server, authority: Authority) -> None:
    port = secure.http.base_url.port
    silent = [socket.create_connection(("127.0.0.1", port), 60) for _ in range(5)]
    odd = [socket.create_connection(("127.0.0.1", port), 60) for _ in range(5)]
    for connection in odd:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    idle = []
    for request in (b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /he"):
        plain = socket.create_connection(("127.0.0.1", port), 60)
        idle.append(authority.trust().wrap_socket(plain, server_hostname="localhost"))
        idle[-1].sendall(request)
    time.sleep(0.5)
    secure.stop()
    for connection in silent + odd + idle:
        connection.close()
