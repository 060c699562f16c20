"""Full disks, torn files, stopped processes, floods: nothing acknowledged is lost, and the numbers stay the same."""

import asyncio
import errno
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import websockets
from cells import KALMAN, Record, assert_same, drive, plain_kalman, seeded
from database import query
from processes import Process, look_up, peak_memory, wait
from server import Server, ServerFactory, command, fresh
from streaming import Streamer, acknowledged, connect, frames, packed, pour, upload


def slow(seconds: float) -> str:
    """Return the script with a pause; the transition is asked for five times a step."""
    return KALMAN.replace("    hours =", f"    __import__('time').sleep({seconds / 5})\n    hours =")


FULL = (1011, 1013)
"""Codes with which an upload is closed when the disk is full."""


# A full disk


class SmallDisk(Server):
    """A server whose data lie on a small disk of their own, which nobody else sees."""

    def start(self) -> "SmallDisk":
        """Start it as `Server.start` does, on an empty disk."""
        self.data = self.folder / "data"
        self.data.mkdir()
        mounting = 'mount -t tmpfs -o size=24m,mode=700 lachesis "$0" && exec "$@"'
        # None of these forks: the process is the server's in the end.
        self.prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounting, str(self.data)]
        super().start()
        # What is seen from outside of the namespace.
        self.disk = Path(f"/proc/{self.pid}/root{self.data}")
        return self

    def fill(self, left: int = 0) -> None:
        """Leave so many bytes of the disk free."""
        disk = os.statvfs(self.disk)
        size = max(0, disk.f_bavail * disk.f_frsize - left)
        with (self.disk / "ballast").open("ab", buffering=0) as ballast:
            # What the server writes meanwhile leaves less room; the ballast then takes all that there is.
            while size > 0:
                try:
                    size -= ballast.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    return

    def empty(self) -> None:
        """Make room again."""
        (self.disk / "ballast").unlink()


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    server = SmallDisk(tmp_path_factory.mktemp("small"))
    try:
        yield server.start()
    finally:
        server.dispose()


def bulky(count: int) -> list[Record]:
    """Return records of more than 1 kB each."""
    return [record | {"note": f"{number:_>1000}"} for number, record in enumerate(drive(count))]


async def stream_until_closed(server: Server, name: str, records: list[Record]) -> tuple[int, int, str]:
    """Stream what is not stored of these records; return how many are acknowledged, and how the server closes."""
    async with connect(server, name, "?stream=device", acknowledging=True) as socket:
        stored = await acknowledged(socket)

        async def send(start: int) -> None:
            for record in records[start:]:
                await socket.send(packed(record))

        sending = asyncio.create_task(send(stored))
        try:
            while True:
                stored = await acknowledged(socket)
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd is not None, "the connection was cut without a close frame"
            return stored, closed.rcvd.code, closed.rcvd.reason
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def close_code(server: Server, name: str, records: list[Record]) -> int | None:
    """Send records and close, as a client does that knows nothing of acknowledgements; return the answer to that."""
    async with connect(server, name) as socket:
        try:
            for record in records:
                await socket.send(packed(record))
        except websockets.ConnectionClosed:
            pass
    return socket.close_code


def until_refused(attempt: Any) -> httpx.Response:
    """Write again and again, as the file may have had a little room left; return the first answer but 200."""
    for _ in range(100):
        reply = attempt()
        if reply.status_code != 200:
            return reply
    raise AssertionError("the disk does not become full")


