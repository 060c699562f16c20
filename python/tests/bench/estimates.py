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
from urllib.parse import quote

from ingest import frames, send
from measure import BEFORE, FILES, Figure, records_of, stopwatch
from raw import Connection
from scripts import RECORDS, SCRIPTS
from server import Server, fresh

LEVELS = ("off", "shortcuts", "full")
BACKLOG = {"off": 1_500, "shortcuts": 4_000, "full": 8_000}
"""Records of each of one and of two batteries, by the level of acceleration."""
MORE = {10: 3_000, 100: 1_000}
"""How many more are fed at once, and the records of each."""


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


def many(server: Server, batteries: int, level: str, count: int) -> float:
    """Stream so many records to each of so many batteries at once; return all their estimates per second."""
    names = [register(server, "many", "joint", level) for _ in range(batteries)]
    records = records_of(BEFORE + count)
    before, wire = frames(records[:BEFORE]), frames(records[BEFORE:])
    for name in names:
        send(server, name, before)
    for name in names:
        _finished(server, name, BEFORE - 1)
    with stopwatch() as watch, ThreadPoolExecutor(min(batteries, 16)) as uploads:
        list(uploads.map(lambda name: send(server, name, wire), names))
        for name in names:
            _finished(server, name, len(records) - 1)
    for name in names:
        server.http.delete(f"/db/{name}").raise_for_status()
    return batteries * count / watch.seconds


def _finished(server: Server, name: str, stepped: int) -> dict[str, Any]:
    """Wait for so many steps and return the status, asking seldom and cheaply: it takes from those who are measured."""
    request = f"GET /online/status/{quote(name)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with Connection(server) as connection:
        while True:
            connection.send(request)
            status = connection.answer().json
            if status["stepped"] >= stepped:
                return status
            time.sleep(0.01)


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
    for level, count in BACKLOG.items():
        yield from _against_one(server, 2, level, count, rounds)
    for batteries, count in MORE.items():
        yield from _against_one(server, batteries, "full", count, rounds)


def _against_one(server: Server, batteries: int, level: str, count: int, rounds: int) -> Iterator[Figure]:
    """Measure one battery with so many records, and so many batteries with as many each."""
    pairs = [(many(server, 1, level, count), many(server, batteries, level, count)) for _ in range(rounds)]
    ones, found = zip(*pairs, strict=True)
    name = f"{batteries}_batteries_{level}"
    if batteries == 2:
        yield Figure(f"one_battery_{level}", median(ones), "estimates/s")
    yield Figure(name, median(found), "estimates/s")
    yield Figure(f"{name}_to_one", median(more / one for one, more in pairs), "ratio")
