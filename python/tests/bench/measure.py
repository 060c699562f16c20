"""A measured figure, and the example whose figures these are."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from server import ROOT

from lachesis import records

EXAMPLE = ROOT / "plugins" / "moirae" / "examples"
SCRIPT = (EXAMPLE / "estimator.py").read_text("utf-8")
FILES = [("files", ("initial-asoh.json", (EXAMPLE / "initial-asoh.json").read_bytes()))]


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
