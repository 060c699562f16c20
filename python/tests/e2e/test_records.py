"""What becomes of a record: types, columns, order, and the names of batteries."""

import asyncio
import math
import time
import unicodedata
from typing import Any

import msgpack
import pytest
from cells import drive
from server import Server, fresh
from streaming import Message, refusal, send, upload

RECEIVED = {"received": "FLOAT"}


def types(server: Server, name: str) -> dict[str, str]:
    """Return the types of a battery's columns without `received`."""
    columns = server.stats(name)["data_stats"]["columns"]
    assert columns.pop("received") == "FLOAT"
    return columns


def kept(server: Server, name: str, messages: list[Message]) -> list[dict[str, Any]]:
    """Upload messages; return what is stored, without `received`."""
    upload(server, name, messages)
    rows = server.rows(name)
    for row in rows:
        del row["received"]
    return rows


def test_a_column_has_the_type_of_its_first_value(server: Server) -> None:
    name = fresh("types")
    record = {"a": 1, "b": 1.5, "c": "text", "d": b"bytes", "e": True, "f": False}
    assert kept(server, name, [record]) == [{"a": 1, "b": 1.5, "c": "text", "d": "bytes", "e": 1, "f": 0}]
    assert server.stats(name) == {
        "has_metadata": False,
        "has_data": True,
        "has_estimator": False,
        "data_stats": {
            "rows": 1,
            "columns": {
                "a": "INTEGER", "b": "FLOAT", "c": "VARCHAR", "d": "VARCHAR", "e": "INTEGER", "f": "INTEGER",
            } | RECEIVED,
        },
    }  # fmt: skip


def test_columns_that_the_toolkit_knows_take_its_types(server: Server) -> None:
    name = fresh("known")
    record = {"test_time": 0, "current": 0, "voltage": 3, "temperature": 25, "cycle_number": 1.0, "state": b"resting"}
    (row,) = kept(server, name, [record])
    assert row == record | {"state": "resting"}
    assert types(server, name) == {
        "test_time": "FLOAT", "current": "FLOAT", "voltage": "FLOAT", "temperature": "FLOAT",
        "cycle_number": "INTEGER", "state": "VARCHAR",
    }  # fmt: skip
    assert all(isinstance(row[key], float) for key in ("test_time", "current", "voltage", "temperature"))


def test_integers_become_floats_at_the_first_fraction_and_nothing_is_rounded(server: Server) -> None:
    name, large = fresh("widened"), 2**53 + 1
    rows = kept(server, name, [{"x": 1, "y": large, "cycle_number": 7}, {"x": 2.0, "y": 4, "cycle_number": 8.0}])
    assert types(server, name) == {"x": "INTEGER", "y": "INTEGER", "cycle_number": "INTEGER"}
    rows = kept(server, name, [{"x": 2.5, "y": 0.25, "cycle_number": 8.5}, {"x": 3, "y": -0.0, "cycle_number": 9}])
    assert types(server, name) == {"x": "FLOAT", "y": "FLOAT", "cycle_number": "FLOAT"}
    assert [row["x"] for row in rows] == [1, 2, 2.5, 3] and [row["cycle_number"] for row in rows] == [7, 8, 8.5, 9]
    assert [row["y"] for row in rows] == [large, 4, 0.25, 0] and math.copysign(1, rows[3]["y"]) == -1


def test_a_missing_key_is_null_and_a_new_key_a_new_column(server: Server) -> None:
    name = fresh("columns")
    rows = kept(server, name, [{"a": 1.0, "b": 2.0}, {"b": 3.0, "c": "x"}, {}, {"a": 4.0, "c": "y"}])
    assert rows == [
        {"a": 1.0, "b": 2.0, "c": None}, {"a": None, "b": 3.0, "c": "x"},
        {"a": None, "b": None, "c": None}, {"a": 4.0, "b": None, "c": "y"},
    ]  # fmt: skip
    assert types(server, name) == {"a": "FLOAT", "b": "FLOAT", "c": "VARCHAR"}


def test_a_record_without_anything_is_a_row(server: Server) -> None:
    name = fresh("empty")
    assert kept(server, name, [{}, {}]) == [{}, {}]
    assert server.stats(name)["data_stats"] == {"rows": 2, "columns": RECEIVED}


def test_values_that_are_no_numbers_are_null(server: Server) -> None:
    name = fresh("null")
    rows = kept(server, name, [{"v": value} for value in (1.0, math.nan, math.inf, -math.inf, None, 2.0)])
    assert [row["v"] for row in rows] == [1.0, None, None, None, None, 2.0]


