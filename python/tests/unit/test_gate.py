"""Which records may step."""

from math import inf, nan

import pytest

from lachesis_worker.gate import Gate, Outcome

STEP, SEED, MISSING, EARLY, LATE = Outcome.STEPPED, Outcome.SEEDED, Outcome.MISSING, Outcome.EARLY, Outcome.LATE

CASES = [
    ("the first seeds", None, [([0, 1, 1], SEED), ([1, 1, 1], STEP)]),
    ("equal times step", None, [([5, 1, 1], SEED), ([5, 1, 1], STEP), ([5, 2, 1], STEP)]),
    ("going back is late", None, [([5, 1, 1], SEED), ([4, 1, 1], LATE), ([5, 1, 1], STEP)]),
    ("lateness is by the latest", None, [([1, 1, 1], SEED), ([9, 1, 1], STEP), ([3, 1, 1], LATE), ([9, 1, 1], STEP)]),
    ("nothing missing is accepted", None, [([nan, 1, 1], MISSING), ([1, inf, 1], MISSING), ([1, 1, 1], SEED)]),
    ("infinite times are missing", None, [([-inf, 1, 1], MISSING), ([inf, 1, 1], MISSING), ([0, 1, 1], SEED)]),
    ("a missing one does not set the time", None, [([1, 1, 1], SEED), ([9, nan, 1], MISSING), ([2, 1, 1], STEP)]),
    ("what is not required may be missing", None, [([1, 1, nan], SEED), ([2, 1, inf], STEP)]),
    ("before valid_time is early", 3.0, [([1, 1, 1], EARLY), ([3, 1, 1], SEED), ([2, 1, 1], EARLY), ([4, 1, 1], STEP)]),
    ("missing before early", 3.0, [([1, nan, 1], MISSING)]),
    ("negative times are times", None, [([-5, 1, 1], SEED), ([-6, 1, 1], LATE), ([-4, 1, 1], STEP)]),
]


@pytest.mark.parametrize(("valid_time", "records"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_judgement(valid_time: float | None, records: list[tuple[list[float], Outcome]]) -> None:
    gate = Gate([0, 1], valid_time)
    for values, expected in records:
        outcome = gate.judge(values)
        assert outcome == expected, values
        if outcome in (STEP, SEED):
            gate.accept(values)


def test_what_was_not_accepted_leaves_the_gate_as_it_was() -> None:
    gate = Gate([1])
    assert gate.judge([1, 1]) == SEED and gate.latest is None
    assert gate.judge([0, 1]) == SEED
    gate.accept([0, 1])
    assert gate.judge([7, 1]) == STEP and gate.latest == 0
    assert gate.judge([3, 1]) == STEP


def test_the_time_is_always_required() -> None:
    assert Gate([]).judge([nan]) == MISSING
