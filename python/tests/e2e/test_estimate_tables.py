"""The SQL table `<name>_estimates`, as a program that opens the database sees it."""

import math
from typing import Any

import pytest
from cells import KALMAN, drive, kalman_steps
from database import columns, query
from processes import wait
from server import Server, fresh
from streaming import upload

FILTER = """
import numpy as np
from lachesis_kalman import ExtendedKalmanFilter

estimator = ExtendedKalmanFilter(
    state_names={states!r}, outputs=["voltage"], output_names=[{output!r}],
    mean=np.ones({count}), covariance=np.eye({count}),
    transition=lambda x, before, now: x, measurement=lambda x, now: [x[0]],
    process_noise=np.zeros(({count}, {count})), measurement_noise=[[1.0]],
)
"""


def estimates(server: Server, name: str, count: int, what: str = "*") -> list[tuple[Any, ...]]:
    """Wait until the table has so many rows; return them in their order."""
    sql = f'SELECT {what} FROM "{name}_estimates" ORDER BY lachesis_sequence'
    wait(lambda: len(query(server, sql)) == count, lambda: f"{count} estimates: {len(query(server, sql))}")
    return query(server, sql)


def test_each_step_is_a_row_of_means_deviations_and_predictions(server: Server) -> None:
    name, records = fresh("table"), drive(400)
    server.accept(name, KALMAN)
    upload(server, name, records)
    rows = estimates(server, name, 399)
    assert columns(server, f"{name}_estimates")[1:] == [
        "test_time", "soc", "capacity", "soc_std", "capacity_std", "terminal_voltage", "terminal_voltage_std",
    ]  # fmt: skip
    assert [row[:2] for row in rows] == [(k + 1, record["test_time"]) for k, record in enumerate(records) if k > 0]
    status = server.wait_status(name)
    assert list(rows[-1][2:6]) == status["mean"] + [math.sqrt(status["covariance"][k][k]) for k in range(2)]
    assert list(rows[-1][6:]) == [status["output_mean"][0], math.sqrt(status["output_variance"][0])]


def test_all_rows_are_those_of_a_plain_loop(server: Server) -> None:
    name, records = fresh("rows"), drive(300)
    server.accept(name, KALMAN)
    upload(server, name, records)
    expected, steps = [], kalman_steps(records)
    next(steps)
    for record, (estimator, output, variance) in zip(records[1:], steps, strict=True):
        deviations = [math.sqrt(estimator.covariance[k, k]) for k in range(2)]
        expected.append((record["test_time"], *estimator.mean, *deviations, output[0], math.sqrt(variance[0, 0])))
    what = "test_time, soc, capacity, soc_std, capacity_std, terminal_voltage, terminal_voltage_std"
    assert estimates(server, name, 299, what) == expected


def test_records_that_were_not_stepped_have_no_row(server: Server) -> None:
    name, records = fresh("gaps"), drive(100)
    records[30]["voltage"] = None
    records[60]["test_time"] = 0.5
    server.accept(name, KALMAN)
    upload(server, name, records)
    sequences = [sequence for (sequence,) in estimates(server, name, 97, "lachesis_sequence")]
    assert sequences == [k + 1 for k in range(1, 100) if k not in (30, 60)]
    sql = f'SELECT r.test_time, e.test_time FROM "{name}_estimates" e JOIN "{name}" r USING (lachesis_sequence)'
    times = query(server, sql)
    assert len(times) == 97 and all(of_record == of_estimate for of_record, of_estimate in times)


@pytest.mark.parametrize(
    ("states", "output", "expected"),
    [
        (["q_t.base_values", "rc[0].r"], "v", ["q_t__base_values", "rc0__r"]),
        (['with "quotes"', "; DROP"], "ü", ['with "quotes"', "; DROP"]),
    ],
)
def test_odd_names_of_states_become_columns(
    server: Server, states: list[str], output: str, expected: list[str]
) -> None:
    name = fresh("odd columns")
    server.accept(name, FILTER.format(states=states, output=output, count=len(states)))
    upload(server, name, drive(3))
    assert server.wait_status(name, stepped=2)["state_names"] == states
    estimates(server, name, 2)
    deviations = [f"{column}_std" for column in expected]
    assert columns(server, f"{name}_estimates")[1:] == ["test_time", *expected, *deviations, output, f"{output}_std"]


def test_names_that_are_one_to_sql_get_columns_of_their_own(server: Server) -> None:
    name, states = fresh("clash"), ["a.b", "a__b", "A.B", "test_time", "v", "a.b_std"]
    server.accept(name, FILTER.format(states=states, output="V", count=len(states)))
    upload(server, name, drive(3))
    server.wait_status(name, stepped=2)
    (_, row) = estimates(server, name, 2)
    assert len(row) == 2 + 2 * 6 + 2
    names = columns(server, f"{name}_estimates")
    assert len({each.lower() for each in names}) == len(names) == len(row)


def test_an_estimator_may_have_a_hundred_states(server: Server) -> None:
    name, states = fresh("large"), [f"s{k}" for k in range(100)]
    server.accept(name, FILTER.format(states=states, output="v", count=100))
    upload(server, name, drive(30))
    status = server.wait_status(name, stepped=29)
    assert len(status["covariance"]) == len(status["mean"]) == 100
    assert len(estimates(server, name, 29)[0]) == 2 + 200 + 2


def test_a_new_version_has_the_table_for_itself(server: Server) -> None:
    name, records = fresh("new-version"), drive(100)
    upload(server, name, records)
    server.accept(name, KALMAN)
    estimates(server, name, 99)
    server.accept(name, FILTER.format(states=["level"], output="v", count=1), valid_time=repr(records[50]["test_time"]))
    estimates(server, name, 49)
    assert columns(server, f"{name}_estimates")[1:] == ["test_time", "level", "level_std", "v", "v_std"]
