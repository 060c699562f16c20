"""Estimates per second through the server against a bare Moirae loop over the same records."""

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
from measure import FILES, SCRIPT, Figure, example_records, stopwatch
from server import Server, fresh


def bare_loop() -> dict[str, Any]:
    """Return rate, mean and covariance of a bare loop."""
    program = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("loop.py"))]
    return json.loads(subprocess.run(program, check=True, stdout=subprocess.PIPE).stdout)


def through_server(server: Server, batteries: int, expected: dict[str, Any]) -> float:
    """Stream the records to so many batteries at once; return all their estimates per second.

    Raises AssertionError if an estimate is not the loop's, bit for bit.
    """
    records = example_records()
    names = [fresh("bench") for _ in range(batteries)]
    for name in names:
        # As the loop: what the script gives as the first inputs stays.
        server.accept(name, SCRIPT, "moirae", files=FILES, seed_inputs="false")
    wire = frames(records)
    with stopwatch() as watch, ThreadPoolExecutor(batteries) as uploads:
        list(uploads.map(lambda name: send(server, name, wire), names))
        # The loop's own time passes at least; asking meanwhile would take the processor from those who are measured.
        time.sleep(max(0, 0.9 * (len(records) - 1) / expected["rate"] - (time.perf_counter() - watch.begin)))
        for name in names:
            status = server.wait_status(name, 600, stepped=len(records) - 1)
            assert status["mean"] == expected["mean"] and status["covariance"] == expected["covariance"], name
    return batteries * (len(records) - 1) / watch.seconds


def figures(server: Server, rounds: int) -> Iterator[Figure]:
    loops, ones, twos = [], [], []
    for _ in range(rounds):
        loop = bare_loop()
        loops.append(loop["rate"])
        ones.append(through_server(server, 1, loop))
        twos.append(through_server(server, 2, loop))
    yield Figure("loop", median(loops), "estimates/s")
    yield Figure("one_estimator", median(ones), "estimates/s")
    yield Figure("one_estimator_to_loop", median(a / b for a, b in zip(ones, loops, strict=True)), "ratio")
    yield Figure("two_estimators", median(twos), "estimates/s")
    yield Figure("two_estimators_to_loop", median(a / b for a, b in zip(twos, loops, strict=True)), "ratio")
