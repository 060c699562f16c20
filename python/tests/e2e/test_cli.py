"""The upstream client's command lines: their names, options, and the outputs that people's scripts read."""

import re
import time
from pathlib import Path

import pandas as pd
import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from commands import on_a_terminal, refused, run, said, told
from processes import wait
from server import ROOT, Server, ServerFactory, fresh
from streaming import upload

EXAMPLES = ROOT / "plugins" / "moirae" / "examples"


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of battery-data-toolkit's with 300 records of a cell that has a name."""
    from battdat.data import BatteryDataset

    path = tmp_path_factory.mktemp("cell") / "cell.h5"
    table = pd.DataFrame(drive(300))
    BatteryDataset.make_cell_dataset(metadata={"name": fresh("Cell no")}, raw_data=table).to_hdf(path)
    return path


def kalman(folder: Path, text: str = KALMAN) -> Path:
    path = folder / "script.py"
    path.write_text(text)
    return path


@pytest.mark.moirae
@pytest.mark.parametrize("clock_factor", [(), ("--clock-factor", "1e6")])
def test_the_demos_sequence(make_server: ServerFactory, clock_factor: tuple[str, ...]) -> None:
    server = make_server()
    assert said(server, "status") == "No batteries available\n"
    name = said(server, "register", EXAMPLES / "demo-cell.h5").strip()
    assert name == "Demo cell"
    assert said(server, "status") == f"Database sizes:\n  {name}: No data\n"
    uploaded = said(server, "diagnosis", "register", name, EXAMPLES / "estimator.py", EXAMPLES / "initial-asoh.json")
    assert uploaded.startswith(f"Uploaded a online tool for data_source={name}. Response=")
    assert f"Estimator for {name}:\n" in said(server, "status")
    line = ("upload", name, "--max-to-upload", "4", *clock_factor, "--report-freq", "2", EXAMPLES / "demo-cell.h5")
    output = said(server, *line)
    assert output.startswith(f"Beginning to stream data for {name}\n") == bool(clock_factor)
    # After the second record and the fourth.
    assert len(re.findall(r"^Estimator status at test_time: \S+ s:$", output, re.MULTILINE)) == 2
    server.wait_rows(name, 4)
    server.wait_status(name, stepped=3)
    assert said(server, "status") == f"Database sizes:\n  {name}: 4\nEstimator for {name}:\n  Latest time: 30.00 s\n"


def test_the_url_may_be_told_before_the_command_and_after_it(server: Server) -> None:
    for line in (("--url", server.url, "status"), ("status", "--url", server.url + "/")):
        assert run(server, *line).returncode == 0


def test_a_server_that_is_not_there_is_said_at_once(server: Server, cell: Path) -> None:
    for line in (("status",), ("upload", "A", cell), ("logs", "A")):
        assert "does not answer" in refused(server, 3, "--url", "http://127.0.0.1:1", *line)


def test_reports_tell_the_estimate_after_so_many_records(server: Server, cell: Path, tmp_path: Path) -> None:
    name, records = fresh("report"), drive(300)
    said(server, "diagnosis", "register", name, kalman(tmp_path), "--plugin", "kalman")
    output = said(server, "upload", "--report-freq", "100", "--max-to-upload", "250", name, cell)
    times = re.findall(r"^Estimator status at test_time: (\S+) s:$", output, re.MULTILINE)
    assert times == [f"{records[k]['test_time']:.1f}" for k in (99, 199, 249)]
    *_, head, soc, capacity = output.splitlines()
    assert head.split() == ["name", "mean", "std."] and soc.split()[0] == "soc"
    _, mean, _ = plain_kalman(records[:250])
    assert float(capacity.split()[1]) == pytest.approx(mean[1], rel=1e-5)


def test_an_upload_without_an_estimator_reports_nothing(server: Server, cell: Path) -> None:
    name = fresh("bare")
    assert said(server, "upload", name, cell, "--report-freq", "100") == ""
    assert server.wait_rows(name, 300)
    assert told(server, "upload", name, cell, "--max-to-upload", 5) == {"name": name, "stored": 5}


