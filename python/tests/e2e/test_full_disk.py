"""A full disk: nothing acknowledged is lost, and the numbers stay the same."""

import asyncio
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from cells import KALMAN, Record, assert_same, drive, plain_kalman, slow
from processes import wait
from server import Server, command, fresh
from streaming import Streamer, acknowledged, connect, packed, upload

FULL = (1011, 1013)
"""Codes with which an upload is closed when the disk is full."""


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
