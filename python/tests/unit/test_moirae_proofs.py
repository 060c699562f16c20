"""Which steps are proven."""

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("moirae_plugin")


def test_the_schedule_of_proofs() -> None:
    from lachesis_moirae.proof import AGAIN, EVERY, FIRST, Before, Schedule

    def due(schedule: Schedule, count: int, current: float, soc: float = 0.5, temperature: float = 25) -> list[int]:
        """Indices of those steps that are due, of so many with the same current; each due one is compared."""
        found = []
        for index in range(count):
            if schedule.is_due(Before(soc, current), current, temperature):
                schedule.proven()
                found.append(index)
        return found

    schedule = Schedule([0, 0.25, 0.75, 1], heeds_temperature=True)
    assert due(schedule, FIRST + 2 * EVERY, -1) == [*range(FIRST), FIRST - 1 + EVERY, FIRST - 1 + 2 * EVERY]
    assert due(schedule, 5, 1) == [0]
    assert due(schedule, 5, 1, soc=0.8) == [0]
    assert due(schedule, 5, 1, soc=0.8, temperature=31) == [0]
    assert due(schedule, 5, 1, soc=0.8, temperature=np.nan) == [0]
    assert due(schedule, 5, 0, soc=0.8, temperature=np.nan) == [0]
    # A change that was proven is not proven again at once, but is after a while.
    assert due(schedule, 5, 1, soc=0.8, temperature=np.nan) == [0]
    assert due(schedule, 5, 0, soc=0.8, temperature=np.nan) == []
    assert len(due(schedule, AGAIN, 1, soc=0.8, temperature=np.nan)) == AGAIN // EVERY
    assert due(schedule, 5, 0, soc=0.8, temperature=np.nan) == [0]
    # What could not be compared stays due.
    assert [schedule.is_due(Before(0.1, 0), 0, np.nan) for _ in range(3)] == [True] * 3
    schedule.proven()
    assert not schedule.is_due(Before(0.1, 0), 0, np.nan)
    # The current before counts, too.
    assert schedule.is_due(Before(0.1, -1), 0, np.nan)


def test_temperature_is_no_regime_where_it_is_not_heeded() -> None:
    from lachesis_moirae.proof import FIRST, Before, Schedule

    schedule = Schedule([], heeds_temperature=False)
    for _ in range(FIRST):
        assert schedule.is_due(Before(0.5, 1), 1, 25)
        schedule.proven()
    assert not schedule.is_due(Before(0.5, 1), 1, 80)
