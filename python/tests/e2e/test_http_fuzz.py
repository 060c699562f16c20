"""Requests that no client would send, by the thousand: none gets a 5xx, and the server goes on."""

import random

import httpx
import pytest
from cells import KALMAN, assert_same, drive, plain_kalman, seeded
from server import Server, fresh
from streaming import upload

REQUESTS = 3_000
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
PATHS = ("/", "/health", "/db/stats", "/db/register", "/db/data/{}", "/db/upload/{}", "/db/{}", "/online/register",
         "/online/status", "/online/{}/logs", "/%2e%2e/{}", "/db/data/{}/x")  # fmt: skip
NAMES = ("fuzzed", "a b", "Zelle-Ä", "x" * 300, "a%00b", "%ff", "..", "'; DROP TABLE x; --", "a_estimates", "")
KEYS = ("limit", "start", "end", "format", "force", "from", "valid_time", "plugin", "stream", "\u0000", "name")
VALUES = ("1", "-1", "1e400", "nan", "", "true", "json", "now", "99999999999999999999", "x" * 5_000, "\u2028", "kalman")
PIECES = (b'{"name": "fuzzed"', b"}", b"[", b"]", b'"', b"null", b"1e999", b"\\ud800", b"\xff\xfe", b"\x00", b",", b":")


def body(dice: random.Random) -> dict:
    """Arguments for a request's content: JSON-like bytes, or a form."""
    match dice.randrange(4):
        case 0:
            return {}
        case 1:
            return {"content": b"".join(dice.choices(PIECES, k=dice.randrange(30)))}
        case 2:
            return {
                "content": dice.randbytes(dice.randrange(2_000)),
                "headers": {
                    "Content-Type": dice.choice(
                        (
                            "multipart/form-data; boundary=x",
                            "multipart/form-data",
                            "application/json",
                            "text/plain",
                            "x",
                        )
                    )
                },
            }
        case _:
            fields = {key: (None, dice.choice(VALUES)) for key in dice.sample((*KEYS, "definition", "files"), 4)}
            return {"files": fields}


def test_no_request_gets_a_server_error(server: Server, request: pytest.FixtureRequest) -> None:
    dice = seeded(request.config)
    name, records = fresh("neighbour"), drive(30)
    server.accept(name, KALMAN)
    statuses: dict[int, int] = {}
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        for _ in range(REQUESTS):
            path = dice.choice(PATHS).format(dice.choice(NAMES))
            query = {dice.choice(KEYS): dice.choice(VALUES) for _ in range(dice.randrange(3))}
            try:
                sent = client.build_request(dice.choice(METHODS), path, params=query, **body(dice))
            except (httpx.InvalidURL, UnicodeError):
                continue
            reply = client.send(sent)
            statuses[reply.status_code] = statuses.get(reply.status_code, 0) + 1
            assert reply.status_code < 500, (sent.method, sent.url, reply.text)
            if reply.status_code >= 400 and sent.method != "HEAD":
                assert list(reply.json()) == ["detail"], (sent.method, sent.url, reply.text)
    print(f"{REQUESTS} requests, answers {dict(sorted(statuses.items()))}")
    upload(server, name, records)
    assert_same(server.wait_status(name, stepped=29), plain_kalman(records))
