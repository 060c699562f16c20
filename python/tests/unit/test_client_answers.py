"""What the client makes of a server's answers, of odd ones too."""

import email
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from told_server import Answer, document, table, telling

from lachesis import (
    Accelerated,
    Client,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    RequestError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)
from lachesis.tables import frames


def test_rows_become_columns_of_their_types_with_units() -> None:
    columns = [
        ("test_time", "FLOAT", "s"),
        ("cycle", "INTEGER", None),
        ("step", "INTEGER", None),
        ("state", "VARCHAR", None),
    ]
    rows = [[0.1, 2**60, 1, "hold"], [None, 3, None, None]]
    with telling(lambda _: table(columns, rows)) as (url, requests), Client(url) as client:
        found = client.data("Cell 1/é", ["test_time", "state"], start=0.1, after=5, points=10, sequence=True)
    assert list(found.columns) == ["test_time", "cycle", "step", "state"]
    assert found["test_time"].dtype == np.float64 and found["test_time"][0] == 0.1 and np.isnan(found["test_time"][1])
    assert found["cycle"].dtype == np.int64 and found["cycle"][0] == 2**60
    assert found["step"].dtype == pd.Int64Dtype() and found["step"][1] is pd.NA
    assert found["state"].tolist() == ["hold", None]
    assert found.attrs["units"] == {"test_time": "s"}
    path, query = urlsplit(requests[0].path).path, parse_qs(urlsplit(requests[0].path).query)
    assert path == "/db/data/%43ell%201%2F%C3%A9"
    assert query == {
        "columns": ["test_time", "state"], "start": ["0.1"], "after": ["5"], "points": ["10"], "sequence": ["true"],
        "format": ["msgpack"],
    }  # fmt: skip


def test_columns_are_asked_for_one_by_one() -> None:
    answer = table([("a,b", "INTEGER", None)], [])
    with telling(lambda _: answer) as (url, requests), Client(url) as client:
        client.data("Cell", ["a,b", "c"])
        client.history("Cell", [])
        client.history("Cell")
    queries = [parse_qs(urlsplit(request.path).query, keep_blank_values=True) for request in requests]
    assert [query.get("columns") for query in queries] == [["a,b", "c"], [""], None]


def test_a_table_without_rows_has_its_columns() -> None:
    with telling(lambda _: table([("sequence", "INTEGER", None)], [])) as (url, _), Client(url) as client:
        found = client.history("Cell")
    assert list(found.columns) == ["sequence"] and len(found) == 0


def test_long_tables_come_in_parts() -> None:
    pieces = table([("a", "INTEGER", None)], [[k] for k in range(10)]).pieces
    parts = list(frames(iter(pieces), size=4))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert pd.concat(parts)["a"].tolist() == list(range(10))


def test_a_table_that_is_cut_off_is_an_error_and_no_shorter_table() -> None:
    whole = table([("a", "INTEGER", None)], [[k] for k in range(10)])
    cut = whole._replace(has_end=False)
    with telling(lambda _: cut) as (url, _), Client(url) as client, pytest.raises(UnreachableError):
        client.data("Cell")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, UnauthorizedError), (403, ForbiddenError), (404, NotFoundError), (409, ConflictError), (422, RefusedError),
     (500, ServerError), (503, ServerError)],
)  # fmt: skip
def test_refusals_are_told_apart_in_the_servers_words(status: int, kind: type[RequestError]) -> None:
    detail = [{"loc": ["query", "limit"], "msg": "no number"}]
    with telling(lambda _: document({"detail": detail}, status)) as (url, _), Client(url) as client:
        for call in (client.stats, lambda: client.data("Cell")):
            with pytest.raises(kind, match=r"^query\.limit: no number$") as error:
                call()
            assert type(error.value) is kind and error.value.status == status and error.value.detail == detail


def test_an_answer_of_another_program_is_an_error() -> None:
    for status, kind, said in ((200, RequestError, "without JSON"), (502, ServerError, "answers 502 Bad Gateway")):
        page = Answer(status, [b"<html>"])
        with telling(lambda _, page=page: page) as (url, _), Client(url) as client, pytest.raises(kind, match=said):
            client.stats()


def test_a_script_that_is_tried_is_sent_whole(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("estimator = é")
    (tmp_path / "health.json").write_bytes(b"\x00{}")
    told = {
        "name": "Cell", "estimator": "E", "state_names": ["a", "b"], "output_names": ["v"], "records": 3, "stepped": 2,
        "skipped": 1, "failed": 0, "complete": False, "latest_time": 2.5, "mean": [1.0, None],
        "covariance": [[4.0, 0.0], [0.0, None]],
        "acceleration": {"asked": "shortcuts", "in_use": "off", "reason": "not known", "disagreements": 0},
        "last_error": None, "seconds": {"build": 0.5, "steps": 0.25}, "log": "hello\n",
    }  # fmt: skip
    with telling(lambda _: document(told)) as (url, requests), Client(url) as client:
        found = client.check(
            "Cell", tmp_path / "script.py", tmp_path / "health.json", rows=3, seed_inputs=False,
            acceleration="shortcuts", limits={"memory_mb": 64, "step_timeout": 0.5},
        )  # fmt: skip
    assert (found.records, found.seconds["build"], found.log, found.raw) == (3, 0.5, "hello\n", told)
    assert not found.complete and found.acceleration == Accelerated("shortcuts", "off", "not known", 0)
    assert found.std[0] == 2.0 and np.isnan(found.mean[1]) and found.covariance.shape == (2, 2)
    message = email.message_from_bytes(
        b"Content-Type: " + requests[0].headers["content-type"].encode() + b"\r\n\r\n" + requests[0].body
    )
    parts: dict[str, bytes] = {}
    for part in message.get_payload():
        parts[part.get_param("name", header="Content-Disposition")] = part.get_payload(decode=True)
    assert parts == {
        "name": b"Cell", "definition": "estimator = é".encode(), "plugin": b"moirae", "seed_inputs": b"false",
        "acceleration": b"shortcuts", "rows": b"3", "memory_mb": b"64", "step_timeout": b"0.5", "files": b"\x00{}",
    }  # fmt: skip


def test_a_worker_has_none_where_nothing_is_known() -> None:
    entry = {"name": "Cell", "state": "hibernating", "pid": None, "memory_bytes": 7}
    answer = {"hosts": [{"name": "local", "workers": 0}], "max_workers": 3, "workers": [entry]}
    with telling(lambda _: document(answer)) as (url, requests), Client(url, "lachesis_x") as client:
        force = client.workers()
    (worker,) = force.workers
    assert (worker.name, worker.state, worker.pid, worker.memory_bytes, worker.lag_records, worker.acceleration) == (
        "Cell", "hibernating", None, 7, None, None,
    )  # fmt: skip
    assert worker.raw == entry and force.max_workers == 3
    assert requests[0].headers["authorization"] == "Bearer lachesis_x"
