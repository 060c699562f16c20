"""Uploads to a server that stays away."""

import itertools
import math
from http import HTTPStatus
from threading import Thread

import msgpack
import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from lachesis import ForbiddenError
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
    monkeypatch.setattr("lachesis.upload.time.sleep", waits.append)
    with pytest.raises(ForbiddenError, match="enough"):
        Upload("http://127.0.0.1:1", "Cell", iter(()), Silent(), math.inf).run()
    assert len(waits) == 1500 and max(waits) <= 10 and min(waits[10:]) >= 5


def test_a_server_with_too_many_connections_is_tried_again_when_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, waits = itertools.count(1), list[float]()

    def answer(connection: ServerConnection, _: Request) -> Response | None:
        if next(tries) > 2:
            return None
        refusal = connection.respond(HTTPStatus.TOO_MANY_REQUESTS, '{"detail": "too many connections"}')
        refusal.headers["Retry-After"] = "25"
        return refusal

    def store(connection: ServerConnection) -> None:
        connection.send(msgpack.packb({"stored": 0}))
        for count, _ in enumerate(connection, 1):
            connection.send(msgpack.packb({"stored": count}))

    monkeypatch.setattr("lachesis.upload.time.sleep", waits.append)
    with serve(store, "127.0.0.1", 0, process_request=answer, subprotocols=[ACKNOWLEDGING]) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        place = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        records = iter([{"test_time": 0.0}, {"test_time": 1.0}])
        assert Upload(place, "Cell", records, Silent(), math.inf).run() == 2
        server.shutdown()
        thread.join()
    assert waits == [25, 25]
