"""GET /db/data/{name}: columns, ranges, thinning, paging and formats."""

import contextlib
import csv
import io
import math
import os
import random
import struct
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import msgpack
import pytest
from cells import drive
from processes import wait
from raw import Connection
from server import Server, fresh
from streaming import frames, pour, upload

COLUMNS = ["test_time", "voltage", "count", "note", "received"]


@pytest.fixture(scope="module")
def battery(server: Server) -> str:
    """A battery with values that are hard to write, and two records whose times run backwards."""
    name, draw = fresh("export"), random.Random(3)
    notes = ["plain", "", None, 'a "b", c', "two\r\nlines", "ä漢🔋", "=1+1"]
    records = [
        {"test_time": float(k), "voltage": draw.uniform(-5, 5), "count": draw.randrange(-(2**63), 2**63),
         "note": notes[k % 7]}
        for k in range(2_345)
    ]  # fmt: skip
    records[100]["voltage"] = 5e-324
    records[200]["voltage"] = None
    records[300]["test_time"], records[301]["test_time"] = 301.0, 300.0
    upload(server, name, records)
    return name


def data(server: Server, name: str, query: str = "", **headers: str) -> Any:
    reply = server.http.get(f"/db/data/{quote(name)}?{query}", headers=headers)
    assert reply.status_code == 200, reply.text[:300]
    return reply


def unpacked(content: bytes) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    head, *rows = msgpack.Unpacker(io.BytesIO(content))
    assert list(head) == ["columns"]
    return head["columns"], rows


def test_all_formats_tell_the_same(server: Server, battery: str) -> None:
    objects = data(server, battery, "sequence=true").json()
    assert [list(row) for row in objects] == [["sequence", *COLUMNS]] * 2_345
    rows = [list(row.values()) for row in objects]
    table = data(server, battery, "sequence=true&format=table").json()
    columns, packed = unpacked(data(server, battery, "sequence=true&format=msgpack").content)
    assert table["rows"] == rows == packed
    assert columns == table["columns"] == [
        {"name": "sequence", "type": "INTEGER", "unit": None}, {"name": "test_time", "type": "FLOAT", "unit": "s"},
        {"name": "voltage", "type": "FLOAT", "unit": "V"}, {"name": "count", "type": "INTEGER", "unit": None},
        {"name": "note", "type": "VARCHAR", "unit": None}, {"name": "received", "type": "FLOAT", "unit": "s"},
    ]  # fmt: skip
    text = data(server, battery, "sequence=true&format=csv").content.decode("utf-8")
    head, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head == ["sequence", *COLUMNS] and len(lines) == 2_345
    kinds = [int, float, float, int, str, float]
    for line, row in zip(lines, rows, strict=True):
        read = [kind(field) if field or kind is str else None for kind, field in zip(kinds, line, strict=True)]
        # NULL and text without any character differ in their quotes alone, which this reader does not tell.
        assert read == [*row[:4], row[4] or "", row[5]]
        assert all(struct.pack("<d", read[k]) == struct.pack("<d", row[k]) for k in (1, 2, 5) if row[k] is not None)


def test_null_and_empty_text_differ_in_csv(server: Server) -> None:
    name = fresh("nulls")
    upload(server, name, [{"note": "", "n": None}, {"note": None, "n": 1}, {"note": "x"}])
    reply = data(server, name, "format=csv&columns=note,n")
    assert reply.content == b'note,n\r\n"",\r\n,1\r\nx,\r\n'
    assert data(server, name, "format=csv&columns=n").content == b'n\r\n""\r\n1\r\n""\r\n'
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "header"),
    [("cell 1.b", 'attachment; filename="cell 1.b.csv"'),
     ("Zelle Ä", "attachment; filename=\"Zelle _.csv\"; filename*=UTF-8''Zelle%20%C3%84.csv")],
)  # fmt: skip
def test_a_file_has_the_batterys_name(server: Server, name: str, header: str) -> None:
    upload(server, name, [{"n": 1}])
    assert data(server, name, "format=csv").headers["content-disposition"] == header


def test_accept_chooses_the_format_if_the_query_does_not(server: Server, battery: str) -> None:
    def kind(query: str, accept: str) -> str:
        return data(server, battery, query, accept=accept).headers["content-type"].split(";")[0]

    assert kind("limit=1", "text/csv") == "text/csv"
    assert kind("limit=1", "application/msgpack, */*;q=0.1") == "application/msgpack"
    assert kind("limit=1", "text/html,*/*") == "application/json"
    assert kind("limit=1&format=json", "text/csv") == "application/json"
    assert data(server, battery, "limit=1").headers["vary"].lower() == "accept"


def test_columns_come_in_the_order_asked_for(server: Server, battery: str) -> None:
    for query in (
        "columns=voltage,test_time",
        "columns=voltage&columns=test_time",
        "columns=voltage,test_time,voltage",
    ):
        assert list(data(server, battery, f"{query}&limit=1").json()[0]) == ["voltage", "test_time"]
    assert list(data(server, battery, "columns=note&sequence=true&limit=1").json()[0]) == ["sequence", "note"]


