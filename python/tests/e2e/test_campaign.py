"""A crash campaign: whatever is killed, again and again, nothing is lost, and no bit of an estimate changes."""

import math
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from cells import DUAL, JOINT, KALMAN, MOIRAE_FILES, Record, assert_same, drive, kalman_steps, moirae_steps
from database import query
from processes import wait
from server import PROGRAM, Server, ServerFactory, fresh
from streaming import Streamer

KINDS = ("worker", "zygote", "host", "server", "connection")
RECORDS_A_KILL = 40
SECONDS_A_KILL = 0.4


class Battery(NamedTuple):
    name: str
    definition: str
    plugin: str
    records: list[Record]


def batteries(rounds: int, has_moirae: bool) -> list[Battery]:
    """Four batteries with estimators and cells of different kinds."""
    scripts = (JOINT, DUAL, JOINT, KALMAN) if has_moirae else (KALMAN,) * 4
    return [
        Battery(
            fresh("campaign"), script, "kalman" if script is KALMAN else "moirae",
            [record | {"voltage": record["voltage"] + 0.002 * number} for record in drive(RECORDS_A_KILL * rounds)],
        )
        for number, script in enumerate(scripts)
    ]  # fmt: skip


def strike(server: Server, devices: list[Streamer], kind: str, dice: random.Random) -> None:
    """Kill one of a kind, whatever state it is in."""
    if kind == "connection":
        dice.choice(devices).cut()
        return
    if kind == "server":
        server.kill()
        server.start()
        return
    found = server.tree(kind)
    if kind == "host":
        found = [process for process in found if process.parent == server.pid]
    if found:
        try:
            os.kill(dice.choice(found).pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # it had been killed with another before


def plain_loop(battery: Battery, folder: Path) -> tuple[list[str], list[tuple[np.ndarray, np.ndarray]]]:
    """Return the states' names, and mean `(s,)` and covariance `(s, s)` after each step of a plain loop."""
    if battery.plugin == "moirae":
        steps = list(moirae_steps(battery.records, battery.definition, folder))
        return steps[0][0], [(state.get_mean(), state.get_covariance()) for _, state in steps]
    loop = kalman_steps(battery.records, battery.definition)
    estimator, _, _ = next(loop)
    return list(estimator.state_names), [(estimator.mean, estimator.covariance) for _ in loop]


def assert_nothing_was_lost(server: Server, battery: Battery, folder: Path) -> None:
    times = [record["test_time"] for record in battery.records]
    assert [row["test_time"] for row in server.rows(battery.name)] == times
    assert [row["voltage"] for row in server.rows(battery.name)] == [record["voltage"] for record in battery.records]
    names, states = plain_loop(battery, folder)
    mean, covariance = states[-1]
    status = server.wait_status(battery.name, stepped=len(times) - 1)
    assert_same(status, (names, mean.tolist(), covariance.tolist()))
    assert (status["failed"], status["skipped"], status["version"]) == (0, 0, 1)
    table = f'SELECT * FROM "{battery.name}_estimates" ORDER BY lachesis_sequence'
    wait(lambda: len(query(server, table)) == len(states), "all estimates")
    for number, (row, (mean, covariance)) in enumerate(zip(query(server, table), states, strict=True)):
        deviations = [math.sqrt(variance) for variance in covariance.diagonal()]
        expected = [number + 2, times[number + 1], *mean.tolist(), *deviations]
        assert list(row[: len(expected)]) == expected, f"record {number + 2} of {battery.name}"


def test_after_a_campaign_of_kills_nothing_is_lost(
    make_server: ServerFactory, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    rounds, seed = request.config.getoption("rounds"), request.config.getoption("seed")
    seed = random.randrange(1 << 32) if seed is None else seed
    print(f"to have the same kills again: --rounds {rounds} --seed {seed}")
    dice = random.Random(seed)
    server = make_server()
    server.wait_plugins()
    fleet = batteries(rounds, has_moirae=server.get("/health")["plugins"]["moirae"]["state"] == "ready")
    for battery in fleet:
        files = MOIRAE_FILES if battery.plugin == "moirae" else None
        server.accept(battery.name, battery.definition, plugin=battery.plugin, files=files)
    devices = [Streamer(server, battery.name, battery.records, seconds=SECONDS_A_KILL * rounds) for battery in fleet]
    for device in devices:
        device.start()
    strikes = []
    for _ in range(rounds):
        time.sleep(dice.uniform(0.5, 1.5) * SECONDS_A_KILL)
        strikes.append(dice.choice(KINDS))
        strike(server, devices, strikes[-1], dice)
    print({kind: strikes.count(kind) for kind in KINDS})
    for device in devices:
        device.finish()
    for battery in fleet:
        assert_nothing_was_lost(server, battery, tmp_path)
    server.stop()
    check = subprocess.run([PROGRAM, "check", "--data", server.data], stdout=subprocess.PIPE, text=True)
    assert check.returncode == 0, check.stdout
