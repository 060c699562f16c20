"""The command line on records and estimates: shown, written to files, and back from them."""

import csv
import io
import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cells import KALMAN, drive
from commands import PROGRAM, environment, refused, said, told
from database import columns, query
from server import Server, fresh
from streaming import upload

from lachesis import Client

RECORDS = [{**record, "note": None if k % 3 else f'day {k}, "x" é'} for k, record in enumerate(drive(300))]


@pytest.fixture(scope="module")
def battery(server: Server) -> str:
    """A battery with metadata, 300 records and an estimator."""
    name = fresh("Bench é")
    reply = server.http.post(
        "/db/register", json={"name": name, "battery": {"nominal_capacity": 1.2}, "mine": [1, "a"]}
    )
    assert reply.status_code == 200, reply.text
    server.accept(name, KALMAN)
    upload(server, name, RECORDS)
    server.wait_status(name, stepped=299)
    return name


def test_records_are_a_table_for_people(server: Server, battery: str) -> None:
    head, *lines = said(server, "data", battery).splitlines()
    assert len(lines) == 20 and head.split()[:2] == ["test_time", "(s)"]
    assert f"{RECORDS[-1]['test_time']:.6g}" in lines[-1]
    chosen = said(server, "data", battery, "--columns", "voltage,state", "--after", 2, "--limit", 3, "--sequence")
    assert [line.split()[0] for line in chosen.splitlines()] == ["sequence", "3", "4", "5"]


def test_records_are_csv_and_json_for_programs(server: Server, battery: str, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(said(server, "data", battery, "--format", "csv"))))
    assert [float(row["voltage"]) for row in rows] == [record["voltage"] for record in RECORDS]
    assert [row["note"] for row in rows] == [record["note"] or "" for record in RECORDS]
    found = told(server, "data", battery, "--start", RECORDS[10]["test_time"], "--end", RECORDS[12]["test_time"])
    assert [row["test_time"] for row in found] == [record["test_time"] for record in RECORDS[10:13]]
    said(server, "data", battery, "-o", tmp_path / "out.csv", "--points", 50)
    assert 2 <= len(pd.read_csv(tmp_path / "out.csv")) <= 50


def test_estimates_are_those_of_the_database(server: Server, battery: str) -> None:
    table = f"{battery}_estimates"
    names = [name for name in columns(server, table) if not name.startswith("lachesis_")]
    listed = ", ".join(f'"{name}"' for name in names)
    expected = query(server, f'SELECT lachesis_sequence, {listed} FROM "{table}" ORDER BY lachesis_sequence')
    rows = list(csv.reader(io.StringIO(said(server, "history", battery, "--format", "csv"))))
    assert rows[0] == ["sequence", *names]
    assert [[float(value) if value else None for value in row] for row in rows[1:]] == [
        [None if value is None else float(value) for value in row] for row in expected
    ]
    assert len(said(server, "history", battery).splitlines()) == 21


@pytest.mark.parametrize("target", ["cell.h5", "cell.parquet", "cell.csv"])
def test_a_battery_goes_through_a_file(server: Server, battery: str, tmp_path: Path, target: str) -> None:
    path, copy = tmp_path / target, fresh("copy")
    assert told(server, "export", battery, path) == {"name": battery, "path": str(path), "records": 300}
    assert "--overwrite" in refused(server, 2, "export", battery, path)
    said(server, "export", battery, path, "--overwrite")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [target]
    assert said(server, "import", path, copy) == f"{copy}\n"
    before, after = server.rows(battery), server.rows(copy)
    for row in before + after:
        del row["received"]
    assert after == before
    # A second time would double them.
    assert "--append" in refused(server, 2, "import", path, copy)
    assert len(server.rows(copy)) == 300
    types = [server.stats(name)["data_stats"]["columns"] for name in (battery, copy)]
    assert types[0] == types[1]
    if target != "cell.csv":
        documents = [server.get(f"/db/metadata/{name}") for name in (battery, copy)]
        assert documents[1] == {**documents[1], **documents[0], "name": copy}


