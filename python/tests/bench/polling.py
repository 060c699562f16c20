"""Requests per second and tail latency of `/online/status`, by wrk."""

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ingest import frames, send
from measure import FILES, SCRIPT, Figure, fleet, on_fresh_servers, records_of
from server import Server, fresh

SIZES = (1, 100, 1_000)
SECONDS = 5
CONNECTIONS = 4
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
RECORDS = 50


def poll(name: str, url: str, *headers: str) -> Iterator[Figure]:
    given = [part for header in headers for part in ("-H", header)]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", *given, url]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert rate and tail, said
    # wrk counts 304 among the others.
    assert "Non-2xx" not in said or headers, said
    yield Figure(name, float(rate[1]), "requests/s")
    yield Figure(f"{name}_p99", float(tail[1]) * MILLISECONDS[tail[2]], "ms")


@contextmanager
def under_load(server: Server) -> Iterator[None]:
    """Upload, and step, as fast as can be, meanwhile."""
    name = fresh("load")
    server.accept(name, SCRIPT, "moirae", files=FILES)
    ended = threading.Event()

    def upload() -> None:
        start, records = 0.0, records_of(20_000)
        while not ended.is_set():
            send(server, name, frames([{**record, "test_time": start + record["test_time"]} for record in records]))
            start += records[-1]["test_time"] + 1

    thread = threading.Thread(target=upload)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _lasting_tag(server: Server, url: str) -> str:
    """Return the answer's entity tag once checkpoints and the like no longer change it."""
    tags: list[str] = []
    while len(tags) < 2 or tags[-1] != tags[-2]:
        time.sleep(2)
        tags.append(server.http.get(url).headers["ETag"])
    return tags[-1]


def figures() -> Iterator[Figure]:
    yield from on_fresh_servers(SIZES, _figures)


def _figures(server: Server, size: int) -> Iterator[Figure]:
    wire = frames(records_of(RECORDS))
    names = fleet(server, "polled", size)
    for name in names:
        send(server, name, wire)
    for name in names:
        server.wait_status(name, 600, stepped=RECORDS - 1)
    every, one = f"{server.url}/online/status", f"{server.url}/online/status/{names[0]}"
    yield from poll(f"status_of_{size}", every)
    yield from poll(f"status_of_{size}_unchanged", every, f"If-None-Match: {_lasting_tag(server, every)}")
    yield from poll(f"status_of_one_among_{size}", one)
    with under_load(server):
        yield from poll(f"status_of_one_among_{size}_under_load", one)
