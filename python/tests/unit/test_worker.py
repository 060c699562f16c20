"""Workers forked by a warm process, over a real socket pair, with scripts that are estimators themselves."""

import json
import random
import struct
import time

import numpy as np
import pytest
from worker_client import Failed, Worker, Zygote

from lachesis_worker.protocol import Kind

SUM = """
import numpy as np

class Sum:
    class_name = "Sum"
    state_names = ["sum", "steps"]
    output_names = ["voltage"]
    columns = ["test_time", "voltage", "extra"]
    required = ["test_time", "voltage"]
    acceleration = None
    acceleration_reason = ""

    def __init__(self):
        self.state = np.zeros(2)

    def initial(self):
        return self.state, np.eye(2) * (self.state[1] or 1)

    def seed(self, values):
        self.state = np.array([values[1], 0.0])

    def step(self, values):
        self.state = self.state + [values[1], 1.0]
        self.check(values)
        return self.state, np.eye(2) * self.state[1], self.state[:1] * 2, np.ones((1, 1))

    def check(self, values):
        pass

    def mark(self):
        return self.state

    def rollback(self, mark):
        self.state = mark

    def save(self):
        return self.state.tobytes()

    def restore(self, data):
        self.state = np.frombuffer(data).copy()

estimator = Sum()
"""

CHECKED = (
    SUM.replace("estimator = Sum()", "")
    + """
class Checked(Sum):
    def check(self, values):
        BODY

estimator = Checked()
"""
)


def records(*voltages: float, start: float = 0.0) -> list[dict[str, float]]:
    return [{"test_time": start + index, "voltage": voltage} for index, voltage in enumerate(voltages)]


def test_a_worker_builds_steps_and_ends(direct: Worker) -> None:
    ready = direct.build(SUM)
    assert (ready.estimator, ready.state_names, ready.output_names) == ("Sum", ["sum", "steps"], ["voltage"])
    assert ready.columns == ["test_time", "voltage", "extra"]
    assert ready.mean.tolist() == [0, 0] and ready.covariance.tolist() == [[1, 0], [0, 1]]
    result = direct.step(records(1, 2, 3))
    assert result.outcomes == [1, 0, 0] and result.test_time.tolist() == [1, 2]
    assert result.mean.tolist() == [[3, 1], [6, 2]] and result.variance.tolist() == [[1, 1], [2, 2]]
    assert result.output_mean.tolist() == [[6], [12]] and result.output_variance.tolist() == [[1], [1]]
    assert result.covariance is not None and result.covariance.tolist() == [[2, 0], [0, 2]]
    assert direct.end() == 0 and direct.output() == ""


def test_what_is_skipped_is_told_and_changes_nothing(direct: Worker) -> None:
    direct.build(SUM, valid_time=1.5)
    given = records(1, 2, 3, 4, 5)
    given[3]["voltage"] = np.nan
    given += records(9, start=2.5) + records(6, start=4.0) + records(np.inf, start=7.0)
    result = direct.step(given)
    assert result.outcomes == [3, 3, 1, 2, 0, 4, 0, 2]
    assert result.mean.tolist() == [[8, 1], [14, 2]]


def test_inputs_are_only_seeded_if_asked(direct: Worker) -> None:
    direct.build(SUM, seed_inputs=False)
    result = direct.step(records(100, 2))
    assert result.outcomes == [1, 0] and result.mean.tolist() == [[2, 1]]


def test_batches_of_any_size_give_the_same(direct_zygote: Zygote) -> None:
    chance = random.Random(3)
    given = records(*(chance.random() for _ in range(700)))
    results = []
    for size in (1, 7, 256, 700):
        worker = direct_zygote.worker()
        worker.build(SUM)
        results.append(worker.step(given, batch=size))
        assert worker.end() == 0
    for result in results[1:]:
        assert (result.mean == results[0].mean).all() and (result.covariance == results[0].covariance).all()
    assert max(len(part) for part in (results[-1].outcomes,)) == 700 and results[-1].messages == 3


FALLING = CHECKED.replace(
    "BODY",
    """for level, time in (("shortcuts", 2), ("off", 4)):
            if values[0] == time:
                self.acceleration, self.acceleration_reason = level, f"step {time} differed"
""",
).replace("acceleration = None", 'acceleration = "full"')


def test_acceleration_that_falls_is_told_before_the_result_that_has_it(direct: Worker) -> None:
    ready = direct.build(FALLING)
    assert (ready.acceleration, ready.reason) == ("full", "")
    direct.step(records(1, 2))
    assert direct.notices == []
    direct.step(records(3, 4, start=2))
    direct.step(records(5, start=4), checkpoint=True)
    direct.step(records(6, start=5))
    first = {"acceleration": "shortcuts", "reason": "step 2 differed"}
    assert direct.notices == [(1, first), (2, {"acceleration": "off", "reason": "step 4 differed"})]
    assert direct.end() == 0


