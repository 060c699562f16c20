"""Records at the distances at which they were measured."""

import math

import pandas as pd
import pytest

from lachesis.cli import upload


class Clock:
    """A clock that only sleeping moves; it sleeps as long as it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(upload, "time", clock)
    return clock


def table(times: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"test_time": times, "current": 0.0, "voltage": 3.7})


def test_records_keep_their_distances_from_the_first_on(clock: Clock) -> None:
    pace = upload.Pace(10)
    clock.now += 60  # connecting takes its time
    first = clock.now
    due = [clock.now - first for _ in pace.rows(table([5.0, 6.0, math.nan, 8.0, 8.0, 2.0, 3.0]))]
    assert due == pytest.approx([0.0, 0.1, 0.1, 0.3, 0.3, 0.3, 0.4])


def test_another_table_goes_on_where_the_one_before_ended(clock: Clock) -> None:
    pace = upload.Pace(1)
    first = clock.now
    assert [clock.now - first for _ in pace.rows(table([0.0, 1.0]))] == [0.0, 1.0]
    clock.now += 0.5  # a report between them
    assert [clock.now - first for _ in pace.rows(table([3.0, 4.0]))] == pytest.approx([3.0, 4.0])


def test_who_falls_behind_catches_up_and_keeps_the_end(clock: Clock) -> None:
    pace, first, due = upload.Pace(1), clock.now, []
    for number, _ in enumerate(pace.rows(table([0.0, 1.0, 2.0, 3.0, 4.0]))):
        due.append(clock.now - first)
        if number == 1:
            clock.now += 1.5
    assert due == [0.0, 1.0, 2.5, 3.0, 4.0]
