"""Live batteries that send a record a second: from its sending to its estimate in the status, and their memory."""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import msgpack
from measure import Figure, fleet, on_fresh_servers, percentile, records_of, stopwatch
from server import Server
from streaming import connect

SIZES = (1, 10, 100, 1_000)
SECONDS = 30
"""How long each is fed, after as long again for the first steps' proofs."""
SAMPLES_PER_SECOND = 20


def private_bytes(pid: int) -> int:
    """Return the memory that a process shares with no other. bytes"""
    return _rollup(pid, "Private_Clean:", "Private_Dirty:")


def proportional_bytes(pids: list[int]) -> int:
    """Return the memory of processes, of what they share each one's share. bytes"""
    return sum(_rollup(pid, "Pss:") for pid in pids)


def _rollup(pid: int, *names: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(names))


class Battery:
    """One that is fed a record a second, at its own moment of the second."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: dict[float, float] = {}
        """Moments at which records were sent, by their test_time."""

    async def feed(self, server: Server, moment: float, records: list[dict[str, float]]) -> None:
        async with connect(server, self.name) as connection:
            for count, record in enumerate(records):
                await asyncio.sleep(max(0, moment + count - time.perf_counter()))
                self.sent[record["test_time"]] = time.perf_counter()
                await connection.send(msgpack.packb(record))


def watch(server: Server, batteries: list[Battery], end: float) -> list[float]:
    """Ask for one battery's status after another's until the end; return how long each took to show a new record. s"""
    address = urlsplit(server.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
    found = []
    while time.perf_counter() < end:
        battery = random.choice(batteries)
        latest = max(battery.sent, default=None)
        if latest is None or time.perf_counter() - battery.sent[latest] > 0.05:
            time.sleep(0.002)
            continue
        while True:
            connection.request("GET", f"/online/status?name={battery.name}")
            status = json.loads(connection.getresponse().read())[battery.name]
            if (status["latest_time"] or -1) >= latest:
                break
            time.sleep(0.002)
        found.append(time.perf_counter() - battery.sent[latest])
        time.sleep(1 / SAMPLES_PER_SECOND)
    return found


async def _feed(server: Server, batteries: list[Battery]) -> list[float]:
    begin = time.perf_counter() + 2
    records = records_of(2 * SECONDS)
    feeds = [battery.feed(server, begin + index / len(batteries), records) for index, battery in enumerate(batteries)]
    watching = asyncio.to_thread(_late, server, batteries, begin + SECONDS, begin + 2 * SECONDS)
    return (await asyncio.gather(watching, *feeds))[0]


def _late(server: Server, batteries: list[Battery], begin: float, end: float) -> list[float]:
    time.sleep(max(0, begin - time.perf_counter()))
    return watch(server, batteries, end)


def figures() -> Iterator[Figure]:
    yield from on_fresh_servers(SIZES, _figures)


def _figures(server: Server, size: int) -> Iterator[Figure]:
    with stopwatch() as registering:
        names = fleet(server, "live", size)
    yield Figure(f"live_{size}_registration", registering.seconds, "s")
    batteries = [Battery(name) for name in names]
    delays = [1000 * delay for delay in asyncio.run(_feed(server, batteries))]
    yield Figure(f"live_{size}_p50", percentile(delays, 50), "ms")
    yield Figure(f"live_{size}_p99", percentile(delays, 99), "ms")
    tree = server.tree()
    private = [private_bytes(process.pid) for process in tree if process.name == "lachesis-worker"]
    assert len(private) == size, f"{len(private)} workers"
    yield Figure(f"live_{size}_worker_private_memory", median(private) / 1e6, "MB")
    yield Figure(f"live_{size}_memory_in_all", proportional_bytes([server.pid, *(one.pid for one in tree)]) / 1e6, "MB")