def test_a_restored_estimator_tells_its_acceleration_when_it_is_ready(direct_zygote: Zygote) -> None:
    saving = FALLING.replace(
        "Checked(Sum):", "Checked(Sum):\n    def restore(self, data):\n        self.acceleration = 'off'"
    )
    first, second = direct_zygote.worker(), direct_zygote.worker()
    first.build(saving)
    second.restore(first.checkpoint())
    assert second.build(saving).acceleration == "off"
    second.step(records(1, 2))
    assert second.notices == []
    assert first.end() == second.end() == 0


def test_a_long_reason_is_shortened(direct_zygote: Zygote) -> None:
    worker = direct_zygote.worker()
    built = worker.build(FALLING + "estimator.acceleration_reason = 'ä' * 9_000 + 'end'\n")
    assert len(built.reason.encode()) <= 4_000 and built.reason.endswith("end")
    assert worker.end() == 0


def test_what_is_no_level_is_refused(direct: Worker) -> None:
    with pytest.raises(Failed, match="acceleration is 'more'"):
        direct.build(FALLING + "estimator.acceleration = 'more'\n")


@pytest.mark.parametrize(("order", "allowed"), [({"acceleration": "shortcuts"}, "shortcuts"), ({}, "full")])
def test_the_plugin_is_told_how_much_is_allowed(direct: Worker, order: dict[str, str], allowed: str) -> None:
    direct.build(SUM + "Sum.class_name = property(lambda self: self.allowed)\n", **order)
    assert direct.ready is not None and direct.ready.estimator == allowed
    assert direct.end() == 0


@pytest.mark.parametrize(
    ("raising", "word"),
    [
        ("raise ValueError('bad step')", "ValueError: bad step"),
        ("raise SystemExit(1)", "sys.exit"),
        ("import sys; sys.exit()", "sys.exit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise MemoryError", "MemoryError"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("return self.check(values)", "RecursionError"),
        ("np.linalg.cholesky(-np.eye(2))", "LinAlgError"),
        ("self.state = np.array([np.nan, 1.0])", "mean that is not finite"),
        ("self.state = np.zeros(3)", "shape"),
        ("bytearray(1 << 62)", "MemoryError"),
    ],
)
def test_a_step_that_fails_is_undone_and_counted(direct: Worker, raising: str, word: str) -> None:
    direct.build(CHECKED.replace("BODY", f"if values[1] == 3: {raising}"))
    result = direct.step(records(1, 2, 3, 4))
    assert result.outcomes == [1, 0, 5, 0] and result.test_time.tolist() == [1, 3]
    assert result.mean.tolist() == [[3, 1], [7, 2]]
    assert list(result.errors) == [2] and word in result.errors[2]
    assert "lachesis_worker" not in result.errors[2]
    assert direct.end() == 0


def test_a_failed_record_does_not_set_the_latest_time(direct: Worker) -> None:
    direct.build(CHECKED.replace("BODY", "if values[1] == 3: raise ValueError"))
    given = records(1, 2) + records(3, start=100.0) + records(4, start=2.0)
    assert direct.step(given).outcomes == [1, 0, 5, 0]


def test_seeding_that_fails_is_tried_with_the_next_record(direct: Worker) -> None:
    direct.build(SUM.replace("self.state = np.array([values[1], 0.0])", "self.state = np.array([1 / values[1], 0.0])"))
    result = direct.step(records(0, 0.5, 1))
    assert result.outcomes == [5, 1, 0] and result.mean.tolist() == [[3, 1]]
    assert "ZeroDivisionError" in result.errors[0] and 'cell.py", line' in result.errors[0]


@pytest.mark.parametrize("raising", ["raise ValueError('no copy')", "raise SystemExit"])
def test_a_state_that_cannot_be_noted_is_only_that_records_failure(direct: Worker, raising: str) -> None:
    direct.build(SUM.replace("def mark(self):", f"def mark(self):\n        if self.state[1] == 1: {raising}"))
    result = direct.step(records(1, 2, 3))
    assert result.outcomes == [1, 0, 5] and result.mean.tolist() == [[3, 1]] and direct.end() == 0


def test_many_long_errors_are_bounded(direct: Worker) -> None:
    direct.build(CHECKED.replace("BODY", "raise ValueError('x' * 100_000 + str(values[1]))"))
    result = direct.step(records(*range(100)))
    # On a busy machine they come in several results, each with the last of its own.
    assert result.outcomes == [1] + [5] * 99 and set(range(84, 100)) <= set(result.errors) and len(result.errors) < 99
    assert result.errors[99].endswith("99.0") and len(result.errors[99].encode()) <= 4_000


def test_results_are_copies(direct: Worker) -> None:
    body = "self.kept = getattr(self, 'kept', None)\n        if self.kept is not None: self.kept[:] = 777\n"
    direct.build(CHECKED.replace("BODY", body + "        self.kept = self.state = self.state.copy()"))
    result = direct.step(records(1, 2, 3))
    assert result.mean.tolist()[0] == [3, 1]


def test_a_slow_estimator_answers_what_it_has(direct: Worker) -> None:
    direct.build(CHECKED.replace("BODY", "import time; time.sleep(0.06)"))
    direct.send(records(*range(9)))
    begun, sizes, waits = time.monotonic(), [], []
    while sum(sizes) < 9:
        sizes.append(len(direct.receive().outcomes))
        waits.append(time.monotonic() - begun)
        begun = time.monotonic()
    assert len(sizes) >= 3 and max(waits) < 0.4


def test_random_generators_are_seeded(direct_zygote: Zygote) -> None:
    script = CHECKED.replace(
        "BODY", "import random; self.state = self.state + [random.random() + np.random.random(), 0]"
    )
    means = []
    for seed in (1, 1, 2):
        worker = direct_zygote.worker()
        worker.build(script, random_seed=seed)
        means.append(worker.step(records(0, 0)).mean[0, 0])
        worker.end()
    assert means[0] == means[1] != means[2]


def test_files_lie_in_the_workers_folder(direct: Worker) -> None:
    content = random.Random(1).randbytes(300_000)
    direct.add_file("größe.bin", content)
    direct.add_file("empty", b"")
    script = SUM + "\nimport os, hashlib\nestimator.class_name = str(sorted(os.listdir('.')))"
    script += "\nestimator.output_names = [hashlib.sha256(open('größe.bin', 'rb').read()).hexdigest()]"
    ready = direct.build(script)
    assert ready.estimator == "['empty', 'größe.bin']"
    assert (direct.folder.name and ready.output_names) == [__import__("hashlib").sha256(content).hexdigest()]


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("raise RuntimeError('no such cell')", ['File "cell.py", line 1', "RuntimeError: no such cell"]),
        ("x = 1", ["no `estimator`"]),
        ("def broken(:", ["SyntaxError"]),
        ("raise SystemExit", ["the script called sys.exit"]),
        (SUM.replace('"test_time", "voltage", "extra"', '"voltage", "test_time"'), ["test_time"]),
        (SUM.replace('required = ["test_time", "voltage"]', 'required = ["other"]'), ["requires columns"]),
        (SUM.replace("return self.state, np.eye(2) *", "return self.state, np.eye(3) *"), ["(3, 3)"]),
        (SUM.replace("np.zeros(2)", "np.array([np.inf, 0])"), ["finite"]),
        (SUM.replace('["sum", "steps"]', "[]"), ["0 states"]),
        (SUM.replace('["sum", "steps"]', "['x'] * 5000"), ["5000 states"]),
        ("raise ValueError('x' * 1_000_000 + 'the end')", ["the end"]),
    ],
)
def test_a_script_that_fails_is_explained_and_the_worker_ends(
    direct: Worker, definition: str, words: list[str]
) -> None:
    with pytest.raises(Failed) as failed:
        direct.build(definition)
    for word in words:
        assert word in str(failed.value)
    assert len(str(failed.value)) <= 65_536
    assert direct.wait() == 0


