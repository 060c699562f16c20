"""Live batteries that send a record a second: from its sending to its estimate in the status, and their memory."""

import json
import random
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlsplit

import msgpack
from measure import Figure, fleet, on_fresh_servers, percentile, records_of, stopwatch
from processes import wait
from raw import Connection
from server import Server
from websockets.frames import Frame, Opcode

SIZES = (1, 10, 100, 1_000)
SECONDS = 30
BEFORE = 300
"""Records that each battery has before: the proofs of an estimator's first steps, many of them, are over then."""
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
    """One that is fed a record a second, through a socket that costs the machine as little as can be."""

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self.sent: tuple[float, float] | None = None
        """`test_time` of the latest record, s, and the moment at which it was sent."""
        self._connection = Connection(server)
        head = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        self._connection.send(f"GET /db/upload/{quote(name)} HTTP/1.1\r\n{head}{key}\r\n".encode())
        assert "101" in self._connection.line()

    def send(self, record: dict[str, float], frame: bytes) -> None:
        self.sent = record["test_time"], time.perf_counter()
        self._connection.send(frame)

    def close(self) -> None:
        self._connection.close()


def feed(batteries: list[Battery], records: list[dict[str, float]]) -> None:
    """Send each battery the records, one a second, each at its own moment of the second."""
    begin = time.perf_counter()
    for second, record in enumerate(records):
        frame = Frame(Opcode.BINARY, msgpack.packb(record)).serialize(mask=True)
        for index, battery in enumerate(batteries):
            time.sleep(max(0, begin + second + index / len(batteries) - time.perf_counter()))
            battery.send(record, frame)


def watch(server: Server, batteries: list[Battery], ended: threading.Event) -> list[float]:
    """Ask for one battery's status after another's until the end; return how long each took to show a new record. s"""
    address = urlsplit(server.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
    found = []
    while not ended.is_set():
        battery = random.choice(batteries)
        if battery.sent is None or time.perf_counter() - battery.sent[1] > 0.05:
            time.sleep(0.002)
            continue
        latest, sent = battery.sent
        while True:
            connection.request("GET", f"/online/status/{quote(battery.name)}")
            status = json.loads(connection.getresponse().read())
            if (status["latest_time"] or -1) >= latest:
                break
            # Often enough to tell, and no more: asking costs the machine, too.
            time.sleep(max(0.002, (time.perf_counter() - sent) / 20))
        found.append(time.perf_counter() - sent)
        time.sleep(1 / SAMPLES_PER_SECOND)
    return found


def _delays(server: Server, names: list[str]) -> list[float]:
    records = records_of(BEFORE + SECONDS)
    first = msgpack.packb(records[:BEFORE])
    for name in names:
        server.http.post(
            f"/db/upload/{name}", content=first, headers={"Content-Type": "application/msgpack"}
        ).raise_for_status()
    _stepped(server, names, BEFORE)
    batteries = [Battery(server, name) for name in names]
    ended, found = threading.Event(), list[float]()
    watching = threading.Thread(target=lambda: found.extend(watch(server, batteries, ended)))
    watching.start()
    feed(batteries, records[BEFORE:])
    ended.set()
    watching.join()
    _stepped(server, names, BEFORE + SECONDS)
    for battery in batteries:
        battery.close()
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
