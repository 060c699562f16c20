"""The example behind nginx, with a real nginx before a real server."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import msgpack
import pytest
import tokens
from cells import KALMAN
from proxy import NAME, Proxy
from server import Server, ServerFactory, fresh
from streaming import ACKNOWLEDGING
from websockets.typing import Subprotocol

ProxyFactory = Callable[[int], Proxy]


@pytest.fixture
def before(tmp_path: Path, tool: Callable[[str], Path]) -> Iterator[ProxyFactory]:
    """Starts an nginx before a port of this machine."""
    running: list[Proxy] = []

    def start(port: int) -> Proxy:
        proxy = Proxy(tmp_path, tool("nginx"), port)
        proxy.check()
        running.append(proxy.start())
        return proxy

    yield start
    for proxy in running:
        proxy.stop()


@pytest.fixture
def behind(make_server: ServerFactory) -> Server:
    """A server as the example wants it: on loopback, told its name, with a token."""
    server = make_server("--allowed-host", NAME, start=False)
    server.token = tokens.create(server, "admin")
    return server.start()


def port_of(server: Server) -> int:
    port = urlsplit(server.url).port
    assert port is not None
    return port


def test_nginx_finds_nothing_wrong_with_the_example(tmp_path: Path, tool: Callable[[str], Path]) -> None:
    said = Proxy(tmp_path, tool("nginx"), 8000).check()
    assert "[warn]" not in said and "[emerg]" not in said


def test_records_go_through_and_are_acknowledged(before: ProxyFactory, behind: Server) -> None:
    proxy, name = before(port_of(behind)), fresh("proxied")

    async def stream() -> list[int]:
        async with proxy.connect(
            f"/db/upload/{name}", behind.token or "", subprotocols=[Subprotocol(ACKNOWLEDGING)]
        ) as socket:
            told = [msgpack.unpackb(await socket.recv())["stored"]]
            for second in range(100):
                await socket.send(msgpack.packb({"test_time": float(second), "current": -1.0, "voltage": 3.7}))
            while told[-1] < 100:
                told.append(msgpack.unpackb(await asyncio.wait_for(socket.recv(), 60))["stored"])
            return told

    assert asyncio.run(stream())[-1] == 100
    with proxy.client(behind.token) as http:
        rows = http.get(f"/db/data/{name}").json()
    assert [row["test_time"] for row in rows] == [float(second) for second in range(100)]


def test_a_registration_with_a_large_file_goes_through(before: ProxyFactory, behind: Server) -> None:
    proxy, name = before(port_of(behind)), fresh("proxied")
    form = [
        ("name", (None, name)), ("definition", (None, KALMAN)), ("plugin", (None, "kalman")),
        ("files", ("large.bin", bytes(48 << 20))),
    ]  # fmt: skip
    with proxy.client(behind.token) as http:
        made = http.post("/online/register", files=form)
        assert made.status_code == 200, made.text
        # As the server says it, and not nginx.
        over = http.post("/online/register", files=[*form, ("files", ("larger.bin", bytes((64 << 20) + 1)))])
        assert over.status_code == 413 and "detail" in over.json(), over.text


def test_who_has_no_token_or_calls_another_name_is_refused(before: ProxyFactory, behind: Server) -> None:
    proxy = before(port_of(behind))
    with proxy.client() as http:
        assert http.get("/online/status").status_code == 401
    with proxy.client(behind.token) as http:
        assert http.get("/online/status").status_code == 200
        assert http.get("/online/status", headers={"Host": "elsewhere.example.org"}).status_code == 403
        assert http.get("/online/status", headers={"Origin": f"https://{NAME}"}).status_code == 200
        assert http.get("/online/status", headers={"Origin": "https://elsewhere.example.org"}).status_code == 403
        forged = {"Host": "elsewhere.example.org", "X-Forwarded-Host": NAME, "Forwarded": f"host={NAME}"}
        assert http.get("/online/status", headers=forged).status_code == 403


def test_what_is_for_prometheus_stays_inside(before: ProxyFactory, behind: Server) -> None:
    with before(port_of(behind)).client(behind.token) as http:
        made = http.get("/metrics")
    assert made.status_code == 404 and "nginx" in made.text


def test_events_come_at_once_and_not_when_the_answer_ends(before: ProxyFactory) -> None:
    heard = threading.Event()

    class Events(BaseHTTPRequestHandler):
        """Sends an event, and another once the first has arrived."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._chunk(b"data: first\n\n")
            self._chunk(b"data: second\n\n" if heard.wait(60) else b"data: too late\n\n")
            self._chunk(b"")

        def _chunk(self, body: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
            self.wfile.flush()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Events) as origin:
        thread = threading.Thread(target=origin.serve_forever)
        thread.start()
        try:
            lines = []
            with before(origin.server_port).client() as http, http.stream("GET", "/online/events") as reply:
                begin = time.monotonic()
                for line in reply.iter_lines():
                    lines += [line] if line else []
                    heard.set()
            assert lines == ["data: first", "data: second"], time.monotonic() - begin
        finally:
            origin.shutdown()
            thread.join()
