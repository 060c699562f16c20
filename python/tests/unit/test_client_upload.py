"""Uploads to a server that stays away."""

import itertools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Thread

import msgpack
import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from lachesis import ForbiddenError, UploadCutError
from lachesis.upload import ACKNOWLEDGING, Upload


class Silent:
    """Progress that nobody looks at."""

    def update(self, n: int) -> None:
        pass

    def set_postfix_str(self, s: str) -> None:
        pass


def test_a_server_that_stays_away_is_waited_for_any_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, waits = itertools.count(1), list[float]()

    def away(*_: object, **__: object) -> None:
        if next(tries) > 1500:
            raise ForbiddenError("enough", 403)
        raise ConnectionRefusedError("away")

    monkeypatch.setattr("lachesis.upload.connect", away)
    monkeypatch.setattr("lachesis.upload.sleep", waits.append)
    with pytest.raises(ForbiddenError, match="enough"):
        Upload("http://127.0.0.1:1", "Cell", iter(()), Silent(), math.inf).run()
    assert len(waits) == 1500 and max(waits) <= 10 and min(waits[10:]) >= 5


@contextmanager
def refusing(times: float, status: HTTPStatus, *fields: tuple[str, str]) -> Iterator[str]:
    """Serve uploads, of which so many are refused before one is taken; yield the address."""
    tries = itertools.count(1)

    def answer(connection: ServerConnection, _: Request) -> Response | None:
        if next(tries) > times:
            return None
        refusal = connection.respond(status, '{"detail": "too many at once"}')
        for name, value in fields:
            refusal.headers[name] = value
        return refusal

    def store(connection: ServerConnection) -> None:
        connection.send(msgpack.packb({"stored": 0}))
        for count, _ in enumerate(connection, 1):
            connection.send(msgpack.packb({"stored": count}))

    with serve(store, "127.0.0.1", 0, process_request=answer, subprotocols=[ACKNOWLEDGING]) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def records() -> Iterator[dict[str, float]]:
    return iter([{"test_time": 0.0}, {"test_time": 1.0}])


@pytest.mark.parametrize("status", [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE])
@pytest.mark.parametrize(
    ("fields", "least", "most"),
    [
        ([("Retry-After", "25")], 25, 37.5), ([("Retry-After", "9999")], 60, 90),
        ([("Retry-After", "25"), ("Retry-After", "1")], 25, 37.5), ([], 0.1, 1),
        ([("Retry-After", "Sat, 28 Nov 2026 10:00:00 GMT")], 0.1, 1),
    ],
)  # fmt: skip
def test_a_server_that_takes_no_more_now_is_tried_again_when_it_says(
    monkeypatch: pytest.MonkeyPatch, status: HTTPStatus, fields: list[tuple[str, str]], least: float, most: float
) -> None:
    waits = list[float]()
    monkeypatch.setattr("lachesis.upload.sleep", waits.append)
    with refusing(2, status, *fields) as place:
        assert Upload(place, "Cell", records(), Silent(), math.inf).run() == 2
    assert len(waits) == 2 and all(least <= wait <= most for wait in waits)


def test_a_pause_that_is_asked_for_ends_with_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[float]()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    monkeypatch.setattr("lachesis.upload.sleep", wait)
    with refusing(math.inf, HTTPStatus.TOO_MANY_REQUESTS, ("Retry-After", "25")) as place:
        with pytest.raises(UploadCutError, match=r"\(429\): too many at once") as caught:
            Upload(place, "Cell", records(), Silent(), 0.5).run()
        assert caught.value.stored == 0 and waits and max(waits) <= 0.5
