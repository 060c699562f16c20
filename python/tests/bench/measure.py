"""A measured figure, and the example whose figures these are."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from server import ROOT, Server, fresh

from lachesis import records

EXAMPLE = ROOT / "plugins" / "moirae" / "examples"
SCRIPT = (EXAMPLE / "estimator.py").read_text("utf-8")
FILES = [("files", ("initial-asoh.json", (EXAMPLE / "initial-asoh.json").read_bytes()))]
BEFORE = 300
"""Records that a battery has before: the proofs of an estimator's first steps, many of them, are over then."""


class Figure(NamedTuple):
    """A name, a value, and its unit."""

    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.name} {self.value:.4g} {self.unit}"


@cache
def example_records() -> list[dict[str, Any]]:
    """Return the records of the example's cell."""
    rows, _ = records.read(EXAMPLE / "demo-cell.h5")
    return [dict(row) for row in rows]


def records_of(count: int) -> list[dict[str, Any]]:
    """Return so many records: those of the example, again and again, an interval after one another."""
    example = example_records()
    span = example[-1]["test_time"] + example[1]["test_time"] - 2 * example[0]["test_time"]
    rounds = [
        {**row, "test_time": row["test_time"] + turn * span}
        for turn in range(-(-count // len(example)))
        for row in example
    ]
    return rounds[:count]


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that so many percent are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, ceil(len(ordered) * percent / 100) - 1)]


def fleet(server: Server, stem: str, size: int) -> list[str]:
    """Register the example for so many batteries, as soon as the server can; return their names."""
    server.wait_plugins()
    names = [fresh(stem) for _ in range(size)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: server.accept(name, SCRIPT, "moirae", files=FILES), names))
    return names


def on_fresh_servers(sizes: Iterable[int], figures: Callable[[Server, int], Iterator[Figure]]) -> Iterator[Figure]:
    """Give the figures of each size, measured on a server of its own."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(Path(folder)).start()
            try:
                yield from figures(server, size)
            finally:
                # Nothing of it is needed any more: states need not be saved.
                server.kill()
                server.dispose()


class Stopwatch:
    """Seconds between begin and end of a block."""

    seconds = 0.0

    def __init__(self) -> None:
        self.begin = time.perf_counter()


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    watch = Stopwatch()
    yield watch
    watch.seconds = time.perf_counter() - watch.begin
