"""POST /online/register: what its form may look like."""

from collections.abc import Iterator

import pytest
from cells import KALMAN, drive
from server import Files, Server, fresh
from streaming import upload

FIELD = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
END = b"--b--\r\n"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with small limits."""
    limits = {"script": 2_000, "file": 3_000, "registration": 9_000}
    options = [word for what, size in limits.items() for word in (f"--max-{what}-bytes", str(size))]
    server = Server(tmp_path_factory.mktemp("strict"), *options, "--max-files", "3")
    try:
        yield server.start()
    finally:
        server.dispose()


def refused(server: Server, body: bytes, content_type: str | None = "multipart/form-data; boundary=b") -> int:
    """Post a form that is refused without a trace; return the status."""
    before = server.get("/db/stats")
    headers = {"Content-Type": content_type} if content_type else {}
    reply = server.http.post("/online/register", content=body, headers=headers)
    assert 400 <= reply.status_code < 500, reply.text
    assert list(reply.json()) == ["detail"] and reply.json()["detail"]
    assert server.get("/db/stats") == before
    return reply.status_code


@pytest.mark.parametrize(
    "body",
    [
        b"", b"--b", END, b"\r\n", b"no boundary at all", b"x" * 100_000,
        FIELD % (b"name", b"x"), FIELD % (b"name", b"x") + b"--b", FIELD % (b"name", b"x") + b"--b-",
        FIELD % (b"name", b"x") + b"--bb--\r\n", b"--b\n" + END,
        b'--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n' + END,
        b'--b\r\nContent-Disposition: attachment; name="name"\r\n\r\nx\r\n' + END,
        b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END,
        b"--b\r\n\r\nx\r\n" + END, b"--b\r\nname=x\r\n\r\nx\r\n" + END,
        b'--b\r\nContent-Disposition: form-data; name="name\r\n\r\nx\r\n' + END,
        b'--b\r\nContent-Disposition: form-data; name="a" "b"\r\n\r\nx\r\n' + END,
        b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n' + END,
        b'--b\r\nContent-Disposition: form-data; name="a\0"\r\n\r\nx\r\n' + END,
        b'--b\r\nContent-Disposition: form-data; name="name"; filename*=latin1\'\'%e4\r\n\r\nx\r\n' + END,
        b"--b\r\nX: " + b"y" * 10_000 + b'\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n' + END,
        b"--b\r\nX: " + b"y" * 100_000,
        b"--b padding\r\n" + END, b"--b" + b" " * 1_000 + b"\r\n" + END,
        (FIELD % (b"other", b"")) * 5_000 + END,
    ],
)  # fmt: skip
def test_a_malformed_form_is_refused(server: Server, body: bytes) -> None:
    refused(server, body)


@pytest.mark.parametrize(
    "content_type",
    [
        None, "", ";", "application/json", "text/plain", "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=b", "multipart/form-data", "multipart/form-data; boundary",
        "multipart/form-data; boundary=", 'multipart/form-data; boundary="b',
        "multipart/form-data; boundary=" + "b" * 71,
    ],
)  # fmt: skip
def test_a_wrong_content_type_is_refused(server: Server, content_type: str | None) -> None:
    name = fresh("type").encode()
    form = FIELD % (b"name", name) + FIELD % (b"definition", KALMAN.encode()) + FIELD % (b"plugin", b"kalman") + END
    refused(server, form, content_type)


@pytest.mark.parametrize("missing", ["name", "definition"])
@pytest.mark.parametrize("kind", ["multipart", "urlencoded"])
def test_a_missing_field_is_named(server: Server, missing: str, kind: str) -> None:
    fields = {"name": fresh("missing"), "definition": KALMAN, "plugin": "kalman"}
    del fields[missing]
    form = {"files": {key: (None, value) for key, value in fields.items()}} if kind == "multipart" else {"data": fields}
    reply = server.http.post("/online/register", **form)
    assert reply.status_code == 422
    assert [problem["loc"] for problem in reply.json()["detail"]] == [["body", missing]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("valid_time", "soon"), ("valid_time", "nan"), ("valid_time", "inf"), ("valid_time", "1,5"),
        ("valid_time", "2026-01-01"), ("seed_inputs", "maybe"), ("seed_inputs", "2"), ("plugin", "no such"),
        ("acceleration", "more"), ("acceleration", "Full"),
        ("name", "a_estimates"), ("name", "-x"), ("name", ""), ("name", "x" * 129), ("name", "../x"),
        ("definition", "x = 'a\0b'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["form", "query"])
def test_a_bad_value_is_refused_and_leaves_nothing(server: Server, field: str, value: str, place: str) -> None:
    before, form = server.get("/db/stats"), {"name": fresh("value"), "definition": KALMAN, "plugin": "kalman"}
    if place == "query" and field not in ("name", "definition"):
        form.pop(field, None)
        reply = server.http.post("/online/register", data=form, params={field: value})
    else:
        reply = server.http.post("/online/register", data=form | {field: value})
    assert reply.status_code == 422, reply.text
    assert list(reply.json()) == ["detail"]
    assert server.get("/db/stats") == before


def test_an_unknown_plugin_is_answered_with_those_there_are(server: Server) -> None:
    reply = server.register(fresh("plugin"), KALMAN, plugin="no such")
    assert reply.status_code == 422
    for word in ("no such", "kalman", "moirae"):
        assert word in reply.json()["detail"]


@pytest.mark.parametrize("path", ["/online/register", "/online/check"])
def test_an_unknown_acceleration_is_answered_with_those_there_are(server: Server, path: str) -> None:
    form = {"name": fresh("more"), "definition": KALMAN, "plugin": "kalman", "acceleration": "more"}
    reply = server.http.post(path, data=form)
    assert reply.status_code == 422
    (problem,) = reply.json()["detail"]
    assert problem["loc"] == ["body", "acceleration"]
    assert problem["msg"] == "'more' is not one of off, shortcuts or full"


@pytest.mark.parametrize("twice", ["name", "definition", "plugin", "valid_time", "acceleration"])
def test_a_field_that_stands_twice_is_refused(server: Server, twice: str) -> None:
    parts: Files = [("name", (None, fresh("twice"))), ("definition", (None, KALMAN)), ("plugin", (None, "kalman")),
                    ("valid_time", (None, "0")), ("acceleration", (None, "off")), (twice, (None, "1"))]  # fmt: skip
    reply = server.http.post("/online/register", files=parts)
    assert reply.status_code == 422
    assert any(twice in problem["loc"] for problem in reply.json()["detail"])


def test_text_that_is_no_utf_8_is_refused(server: Server) -> None:
    for field in (b"name", b"definition"):
        other = b"definition" if field == b"name" else b"name"
        refused(server, FIELD % (field, b"\xff\xfe") + FIELD % (other, b"x") + FIELD % (b"plugin", b"kalman") + END)


def test_a_name_that_differs_in_case_alone_is_refused(server: Server) -> None:
    name = fresh("Cell")
    upload(server, name, drive(2))
    reply = server.register(name.upper(), KALMAN)
    assert 400 <= reply.status_code < 500 and name in reply.json()["detail"]
    assert server.status(name.upper()) is None and not server.stats(name)["has_estimator"]


def test_limits_hold_and_what_is_within_them_is_accepted(strict: Server) -> None:
    def status(definition: str, *files: int) -> int:
        parts: Files = [("files", (f"{k}.bin", b"x" * size)) for k, size in enumerate(files)]
        reply = strict.register(fresh("limit"), definition, files=parts)
        if reply.status_code != 200:
            assert list(reply.json()) == ["detail"]
        return reply.status_code

    assert status(KALMAN.ljust(2_000), 3_000, 2_000, 1_000) == 200
    assert status(KALMAN.ljust(2_001)) == 413
    assert status(KALMAN, 3_001) == 413
    assert status(KALMAN, 1, 1, 1, 1) == 413
    assert status(KALMAN, 3_000, 3_000, 3_000) == 413
    assert status(KALMAN, *[1] * 100) == 413
    assert status(KALMAN, 3_000_000) == 413
    assert len(strict.get("/online/status")) == 1
    assert len(strict.get("/db/stats")) == 1


def test_a_form_without_a_length_is_limited_too(strict: Server) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(200):
            yield b"x" * 1_000

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    reply = strict.http.post("/online/register", content=endless(), headers=headers)
    assert reply.status_code == 413 and list(reply.json()) == ["detail"]


def test_the_largest_script_by_default_is_accepted(server: Server) -> None:
    assert server.register(fresh("large"), KALMAN.ljust(1 << 20)).status_code == 200
    assert server.register(fresh("large"), KALMAN.ljust((1 << 20) + 1)).status_code == 413


def test_thirty_two_files_are_accepted(server: Server) -> None:
    files: Files = [("files", (f"{k}", b"x")) for k in range(33)]
    assert server.register(fresh("many"), KALMAN, files=files[:32]).status_code == 200
    assert server.register(fresh("many"), KALMAN, files=files).status_code == 413


def test_options_may_stand_in_the_query(server: Server) -> None:
    name = fresh("query")
    reply = server.http.post(
        "/online/register", data={"name": name, "definition": KALMAN, "valid_time": ""},
        params={"plugin": "kalman", "seed_inputs": "true"},
    )  # fmt: skip
    assert reply.status_code == 200, reply.text
    assert server.status(name)["plugin"] == "kalman"


def test_what_the_upstream_demos_clients_send_is_accepted(server: Server) -> None:
    name = fresh("upstream")
    form = {"name": name, "definition": KALMAN, "start_time": "0.0"}
    params = {"plugin": "kalman", "valid_time": "0", "required_time": "3600"}
    assert server.http.post("/online/register", data=form, params=params).status_code == 200
    assert server.status(name) is not None


@pytest.mark.parametrize("path", ["/online/register", "/online/check"])
@pytest.mark.parametrize("place", ["body", "query"])
def test_what_is_misspelt_is_refused_with_what_there_is(server: Server, path: str, place: str) -> None:
    name, wrong = fresh("misspelt"), {"valid_tme": "3"}
    form = {"name": name, "definition": KALMAN, "plugin": "kalman"}
    more, params = (wrong, None) if place == "body" else ({}, wrong)
    reply = server.http.post(path, data=form | more, params=params)
    assert reply.status_code == 422
    (problem,) = reply.json()["detail"]
    assert problem["loc"] == [place, "valid_tme"] and "valid_time" in problem["msg"]
    assert ("rows" in problem["msg"]) == (path == "/online/check")
    assert server.stats(name) is None


def test_forms_of_other_programs_are_understood(server: Server) -> None:
    name = fresh("Zelle Ä")
    body = (
        b"a preamble\r\n--b \t\r\n"
        b"content-disposition:form-data;name=name\r\nContent-Type: text/plain\r\n\r\n" + name.encode() + b"\r\n--b\r\n"
        b'X-Other: 1\r\nContent-Disposition: form-data; name="definition"; filename="s.py"\r\n\r\n' + KALMAN.encode()
        + b'\r\n--b\r\nContent-Disposition: form-data; name="plugin"\r\n\r\nkalman\r\n--b\r\n'
        b'Content-Disposition: form-data; name="files"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n'
        b"\r\n--b--\r\nan epilogue"
    )  # fmt: skip
    reply = server.http.post(
        "/online/register", content=body, headers={"Content-Type": 'Multipart/Form-Data; charset=utf-8; BOUNDARY="b"'}
    )
    assert reply.status_code == 200, reply.text
    assert reply.json()["name"] == name
