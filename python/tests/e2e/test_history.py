"""GET /online/history/{name}: the estimates after every record."""

import csv
import io
from typing import Any

import msgpack
import numpy as np
import pytest
from cells import KALMAN, drive, kalman_steps
from processes import wait
from server import Server, fresh
from streaming import upload

COLUMNS = ["sequence", "test_time", "soc", "capacity", "soc_std", "capacity_std", "terminal_voltage",
           "terminal_voltage_std"]  # fmt: skip


@pytest.fixture(scope="module")
def battery(server: Server) -> tuple[str, list[list[float]]]:
    """A battery with estimates, and what a plain loop gives for them."""
    name, records = fresh("history"), drive(2_500)
    upload(server, name, records)
    server.accept(name, KALMAN)
    server.wait_status(name, stepped=2_499)
    expected = []
    for sequence, (estimator, output, variance) in enumerate(kalman_steps(records), 1):
        if sequence > 1:
            means, deviations = estimator.mean.tolist(), np.sqrt(estimator.covariance.diagonal()).tolist()
            told = [*output.tolist(), *np.sqrt(variance.diagonal()).tolist()]
            expected.append([sequence, records[sequence - 1]["test_time"], *means, *deviations, *told])
    wait(lambda: len(history(server, name)) == len(expected), "all estimates")
    return name, expected


def history(server: Server, name: str, **query: Any) -> Any:
    return server.get(f"/online/history/{name}", **query)


def test_estimates_are_those_of_a_plain_loop(server: Server, battery: tuple[str, list[list[float]]]) -> None:
    name, expected = battery
    table = history(server, name, format="table")
    assert [column["name"] for column in table["columns"]] == COLUMNS
    assert [column["unit"] for column in table["columns"]] == [None, "s"] + [None] * 6
    assert [column["type"] for column in table["columns"]] == ["INTEGER"] + ["FLOAT"] * 7
    assert table["rows"] == expected
    assert [list(row.values()) for row in history(server, name)] == expected


def test_other_formats_tell_the_same(server: Server, battery: tuple[str, list[list[float]]]) -> None:
    name, expected = battery
    reply = server.http.get(f"/online/history/{name}?format=csv")
    assert reply.headers["content-disposition"] == f'attachment; filename="{name} estimates.csv"'
    head, *lines = csv.reader(io.StringIO(reply.text, newline=""))
    assert head == COLUMNS and [[float(field) for field in line] for line in lines] == expected
    reply = server.http.get(f"/online/history/{name}", headers={"accept": "application/msgpack"})
    _, *rows = msgpack.Unpacker(io.BytesIO(reply.content))
    assert rows == expected


def test_ranges_and_pages(server: Server, battery: tuple[str, list[list[float]]]) -> None:
    name, expected = battery

    def sequences(**query: Any) -> list[int]:
        return [row["sequence"] for row in history(server, name, columns="soc", **query)]

    all_of_them = [row[0] for row in expected]
    assert sequences() == all_of_them
    assert sequences(limit=5) == all_of_them[-5:]
    assert sequences(after=100, limit=5) == [101, 102, 103, 104, 105]
    assert sequences(after=100, before=104) == [101, 102, 103]
    middle = [row[0] for row in expected if expected[700][1] <= row[1] <= expected[900][1]]
    assert sequences(start=expected[700][1], end=expected[900][1]) == middle
    assert sequences(start=expected[700][1], end=expected[900][1], limit=2) == middle[-2:]
    assert sequences(start=1e9) == [] and sequences(limit=0) == []


def test_columns_may_be_chosen(server: Server, battery: tuple[str, list[list[float]]]) -> None:
    name, _ = battery
    (row,) = history(server, name, columns="capacity_std,capacity", limit=1)
    assert list(row) == ["sequence", "capacity_std", "capacity"]
    (row,) = history(server, name, columns="sequence", limit=1)
    assert list(row) == ["sequence"]
    reply = server.http.get(f"/online/history/{name}?columns=voltage")
    assert reply.status_code == 422 and reply.json()["detail"][0]["loc"] == ["query", "columns"]


@pytest.mark.parametrize("points", [5, 60, 500, 5_000])
def test_thinned_estimates_keep_the_extremes(
    server: Server, battery: tuple[str, list[list[float]]], points: int
) -> None:
    name, expected = battery
    rows = history(server, name, columns="soc", points=points)
    by_sequence = {row[0]: row[2] for row in expected}
    assert len(rows) <= points and all(by_sequence[row["sequence"]] == row["soc"] for row in rows)
    assert (rows[0]["sequence"], rows[-1]["sequence"]) == (2, 2_500)
    kept = [row["soc"] for row in rows]
    if points >= 6:
        assert (min(kept), max(kept)) == (min(by_sequence.values()), max(by_sequence.values()))


def test_it_goes_on_where_one_stopped(server: Server) -> None:
    name, records = fresh("live"), drive(60)
    server.accept(name, KALMAN)
    upload(server, name, records[:30])
    server.wait_status(name, stepped=29)
    wait(lambda: len(history(server, name)) == 29, "the first estimates")
    seen = [row["sequence"] for row in history(server, name)]
    upload(server, name, records[30:])
    server.wait_status(name, stepped=59)
    wait(lambda: len(history(server, name)) == 59, "all estimates")
    seen += [row["sequence"] for row in history(server, name, after=seen[-1])]
    assert seen == list(range(2, 61))


def test_without_an_estimator_there_is_none(server: Server) -> None:
    name = fresh("bare")
    for known in (False, True):
        reply = server.http.get(f"/online/history/{name}")
        assert reply.status_code == 404 and name in reply.json()["detail"]
        if not known:
            upload(server, name, drive(2))
    server.accept(name, KALMAN.replace("estimator =", "import time; estimator ="))
    assert isinstance(history(server, name), list)


def test_a_new_version_begins_a_new_history(server: Server) -> None:
    name = fresh("anew")
    server.accept(name, KALMAN)
    upload(server, name, drive(50))
    server.wait_status(name, stepped=49)
    # A status is told before its estimates are on disk.
    wait(lambda: len(history(server, name)) == 49, "all estimates")
    server.accept(name, KALMAN, **{"from": "now"})
    assert history(server, name) == []