def test_a_column_of_nulls_takes_the_type_of_its_first_value(server: Server) -> None:
    name = fresh("late-type")
    upload(server, name, [{"a": None, "b": None, "c": math.nan, "d": None}] * 2)
    rows = kept(server, name, [{"a": 5, "b": "text", "c": 0.5, "d": None}])
    assert types(server, name) | {"d": "?"} == {"a": "INTEGER", "b": "VARCHAR", "c": "FLOAT", "d": "?"}
    assert rows[2] == {"a": 5, "b": "text", "c": 0.5, "d": None}


def test_received_is_the_servers_own(server: Server) -> None:
    name, before = fresh("received"), time.time()
    upload(server, name, [{"a": 1.0}, {"a": 2.0, "received": 5.0}, {"received": 6.0}])
    times = [row["received"] for row in server.rows(name)]
    assert all(before - 1 <= moment <= time.time() + 1 for moment in times) and times == sorted(times)
    assert server.stats(name)["data_stats"]["columns"] == {"a": "FLOAT"} | RECEIVED


@pytest.mark.parametrize(
    "text", ["", "Ä 電池 🔋", "quotes \" and ' and \\", "lines\r\n\ttabs", "a\0b", "\x7f\x01", "x" * 10_000]
)
def test_text_and_bytes_are_kept_as_they_are(server: Server, text: str) -> None:
    name = fresh("text")
    assert kept(server, name, [{"a": text, "b": text.encode()}]) == [{"a": text, "b": text}]
    assert types(server, name) == {"a": "VARCHAR", "b": "VARCHAR"}


@pytest.mark.parametrize(
    "key",
    ["select", "with space", 'with "quotes"', "it's", "Ä", "電池", "🔋", "a.b[0]", "; DROP TABLE x; --", "rowid", "oid",
     "_rowid_", "sequence", "1", "test time", "k" * 128, "?1", ":name"],
)  # fmt: skip
def test_odd_keys_are_columns(server: Server, key: str) -> None:
    name = fresh("key")
    assert kept(server, name, [{key: 1.5, "other": 1}, {"other": 2}]) == [
        {key: 1.5, "other": 1},
        {key: None, "other": 2},
    ]


@pytest.mark.parametrize(
    "stem", ["with space", "dash-dot.1", "Zelle_Ä", "電池", "select", "9lives", "_x", "O.Neill", "नमस्ते"]
)
def test_odd_names_work(server: Server, stem: str) -> None:
    name = fresh(stem)
    assert kept(server, name, [{"a": 1}]) == [{"a": 1}]
    assert server.stats(name)["data_stats"]["rows"] == 1


def test_a_name_may_have_128_characters(server: Server) -> None:
    name = fresh("long").ljust(128, "Ä")
    assert kept(server, name, [{"a": 1}]) == [{"a": 1}]


def test_the_forms_of_a_letter_with_an_accent_are_one_name(server: Server) -> None:
    name = fresh("Zelle é")
    upload(server, unicodedata.normalize("NFD", name), [{"a": 1}])
    upload(server, unicodedata.normalize("NFC", name), [{"a": 2}])
    assert server.stats(unicodedata.normalize("NFC", name))["data_stats"]["rows"] == 2


def test_columns_are_limited_without_received(server: Server) -> None:
    name = fresh("wide")
    upload(server, name, [{f"c{k}": k for k in range(256)} | {"received": 1.0}])
    close = refusal(server, name, [{"c0": 1}, {"c0": 2, "extra": 1}])
    assert close.code == 1008 and close.reason.startswith("message 2:") and "'extra'" in close.reason
    assert server.stats(name)["data_stats"]["rows"] == 2
    assert len(server.stats(name)["data_stats"]["columns"]) == 257


def test_a_record_may_have_64_kib(server: Server) -> None:
    name = fresh("large")
    rest = 65536 - len(msgpack.packb({"a": "x" * 60_000})) + 60_000
    (row,) = kept(server, name, [{"a": "x" * rest}])
    assert len(row["a"]) == rest


def test_twenty_thousand_records_are_kept_in_order(server: Server) -> None:
    name, records = fresh("many"), drive(20_000)
    rows = kept(server, name, records)
    assert rows == records


def test_two_uploaders_of_one_battery_keep_their_own_order(server: Server) -> None:
    name, count = fresh("two"), 2_000

    async def both() -> None:
        await asyncio.gather(
            *(send(server, name, [{"uploader": k, "number": number} for number in range(count)]) for k in range(2))
        )

    asyncio.run(both())
    rows = server.rows(name)
    for k in range(2):
        assert [row["number"] for row in rows if row["uploader"] == k] == list(range(count))