def test_a_script_that_ends_its_process_shows_as_the_end(direct: Worker) -> None:
    with pytest.raises(EOFError):
        direct.build("print('going'); import os; os._exit(3)")
    assert direct.wait() == 3 and direct.output() == "going\n"


def test_a_step_that_ends_its_process_shows_as_the_end(direct: Worker) -> None:
    direct.build(CHECKED.replace("BODY", "import os; os._exit(4)"))
    with pytest.raises(EOFError):
        direct.step(records(1, 2))
    assert direct.wait() == 4


def test_the_hosts_end_is_the_workers_even_with_records_left(direct: Worker) -> None:
    direct.build(CHECKED.replace("BODY", "import time; time.sleep(0.02)"))
    direct.send(records(*range(50)))
    assert direct.end() == 0


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (9, b""),
        (Kind.BATCH, struct.pack("<IIII3d", 1, 3, 0, 0, 0, 0, 0)),
        (Kind.BUILD, b"{}"),
        (Kind.FILE, struct.pack("<H", 4) + b"../a"),
        (Kind.READY, b""),
        (Kind.RESULT, b""),
    ],
)
def test_orders_out_of_turn_or_malformed_end_the_worker(direct: Worker, kind: int, payload: bytes) -> None:
    direct.channel.send(kind, payload)
    assert direct.channel.receive() is None
    assert direct.wait() == 65 and "from the host" in direct.output()


def test_a_second_build_or_a_batch_of_another_width_ends_the_worker(direct_zygote: Zygote) -> None:
    for kind, payload in (
        (Kind.BUILD, json.dumps({}).encode()),
        (Kind.BATCH, struct.pack("<IIII2d", 1, 2, 0, 0, 0, 0)),
    ):
        worker = direct_zygote.worker()
        worker.build(SUM)
        worker.channel.send(kind, payload)
        assert worker.channel.receive() is None
        assert worker.wait() == 65


def test_siblings_do_not_share_what_a_script_changes(direct_zygote: Zygote) -> None:
    hostile, good = direct_zygote.worker(), direct_zygote.worker()
    with pytest.raises(Failed, match="NoneType"):
        hostile.build("import numpy\nnumpy.isfinite = numpy.asarray = None\n" + SUM)
    assert good.build(SUM).estimator == "Sum"
    assert good.step(records(1, 2)).outcomes == [1, 0]
