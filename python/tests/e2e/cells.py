"""Records of an imaginary cell, scripts that estimate its health, and plain loops over both."""

import json
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, NamedTuple

import numpy as np
import pytest
from server import ROOT, Server

Record = dict[str, Any]
Estimate = tuple[list[str], list[float], list[list[float]]]
"""State names, mean, covariance."""

HEALTH = (ROOT / "plugins" / "moirae" / "examples" / "initial-asoh.json").read_text("utf-8")
"""File of the scripts for Moirae."""

KALMAN = """
import numpy as np
from lachesis_kalman import ExtendedKalmanFilter

def transition(x, before, now):
    hours = (now["test_time"] - before["test_time"]) / 3600
    return [x[0] + before["current"] * hours / x[1], x[1]]

estimator = ExtendedKalmanFilter(
    state_names=["soc", "capacity"], inputs=["current"], outputs=["voltage"], output_names=["terminal_voltage"],
    mean=[0.6, 1.5], covariance=np.diag([0.01, 0.04]),
    transition=transition, measurement=lambda x, now: [3.2 + 0.8 * x[0] + 0.06 * now["current"]],
    process_noise=np.diag([1e-9, 1e-10]), measurement_noise=[[1e-5]],
)
"""

# The first inputs are those of the first record, so that a plain loop over the rest is all there is to compare with.
_MOIRAE = """
from pathlib import Path
import numpy as np
from moirae.estimators.online.{module} import {kind}
from moirae.models.ecm import ECMASOH, ECMInput, ECMTransientVector, EquivalentCircuitModel

health = ECMASOH.model_validate_json(Path("health.json").read_text())
health.mark_updatable("q_t.base_values")
health.mark_updatable("r0.base_values")
transients = ECMTransientVector.from_asoh(health)
transients.soc = np.array([[0.6]])
estimator = {kind}.initialize_unscented_kalman_filter(
    cell_model=EquivalentCircuitModel(), initial_asoh=health, initial_transients=transients,
    initial_inputs=ECMInput(time=0, current=0),
    covariance_transient=np.diag([0.05**2, 0.01**2, 1e-4**2]), covariance_asoh=np.diag([0.15**2, 0.02**2]),
    transient_covariance_process_noise=np.diag([2e-5**2, 2e-3**2, 1e-6**2]),
    asoh_covariance_process_noise=np.diag([1e-5**2, 1e-6**2]), covariance_sensor_noise=np.array([[0.002**2]]),
)
"""
JOINT = _MOIRAE.format(module="joint", kind="JointEstimator")
DUAL = _MOIRAE.format(module="dual", kind="DualEstimator")
MOIRAE_FILES = [("files", ("health.json", HEALTH))]


def seeded(config: pytest.Config) -> Random:
    """Return a generator whose seed is printed and can be given with --seed."""
    seed = config.getoption("seed")
    if seed is None:
        seed = SystemRandom().randrange(2**32)
    print(f"--seed {seed}")
    return Random(seed)


@cache
def _drive(count: int) -> tuple[Record, ...]:
    random = np.random.default_rng(20)
    records: list[Record] = []
    charge, time, current = 0.6, 0.0, 0.0
    for k in range(count):
        voltage = 3.2 + 0.8 * charge + 0.07 * current + random.normal(0, 0.002)
        records.append(
            {"test_time": time, "current": current, "voltage": float(voltage), "cycle_number": k // 400,
             "state": "charging" if current > 0 else "resting" if current == 0 else "discharging"}
        )  # fmt: skip
        seconds = float(random.uniform(0.5, 12))
        charge += current * seconds / 3600 / 1.2
        time += seconds
        if k % 25 == 0:
            current = float(np.clip(random.normal(0.3 - charge + 0.3, 1), -2, 2))
    return tuple(records)


def drive(count: int) -> list[Record]:
    """Return the first records of the cell's life; the first at time 0 without current."""
    return [dict(record) for record in _drive(count)]


def kalman_steps(
    records: list[Record], definition: str = KALMAN, seeded: bool = True
) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
    """Step the script's filter through records without a server; the first only begins the first step.

    Yields, once before the first step and after each, the filter itself and the outputs' predicted mean `(o,)` and
    covariance `(o, o)`. Without `seeded` the first record is dropped instead.
    """
    folder = str(ROOT / "plugins" / "kalman")
    if folder not in sys.path:
        sys.path.append(folder)
    names: dict[str, Any] = {}
    exec(definition, names)
    estimator = names["estimator"]
    if seeded:
        estimator.previous = records[0]
    yield estimator, np.empty(0), np.empty((0, 0))
    for record in records[1:]:
        yield estimator, *estimator.step(record)


def plain_kalman(records: list[Record], definition: str = KALMAN, seeded: bool = True) -> Estimate:
    """Return what is known after the last of the steps."""
    *_, (estimator, _, _) = kalman_steps(records, definition, seeded)
    return list(estimator.state_names), estimator.mean.tolist(), estimator.covariance.tolist()


def moirae_steps(records: list[Record], definition: str, folder: Path) -> Iterator[tuple[list[str], Any]]:
    """Step genuine Moirae as its own loop does, without a server; the script's files are put into `folder`.

    Yields the states' names and the state after each step.
    """
    from moirae.interface import row_to_inputs

    (folder / "health.json").write_text(HEALTH)
    here = os.getcwd()
    os.chdir(folder)
    try:
        names: dict[str, Any] = {}
        exec(definition, names)
    finally:
        os.chdir(here)
    estimator = names["estimator"]
    for record in records[1:]:
        # Not from its property `state`, which a DualEstimator fails on.
        state, _ = estimator.step(*row_to_inputs(record))
        yield list(estimator.state_names), state


def slow(seconds: float) -> str:
    """Return the script with a pause; the transition is asked for five times a step."""
    return KALMAN.replace("    hours =", f"    __import__('time').sleep({seconds / 5})\n    hours =")


def plain_moirae(records: list[Record], definition: str, folder: Path) -> Estimate:
    """Return what is known after the last of the steps; at least two records are needed."""
    *_, (names, state) = moirae_steps(records, definition, folder)
    return names, state.get_mean().tolist(), state.get_covariance().tolist()


class Script(NamedTuple):
    """A script and the plugin that it is for."""

    definition: str
    plugin: str = "kalman"

    def register(self, server: Server, name: str) -> None:
        """Make it a battery's estimator."""
        files = MOIRAE_FILES if self.plugin == "moirae" else None
        server.accept(name, self.definition, plugin=self.plugin, files=files)

    def plain(self, records: list[Record], folder: Path) -> Estimate:
        """Return what a plain loop gives; `folder` is for the script's files."""
        if self.plugin == "moirae":
            return plain_moirae(records, self.definition, folder)
        return plain_kalman(records, self.definition)


def assert_same(status: dict[str, Any], expected: Estimate) -> None:
    """Assert that a status tells the same doubles; a JSON number with all its digits gives the double back."""
    names, mean, covariance = expected
    assert status["state_names"] == names
    assert status["mean"] == mean, f"differs by {np.abs(np.subtract(status['mean'], mean)).max()}"
    assert status["covariance"] == covariance, json.dumps([status["covariance"], covariance])
