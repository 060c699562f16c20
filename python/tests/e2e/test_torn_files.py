"""Files as a power cut may leave them: what is in them is a prefix, and the numbers stay the same."""

import shutil
from pathlib import Path
from random import Random

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman, seeded
from processes import wait
from server import Server, ServerFactory, command, fresh
from streaming import Streamer, upload


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
