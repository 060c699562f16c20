"""GET /db/data/{name}: which rows, in which order, and as exact as they came."""

import math
import random
import struct
from typing import Any
from urllib.parse import quote

import msgpack
import pytest
from cells import KALMAN, drive
from server import Server, fresh
from streaming import upload


@pytest.fixture(scope="module")
def battery(server: Server) -> str:
    """A battery with records at 0, 10, … 990 s, sent in a random order."""
    name = fresh("data")
    records = [{"test_time": 10.0 * k, "number": k} for k in range(100)]
    random.Random(1).shuffle(records)
    upload(server, name, records)
    return name


def numbers(server: Server, name: str, **query: Any) -> list[int]:
    return [row["number"] for row in server.rows(name, **query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, range(100)),
        ({"format": "json"}, range(100)),
        ({"start": 500}, range(50, 100)),
        ({"start": 495.5}, range(50, 100)),
        ({"end": 60}, range(7)),
        ({"end": "5.99e1"}, range(6)),
        ({"start": 20, "end": 40}, range(2, 5)),
        ({"start": 41, "end": 49}, []),
        ({"start": 50, "end": 40}, []),
        ({"start": -100, "end": -1}, []),
        ({"limit": 3}, range(97, 100)),
        ({"limit": 0}, []),
        ({"limit": 1000}, range(100)),
        ({"limit": 10**18}, range(100)),
        ({"start": 20, "end": 60, "limit": 2}, range(5, 7)),
        ({"start": 900, "limit": 50}, range(90, 100)),
    ],
)
def test_rows_are_chosen_and_come_by_test_time(
    server: Server, battery: str, query: dict[str, Any], expected: range | list[int]
) -> None:
    assert numbers(server, battery, **query) == list(expected)


@pytest.mark.parametrize(
    "query",
    ["start=soon", "start=", "start=nan", "end=inf", "end=1e999", "limit=-1", "limit=1.5", "limit=many",
     "limit=99999999999999999999", "format=xml", "start=1&start=2", "limit=1&limit=2"],
)  # fmt: skip
def test_bad_parameters_are_refused_in_detail(server: Server, battery: str, query: str) -> None:
    reply = server.http.get(f"/db/data/{battery}?{query}")
    assert reply.status_code == 422, reply.text[:300]
    assert list(reply.json()) == ["detail"]
    assert any(query.split("=")[0] in problem["loc"] for problem in reply.json()["detail"])


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [("GET", "/db/data/{}", "columns"), ("GET", "/online/history/{}", "points"), ("GET", "/online/events", "interval"),
     ("GET", "/dashboard/{}/residuals", "output"), ("POST", "/online/{}/rollback", "version"),
     ("DELETE", "/db/{}", "force")],
)  # fmt: skip
def test_a_misspelt_parameter_is_refused_with_those_that_there_are(
    server: Server, battery: str, method: str, path: str, known: str
) -> None:
    if "history" in path:
        server.accept(battery, KALMAN)
    reply = server.http.request(method, path.format(battery) + f"?{known}s%20=1")
    assert reply.status_code == 422, reply.text[:300]
    (problem,) = reply.json()["detail"]
    assert problem["loc"] == ["query", f"{known}s "] and known in problem["msg"].split("; there ")[1]


@pytest.mark.parametrize("parameter", ["columns=residual", "sequence=true", "limit=1", "format=csv"])
def test_residuals_take_no_parameter_that_would_have_no_effect(server: Server, parameter: str) -> None:
    name = fresh("residuals")
    server.accept(name, KALMAN)
    upload(server, name, drive(10))
    path = f"/dashboard/{name}/residuals"
    assert server.http.get(path, params={"start": 0, "points": 5}).status_code == 200
    reply = server.http.get(f"{path}?{parameter}")
    assert reply.status_code == 422, reply.text[:300]
    (problem,) = reply.json()["detail"]
    assert problem["loc"] == ["query", parameter.split("=")[0]]
    assert problem["msg"].endswith("there are output, start, end, after, before, points")


