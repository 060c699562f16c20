"""From POST to ready, and what a worker costs in memory."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from ingest import frames, send
from measure import FILES, SCRIPT, Figure, example_records, stopwatch
from server import Server, fresh

REGISTRATIONS = 20
STEPS = 100


def private_bytes(pid: int) -> int:
    """Return the memory that a process shares with no other. bytes"""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))


def figures(server: Server) -> Iterator[Figure]:
    wire = frames(example_records()[: STEPS + 1])
    server.accept(fresh("warm"), SCRIPT, "moirae", files=FILES)
    before = {process.pid for process in server.tree("worker")}
    times = []
    names = [fresh("ready") for _ in range(REGISTRATIONS)]
    for name in names:
        with stopwatch() as watch:
            server.accept(name, SCRIPT, "moirae", files=FILES)
        times.append(watch.seconds * 1000)
    workers = [process.pid for process in server.tree("worker") if process.pid not in before]
    assert len(workers) == REGISTRATIONS, workers
    for name in names:
        send(server, name, wire)
        server.wait_status(name, stepped=STEPS)
    yield Figure("register_to_ready", median(times), "ms")
    yield Figure("worker_private_memory", median(private_bytes(pid) for pid in workers) / 1e6, "MB")