def test_a_column_with_a_comma_in_its_name_can_be_had(server: Server) -> None:
    name = fresh("comma")
    upload(server, name, [{"a,b": 1, "a": 2, "b c": 3}])
    assert data(server, name, "columns=a,b").json() == [{"a,b": 1}]
    assert data(server, name, "columns=a,b%20c").json() == [{"a": 2, "b c": 3}]


@pytest.mark.parametrize(
    "query",
    ["columns=Voltage", "columns=voltage,", "columns=", "columns=voltage,nope", "points=0", "points=-1", "points=x",
     "points=100001", "after=1.5", "before=", "after=99999999999999999999", "sequence=perhaps", "format=parquet",
     "points=1&points=2"],
)  # fmt: skip
def test_bad_parameters_are_refused_by_name(server: Server, battery: str, query: str) -> None:
    reply = server.http.get(f"/db/data/{battery}?{query}")
    assert reply.status_code == 422, reply.text[:300]
    assert reply.json()["detail"][0]["loc"] == ["query", query.split("=")[0]]


def test_pages_by_sequence_give_each_row_once_in_order_of_arrival(server: Server, battery: str) -> None:
    seen, after = [], 0
    while page := data(server, battery, f"sequence=true&after={after}&limit=400").json():
        assert len(page) <= 400
        seen += [row["sequence"] for row in page]
        after = seen[-1]
    assert seen == list(range(1, 2_346))
    swapped = data(server, battery, "after=300&before=303&columns=test_time").json()
    assert swapped == [{"test_time": 301.0}, {"test_time": 300.0}]
    assert len(data(server, battery, "start=300&end=301").json()) == 2
    newest = data(server, battery, "before=1001&limit=3&sequence=true&columns=test_time").json()
    assert [row["sequence"] for row in newest] == [998, 999, 1_000]


@pytest.fixture(scope="module")
def long(server: Server) -> tuple[str, list[float]]:
    """A battery with 60,000 records, and its voltages: most of its rows are known by summaries."""
    name, draw = fresh("long"), random.Random(5)
    voltages = [math.sin(k / 900) + draw.gauss(0, 0.1) for k in range(60_000)]
    voltages[12_345], voltages[43_210] = 9.0, -9.0
    pour(server, name, frames({"test_time": float(k), "voltage": v, "current": k % 7} for k, v in enumerate(voltages)))
    return name, voltages