@pytest.mark.parametrize("name", ["a_estimates", "sqlite_master", "-x", "a/b", "x" * 200, 'a"b'])
def test_a_bad_name_is_refused(server: Server, name: str) -> None:
    reply = server.http.get(f"/db/data/{quote(name, safe='')}")
    assert 400 <= reply.status_code < 500 and list(reply.json()) == ["detail"]


def test_an_unknown_battery_is_not_found(server: Server) -> None:
    name = fresh("unknown")
    reply = server.http.get(f"/db/data/{name}")
    assert reply.status_code == 404 and list(reply.json()) == ["detail"] and name in reply.json()["detail"]
    assert server.stats(name) is None


def test_equal_times_keep_the_order_of_arrival_over_thousands_of_rows(server: Server) -> None:
    name = fresh("equal")
    upload(server, name, [{"test_time": float(k // 2_000), "number": k} for k in range(5_000)])
    assert numbers(server, name) == list(range(5_000))
    assert numbers(server, name, start=1, end=1) == list(range(2_000, 4_000))
    assert numbers(server, name, limit=2_500) == list(range(2_500, 5_000))


def test_records_without_a_time_come_first_and_only_without_bounds(server: Server) -> None:
    name = fresh("timeless")
    records = [{"number": 0}, {"test_time": 2.0, "number": 1}, {"test_time": math.nan, "number": 2}]
    upload(server, name, [*records, {"test_time": -1.0, "number": 3}])
    assert numbers(server, name) == [0, 2, 3, 1]
    assert numbers(server, name, limit=3) == [2, 3, 1]
    assert numbers(server, name, start=-5) == [3, 1]


def test_a_table_without_times_comes_in_order_of_arrival(server: Server) -> None:
    name = fresh("no-time")
    upload(server, name, [{"number": k} for k in range(2_500)])
    assert numbers(server, name) == list(range(2_500))
    assert numbers(server, name, limit=2) == [2_498, 2_499]
    assert numbers(server, name, start=0) == []


def test_floats_come_back_as_the_same_doubles(server: Server) -> None:
    name, draw = fresh("floats"), random.Random(2)
    values = [0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3, 1e22, 1e23,
              2.0**53, 123456789012345680.0, 1e-7, 1e16, 9007199254740993.0]  # fmt: skip
    while len(values) < 5_000:
        value = struct.unpack("<d", draw.randbytes(8))[0]
        if math.isfinite(value):
            values.append(value)
    upload(server, name, [{"test_time": float(k), "value": value} for k, value in enumerate(values)])
    stored = [row["value"] for row in server.rows(name)]
    assert struct.pack(f"<{len(values)}d", *stored) == struct.pack(f"<{len(values)}d", *values)


def test_floats_of_32_bits_come_back_as_they_were_sent(server: Server) -> None:
    name = fresh("single")
    upload(server, name, [msgpack.packb({"value": value}, use_single_float=True) for value in (0.1, 3.7, 16777217.0)])
    assert [row["value"] for row in server.rows(name)] == [0.10000000149011612, 3.700000047683716, 16777216.0]


def test_integers_come_back_as_they_were_sent(server: Server) -> None:
    name = fresh("integers")
    values = [0, -1, 2**63 - 1, -(2**63), 2**53 + 1, -(2**53) - 1, 127, 128, -32, -33, 2**32]
    upload(server, name, [{"value": value} for value in values])
    assert [row["value"] for row in server.rows(name)] == values


def test_records_come_back_with_all_their_keys(server: Server) -> None:
    name, records = fresh("whole"), drive(300)
    upload(server, name, records)
    rows = server.rows(name)
    assert [list(row) for row in rows] == [[*records[0], "received"]] * 300
    assert [{key: row[key] for key in records[0]} for row in rows] == records