def test_words_and_numbers_go_through_csv_unchanged(server: Server, tmp_path: Path) -> None:
    name, copy, path = fresh("words"), fresh("copy"), tmp_path / "words.csv"
    notes = ["NA", "null", None, "None", "nan", "N/A", 'a "b", c', "two\r\nlines", "ä漢🔋"]
    records = [
        {"test_time": 0.1 * k, "note": note, "count": None if k == 3 else 2**62 + k, "gain": 1 / 3 if k else None}
        for k, note in enumerate(notes)
    ]
    upload(server, name, records)
    said(server, "export", name, path)
    said(server, "import", path, copy)
    before, after = server.rows(name), server.rows(copy)
    for row in before + after:
        del row["received"]
    assert after == before == [{key: record[key] for key in before[0]} for record in records]


def test_columns_whose_names_hold_commas_are_shown(server: Server) -> None:
    name = fresh("comma")
    upload(server, name, [{"a,b": 1, "a": 2, "c": 3}])
    line = ("data", name, "--format", "csv")
    assert said(server, *line, "--columns", "a,c").split() == ["a,c", "2,3"]
    assert said(server, *line, "--columns", "c", "--columns", "a,b").split() == ['c,"a,b"', "3,1"]
    assert said(server, "data", name, "--columns", "a,b").split() == ["a,b", "1"]
    with Client(server.url) as client:
        assert client.data(name, ["a,b", "c"]).to_dict("records") == [{"a,b": 1, "c": 3}]


def test_records_are_appended_if_that_is_asked_for(server: Server, tmp_path: Path) -> None:
    name, path = fresh("appended"), tmp_path / "a.csv"
    path.write_text("test_time,current,voltage\n0,0,3.7\n")
    for more in ((), ("--append",)):
        said(server, "import", path, name, *more)
    assert len(server.rows(name)) == 2


def test_battery_data_toolkit_reads_what_was_exported(server: Server, battery: str, tmp_path: Path) -> None:
    from battdat.data import BatteryDataset

    said(server, "export", battery, tmp_path / "cell.h5")
    said(server, "export", battery, tmp_path / "cell")
    for dataset in (BatteryDataset.from_hdf(tmp_path / "cell.h5"), BatteryDataset.from_parquet(tmp_path / "cell")):
        assert dataset.metadata.name == battery and dataset.metadata.battery.nominal_capacity == 1.2
        voltages = [record["voltage"] for record in RECORDS]
        np.testing.assert_array_equal(dataset.tables["raw_data"]["voltage"], voltages)


def test_folders_of_other_things_are_not_replaced(server: Server, battery: str, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("five years")
    assert "left alone" in refused(server, 2, "export", battery, tmp_path, "--overwrite")
    assert (tmp_path / "thesis.tex").read_text() == "five years"


def test_what_is_not_there(server: Server, battery: str, tmp_path: Path) -> None:
    nobody = fresh("nobody")
    for line in (("data", nobody), ("history", nobody), ("export", nobody, tmp_path / "x.h5"), ("status", nobody)):
        assert nobody in refused(server, 1, *line)
    assert not list(tmp_path.iterdir())
    assert "no_such" in refused(server, 1, "data", battery, "--columns", "no_such")
    assert "no_such" in refused(server, 1, "data", battery, "--columns", "no_such", "-o", tmp_path / "x.csv")
    assert not list(tmp_path.iterdir())


def test_json_may_be_asked_for_before_the_command(server: Server, battery: str) -> None:
    assert json.loads(said(server, "--json", "data", battery)) == server.rows(battery)


def test_a_reader_that_has_enough_is_no_error(server: Server, battery: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        command = [str(PROGRAM), "data", battery, "--format", "csv"]
        surroundings = environment(server, server.folder)
        ended = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, timeout=300, env=surroundings)
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, b"")


def test_deletion_is_confirmed(server: Server) -> None:
    name = fresh("gone")
    upload(server, name, RECORDS[:10])
    assert "--yes" in refused(server, 2, "delete", name)
    assert server.stats(name) is not None
    assert told(server, "delete", name, "--yes") == {"name": name, "rows": 10}
    assert server.stats(name) is None