@pytest.mark.parametrize("points", [10, 100, 1_000, 20_000])
@pytest.mark.parametrize(("start", "end"), [(0, 59_999), (10_000, 20_000.5), (43_000, 43_500), (59_000, 70_000)])
def test_thinned_rows_keep_the_extremes(
    server: Server, long: tuple[str, list[float]], points: int, start: float, end: float
) -> None:
    name, voltages = long
    rows = data(server, name, f"points={points}&start={start}&end={end}&columns=test_time,voltage").json()
    within = {float(k): v for k, v in enumerate(voltages) if start <= k <= end}
    times = [row["test_time"] for row in rows]
    assert len(rows) <= points and times == sorted(set(times))
    assert all(within[row["test_time"]] == row["voltage"] for row in rows)
    kept = [row["voltage"] for row in rows]
    assert (min(kept), max(kept)) == (min(within.values()), max(within.values()))
    assert (times[0], times[-1]) == (min(within), max(within))
    # Whatever the buckets are, none is much wider than it must be: no hole between neighbours is wider than two.
    width = max(1, len(within) / max(1, (points - 4) // 2))
    assert max(b - a for a, b in pairwise(times)) <= 2 * max(width, 1) + 2 * 256 + 2
    if len(within) <= points:
        assert len(rows) == len(within)


def test_thinning_goes_with_all_else(server: Server, long: tuple[str, list[float]]) -> None:
    name, _ = long
    rows = data(server, name, "points=50&limit=30000&columns=voltage&sequence=true&format=table").json()["rows"]
    assert len(rows) <= 50 and rows[0][0] == 30_001 and rows[-1][0] == 60_000
    assert min(row[1] for row in rows) == -9.0
    rows = data(server, name, "points=50&after=100&before=20000&columns=voltage&sequence=true").json()
    assert (rows[0]["sequence"], rows[-1]["sequence"]) == (101, 19_999)
    assert max(row["voltage"] for row in rows) == 9.0
    assert len(data(server, name, "points=1").json()) == 1
    assert data(server, name, "points=20&start=1e9").json() == []
    whole = data(server, name, "points=2000").json()
    assert list(whole[0]) == ["test_time", "voltage", "current", "received"] and len(whole) <= 2_000


def test_a_limit_thins_the_rows_that_it_would_give(server: Server) -> None:
    name = fresh("backwards")
    upload(server, name, [{"test_time": float(5_000 - k), "n": k} for k in range(5_000)])
    for query in ("", "&start=100", "&end=4000.5", "&after=0", "&after=1000&end=3000", "&before=4000"):
        whole = [row["n"] for row in data(server, name, f"limit=700&columns=n{query}").json()]
        some = [row["n"] for row in data(server, name, f"limit=700&points=50&columns=n{query}").json()]
        assert len(whole) == 700 and len(some) <= 50 and set(some) <= set(whole)
        assert (some[0], some[-1]) == (whole[0], whole[-1])
        assert [row["n"] for row in data(server, name, f"limit=700&points=700&columns=n{query}").json()] == whole


def test_columns_of_text_alone_are_thinned_evenly(server: Server) -> None:
    name = fresh("text")
    upload(server, name, [{"test_time": float(k), "note": str(k)} for k in range(3_000)])
    rows = data(server, name, "points=100&columns=note").json()
    assert 50 <= len(rows) <= 100 and rows[0]["note"] == "0" and rows[-1]["note"] == "2999"


def test_head_tells_what_get_would(server: Server, battery: str) -> None:
    for query in ("", "format=csv", "format=msgpack", "points=5"):
        path = f"/db/data/{battery}?{query}"
        get, head = server.http.get(path), server.http.head(path)
        assert head.status_code == 200 and head.content == b""
        assert head.headers.get("content-type") == get.headers["content-type"]
        assert "content-length" not in head.headers and "transfer-encoding" not in head.headers
    with Connection(server) as connection:
        # Nothing but the head is sent: the next answer is where it must be.
        for method in ("HEAD", "HEAD", "GET", "HEAD"):
            connection.send(f"{method} /db/data/{battery}?limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            answer = connection.answer(method)
            assert answer.status == 200 and (answer.body == b"") == (method == "HEAD")
        connection.send(b"HEAD /online/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert "content-length" not in connection.answer("HEAD").headers
    assert server.http.head(f"/db/data/{battery}?columns=nope").status_code == 422
    assert server.http.head(f"/db/data/{fresh('none')}").status_code == 404


def count_sockets(server: Server) -> int:
    count = 0
    for entry in os.scandir(f"/proc/{server.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(entry.path).startswith("socket:")
    return count


def test_slow_and_vanishing_readers_hold_up_nobody(server: Server) -> None:
    name = fresh("slow")
    pour(server, name, frames({"test_time": float(k), "note": "x" * 100} for k in range(60_000)))
    request = f"GET /db/data/{quote(name)}?format=%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
    before, sockets = server.stats(name)["data_stats"]["rows"], count_sockets(server)
    readers = [Connection(server) for _ in range(20)]
    for number, reader in enumerate(readers):
        reader.send((request % ("csv", "json", "msgpack", "table")[number % 4]).encode())
    # None reads on, and still records are stored, also into this very battery, and others read.
    upload(server, name, drive(100))
    assert server.stats(name)["data_stats"]["rows"] == before + 100
    assert len(data(server, name, "limit=10").json()) == 10
    for reader in readers:
        reader.close()
    wait(lambda: count_sockets(server) <= sockets, "the end of the readers' connections", 30)


def test_a_download_takes_no_memory(server: Server, long: tuple[str, list[float]]) -> None:
    name, _ = long

    def resident() -> int:
        with open(f"/proc/{server.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    data(server, name, "limit=1000&format=csv")
    before, most, count = resident(), 0, 0
    for kind in ("csv", "table", "json", "msgpack"):
        with server.http.stream("GET", f"/db/data/{name}?format={kind}") as reply:
            for number, chunk in enumerate(reply.iter_raw(65_536)):
                count += len(chunk)
                if number % 10 == 0:
                    most = max(most, resident())
    assert count > 10_000_000
    assert most - before < 64 << 10, f"{before} kB before, {most} kB at most"


def test_metadata_comes_back(server: Server) -> None:
    name = fresh("meta")
    document = {"name": name, "battery": {"model": "x", "nominal_capacity": 1.5}, "own": [1, None, "ä"]}
    assert server.http.get(f"/db/metadata/{name}").status_code == 404
    assert server.http.post("/db/register", json=document).status_code == 200
    reply = server.http.get(f"/db/metadata/{name}")
    assert reply.status_code == 200 and reply.headers["content-type"] == "application/json"
    assert reply.json() == document
    bare = fresh("bare")
    upload(server, bare, [{"n": 1}])
    assert server.http.get(f"/db/metadata/{bare}").status_code == 404
    assert server.http.get("/db/metadata/-x").status_code == 422


@pytest.mark.parametrize(("written", "column"), [("a+b", "a b"), ("a%20b", "a b"), ("a%2Bb", "a+b")])
def test_columns_are_written_as_forms_write_them(server: Server, written: str, column: str) -> None:
    name = fresh("forms")
    upload(server, name, [{"test_time": 0.0, "a b": 1.0, "a+b": 2.0}])
    rows = server.http.get(f"/db/data/{name}?columns={written}").json()
    assert rows == [{column: 2.0 if "+" in column else 1.0}]
