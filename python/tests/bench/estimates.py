"""Estimates per second through the server against a bare Moirae loop over the same records, bit for bit."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from ingest import frames, send
from measure import FILES, Figure, records_of, stopwatch
from scripts import RECORDS, SCRIPTS
from server import Server, fresh

LEVELS = ("off", "shortcuts", "full")
BATTERIES = (2, 10, 100)
"""How many are fed at once, besides one."""
BACKLOG = 2_000
"""Records of each of many batteries."""


def bare_loop(kind: str) -> dict[str, Any]:
    """Return rate, mean and covariance of a bare loop."""
    program = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("loop.py")), kind]
    return json.loads(subprocess.run(program, check=True, stdout=subprocess.PIPE).stdout)


def register(server: Server, stem: str, kind: str, level: str) -> str:
    """Register an estimator whose first inputs are the script's, as a bare loop's are; return the battery's name."""
    name = fresh(stem)
    server.accept(name, SCRIPTS[kind], "moirae", files=FILES, seed_inputs="false", acceleration=level)
    return name


def through_server(server: Server, kind: str, level: str, expected: dict[str, Any]) -> float:
    """Stream a kind's records to one battery; return its estimates per second.

    Raises AssertionError if the estimate is not the loop's, bit for bit, or the level was not used to the end.
    """
    records = records_of(RECORDS[kind])
    name = register(server, f"{kind}_{level}", kind, level)
    wire = frames(records)
    with stopwatch() as watch:
        send(server, name, wire)
        status = _finished(server, name, len(records) - 1)
    assert status["mean"] == expected["mean"] and status["covariance"] == expected["covariance"], name
    # A Thevenin model's steps are always its own.
    used = "off" if kind == "thevenin" else level
    assert status["acceleration"]["in_use"] == used, status["acceleration"]
    return (len(records) - 1) / watch.seconds


def many(server: Server, batteries: int) -> float:
    """Stream to so many batteries at once; return all their estimates per second."""
    names = [register(server, "many", "joint", "full") for _ in range(batteries)]
    wire = frames(records_of(BACKLOG))
    with stopwatch() as watch, ThreadPoolExecutor(min(batteries, 16)) as uploads:
        list(uploads.map(lambda name: send(server, name, wire), names))
        for name in names:
            _finished(server, name, BACKLOG - 1)
    for name in names:
        server.http.delete(f"/db/{name}").raise_for_status()
    return batteries * (BACKLOG - 1) / watch.seconds


def _finished(server: Server, name: str, stepped: int) -> dict[str, Any]:
    # Asking often would take the processor from those who are measured.
    while (status := server.status(name))["stepped"] < stepped:
        time.sleep(0.02)
    return status


def figures(server: Server, rounds: int) -> Iterator[Figure]:
    for kind in SCRIPTS:
        loops: list[float] = []
        rates: dict[str, list[float]] = {level: [] for level in LEVELS}
        for _ in range(rounds):
            loop = bare_loop(kind)
            loops.append(loop["rate"])
            for level in LEVELS:
                rates[level].append(through_server(server, kind, level, loop))
        yield Figure(f"{kind}_loop", median(loops), "estimates/s")
        for level, found in rates.items():
            yield Figure(f"{kind}_{level}", median(found), "estimates/s")
            ratio = median(a / b for a, b in zip(found, loops, strict=True))
            yield Figure(f"{kind}_{level}_to_loop", ratio, "ratio")
    ones, more = [], {batteries: [] for batteries in BATTERIES}
    for _ in range(rounds):
        ones.append(many(server, 1))
        for batteries, found in more.items():
            found.append(many(server, batteries))
    yield Figure("one_battery", median(ones), "estimates/s")
    for batteries, found in more.items():
        yield Figure(f"{batteries}_batteries", median(found), "estimates/s")
        ratio = median(a / b for a, b in zip(found, ones, strict=True))
        yield Figure(f"{batteries}_batteries_to_one", ratio, "ratio")
