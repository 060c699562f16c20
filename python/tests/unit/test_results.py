"""Collecting and encoding of results."""

import numpy as np
import pytest
from worker_client import Result

from lachesis_worker.checkpoint import MAX_BYTES
from lachesis_worker.gate import Outcome
from lachesis_worker.protocol import WORKER_LIMIT
from lachesis_worker.results import MAX_ERROR_BYTES, MAX_ERRORS, MAX_RECORDS, MAX_STATES, Results, shorten


def step(states: int = 3, outputs: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(states, states)), random.normal(size=(outputs, outputs))
    return random.normal(size=states), a @ a.T, random.normal(size=outputs), b @ b.T


def test_everything_is_encoded_in_order() -> None:
    results = Results(3, 2)
    first, second = step(seed=1), step(seed=2)
    results.add(Outcome.SEEDED)
    results.add_step(1.0, first)
    results.add(Outcome.LATE)
    results.add_failure("bäd")
    results.add_step(2.0, second)
    result = Result.decode(results.take())
    assert result.outcomes == [1, 0, 4, 5, 0]
    assert result.test_time.tolist() == [1.0, 2.0]
    for row, (mean, covariance, output_mean, output_covariance) in enumerate((first, second)):
        assert (result.mean[row] == mean).all() and (result.variance[row] == covariance.diagonal()).all()
        assert (result.output_mean[row] == output_mean).all()
        assert (result.output_variance[row] == output_covariance.diagonal()).all()
    assert (result.covariance == second[1]).all()
    assert result.errors == {3: "bäd"}
    assert results.count == 0


def test_a_result_without_steps_has_no_covariance() -> None:
    results = Results(3, 2)
    results.add_step(1.0, step())
    results.take()
    results.add(Outcome.MISSING)
    assert Result.decode(results.take()).covariance is None


def test_later_changes_of_the_arrays_change_nothing() -> None:
    results, arrays = Results(3, 2), step(seed=3)
    expected = [array.copy() for array in arrays]
    results.add_step(1.0, arrays)
    for array in arrays:
        array[:] = np.nan
    result = Result.decode(results.take())
    assert (result.mean[0] == expected[0]).all() and (result.covariance == expected[1]).all()
    assert (result.output_mean[0] == expected[2]).all()


def changed(index: int, value: object) -> tuple[object, ...]:
    return tuple(value if index == position else array for position, array in enumerate(step()))


def asymmetric(difference: float) -> np.ndarray:
    matrix = np.diag([1.0, 1.0, 1e-12])
    matrix[0, 1], matrix[1, 0] = 0.5, 0.5 + difference
    return matrix


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (changed(0, np.zeros(2)), "mean"),
        (changed(0, np.zeros((1, 3))), "mean"),
        (changed(0, np.float64(1)), "mean"),
        (changed(0, None), "NoneType"),
        (changed(0, [1.0, 2.0, 3.0]), "list"),
        (changed(0, np.array([1.0, np.nan, 0.0])), "mean that is not finite"),
        (changed(0, np.zeros(3, complex)), "complex"),
        (changed(0, np.array([1, None, 2])), "dtype"),
        (changed(1, np.eye(2)), "covariance"),
        (changed(1, np.full((3, 3), np.inf)), "covariance that is not finite"),
        (changed(1, asymmetric(1e-5)), "not symmetric"),
        (changed(2, np.array([np.inf, -np.inf])), "mean of the outputs that is not finite"),
        (changed(3, np.eye(3)), "covariance of the outputs"),
        (changed(3, np.array([[1.0, 1.0], [0.0, 1.0]])), "covariance of the outputs that is not symmetric"),
    ],
)
def test_what_is_not_valid_is_refused_and_leaves_nothing(wrong: tuple[np.ndarray, ...], word: str) -> None:
    results, good = Results(3, 2), step()
    results.add_step(1.0, good)
    with pytest.raises((ValueError, TypeError), match=word):
        results.add_step(2.0, wrong)
    assert results.count == 1
    result = Result.decode(results.take())
    assert (result.covariance == good[1]).all() and (result.mean[0] == good[0]).all()


def test_huge_numbers_and_rounding_are_accepted() -> None:
    results = Results(3, 2)
    results.add_step(1.0, changed(0, np.full(3, 1.7e308)))
    results.add_step(2.0, changed(1, asymmetric(1e-8)))
    small = np.diag([1.0, 1.0, 1.0])
    small[0, 1] = 1e-17
    results.add_step(3.0, changed(1, small))
    assert results.count == 3


def test_only_the_latest_errors_are_kept() -> None:
    results = Results(1, 1)
    for number in range(20):
        results.add_failure(f"error {number}")
    assert Result.decode(results.take()).errors == {number: f"error {number}" for number in range(4, 20)}


def test_a_long_error_loses_its_beginning() -> None:
    text = "ä" * 5_000 + "the end"
    data = shorten(text, 4_000)
    assert len(data) <= 4_000 and data.decode().endswith("äthe end")
    assert shorten("\ud800", 10) == b"?"


def test_a_full_one_of_the_largest_size_fits_a_message() -> None:
    results, arrays = Results(MAX_STATES, MAX_STATES), step(MAX_STATES, MAX_STATES)
    for number in range(MAX_RECORDS):
        assert not results.is_full
        if number < 2:
            results.add_step(number, arrays)
        else:
            results.add(Outcome.MISSING)
    assert results.is_full
    rows = 8 * MAX_RECORDS * (1 + 4 * MAX_STATES)
    bound = rows + 8 * MAX_STATES**2 + 1_000 + MAX_ERRORS * (MAX_ERROR_BYTES + 8)
    assert len(results.take()) < bound < WORKER_LIMIT - MAX_BYTES


def test_a_checkpoint_section_comes_last_and_once() -> None:
    results = Results(3, 2)
    assert Result.decode(results.take(b"\1state")).state == b"state"
    results.add_failure("bad")
    result = Result.decode(results.take(b"\0why"))
    assert (result.errors, result.refusal, result.state) == ({0: "bad"}, "why", None)
    assert not Result.decode(results.take()).has_section
