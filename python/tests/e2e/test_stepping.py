"""Which records are stepped, and what is said of the others."""

import math
from typing import Any

import pytest
from cells import KALMAN, Record, assert_same, drive, plain_kalman
from server import Server, fresh
from streaming import upload

NOTHING = {"missing_value": 0, "before_valid_time": 0, "late": 0}


def stepped(server: Server, records: list[Record], definition: str = KALMAN, **fields: str) -> dict[str, Any]:
    """Return the status after records that all are stored."""
    name = fresh("stepping")
    server.accept(name, definition, **fields)
    upload(server, name, records)
    status = server.wait_status(name)
    assert server.stats(name)["data_stats"]["rows"] == len(records)
    counted = status["stepped"] + status["skipped"] + status["failed"]
    assert counted == len(records) - (status["latest_time"] is not None)
    return status


def test_records_without_a_finite_value_are_skipped_and_counted(server: Server) -> None:
    records = drive(300)
    clean = [record for k, record in enumerate(records) if k not in (50, 51, 60, 70, 80, 90)]
    records[50]["voltage"] = math.nan
    records[51]["voltage"] = math.inf
    records[60]["current"] = None
    del records[70]["voltage"]
    records[80]["test_time"] = math.nan
    records[90] = {"state": "resting"}
    status = stepped(server, records)
    assert status["skipped_because"] == NOTHING | {"missing_value": 6} and status["skipped"] == 6
    assert (status["stepped"], status["failed"]) == (293, 0)
    assert_same(status, plain_kalman(clean))


def test_the_first_whole_record_seeds(server: Server) -> None:
    records = drive(100)
    broken = [{"test_time": 0.0}, {"test_time": 1e9, "current": 1.0}, {"current": 1.0, "voltage": 3.0}, {}]
    status = stepped(server, broken + records)
    assert (status["stepped"], status["skipped"]) == (99, 4)
    assert_same(status, plain_kalman(records))


def test_records_older_than_the_one_before_are_skipped_and_counted(server: Server) -> None:
    records = drive(200)
    mixed = records[:100] + records[40:50] + records[100:] + records[:1]
    status = stepped(server, mixed)
    assert status["skipped_because"] == NOTHING | {"late": 11}
    assert (status["stepped"], status["latest_time"]) == (199, records[-1]["test_time"])
    assert_same(status, plain_kalman(records))


def test_equal_times_are_stepped(server: Server) -> None:
    records = drive(100)
    doubled = [record for record in records for _ in range(2)]
    status = stepped(server, doubled)
    assert (status["stepped"], status["skipped"]) == (199, 0)
    assert_same(status, plain_kalman(doubled))


@pytest.mark.parametrize("place", ["form", "query"])
def test_records_before_the_valid_time_are_skipped_and_counted(server: Server, place: str) -> None:
    records, name = drive(200), fresh("valid")
    start = records[80]["test_time"]
    if place == "form":
        server.accept(name, KALMAN, valid_time=repr(start))
    else:
        form = {"name": name, "definition": KALMAN, "plugin": "kalman"}
        reply = server.http.post("/online/register", data=form, params={"valid_time": repr(start)})
        assert reply.status_code == 200, reply.text
    upload(server, name, records)
    status = server.wait_status(name, stepped=119)
    assert status["skipped_because"] == NOTHING | {"before_valid_time": 80}
    assert_same(status, plain_kalman(records[80:]))


def test_a_valid_time_that_has_not_come_steps_nothing(server: Server) -> None:
    status = stepped(server, drive(50), valid_time="1e9")
    assert (status["latest_time"], status["stepped"], status["mean"]) == (None, 0, [0.6, 1.5])
    assert status["skipped_because"] == NOTHING | {"before_valid_time": 50}


def test_without_seeding_the_scripts_own_first_inputs_stay(server: Server) -> None:
    records = drive(100)
    own = KALMAN + 'estimator.previous = {"test_time": -500.0, "current": 0.5, "voltage": 3.7}\n'
    kept = stepped(server, records, own, seed_inputs="false")
    assert kept["stepped"] == 99
    assert_same(kept, plain_kalman(records, own, seeded=False))
    seeded = stepped(server, records, own, seed_inputs="true")
    assert_same(seeded, plain_kalman(records))
    assert kept["mean"] != seeded["mean"]


def test_a_step_that_raises_is_undone_and_counted(server: Server) -> None:
    records = drive(200)
    raising = KALMAN.replace(
        "    hours =", "    if now['current'] > 100:\n        raise RuntimeError('far too much')\n    hours ="
    )
    clean = [record for k, record in enumerate(records) if k not in (50, 120)]
    records[50]["current"] = records[120]["current"] = 500.0
    status = stepped(server, records, raising)
    assert (status["stepped"], status["failed"], status["skipped"]) == (197, 2, 0)
    assert_same(status, plain_kalman(clean, raising))
    line = 1 + raising[: raising.index("raise RuntimeError")].count("\n")
    for words in ("record 121", "RuntimeError: far too much", f"line {line}", "raise RuntimeError('far too much')"):
        assert words in status["last_error"]
    assert status["phase"] == "running" and status["restarts"] == 0


def test_a_failed_record_does_not_count_as_the_one_before(server: Server) -> None:
    records = drive(100)
    raising = KALMAN.replace("    hours =", "    if now['current'] > 100:\n        raise RuntimeError\n    hours =")
    odd = records[50] | {"current": 500.0, "test_time": 1e9}
    status = stepped(server, [*records[:50], odd, *records[50:]], raising)
    assert (status["stepped"], status["failed"], status["skipped"]) == (99, 1, 0)
    assert_same(status, plain_kalman(records, raising))


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("self.mean = self.mean * np.nan", "not finite"),
        ("self.covariance = self.covariance + np.inf", "not finite"),
        ("self.mean = np.zeros(3)", "mean"),
        ("self.mean = [0.5, 1.2]", "mean"),
        ("self.covariance = np.array([[1.0, 2.0], [0.0, 1.0]])", "symmetric"),
        ("self.mean = self.mean * 1j", ""),
        ("outputs = outputs[0] * np.nan, outputs[1]", "not finite"),
        ("outputs = None", ""),
        ("import sys; sys.exit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("x = (lambda f: f(f))(lambda f: f(f))", "RecursionError"),
    ],
)
def test_a_step_that_gives_no_valid_state_is_undone_and_counted(server: Server, statement: str, words: str) -> None:
    records = drive(60)
    clean = [record for k, record in enumerate(records) if k != 30]
    records[30]["voltage"] = 500.0
    script = KALMAN.replace("estimator = ExtendedKalmanFilter(", "estimator = Odd(").replace(
        "def transition",
        "class Odd(ExtendedKalmanFilter):\n    def step(self, now):\n        outputs = super().step(now)\n"
        f"        if now['voltage'] > 100:\n            {statement}\n        return outputs\n\ndef transition",
        1,
    )
    status = stepped(server, records, script)
    assert (status["stepped"], status["failed"]) == (58, 1)
    assert "record 31" in status["last_error"] and words in status["last_error"]
    assert_same(status, plain_kalman(clean))
