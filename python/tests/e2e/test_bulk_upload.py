"""POST /db/upload/{name}: many records in one request, all of them or none."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import httpx
import msgpack
import pytest
import tokens
from cells import KALMAN, assert_same, drive, plain_kalman
from processes import peak_memory
from raw import Connection
from server import Server, ServerFactory, fresh
from streaming import upload

MSGPACK = {"content-type": "application/msgpack"}
JSON = {"content-type": "application/json"}


def post(server: Server, name: str, records: Any, kind: str = "json", **more: Any) -> httpx.Response:
    path = f"/db/upload/{quote(name, safe='')}"
    if kind == "json":
        return server.http.post(path, content=json.dumps(records), headers=JSON | more)
    return server.http.post(path, content=msgpack.packb(records), headers=MSGPACK | more)


def stored(server: Server, name: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "received"} for row in server.rows(name, after=0)]


@pytest.mark.parametrize("kind", ["json", "msgpack"])
def test_records_are_stored_and_counted(server: Server, kind: str) -> None:
    name, records = fresh("bulk"), drive(2_000)
    start = time.time()
    reply = post(server, name, records, kind)
    assert (reply.status_code, reply.json()) == (200, 2_000)
    assert reply.headers["content-type"] == "application/json"
    assert stored(server, name) == records
    assert all(start - 1 <= row["received"] <= time.time() + 1 for row in server.rows(name))
    assert post(server, name, records[:1], kind).json() == 1


@pytest.mark.parametrize("kind", ["json", "msgpack"])
def test_no_records_make_no_battery(server: Server, kind: str) -> None:
    name = fresh("empty")
    assert post(server, name, [], kind).json() == 0
    assert server.stats(name) is None


@pytest.mark.parametrize("kind", ["json", "msgpack"])
def test_values_follow_the_rules_of_the_websocket(server: Server, kind: str) -> None:
    bulk, socket = fresh("rules"), fresh("rules")
    records = [
        {"current": 0, "flag": True, "n": 1, "text": "ä", "gone": None, "real": 1.0},
        {"current": -1, "flag": False, "n": 2.5, "new": 2**53 + 1},
        {"real": 5e-324, "received": 7, "n": -(2**62)},
        {},
    ]
    assert post(server, bulk, records, kind).status_code == 200
    upload(server, socket, records)
    assert stored(server, bulk) == stored(server, socket)
    assert server.stats(bulk)["data_stats"]["columns"] == server.stats(socket)["data_stats"]["columns"]


BAD = [
    ([{"a": 1}, {"a": "x"}], 2, "a"), ([{"b": [1]}], 1, "b"), ([{"b": {}}], 1, "b"),
    ([{"a": 1}, {"a": 1, "A": 1}], 2, "A"), ([{}, {}, {"lachesis_x": 1}], 3, "lachesis_x"), ([{"": 1}], 1, ""),
    ([{"a": 1}, {"k" * 200: 1}], 2, "k"), ([{"voltage": 2**53 + 1}], 1, "voltage"), ([{"a": 2**63}], 1, "a"),
    ([{"a": 1}, 5], 2, None), ([{"a": 1}, None], 2, None), ([[]], 1, None), ([{"a": 1}, {"t": "x" * 70_000}], 2, None),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["json", "msgpack"])
@pytest.mark.parametrize(("records", "number", "key"), BAD)
def test_a_record_at_fault_is_named_and_nothing_is_stored(
    server: Server, kind: str, records: list[Any], number: int, key: str | None
) -> None:
    name = fresh("bad")
    upload(server, name, [{"a": 0}])
    columns = server.stats(name)
    reply = post(server, name, records, kind)
    assert reply.status_code == 422, reply.text[:300]
    (problem,) = reply.json()["detail"]
    assert problem["msg"].startswith(f"record {number}: ") and problem["loc"][0] == "body"
    if key is not None:
        assert problem["loc"][1].startswith(key) and f"key '{key[:3]}" in problem["msg"]
    assert server.stats(name) == columns and stored(server, name) == [{"a": 0}]
    new = fresh("bad")
    assert post(server, new, [{"n": 1}, *records, {"n": "x"}], kind).status_code == 422
    assert server.stats(new) is None


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"", JSON), (b"{}", JSON), (b"[", JSON), (b"[{}]]", JSON), (b"[{}", JSON), (b'[{"a":NaN}]', JSON),
     (b"\xff", JSON), (b'[{"a":"\xff"}]', JSON), (b"[" * 100_000, JSON), (b"", MSGPACK), (b"\x80", MSGPACK),
     (b"\x92\x80", MSGPACK), (b"\x90\x00", MSGPACK), (b"\xdd\xff\xff\xff\xff", MSGPACK), (b"\xc1", MSGPACK),
     (b"\x91\x81\xa1a\xdd\xff\xff\xff\xff", MSGPACK), (b"\x91" * 50_000, MSGPACK)],
)  # fmt: skip
def test_what_is_no_list_of_records_is_refused(server: Server, body: bytes, headers: dict[str, str]) -> None:
    name = fresh("nothing")
    reply = server.http.post(f"/db/upload/{name}", content=body, headers=headers)
    assert reply.status_code == 422 and reply.json()["detail"][0]["msg"], reply.text[:300]
    assert server.stats(name) is None


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_other_types_of_content_are_refused(server: Server, kind: str) -> None:
    reply = server.http.post(f"/db/upload/{fresh('type')}", content=b"[{}]", headers={"content-type": kind})
    assert reply.status_code == 415 and "application/json" in reply.json()["detail"]


def test_the_type_of_content_may_have_parameters_and_other_names(server: Server) -> None:
    name = fresh("types")
    # As the upstream demo's client sends it.
    assert server.http.post(f"/db/upload/{name}", content=b'[{"a":1}]').json() == 1
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        assert server.http.post(f"/db/upload/{name}", content=b'[{"a":1}]', headers={"content-type": kind}).json() == 1
    for kind in ("application/x-msgpack", "application/vnd.msgpack"):
        body = msgpack.packb([{"a": 1}])
        assert server.http.post(f"/db/upload/{name}", content=body, headers={"content-type": kind}).json() == 1


def test_a_body_over_the_limit_is_refused(make_server: ServerFactory) -> None:
    server = make_server("--max-upload-bytes", "10000")
    assert post(server, "a", [{"n": 1}] * 100).json() == 100
    reply = post(server, "a", [{"n": 1}] * 2_000)
    assert reply.status_code == 413 and list(reply.json()) == ["detail"]
    assert server.stats("a")["data_stats"]["rows"] == 100


@pytest.mark.parametrize("kind", ["json", "msgpack"])
def test_more_records_than_one_request_may_have_are_refused(make_server: ServerFactory, kind: str) -> None:
    server = make_server("--max-upload-records", "100")
    assert post(server, "a", [{"n": 1}] * 100, kind).json() == 100
    reply = post(server, "a", [{"n": 1}] * 101, kind)
    assert reply.status_code == 413 and "100 records" in reply.json()["detail"]
    assert server.stats("a")["data_stats"]["rows"] == 100


def test_many_small_records_take_little_memory(make_server: ServerFactory) -> None:
    server = make_server()
    assert post(server, "warm", [{"n": 1}] * 1_000).json() == 1_000
    before = peak_memory(server.pid)
    pairs = b",".join([b'{"a":1},{"b":1}'] * 50_000)
    empty = b"\xdd" + (15_000_000).to_bytes(4, "big") + b"\x80" * 15_000_000
    reply = server.http.post("/db/upload/pairs", content=b"[" + pairs + b"]", headers=JSON)
    assert (reply.status_code, reply.json()) == (200, 100_000)
    many = b",".join([pairs] * 9)
    for body, headers in ((b"[" + many + b"]", JSON), (empty, MSGPACK)):
        reply = server.http.post("/db/upload/many", content=body, headers=headers)
        assert reply.status_code == 413 and "100000 records" in reply.json()["detail"]
    assert server.stats("many") is None
    assert peak_memory(server.pid) - before < 300


def test_large_bodies_hold_up_nobody(server: Server) -> None:
    # Refused at its last record, so that it is decoded to its end, and nothing is written.
    record = json.dumps({f"column {k}": k / 7 for k in range(100)}).encode()
    body = b"[" + b",".join([record] * (12_000_000 // len(record))) + b",5]"
    slowest, name = 0.0, fresh("large")
    with ThreadPoolExecutor(4) as pool:
        start = time.monotonic()
        replies = [
            pool.submit(httpx.post, f"{server.url}/db/upload/{name}", content=body, headers=JSON, timeout=600)
            for _ in range(4)
        ]
        while not all(reply.done() for reply in replies):
            begun = time.monotonic()
            assert server.http.get("/health/live").status_code == 200
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.01)
        whole = time.monotonic() - start
    assert [reply.result().status_code for reply in replies] == [422] * 4
    assert slowest < max(0.5, whole / 4), f"an answer took {slowest:.2f} s while bodies took {whole:.2f} s"


def test_bodies_that_drip_are_refused_and_give_back_their_places(make_server: ServerFactory) -> None:
    server = make_server("--body-timeout", "3")
    head = (
        b"POST /db/upload/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 9999\r\n\r\n["
    )
    with ExitStack() as stack:
        drips = [stack.enter_context(Connection(server)) for _ in range(8)]
        for drip in drips:
            drip.send(head)
        assert post(server, "b", [{"n": 1}]).json() == 1
        for drip in drips:
            answer = drip.answer("POST")
            assert answer.status == 408 and "slowly" in answer.json["detail"]
            assert answer.headers["connection"] == "close"


def test_names_are_checked(server: Server) -> None:
    name = fresh("Name")
    assert post(server, name, [{"n": 1}]).status_code == 200
    reply = post(server, name.replace("Name", "nAME"), [{"n": 1}])
    assert reply.status_code == 409 and name in reply.json()["detail"]
    for bad in ("a_estimates", "-x", "lachesis_x"):
        assert post(server, bad, [{"n": 1}]).status_code == 422


def test_what_was_counted_outlives_a_kill(make_server: ServerFactory) -> None:
    server = make_server()
    total = 0
    for _ in range(5):
        total += post(server, "a", drive(300)).json()
    server.kill()
    server.start()
    assert server.stats("a")["data_stats"]["rows"] == total == 1_500


def test_estimators_are_fed(server: Server) -> None:
    name, records = fresh("fed"), drive(1_000)
    server.accept(name, KALMAN)
    for start in range(0, 1_000, 250):
        assert post(server, name, records[start : start + 250], "msgpack").json() == 250
    assert_same(server.wait_status(name, stepped=999), plain_kalman(records))


def test_requests_at_once_are_each_stored_in_one_piece(server: Server) -> None:
    name = fresh("together")
    bodies = [[{"sender": sender, "n": n} for n in range(200)] for sender in range(16)]
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda records: post(server, name, records), bodies))
    assert [reply.json() for reply in replies] == [200] * 16
    rows = stored(server, name)
    assert len(rows) == 3_200
    for start in range(0, 3_200, 200):
        assert rows[start : start + 200] == bodies[rows[start]["sender"]]


def test_a_token_must_be_good_for_the_battery(make_server: ServerFactory) -> None:
    server = make_server()
    mine = tokens.create(server, "upload", batteries=("mine",))
    reader = tokens.create(server, "read")
    server.stop()
    server.start()
    for battery, token, status in (
        ("mine", mine, 200), ("other", mine, 403), ("mine", reader, 403), ("mine", None, 401),
    ):  # fmt: skip
        reply = server.http.post(f"/db/upload/{battery}", content=b'[{"n":1}]', headers=JSON | tokens.shown(token))
        assert reply.status_code == status, (battery, reply.text)
    for path in ("/db/data/mine", "/db/metadata/mine", "/online/history/mine", "/online/status/mine"):
        assert server.http.get(path, headers=tokens.shown(reader)).status_code in (200, 404)
        assert server.http.get(path, headers=tokens.shown(mine)).status_code == 403
        assert server.http.get(path).status_code == 401
