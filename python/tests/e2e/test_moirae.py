"""Genuine Moirae: the estimates are its own, bit for bit."""

from pathlib import Path

import pytest
from cells import DUAL, HEALTH, JOINT, MOIRAE_FILES, assert_same, drive, plain_moirae
from database import columns
from server import ROOT, Server, fresh
from streaming import upload

pytestmark = pytest.mark.moirae


@pytest.mark.parametrize(("definition", "kind"), [(JOINT, "JointEstimator"), (DUAL, "DualEstimator")])
def test_estimates_equal_genuine_moirae(server: Server, tmp_path: Path, definition: str, kind: str) -> None:
    name, records = fresh(kind), drive(800)
    told = server.accept(name, definition, plugin="moirae", files=MOIRAE_FILES)
    expected = plain_moirae(records, definition, tmp_path)
    assert told == {"name": name, "estimator": kind, "version": 1, "state_names": expected[0]}
    upload(server, name, records)
    status = server.wait_status(name, stepped=799, latest_time=records[-1]["test_time"])
    assert_same(status, expected)
    assert status["plugin"] == "moirae" and status["failed"] == 0


def test_moirae_is_the_plugin_where_none_is_named(server: Server) -> None:
    name = fresh("default")
    form = {"name": name, "definition": JOINT}
    reply = server.http.post("/online/register", data=form, files={"files": ("health.json", HEALTH)})
    assert reply.status_code == 200, reply.text
    assert server.status(name)["plugin"] == "moirae"


def test_a_late_registration_catches_up(server: Server, tmp_path: Path) -> None:
    name, records = fresh("late"), drive(400)
    upload(server, name, records[:300])
    server.accept(name, JOINT, plugin="moirae", files=MOIRAE_FILES)
    server.wait_status(name, stepped=299)
    upload(server, name, records[300:])
    assert_same(server.wait_status(name, stepped=399), plain_moirae(records, JOINT, tmp_path))


@pytest.mark.parametrize("definition", [JOINT, DUAL])
def test_values_that_would_poison_the_state_are_kept_away(server: Server, tmp_path: Path, definition: str) -> None:
    name, records = fresh("poison"), drive(200)
    clean = [record for k, record in enumerate(records) if k not in (50, 60, 70, 80)]
    records[50]["voltage"] = float("nan")
    records[60]["current"] = None
    del records[70]["voltage"]
    records[80]["current"] = float("inf")
    server.accept(name, definition, plugin="moirae", files=MOIRAE_FILES)
    upload(server, name, records)
    status = server.wait_status(name, stepped=195)
    assert status["skipped_because"]["missing_value"] == 4 and status["failed"] == 0
    assert_same(status, plain_moirae(clean, definition, tmp_path))


@pytest.mark.parametrize("definition", [JOINT, DUAL])
def test_a_step_that_raises_within_is_undone(server: Server, tmp_path: Path, definition: str) -> None:
    name, records = fresh("undone"), drive(150)
    raising = definition + (
        "\ninner = estimator.step\n"
        "def step(u, y):\n"
        "    result = inner(u, y)\n"
        "    if abs(u.current.item()) > 100:\n"
        "        raise RuntimeError('after the step')\n"
        "    return result\n"
        "estimator.step = step\n"
    )
    clean = [record for k, record in enumerate(records) if k != 75]
    records[75]["current"] = 500.0
    server.accept(name, raising, plugin="moirae", files=MOIRAE_FILES)
    upload(server, name, records)
    status = server.wait_status(name, stepped=148)
    assert status["failed"] == 1 and "after the step" in status["last_error"]
    assert_same(status, plain_moirae(clean, definition, tmp_path))


def test_data_that_begin_late_are_no_gap_to_step_over(server: Server, tmp_path: Path) -> None:
    name, records = fresh("begin"), drive(150)
    expected = plain_moirae(records, JOINT, tmp_path)
    shifted = [record | {"test_time": record["test_time"] + 2.0**20} for record in records]
    server.accept(name, JOINT, plugin="moirae", files=MOIRAE_FILES)
    upload(server, name, shifted)
    mean = server.wait_status(name, stepped=149)["mean"]
    # Not the same bits: the times themselves are rounded differently.
    assert mean == pytest.approx(expected[1], rel=1e-6)


def test_brackets_and_points_leave_the_columns_of_estimates(server: Server) -> None:
    name = fresh("columns")
    server.accept(name, JOINT, plugin="moirae", files=MOIRAE_FILES)
    names = columns(server, f"{name}_estimates")
    assert "q_t__base_values" in names and "q_t__base_values_std" in names and "r0__base_values" in names
    assert not any(character in each for each in names for character in ".[]")


def test_a_traceback_shows_the_script_and_moirae(server: Server) -> None:
    name = fresh("wrong")
    wrong = JOINT.replace("covariance_sensor_noise=np.array([[0.002**2]])", "covariance_sensor_noise=5")
    reply = server.register(name, wrong, plugin="moirae", files=MOIRAE_FILES)
    assert reply.status_code == 422
    assert f'File "{name}.py", line' in reply.json()["detail"] and "lachesis_worker" not in reply.json()["detail"]
    assert server.stats(name) is None


@pytest.mark.parametrize("wrong", ["", "estimator = JointEstimator", "estimator = health"])
def test_a_script_without_an_estimator_of_moirae_is_told_so(server: Server, wrong: str) -> None:
    name = fresh("without")
    script = JOINT.replace("estimator = JointEstimator", "other = JointEstimator") + wrong
    reply = server.register(name, script, plugin="moirae", files=MOIRAE_FILES)
    assert reply.status_code == 422 and "`estimator`" in reply.json()["detail"]
    assert server.stats(name) is None


def test_the_example_finds_the_demo_cells_capacity(server: Server) -> None:
    from battdat.data import BatteryDataset

    folder, name = ROOT / "plugins" / "moirae" / "examples", fresh("demo cell")
    files = [("files", ("initial-asoh.json", (folder / "initial-asoh.json").read_bytes()))]
    server.accept(name, (folder / "estimator.py").read_text("utf-8"), plugin="moirae", files=files)
    records = BatteryDataset.from_hdf(folder / "demo-cell.h5").tables["raw_data"].to_dict("records")
    upload(server, name, records)
    status = server.wait_status(name)
    estimate = dict(zip(status["state_names"], status["mean"], strict=True))
    assert estimate["q_t.base_values"] == pytest.approx(1.2, rel=0.02) and status["failed"] == 0
