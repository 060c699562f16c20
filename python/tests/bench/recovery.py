"""From the start of a server that was killed to the moment when all its estimators are ready again; and waking one."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from ingest import frames, send
from measure import FILES, SCRIPT, Figure, example_records, fleet, stopwatch
from processes import wait
from server import Server, fresh

ESTIMATORS = 100
RECORDS = 300
WAKES = 20


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        # Long enough awake for all to be there when the server is killed.
        server = Server(Path(folder), "--hibernate-after", "300").start()
        try:
            names = _fleet(server)
            server.kill()
            with stopwatch() as watch:
                server.start()
                for name in names:
                    server.wait_status(name, 600, stepped=RECORDS - 1)
        finally:
            server.dispose()
    yield Figure(f"recovery_of_{ESTIMATORS}_estimators", watch.seconds, "s")
    yield from _waking()


def _fleet(server: Server) -> list[str]:
    names = fleet(server, "recovered", ESTIMATORS)
    wire = frames(example_records()[:RECORDS])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: send(server, name, wire), names))
    for name in names:
        server.wait_status(name, 600, stepped=RECORDS - 1)
    return names


def _waking() -> Iterator[Figure]:
    """Time from a record to its estimate while the estimator hibernates, beside that of a live one."""
    records = example_records()
    live, asleep = [], []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), "--hibernate-after", "0.5").start()
        try:
            name = fresh("asleep")
            server.accept(name, SCRIPT, "moirae", files=FILES)
            send(server, name, frames(records[:100]))
            stepped = 99
            for start in range(100, 100 + 2 * WAKES, 2):
                wait(lambda: server.status(name)["phase"] == "hibernating", "hibernation")
                for times, record in ((asleep, records[start]), (live, records[start + 1])):
                    stepped += 1
                    with stopwatch() as watch:
                        send(server, name, frames([record]))
                        while server.status(name)["stepped"] < stepped:
                            pass
                    times.append(watch.seconds * 1000)
        finally:
            server.dispose()
    yield Figure("record_to_estimate", median(live), "ms")
    yield Figure("record_to_estimate_of_a_hibernating_one", median(asleep), "ms")