def test_a_clock_factor_spreads_the_records_over_time(server: Server, cell: Path) -> None:
    name, records = fresh("paced"), drive(60)
    seconds = records[-1]["test_time"] - records[0]["test_time"]
    begun = time.monotonic()
    said(server, "upload", "--clock-factor", seconds / 2, "--max-to-upload", 60, name, cell)
    # A busy machine makes it longer, nothing makes it shorter.
    assert time.monotonic() - begun > 2
    rows = server.rows(name)
    assert [row["test_time"] for row in rows] == [record["test_time"] for record in records]
    assert rows[-1]["received"] > rows[0]["received"], "they came in one piece at the end"


def test_what_was_measured_before_the_start_time_is_not_stepped(server: Server, cell: Path, tmp_path: Path) -> None:
    name, records = fresh("late"), drive(300)
    start = records[100]["test_time"]
    said(server, "diagnosis", "register", "--plugin", "kalman", "--start-time", start, name, kalman(tmp_path))
    said(server, "upload", name, cell)
    assert_same(server.wait_status(name, stepped=199), plain_kalman(records[100:]))


def test_a_script_that_fails_is_explained(server: Server, tmp_path: Path) -> None:
    bad = kalman(tmp_path, "x = 1\nraise RuntimeError('no such cell')\n")
    ended = run(server, "diagnosis", "register", fresh("bad"), bad, "--plugin", "kalman")
    assert ended.returncode == 1 and ended.stdout == ""
    first, *others = ended.stderr.splitlines()
    assert first == "lachesis: RuntimeError: no such cell" and any("line 2" in line for line in others)


def test_records_that_cannot_be_stored_are_refused_in_one_line(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("test_time,current,voltage\n0,0,3.7\n1,0,high\n")
    assert f"{path}, line 3: 'high' in the column voltage" in refused(server, 2, "upload", fresh("odd"), path)
    name = fresh("odd")
    upload(server, name, [{"gain": 1.5}])
    path.write_text("test_time,gain\n" + "0,1\n" * 120 + "1,x\n")
    told = f"{path}, line 122 was refused: key 'gain': is text, but the column is FLOAT ('x')"
    for more in ((), ("--report-freq", "50")):
        assert told in run(server, "upload", name, path, *more).stderr
    assert "contains '/'" in refused(server, 1, "upload", "a/b", EXAMPLES.parents[1] / "kalman/examples/demo-cell.csv")


def test_metadata_come_from_json_too(server: Server, tmp_path: Path) -> None:
    name = fresh("json")
    (tmp_path / "cell.json").write_text(f'{{"name": "{name}", "battery": {{"nominal_capacity": 1.2}}}}')
    assert said(server, "register", tmp_path / "cell.json") == f"{name}\n"
    (tmp_path / "cell.json").write_text('{"battery": {"nominal_capacity": "much"}}')
    assert "nominal_capacity" in refused(server, 1, "register", tmp_path / "cell.json")


def test_watching_shows_each_change(server: Server, cell: Path, tmp_path: Path) -> None:
    name = fresh("watched")
    said(server, "diagnosis", "register", name, kalman(tmp_path), "--plugin", "kalman")
    said(server, "upload", name, cell)
    wait(lambda: (server.status(name) or {}).get("stepped") == 299, "all steps")
    event = told(server, "watch", name, "--count", 1, "--interval", 0.1)
    assert event["name"] == name and event["status"]["stepped"] == 299
    line = said(server, "watch", name, "--count", 1)
    assert line.startswith(f"{name}: running, ") and "capacity 1." in line
    assert name in (screen := on_a_terminal(server, "watch", name, "--count", 1)) and "latest states" in screen


def test_bars_are_for_terminals(server: Server, cell: Path) -> None:
    assert "300/300" in on_a_terminal(server, "upload", fresh("bar"), cell)
    assert "/300" not in run(server, "upload", fresh("bar"), cell).stderr
