"""Measures a server of its own against a bare Moirae loop and plain SQLite, in one run.

Prints lines of `name value unit`, and writes the same as JSON. Only the ratios compare between machines.

    python bench [--json FILE] [--rounds N]
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import estimates
import ingest
import polling
import recovery
import registration
from measure import Figure
from server import Server


def figures(server: Server, rounds: int) -> Iterator[Figure]:
    yield from ingest.figures(server, rounds)
    yield from registration.figures(server)
    yield from estimates.figures(server, rounds)
    yield from polling.figures(server)
    yield from recovery.figures()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="file for the figures")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of which the median counts")
    options = parser.parse_args()
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start()
        try:
            for figure in figures(server, options.rounds):
                print(figure, flush=True)
                found.append(figure)
        finally:
            server.dispose()
    report = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": platform.machine(),
        "kernel": platform.release(),
        "figures": {figure.name: {"value": figure.value, "unit": figure.unit} for figure in found},
    }
    options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {options.json}")


if __name__ == "__main__":
    main()
