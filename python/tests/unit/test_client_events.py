"""The live iterator over estimates, over connections that are cut."""

import itertools
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from told_server import Answer, Request, document, telling

from lachesis import Client, ForbiddenError, UnreachableError
from lachesis.events import Events, read

STATUS: dict[str, Any] = {
    "is_ready": True, "phase": "running", "latest_time": 1.0, "state_names": ["a"], "mean": [1.0],
    "covariance": [[4.0]], "output_names": [], "output_mean": [], "output_variance": [], "estimator": "E",
    "plugin": "kalman", "version": 1, "stepped": 1, "skipped": 0, "failed": 0, "skipped_because": {}, "waiting": 0,
    "acceleration": {"asked": "full", "in_use": None, "reason": None, "disagreements": 0},
    "restarts": 0, "checkpoint": None, "checkpoint_problem": None, "log_problem": None, "sandbox_without": [],
    "control_groups": [], "last_error": None,
}  # fmt: skip


def event(number: int, name: str, **changes: Any) -> bytes:
    data = json.dumps({"name": name, **STATUS, **changes}, ensure_ascii=False)
    return f"event: status\nid: {number}\ndata: {data}\n\n".encode()


def test_fields_are_read_however_they_are_cut() -> None:
    text = ": hello\n\nevent: x\r\nid:7\r\ndata: a\r\ndata:  b\r\n\r\ndata: \u2028é\n\n".encode()
    expected = [{}, {"event": "x", "id": "7", "data": "a\n b"}, {"data": "\u2028é"}]
    for size in (1, 2, 3, 1000):
        assert list(read(iter([text[k : k + size] for k in range(0, len(text), size)]))) == expected


def test_events_go_on_where_the_connection_was_cut() -> None:
    def answer(request: Request) -> Answer:
        match request.headers.get("last-event-id"):
            case None:
                return Answer(200, [b": hello\n\n" + event(3, "A"), event(4, "B")[:-20]], has_end=False)
            case "3":
                return document({"detail": "not now"}, 503) if len(requests) == 2 else Answer(200, [event(4, "B")])
            case _:
                return Answer(200, [b'event: removed\nid: 9\ndata: {"name": "A"}\n\n'])

    with telling(answer) as (url, requests), Client(url) as client:
        events = client.events("A", "B", interval=0.5)
        found = [next(events) for _ in range(3)]
    assert [(one.name, one.id, one.status is None) for one in found] == [
        ("A", 3, False),
        ("B", 4, False),
        ("A", 9, True),
    ]
    status = found[0].status
    assert status is not None and status.std.tolist() == [2.0] and status.raw == STATUS
    assert requests[0].path == "/online/events?name=A&name=B&interval=0.5"


def test_a_refusal_is_not_asked_for_again() -> None:
    refusal = document({"detail": "no role"}, 403)
    with (
        telling(lambda _: refusal) as (url, requests),
        Client(url) as client,
        pytest.raises(ForbiddenError, match="no role"),
    ):
        next(client.events())
    assert len(requests) == 1


def test_a_server_that_stays_away_is_given_up() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(UnreachableError, match="does not answer"):
        next(client.events(give_up_after=0.5))


def test_a_server_that_stays_away_is_waited_for_any_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, waits = itertools.count(1), list[float]()

    @contextmanager
    def away(*_: object) -> Iterator[Iterator[bytes]]:
        if next(tries) > 1500:
            raise ForbiddenError("enough", 403)
        raise UnreachableError("away")
        yield iter(())

    monkeypatch.setattr("lachesis.events.time.sleep", waits.append)
    with pytest.raises(ForbiddenError, match="enough"):
        next(iter(Events(away, (), 1.0, None, math.inf)))
    assert len(waits) == 1500 and 0.1 <= waits[0] <= 0.2 and max(waits) <= 10 and min(waits[10:]) >= 5
