"""Uploads to a server that stays away."""

import itertools
import math

import pytest

from lachesis import ForbiddenError
from lachesis.upload import Upload


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
