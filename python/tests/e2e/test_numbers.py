"""Extreme numbers wherever a request may have one: never a 5xx, and the server goes on."""

import itertools

import pytest
from cells import KALMAN, drive
from server import Server, fresh
from streaming import upload

VALUES = ("-9223372036854775808", "-9223372036854775807", "9223372036854775807", "9223372036854775806", "0", "-1",
          "1", "2", "5", "1e300", "-1e300", "5e-324", "nan", "inf", "", "+1", "00", "-0", "1.5",
          "99999999999999999999")  # fmt: skip
ROWS = ("after", "before", "limit", "points", "start", "end")


@pytest.fixture(scope="module")
def battery(server: Server) -> str:
    """A battery with records and estimates."""
    name = fresh("numbers")
    server.accept(name, KALMAN)
    upload(server, name, drive(40))
    server.wait_status(name, stepped=39)
    return name


def check(server: Server, path: str, query: dict[str, str], method: str = "GET", **more: object) -> None:
    reply = server.http.request(method, path, params=query, **more)
    assert reply.status_code < 500, (path, query, reply.text[:300])
    if reply.status_code >= 400:
        assert list(reply.json()) == ["detail"], (path, query, reply.text[:300])


@pytest.mark.parametrize("path", ["/db/data/{}", "/online/history/{}", "/dashboard/{}/residuals"])
@pytest.mark.parametrize("value", VALUES)
def test_bounds_of_rows_may_be_any_number(server: Server, battery: str, path: str, value: str) -> None:
    path = path.format(battery)
    for key in (*ROWS, "output", "sequence"):
        check(server, path, {key: value})
    for first, second in itertools.combinations(ROWS, 2):
        for other in VALUES[:10]:
            check(server, path, {first: value, second: other})
            check(server, path, {first: other, second: value})
    limit = {} if path.endswith("residuals") else {"limit": "3"}
    for points in ("1", "5"):
        check(server, path, {"after": "5", "before": value, "points": points} | limit)
        check(server, path, {"after": value, "before": "-9223372036854775808", "points": points})
    assert server.get("/health/live")


@pytest.mark.parametrize("before", [-(2**63), -(2**63) + 1, -1, 0, 1])
@pytest.mark.parametrize("after", [-(2**63), 0, 5, 2**63 - 1])
@pytest.mark.parametrize("more", [{}, {"points": 5}, {"limit": 3}])
def test_bounds_without_rows_between_them_give_none(
    server: Server, battery: str, before: int, after: int, more: dict[str, int]
) -> None:
    for path in (f"/db/data/{battery}", f"/online/history/{battery}"):
        assert server.get(path, after=after, before=before, **more) == []


@pytest.mark.parametrize("value", VALUES)
def test_other_numbers_may_be_any(server: Server, battery: str, value: str) -> None:
    check(server, f"/online/{battery}/versions/{value or '%20'}", {})
    check(server, f"/online/{fresh('none')}/rollback", {"version": value}, "POST")
    check(server, f"/db/{fresh('none')}", {"force": value}, "DELETE")
    # The answer to a good one has no end.
    with server.http.stream("GET", "/online/events", params={"interval": value}) as reply:
        assert reply.status_code in (200, 422)
    with server.http.stream("GET", "/online/events", headers={"Last-Event-ID": value}) as reply:
        assert reply.status_code in (200, 422)
    for field in ("rows", "valid_time", "memory_mb", "folder_mb", "log_kb", "log_rate_kb", "threads", "build_timeout",
                  "build_cpu", "step_timeout"):  # fmt: skip
        # The script fails at once, where the numbers are good.
        form = {"name": fresh("form"), "definition": "raise SystemExit", "plugin": "none", field: value}
        for path in ("/online/check", "/online/register"):
            check(server, path, {}, "POST", files={key: (None, text) for key, text in form.items()})
    assert server.get("/health/live")
