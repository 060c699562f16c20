"""Backup and check, beside a running server and without one."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from processes import wait
from server import Server, ServerFactory, command, fresh
from streaming import Streamer, upload


def test_a_backup_of_a_live_server_is_a_whole_database(make_server: ServerFactory, tmp_path: Path) -> None:
    server, other = make_server(), make_server()
    name, records = fresh("backup"), drive(3_000)
    server.accept(name, KALMAN)
    device = Streamer(server, name, records, seconds=2)
    device.start()
    wait(lambda: device.stored >= 500 or device.failure, "progress")
    before = device.stored
    copy = tmp_path / "copy.sqlite"
    done = command("backup", server.data, str(copy))
    assert done.returncode == 0 and "records" in done.stdout, done
    again = command("backup", server.data, str(copy))
    assert again.returncode != 0 and str(copy) in again.stderr, again
    other.stop()
    shutil.rmtree(other.data)
    other.data.mkdir()
    shutil.copy(copy, other.data / "lachesis.sqlite")
    report = command("check", other.data)
    assert report.returncode == 0, report
    other.start()
    stored = len(other.rows(name))
    assert before <= stored <= 3_000
    assert [row["test_time"] for row in other.rows(name)] == [record["test_time"] for record in records[:stored]]
    assert_same(other.wait_status(name, stepped=stored - 1), plain_kalman(records[:stored]))
    upload(other, name, records[stored:])
    device.finish()
    for each in (server, other):
        assert_same(each.wait_status(name, stepped=2_999), plain_kalman(records))


def test_a_check_beside_a_live_server_is_content(make_server: ServerFactory) -> None:
    server = make_server("--checkpoint-records", "20")
    names, records = [fresh("check") for _ in range(3)], drive(1_000)
    for name in names:
        server.accept(name, KALMAN)
    devices = [Streamer(server, name, records, seconds=2) for name in names]
    for device in devices:
        device.start()
    while any(device.is_alive() for device in devices):
        report = command("check", server.data)
        assert (report.returncode, report.stdout.splitlines()[1:]) == (0, []), report
        assert report.stdout.rstrip().endswith("all is well")
    for device in devices:
        device.finish()
    for name in names:
        assert_same(server.wait_status(name, stepped=999), plain_kalman(records))
    server.stop()
    report = command("check", server.data)
    assert report.returncode == 0 and "3 batteries" in report.stdout and "3000 records" in report.stdout, report


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ('DELETE FROM "{name}" WHERE lachesis_sequence = 50', "records"),
        ("UPDATE lachesis_progress SET cursor = cursor + 1", "cursor"),
        ("UPDATE lachesis_checkpoints SET state = zeroblob(10)", "checkpoint"),
        ("UPDATE lachesis_streams SET stored = stored + 1", "stream"),
        ('DROP TABLE "{name}_estimates"', "estimates"),
    ],
)
def test_a_check_finds_what_is_wrong(checked: tuple[Server, str], tmp_path: Path, statement: str, words: str) -> None:
    server, name = checked
    shutil.copytree(server.data, tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "lachesis.sqlite")) as database, database:
        database.execute(statement.format(name=name))
    report = command("check", tmp_path / "data")
    assert report.returncode == 1, report
    wrong = [line for line in report.stdout.splitlines() if line.startswith("wrong: ")]
    assert wrong and all(name in line for line in wrong), report.stdout
    assert "all is well" not in report.stdout


def test_a_check_finds_a_damaged_page(checked: tuple[Server, str], tmp_path: Path) -> None:
    server, name = checked
    shutil.copytree(server.data, tmp_path / "data")
    path = tmp_path / "data" / "lachesis.sqlite"
    with closing(sqlite3.connect(path)) as database:
        ((root,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,))
        ((size,),) = database.execute("PRAGMA page_size")
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(bytes(size))
    report = command("check", tmp_path / "data")
    assert report.returncode == 1 and "wrong: " in report.stdout, report


def test_a_folder_without_a_database_is_no_content_of_a_check_or_backup(tmp_path: Path) -> None:
    assert command("check", tmp_path).returncode != 0
    done = command("backup", tmp_path, str(tmp_path / "copy"))
    assert done.returncode != 0 and str(tmp_path) in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, str]:
    """A server that was stopped, and its battery; with records, a stream, an estimator and a checkpoint."""
    server, name = Server(tmp_path_factory.mktemp("checked")), fresh("checked")
    try:
        server.start()
        server.accept(name, KALMAN)
        device = Streamer(server, name, drive(100), seconds=0.1)
        device.start()
        device.finish()
        server.wait_status(name, stepped=99)
    finally:
        server.dispose()
    assert command("check", server.data).returncode == 0
    return server, name