def test_a_full_disk_refuses_what_it_cannot_keep_and_recovers(small_disk: SmallDisk) -> None:
    server = small_disk
    name, records = fresh("full"), bulky(4_000)
    server.accept(name, KALMAN)
    server.wait_plugins()
    server.fill(left=2_000_000)
    stored, code, reason = asyncio.run(stream_until_closed(server, name, records))
    assert 0 < stored < 4_000 and code in FULL and reason, (stored, code, reason)
    server.fill()

    def describe() -> httpx.Response:
        return server.http.post("/db/register", json={"name": fresh("metadata"), "comments": "x" * 200_000})

    def register() -> httpx.Response:
        return server.register(fresh("estimator"), KALMAN + "\n#" + "x" * 900_000)

    for attempt in (describe, register):
        reply = until_refused(attempt)
        assert reply.status_code == 503 and list(reply.json()) == ["detail"], reply.text
    stored_again, code, reason = asyncio.run(stream_until_closed(server, name, records))
    assert stored <= stored_again < 4_000 and code in FULL and reason, (stored_again, code, reason)
    assert asyncio.run(close_code(server, fresh("plain"), records)) in FULL
    for path in ("/online/status", "/health", "/db/stats", f"/db/data/{name}"):
        assert server.http.get(path).status_code == 200, path
    rows = [row["test_time"] for row in server.rows(name)]
    assert len(rows) >= stored_again
    assert rows == [record["test_time"] for record in records[: len(rows)]]

    server.empty()
    device = Streamer(server, name, records, seconds=0.5)
    device.start()
    device.finish()
    assert [row["test_time"] for row in server.rows(name)] == [record["test_time"] for record in records]
    status = server.wait_status(name, stepped=3_999, failed=0, skipped=0, last_error=None)
    assert_same(status, plain_kalman(records))
    assert describe().status_code == 200 == register().status_code
    assert server.get("/health")["status"] == "ok"


def test_estimates_wait_for_space_and_are_whole_then(small_disk: SmallDisk) -> None:
    server = small_disk
    name, records = fresh("waits"), bulky(600)
    server.accept(name, slow(0.005))
    upload(server, name, records)
    server.fill()
    until_refused(lambda: server.http.post("/db/register", json={"name": fresh("metadata"), "comments": "x" * 9_000}))
    wait(lambda: "full" in (server.status(name)["last_error"] or ""), lambda: f"a full disk: {server.status(name)}")
    server.empty()
    assert_same(server.wait_status(name, stepped=599, failed=0, last_error=None), plain_kalman(records))
    copy = server.folder / "copy"

    def whole() -> bool:
        """Copy database and log, and look whether all estimates are there."""
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(server.disk, copy, ignore=shutil.ignore_patterns("*-shm", "ballast"))
        report = command("check", copy)
        assert report.returncode == 0, report
        return "599 estimates" in report.stdout

    wait(whole, "all estimates")


# Torn files


def copy_torn(server: Server, target: Path, random: Random) -> str:
    """Copy database and log while they are written, the log as a power cut may leave it; tell how that is."""
    database, log = server.data / "lachesis.sqlite", target / "lachesis.sqlite-wal"
    before = database.stat()
    shutil.copyfile(database, target / "lachesis.sqlite")
    shutil.copyfile(server.data / "lachesis.sqlite-wal", log)
    after = database.stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size), "the log was moved meanwhile"
    size = log.stat().st_size
    place = random.randrange(size)
    how = random.choice(["whole", "cut", "cut", "overwritten", "flipped"])
    with log.open("r+b") as file:
        if how == "cut":
            file.truncate(place)
        elif how == "overwritten":
            # The rest of the last block that was written.
            file.seek(place)
            file.write(random.randbytes(size - place))
        elif how == "flipped":
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ 1 << random.randrange(8)]))
    return how if how == "whole" else f"{how} at {place} of {size}"


