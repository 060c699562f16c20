"""What the client says of an estimator."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from lachesis import Status

RAW: dict[str, Any] = {
    "is_ready": True, "latest_time": 30.5, "state_names": ["soc", "capacity"], "mean": [0.5, None],
    "covariance": [[0.04, 0.0], [0.0, 0.0001]], "output_names": ["voltage"], "output_mean": [3.7],
    "output_variance": [0.01], "estimator": "Joint", "plugin": "moirae", "version": 2, "phase": "running",
    "stepped": 7, "skipped": 3, "failed": 1, "skipped_because": {"missing_value": 2, "late": 1, "before_valid_time": 0},
    "waiting": 4, "restarts": 1,
    "acceleration": {"asked": "full", "in_use": "off", "reason": "step 9 differed", "disagreements": 1},
    "checkpoint": 200, "checkpoint_problem": "it cannot be pickled",
    "log_problem": "only the latest 4 KiB are kept", "sandbox_without": ["landlock"],
    "control_groups": ["cpu", "memory"], "last_error": "Traceback\n  line\nValueError: no",
}  # fmt: skip


def test_every_member_is_there_and_told() -> None:
    status = Status.from_json("Cell", RAW)
    assert math.isnan(status.mean[1]) and np.allclose(status.std, [0.2, 0.01])
    made = ("mean", "covariance", "output_mean", "output_variance", "acceleration")
    assert all(getattr(status, key) == value for key, value in RAW.items() if key not in made)
    assert asdict(status.acceleration) == RAW["acceleration"]
    assert str(status).splitlines() == [
        "Cell: Joint (moirae), version 2, running, at 30.5 s",
        "  soc                0.5 ± 0.2",
        "  capacity           nan ± 0.01",
        "  voltage            3.7 ± 0.1  predicted",
        "  7 records stepped, 3 skipped (2 missing value, 1 late), 1 failed, 4 waiting",
        "  checkpoint of record 200, worker started again 1 time",
        "  acceleration: off instead of full: step 9 differed",
        "  control groups limit: cpu, memory",
        "  sandbox without: landlock",
        "  checkpoint problem: it cannot be pickled",
        "  log problem: only the latest 4 KiB are kept",
        "  last error: Traceback … ValueError: no",
    ]


def test_before_the_first_record_little_is_told() -> None:
    new = {
        "latest_time": None, "output_mean": [], "output_variance": [], "skipped_because": {}, "checkpoint": None,
        "checkpoint_problem": None, "log_problem": None, "sandbox_without": [], "control_groups": [],
        "last_error": None, "restarts": 0,
        "acceleration": {"asked": "full", "in_use": None, "reason": None, "disagreements": 0},
    }  # fmt: skip
    first, *_, saved, groups = str(Status.from_json("Cell", {**RAW, **new})).splitlines()
    assert first.endswith("running, no record yet") and groups == "  control groups limit: nothing"
    assert saved == "  no checkpoint yet, worker started again 0 times"
