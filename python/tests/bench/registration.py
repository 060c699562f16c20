"""From POST to ready, and what a worker costs in memory."""

from collections.abc import Iterator
from statistics import median

from ingest import frames, send
from live import private_bytes
from measure import FILES, SCRIPT, Figure, example_records, percentile, stopwatch
from server import Server, fresh

REGISTRATIONS = 40
STEPS = 100


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
    yield Figure("register_to_ready_p50", median(times), "ms")
    yield Figure("register_to_ready_p99", percentile(times, 99), "ms")
    yield Figure("worker_private_memory", median(private_bytes(pid) for pid in workers) / 1e6, "MB")
