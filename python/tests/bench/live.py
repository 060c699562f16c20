"""Live batteries that send a record a second: from its sending to its estimate in the status, and their memory."""

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import msgpack
from measure import BEFORE, Figure, fleet, on_fresh_servers, percentile, records_of, stopwatch
from processes import wait
from raw import Connection
from server import Server
from websockets.frames import Frame, Opcode

SIZES = (1, 10, 100, 1_000)
SECONDS = 30
SAMPLES_PER_SECOND = 20
FRESH = 0.002
"""Age of a record that is looked for, at most when the first look is taken. s"""


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
    """One that is fed a record a second, through a socket that costs the machine as little as can be."""

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self.connection = Connection(server)
        head = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        self.connection.send(f"GET /db/upload/{quote(name)} HTTP/1.1\r\n{head}{key}\r\n".encode())
        assert "101" in self.connection.line()


class Sent(NamedTuple):
    """A record that was sent."""

    battery: Battery
    test_time: float
    moment: float


class Feeder:
    """Sends each battery the records, one a second, each at its own moment of the second."""

    def __init__(self, batteries: list[Battery], records: list[dict[str, float]]) -> None:
        self._batteries, self._records = batteries, records
        self.latest: Sent | None = None
        self.has_ended = False

    def run(self) -> None:
        begin = time.perf_counter()
        try:
            for second, record in enumerate(self._records):
                frame = Frame(Opcode.BINARY, msgpack.packb(record)).serialize(mask=True)
                for index, battery in enumerate(self._batteries):
                    time.sleep(max(0, begin + second + index / len(self._batteries) - time.perf_counter()))
                    battery.connection.send(frame)
                    self.latest = Sent(battery, record["test_time"], time.perf_counter())
        finally:
            self.has_ended = True
        assert time.perf_counter() - begin < len(self._records) + 1, "the sender is too slow for so many"


def watch(server: Server, feeder: Feeder) -> list[float]:
    """Ask for the status of a battery that was just fed, and of another, until the end; return how long each took. s"""
    address = urlsplit(server.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
    found = []
    while not feeder.has_ended:
        sent = feeder.latest
        if sent is None or time.perf_counter() - sent.moment > FRESH:
            time.sleep(FRESH / 4)
            continue
        while True:
            connection.request("GET", f"/online/status/{quote(sent.battery.name)}")
            status = json.loads(connection.getresponse().read())
            elapsed = time.perf_counter() - sent.moment
            if (status["latest_time"] or -1) >= sent.test_time:
                break
            assert elapsed < 60, f"a record of {sent.battery.name} is not stepped"
            # Often enough to tell, and no more: asking costs the machine, too.
            time.sleep(max(0.001, elapsed / 20))
        found.append(elapsed)
        time.sleep(random.uniform(0, 2 / SAMPLES_PER_SECOND))
    return found


def _delays(server: Server, names: list[str]) -> list[float]:
    records = records_of(BEFORE + SECONDS)
    first = msgpack.packb(records[:BEFORE])
    for name in names:
        server.http.post(
            f"/db/upload/{quote(name)}", content=first, headers={"Content-Type": "application/msgpack"}
        ).raise_for_status()
    _stepped(server, names, BEFORE)
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        batteries = [Battery(server, name) for name in names]
        for battery in batteries:
            stack.enter_context(battery.connection)
        feeder = Feeder(batteries, records[BEFORE:])
        watching = pool.submit(watch, server, feeder)
        feeder.run()
        found = watching.result()
        _stepped(server, names, BEFORE + SECONDS)
    return found


def _stepped(server: Server, names: list[str], records: int) -> None:
    """Wait until all have stepped all records; the first of them is not stepped."""

    def reached() -> bool:
        status = server.get("/online/status")
        return all(status[name]["stepped"] == records - 1 for name in names)

    wait(reached, f"{records - 1} steps of all", 900)


def figures() -> Iterator[Figure]:
    yield from on_fresh_servers(SIZES, _figures)


def _figures(server: Server, size: int) -> Iterator[Figure]:
    with stopwatch() as registering:
        names = fleet(server, "live", size)
    yield Figure(f"live_{size}_registration", registering.seconds, "s")
    delays = [1000 * delay for delay in _delays(server, names)]
    yield Figure(f"live_{size}_p50", percentile(delays, 50), "ms")
    yield Figure(f"live_{size}_p99", percentile(delays, 99), "ms")
    tree = server.tree()
    private = [private_bytes(process.pid) for process in tree if process.name == "lachesis-worker"]
    assert len(private) == size, f"{len(private)} workers"
    yield Figure(f"live_{size}_worker_private_memory", median(private) / 1e6, "MB")
    yield Figure(f"live_{size}_memory_in_all", proportional_bytes([server.pid, *(one.pid for one in tree)]) / 1e6, "MB")
