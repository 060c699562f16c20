"""The plugins' examples, registered and streamed as they are, converge to the truth."""

import csv
import filecmp
import importlib.util
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from worker_client import PLUGINS, Result, Zygote

MOIRAE, KALMAN = PLUGINS / "moirae" / "examples", PLUGINS / "kalman" / "examples"


def assert_converges(result: Result, names: list[str], truth: dict[str, float], settled: int) -> None:
    """Within 2 % of the truth from record `settled` on, and at last within three of its own standard deviations."""
    for name, value in truth.items():
        course = result.mean[:, names.index(name)]
        assert abs(course[0] / value - 1) > 0.02, "the guess is no guess"
        assert (abs(course[settled:] / value - 1) < 0.02).all(), name
        deviation = np.sqrt(result.variance[-1, names.index(name)])
        assert abs(course[-1] - value) < 3 * deviation, name
        assert deviation < 0.01 * value


def test_the_kalman_example(kalman_zygote: Zygote) -> None:
    with open(KALMAN / "demo-cell.csv", newline="") as file:
        records = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    worker = kalman_zygote.worker()
    ready = worker.build((KALMAN / "estimator.py").read_text())
    result = worker.step(records)
    assert result.outcomes == [1] + [0] * (len(records) - 1), result.errors
    assert_converges(result, ready.state_names, {"capacity": 1.8, "resistance": 0.055}, settled=300)


def test_the_kalman_examples_data_are_what_its_generator_makes(tmp_path: Path) -> None:
    runpy.run_path(str(KALMAN / "make_data.py"))["main"](tmp_path / "made.csv")
    assert filecmp.cmp(tmp_path / "made.csv", KALMAN / "demo-cell.csv", shallow=False)


@pytest.mark.usefixtures("moirae")
def test_the_moirae_example(moirae_zygote: Zygote) -> None:
    from battdat.data import BatteryDataset

    data = BatteryDataset.from_hdf(MOIRAE / "demo-cell.h5")
    assert data.metadata.name == "Demo cell" and "1.2 Ah" in data.metadata.comments
    records = data.tables["raw_data"].to_dict("records")
    worker = moirae_zygote.worker()
    worker.add_file("initial-asoh.json", (MOIRAE / "initial-asoh.json").read_bytes())
    ready = worker.build((MOIRAE / "estimator.py").read_text())
    result = worker.step(records)
    assert result.outcomes == [1] + [0] * (len(records) - 1), result.errors
    truth = {"q_t.base_values": 1.2, "r0.base_values": 0.075}
    assert_converges(result, ready.state_names, truth, settled=300)


@pytest.mark.usefixtures("moirae")
def test_the_moirae_examples_data_are_what_its_generator_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    from battdat.data import BatteryDataset

    specification = importlib.util.spec_from_file_location("make_data", MOIRAE / "make_data.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "make_data", module)
    specification.loader.exec_module(module)
    # The whole simulation takes many seconds; one cycle tells.
    monkeypatch.setattr(module, "CYCLES", 1)
    made, kept = module.simulate(), BatteryDataset.from_hdf(MOIRAE / "demo-cell.h5").tables["raw_data"]
    kept = kept[kept["cycle_number"] == 0]
    assert len(made) == len(kept)
    assert (made["test_time"].to_numpy() == kept["test_time"].to_numpy()).all()
    assert abs(made["voltage"].to_numpy() - kept["voltage"].to_numpy()).max() < 0.01
    assert abs(made["current"].to_numpy() - kept["current"].to_numpy()).max() < 0.01
