"""HTTP itself: paths, methods, and requests that are odd."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from itertools import pairwise
from urllib.parse import quote

import pytest
from cells import KALMAN, drive
from processes import wait
from raw import Connection, exchange
from server import Server, fresh
from streaming import upload

GETS = ["/health", "/db/stats", "/online/status"]


@pytest.mark.parametrize("path", ["/static", "/db/status", "/no", "/health/x", "/db/data", "/db/data/a/b", "/%2e%2e/x"])
def test_an_unknown_path_is_answered_with_a_detail_alone(server: Server, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        reply = exchange(server, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        assert reply.status == 404 and reply.headers["content-type"].startswith("application/json")
        assert list(reply.json) == ["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/no", 404), ("/db/register", 405), ("/db/data/-x", 422), ("/db/data/unknown", 404),
     ("/db/upload/x", 426)],
)  # fmt: skip
def test_the_answer_to_head_has_no_body(server: Server, path: str, status: int) -> None:
    with Connection(server) as connection:
        for method in ("HEAD", "GET"):
            connection.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert connection.answer(method).status == status


@pytest.mark.parametrize(
    ("path", "allowed"),
    [(path, {"GET", "HEAD"}) for path in (*GETS, "/db/data/x")]
    + [("/db/register", {"POST"}), ("/online/register", {"POST"})],
)
def test_a_wrong_method_is_answered_with_those_that_are_allowed(server: Server, path: str, allowed: set[str]) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
        reply = server.http.request(method, path)
        assert reply.status_code == 405, (method, reply.text)
        assert {word.strip() for word in reply.headers["allow"].split(",")} == allowed
        assert list(reply.json()) == ["detail"]


@pytest.mark.parametrize(
    "path",
    ["/online/status", "/online/status/x", "/health", "/metrics", "/admin/workers", "/db/stats",
     "/db/metadata/x", "/online/x/versions", "/online/x/versions/1",
     "/online/x/logs"],
)  # fmt: skip
def test_a_parameter_that_there_is_not_is_named(server: Server, path: str) -> None:
    reply = server.http.get(path, params={"nam": "x"})
    assert reply.status_code == 422
    (problem,) = reply.json()["detail"]
    assert problem["loc"] == ["query", "nam"] and "there is no 'nam'" in problem["msg"]


@pytest.mark.parametrize("path", ["/db/register", "/db/upload/x", "/admin/workers/x/pause"])
def test_a_parameter_that_there_is_not_is_named_before_anything_is_done(server: Server, path: str) -> None:
    reply = server.http.post(path, params={"stream": "x"}, json=[])
    assert reply.status_code == 422 and reply.json()["detail"][0]["loc"] == ["query", "stream"]
    assert "x" not in server.get("/db/stats")


@pytest.mark.parametrize("path", GETS)
def test_head_tells_what_get_would(server: Server, path: str) -> None:
    get, head = server.http.get(path), server.http.head(path)
    assert (get.status_code, head.status_code, head.content) == (200, 200, b"")
    assert get.headers["content-type"] == head.headers["content-type"] == "application/json"


def test_health_tells_of_hosts_workers_plugins_and_estimators(server: Server) -> None:
    server.accept(fresh("health"), KALMAN)
    health = wait(
        lambda: (found := server.get("/health"))["estimators"].get("running", 0) > 0 and found, "a running estimator"
    )
    assert health["hosts"] == 1 and health["workers"] >= 1
    assert health["status"] in ("ok", "degraded") and health["version"]
    assert set(health["plugins"]) == {"kalman", "moirae"}
    assert health["plugins"]["kalman"] == {"state": "ready", "detail": None}


def test_an_upload_without_a_websocket_is_told_what_is_needed(server: Server) -> None:
    reply = server.http.get("/db/upload/x")
    assert reply.status_code == 426 and "websocket" in reply.headers["upgrade"].lower()
    assert "WebSocket" in reply.json()["detail"]


def test_a_websocket_elsewhere_is_not_opened(server: Server) -> None:
    for path in ("/db/upload/", "/db/upload/a/b", "/db/stats", "/no"):
        reply = exchange(
            server,
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode(),
        )
        assert reply.status == 404 and list(reply.json) == ["detail"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS", b"garbage\r\n\r\n", b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"GET /" + b"y" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /db/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        b"POST /db/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /db/register HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_hurts_nobody(server: Server, request_bytes: bytes) -> None:
    # The server may close without a word where it cannot tell what is asked.
    with Connection(server) as connection, contextlib.suppress(OSError, HTTPException):
        connection.send(request_bytes)
        assert 400 <= connection.answer().status < 500
    assert server.http.get("/health").status_code == 200


def test_many_header_fields_within_the_limit_are_accepted(server: Server) -> None:
    fields = "".join(f"X-{k}: {'y' * 500}\r\n" for k in range(60))
    assert exchange(server, f"GET /health HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode()).status == 200


def test_pipelined_requests_are_answered_in_their_order(server: Server) -> None:
    name = fresh("pipeline")
    upload(server, name, drive(2_000))
    paths = [f"/db/data/{name}", "/no", f"/db/data/{name}?limit=1", "/health", f"/db/data/{name}?limit=0"] * 3
    with Connection(server) as connection:
        connection.send(b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths))
        replies = [connection.answer() for _ in paths]
    assert [reply.status for reply in replies] == [200, 404, 200, 200, 200] * 3
    bodies = [reply.json for reply in replies]
    assert [len(body) for body in bodies[::5] + bodies[2::5] + bodies[4::5]] == [2_000] * 3 + [1] * 3 + [0] * 3


def test_a_connection_serves_one_request_after_the_other(server: Server) -> None:
    with Connection(server) as connection:
        for path in GETS * 3:
            connection.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert connection.answer().status == 200
        connection.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert connection.answer().status == 200
        assert connection.is_at_end()


def test_bodies_in_chunks_are_read(server: Server) -> None:
    form = (
        f'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n{fresh("chunks")}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="definition"\r\n\r\n{KALMAN}\r\n'
        '--b\r\nContent-Disposition: form-data; name="plugin"\r\n\r\nkalman\r\n--b--\r\n'
    ).encode()
    for size in (1, 7, 1_000):
        chunks = [form[at : at + size] for at in range(0, len(form), size)]
        reply = exchange(
            server,
            b"POST /online/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            *(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks),
            b"0\r\n\r\n",
        )
        assert reply.status == 200, reply.body


def test_a_client_that_waits_to_be_told_to_continue_is_served(server: Server) -> None:
    body = json.dumps({"comments": "x" * 10_000}).encode()
    with Connection(server) as connection:
        connection.send(
            b"POST /db/register HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
            % len(body)
        )
        connection.socket.settimeout(1)
        # A server need not say so: clients send the body after a while.
        with contextlib.suppress(TimeoutError):
            assert connection.socket.recv(1_000).startswith(b"HTTP/1.1 100 ")
        connection.socket.settimeout(60)
        connection.send(body)
        assert connection.answer().status == 200


def test_slow_clients_hold_up_nobody(server: Server) -> None:
    connections = [Connection(server) for _ in range(100)]
    try:
        for connection in connections:
            connection.send(
                b"POST /online/register HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n"
            )
        for connection in connections[:50]:
            connection.send(b"Content-Length: 1000\r\n\r\n--b")
        assert server.http.get("/health").status_code == 200
        upload(server, fresh("fast"), drive(100))
    finally:
        for connection in connections:
            connection.close()
    server.accept(fresh("after"), KALMAN)


def test_concurrent_requests_are_all_answered(server: Server) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert all(reply.status_code == 200 for reply in pool.map(server.http.get, GETS * 100))


def test_names_stand_percent_encoded_in_paths(server: Server) -> None:
    name = fresh("Zelle Ä.1")
    upload(server, name, drive(3))
    for path in (quote(name), "".join(f"%{byte:02x}" for byte in name.encode())):
        reply = exchange(server, f"GET /db/data/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert reply.status == 200 and len(reply.json) == 3
    for path in ("%ff", "%zz", "%", "a%00"):
        reply = exchange(server, f"GET /db/data/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert 400 <= reply.status < 500 and list(reply.json) == ["detail"]


def test_batteries_are_listed_by_name(server: Server) -> None:
    for stem in ("b", "a", "C"):
        upload(server, fresh(stem), drive(1))
    assert all(before < after for before, after in pairwise(server.get("/db/stats")))