def test_a_copy_taken_in_the_midst_of_writing_holds_a_prefix(
    make_server: ServerFactory, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    server, other = make_server("--checkpoint-records", "100"), make_server()
    other.stop()
    name, records, random = fresh("torn"), drive(3_000), seeded(pytestconfig)
    server.accept(name, KALMAN)
    device = Streamer(server, name, records, seconds=3)
    device.start()
    copies = []
    for moment in sorted(random.sample(range(100, 2_800), 5)):
        wait(lambda count=moment: device.stored >= count or device.failure, "progress")
        acknowledged_before = device.stored
        folder = tmp_path / str(moment)
        folder.mkdir()
        how = copy_torn(server, folder, random)
        print(f"after {acknowledged_before} records: {how}")
        copies.append((folder, acknowledged_before if how == "whole" else 0))
    device.finish()
    assert_same(server.wait_status(name, stepped=2_999), plain_kalman(records))
    for folder, least in copies:
        shutil.rmtree(other.data)
        folder.rename(other.data)
        other.start()
        stats = other.stats(name)
        stored = stats["data_stats"]["rows"] if stats and stats["data_stats"] else 0
        assert stored >= least, f"{least} records were acknowledged, {stored} are there"
        if stored:
            times = [row["test_time"] for row in other.rows(name)]
            assert times == [record["test_time"] for record in records[:stored]]
        if not (stats and stats["has_estimator"]):
            assert other.status(name) is None
            other.accept(name, KALMAN)
        if stored > 1:
            assert_same(other.wait_status(name, stepped=stored - 1), plain_kalman(records[:stored]))
        upload(other, name, records[stored:])
        assert_same(other.wait_status(name, stepped=2_999, failed=0, skipped=0), plain_kalman(records))
        other.stop()
        report = command("check", other.data)
        assert report.returncode == 0 and "3000 records, 2999 estimates" in report.stdout, report


# Stopped processes


@pytest.fixture
def frozen() -> Iterator[list[Process]]:
    """Processes that a test stops; they go on at its end if they are still there."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        if process.is_alive:
            os.kill(process.pid, signal.SIGCONT)


def freeze(process: Process, frozen: list[Process]) -> None:
    frozen.append(process)
    os.kill(process.pid, signal.SIGSTOP)
    wait(lambda: (now := look_up(process.pid)) is None or now.state == "T", "a stopped process")


def test_a_worker_that_stops_is_replaced(make_server: ServerFactory, frozen: list[Process]) -> None:
    server = make_server("--step-timeout", "1")
    name, records = fresh("stopped"), drive(1_500)
    server.accept(name, KALMAN)
    (worker,) = server.tree("worker")
    device = Streamer(server, name, records, seconds=1.5)
    device.start()
    wait(lambda: device.stored >= 300 or device.failure, "progress")
    freeze(worker, frozen)
    device.finish()
    assert device.cuts == 0, "ingest does not depend on workers"
    assert_same(server.wait_status(name, stepped=1_499, restarts=1, failed=0), plain_kalman(records))
    assert not worker.is_alive
    table = f'SELECT test_time FROM "{name}_estimates" ORDER BY lachesis_sequence'
    wait(lambda: len(query(server, table)) == 1_499, "all estimates")
    assert [time for (time,) in query(server, table)] == [record["test_time"] for record in records[1:]]


def test_a_worker_that_stops_for_a_moment_goes_on(make_server: ServerFactory, frozen: list[Process]) -> None:
    server = make_server()
    name, records = fresh("moment"), drive(800)
    server.accept(name, KALMAN)
    (worker,) = server.tree("worker")
    device = Streamer(server, name, records, seconds=1.5)
    device.start()
    for stored in (100, 300, 500):
        wait(lambda count=stored: device.stored >= count or device.failure, "progress")
        freeze(worker, frozen)
        time.sleep(0.2)
        os.kill(worker.pid, signal.SIGCONT)
    device.finish()
    assert_same(server.wait_status(name, stepped=799, restarts=0), plain_kalman(records))
    assert worker.is_alive


def test_a_worker_that_comes_back_when_another_has_its_place_changes_nothing(
    make_server: ServerFactory, frozen: list[Process]
) -> None:
    server = make_server("--checkpoint-records", "50")
    name, records = fresh("revived"), drive(400)
    changed = KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.5, 1.0]")
    server.accept(name, changed)
    (worker,) = server.tree("worker")
    upload(server, name, records[:200])
    server.wait_status(name, stepped=199)
    freeze(worker, frozen)
    upload(server, name, records[200:])
    server.accept(name, KALMAN)
    if worker.is_alive:
        os.kill(worker.pid, signal.SIGCONT)
    expected = plain_kalman(records)
    assert_same(server.wait_status(name, stepped=399, version=2), expected)
    wait(lambda: not worker.is_alive, "an end of the former worker")
    assert_same(server.wait_status(name, stepped=399, version=2, restarts=0), expected)
    server.stop()
    server.start()
    assert_same(server.wait_status(name, stepped=399, version=2), expected)


def test_a_host_that_stops_is_replaced(make_server: ServerFactory, frozen: list[Process]) -> None:
    server = make_server()
    names, records = [fresh("host") for _ in range(2)], drive(1_200)
    for name in names:
        server.accept(name, KALMAN)
    devices = [Streamer(server, name, records, seconds=2) for name in names]
    for device in devices:
        device.start()
    wait(lambda: all(device.stored >= 200 or device.failure for device in devices), "progress")
    host = server.host()
    freeze(host, frozen)
    for device in devices:
        device.finish()
        assert device.cuts == 0, "ingest does not depend on the host"
    assert set(server.get("/online/status")) == set(names)
    assert len(server.rows(names[0])) == 1_200
    for name in names:
        assert_same(server.wait_status(name, stepped=1_199, failed=0), plain_kalman(records))
    assert not host.is_alive and server.host().pid != host.pid
    late = fresh("late")
    server.accept(late, KALMAN)
    upload(server, late, records)
    assert_same(server.wait_status(late, stepped=1_199), plain_kalman(records))


# Floods


def test_a_million_records_wait_in_little_memory(make_server: ServerFactory) -> None:
    server = make_server()
    name, count, senders = fresh("million"), 1_000_000, 4
    server.accept(name, slow(0.05))
    # Always the same one: records of equal times are stepped, and take as long to step as any.
    wire = frames(drive(1)) * (count // senders)
    with ThreadPoolExecutor(senders) as pool:
        for sending in [pool.submit(pour, server, name, wire) for _ in range(senders)]:
            sending.result()
    status = server.status(name)
    assert server.stats(name)["data_stats"]["rows"] == count and status["waiting"] > 0.99 * count
    wait(lambda: server.status(name)["stepped"] > status["stepped"], "further steps")
    assert (used := peak_memory(server.pid)) < 200, f"{used} MB"
    # The queue outlives the server: as much is to be done after a restart, in as little memory.
    server.stop()
    server.start()
    status = wait(
        lambda: (now := server.status(name))["is_ready"] and now["stepped"] > status["stepped"] and now,
        lambda: f"steps after a restart: {server.status(name)}",
    )
    assert status["failed"] == 0 and status["waiting"] > 0.99 * count
    assert (used := peak_memory(server.pid)) < 200, f"{used} MB"


def test_a_hundred_uploads_at_once_are_stored_in_bounded_memory(make_server: ServerFactory) -> None:
    server = make_server()
    names, senders, count = [fresh("flood") for _ in range(20)], 5, 3_000
    for name in names:
        server.accept(name, slow(0.05))
    record = drive(1)[0]
    wires = [
        frames(record | {"sender": sender, "number": number} for number in range(count)) for sender in range(senders)
    ]
    with ThreadPoolExecutor(len(names) * senders) as pool:
        for sending in [pool.submit(pour, server, name, wire) for name in names for wire in wires]:
            sending.result()
    assert (used := peak_memory(server.pid)) < 300, f"{used} MB"
    for name in names:
        rows = query(server, f'SELECT sender, number FROM "{name}" ORDER BY lachesis_sequence')
        for sender in range(senders):
            assert [number for by, number in rows if by == sender] == list(range(count))
        status = server.status(name)
        assert len(rows) == senders * count and status["waiting"] > 0 == status["failed"]
        assert status["phase"] == "running" and status["restarts"] == 0
