"""POST /db/register: metadata in battery-data-toolkit's form."""

import json
from typing import Any

import httpx
import pytest
from cells import KALMAN, drive
from database import query
from server import ROOT, Server, fresh
from streaming import upload


def register(server: Server, body: dict[str, Any] | str | bytes) -> httpx.Response:
    content = json.dumps(body) if isinstance(body, dict) else body
    return server.http.post("/db/register", content=content, headers={"Content-Type": "application/json"})


def document(server: Server, name: str) -> dict[str, Any]:
    """Return the metadata that are stored for a battery."""
    ((text,),) = query(
        server, "SELECT document FROM lachesis_metadata JOIN lachesis_batteries USING (battery) WHERE name = ?", name
    )
    return json.loads(text)


def test_metadata_are_registered_under_their_name(server: Server) -> None:
    name = fresh("meta")
    reply = register(server, {"name": name, "battery": {"manufacturer": "ACME", "nominal_capacity": 2.0}})
    assert (reply.status_code, reply.json()) == (200, name)
    assert reply.headers["content-type"].startswith("application/json")
    assert server.stats(name) == {
        "has_metadata": True, "has_data": False, "has_estimator": False, "data_stats": None,
    }  # fmt: skip
    assert server.rows(name) == []
    stored = document(server, name)
    assert stored["name"] == name and stored["battery"]["nominal_capacity"] == 2.0


def test_a_body_without_a_content_type_is_taken_as_json(server: Server) -> None:
    name = fresh("plain")
    reply = server.http.post("/db/register", content=json.dumps({"name": name}))
    assert (reply.status_code, reply.json()) == (200, name)


def test_metadata_without_a_name_get_one_that_works_everywhere(server: Server) -> None:
    names = {register(server, {"comments": "no name"}).json() for _ in range(2)}
    assert len(names) == 2, "a generated name was given twice"
    name = names.pop()
    assert isinstance(name, str) and name
    records = drive(20)
    upload(server, name, records)
    assert server.stats(name)["data_stats"]["rows"] == len(server.rows(name)) == 20
    assert server.accept(name, KALMAN)["name"] == name
    assert server.wait_status(name)["latest_time"] == records[-1]["test_time"]
    assert register(server, {"name": name, "comments": "again"}).json() == name
    assert document(server, name)["comments"] == "again"


def test_later_metadata_replace_earlier_ones_and_leave_the_records(server: Server) -> None:
    name = fresh("twice")
    assert register(server, {"name": name, "comments": "first", "battery": {"manufacturer": "A"}}).status_code == 200
    upload(server, name, drive(5))
    assert register(server, {"name": name, "comments": "second"}).status_code == 200
    stored = document(server, name)
    assert stored["comments"] == "second" and not stored.get("battery")
    stats = server.stats(name)
    assert stats["has_metadata"] and stats["data_stats"]["rows"] == 5


def test_fields_that_the_toolkit_does_not_know_are_kept(server: Server) -> None:
    name = fresh("extra")
    more = {
        "name": name,
        "rack": {"slot": [1, 2.5, None, "Ä"]},
        "battery": {"owner": "me", "anode": {"name": "Gr", "lot": 7}},
    }
    assert register(server, more).status_code == 200
    stored = document(server, name)
    assert stored["rack"] == more["rack"] and stored["battery"]["owner"] == "me"
    assert stored["battery"]["anode"]["lot"] == 7


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"battery": null}',
        '{"battery": {"layer_count": "3"}}',
        '{"is_measurement": "yes"}',
        '{"comments": "\\u00c4"}',
    ],
)
def test_what_the_toolkit_accepts_is_accepted(server: Server, body: str) -> None:
    reply = register(server, body)
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", None), ("{", None), ("[1]", None), ("null", None), ('"name"', None), (b'{"name": "\xff"}', None),
        ('{"a": 1} {"b": 2}', None), ("[" * 100_000, None), ('{"a":' * 40_000, None),
        ('{"name": 5}', "name"), ('{"name": "" }', "name"), ('{"name": "a_estimates"}', "name"),
        ('{"name": "sqlite_master"}', "name"), ('{"name": "a/b"}', "name"), ('{"name": " a"}', "name"),
        (json.dumps({"name": "x" * 129}), "name"),
        ('{"battery": {"layer_count": "many"}}', "layer_count"), ('{"battery": {"layer_count": 1}}', "layer_count"),
        ('{"battery": {"anode": {"thickness": 1}}}', "name"), ('{"battery": 5}', "battery"),
        ('{"battery": {"anode": {"name": "Gr", "porosity": 101}}}', "porosity"),
        ('{"battery": {"cathode": {"name": "NMC", "thickness": -1}}}', "thickness"),
        ('{"modeling": {"name": "x"}}', "version"), ('{"authors": [["one"]]}', "authors"),
        ('{"is_measurement": "perhaps"}', "is_measurement"),
    ],
)  # fmt: skip
def test_bad_metadata_are_refused_in_detail_and_leave_nothing(
    server: Server, body: str | bytes, field: str | None
) -> None:
    before = server.get("/db/stats")
    reply = register(server, body)
    assert reply.status_code == 422, reply.text[:300]
    assert list(reply.json()) == ["detail"]
    problems = reply.json()["detail"]
    assert isinstance(problems, list) and problems
    for problem in problems:
        assert isinstance(problem["loc"], list) and isinstance(problem["msg"], str) and isinstance(problem["type"], str)
    if field:
        assert any(field in problem["loc"] for problem in problems), problems
    assert server.get("/db/stats") == before


def test_every_problem_of_a_document_is_named(server: Server) -> None:
    reply = register(server, {"name": fresh("many"), "version": 5, "battery": {"layer_count": "many", "mass": "light"}})
    assert reply.status_code == 422
    located = {problem["loc"][-1] for problem in reply.json()["detail"]}
    assert {"version", "layer_count", "mass"} <= located


def test_metadata_that_are_too_large_are_refused(server: Server) -> None:
    before = server.get("/db/stats")
    reply = register(server, {"name": fresh("large"), "comments": "x" * (256 << 10)})
    assert reply.status_code == 413 and list(reply.json()) == ["detail"]
    assert server.get("/db/stats") == before
    assert register(server, {"name": fresh("fits"), "comments": "x" * (255 << 10)}).status_code == 200


def test_a_name_that_differs_in_case_alone_is_refused(server: Server) -> None:
    name = fresh("Case")
    assert register(server, {"name": name}).status_code == 200
    reply = register(server, {"name": name.upper()})
    assert 400 <= reply.status_code < 500 and name in reply.json()["detail"]
    assert name.upper() not in server.get("/db/stats")


@pytest.mark.moirae
def test_a_genuine_document_is_accepted(server: Server) -> None:
    from battdat.data import BatteryDataset

    metadata = BatteryDataset.get_metadata_from_hdf5(ROOT / "plugins" / "moirae" / "examples" / "demo-cell.h5")
    metadata.name = fresh("Synthetic ECM cell")
    reply = register(server, metadata.model_dump_json())
    assert (reply.status_code, reply.json()) == (200, metadata.name)
    stored = type(metadata).model_validate(document(server, metadata.name))
    assert stored == metadata
