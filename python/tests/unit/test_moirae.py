"""The moirae plugin: the same bits as Moirae's own loop, and nothing that poisons an estimator."""

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import moirae_scripts as scripts
import numpy as np
import pytest
from moirae_scripts import Loop, records
from worker_client import PLUGINS, Failed, Result, Zygote

COLUMNS = ("test_time", "current", "voltage", "temperature")
pytestmark = pytest.mark.usefixtures("moirae")


def assert_same(result: Result, expected: tuple[np.ndarray, ...]) -> None:
    means, variances, outputs, covariance = expected
    assert result.mean.shape == means.shape
    assert (result.mean == means).all() and (result.variance == variances).all()
    assert (result.output_mean == outputs).all() and (result.covariance == covariance).all()


def test_the_warm_process_has_one_thread_and_a_first_step_imports_nothing(moirae_zygote: Zygote) -> None:
    assert moirae_zygote.report["threads"] == 1
    worker = moirae_zygote.worker()
    count = "\nimport sys; before = set(sys.modules)\nstep = JointEstimator.step\n"
    count += "def counted(*values):\n    result = step(*values)\n"
    count += "    assert set(sys.modules) == before, set(sys.modules) - before\n    return result\n"
    count += "JointEstimator.step = counted\n"
    worker.build(scripts.JOINT + count)
    result = worker.step(records(10))
    assert result.outcomes == [1] + [0] * 9, result.errors
    assert worker.end() == 0


@pytest.mark.parametrize("name", ["JOINT", "DUAL", "NORMALIZED", "NORMALIZED_DUAL", "WITH_TEMPERATURE"])
def test_estimates_are_those_of_moiraes_own_loop(moirae_zygote: Zygote, name: str) -> None:
    script, given = getattr(scripts, name), records(300)
    # NULL where a sensor was silent: Moirae's loop takes 25 °C then.
    given[7]["temperature"] = np.nan
    del given[9]["temperature"]
    worker = moirae_zygote.worker()
    ready = worker.build(script)
    assert ready.state_names == ["soc", "i_rc", "hyst", "q_t.base_values", "r0.base_values"]
    assert ready.output_names == ["terminal_voltage"]
    assert ready.columns == ["test_time", "current", "voltage", "temperature"]
    result = worker.step(given, batch=100)
    assert result.outcomes == [1] + [0] * 299, result.errors
    assert_same(result, Loop(script).step(given[1:]))
    assert worker.end() == 0


def test_classes_of_the_script_are_used(moirae_zygote: Zygote) -> None:
    given, loop = records(120), Loop(scripts.OWN_CLASSES)
    worker = moirae_zygote.worker()
    assert worker.build(scripts.OWN_CLASSES).estimator == "OwnEstimator"
    result = worker.step(given)
    assert result.outcomes == [1] + [0] * 119, result.errors
    output = type(
        loop.estimator.cell_model.calculate_terminal_voltage(
            loop.estimator._inputs, loop.estimator.transients, loop.estimator.asoh
        )
    )
    expected = loop.step(given[1:], input_class=type(loop.estimator._inputs), output_class=output)
    assert_same(result, expected)


def test_thevenin_models_are_stepped_with_their_own_classes(moirae_zygote: Zygote) -> None:
    from moirae.models.base import OutputQuantities
    from moirae.models.thevenin import TheveninInput

    given = records(8)
    worker = moirae_zygote.worker()
    worker.build(scripts.THEVENIN_WITH_TEMPERATURE)
    result = worker.step(given)
    assert result.outcomes == [1] + [0] * 7, result.errors
    loop = Loop(scripts.THEVENIN_WITH_TEMPERATURE)
    assert_same(result, loop.step(given[1:], input_class=TheveninInput, output_class=OutputQuantities))


def test_a_temperature_does_not_land_in_another_field(moirae_zygote: Zygote) -> None:
    results = []
    for shift in (0.0, 20.0):
        worker = moirae_zygote.worker()
        worker.build(scripts.THEVENIN_WITHOUT_TEMPERATURE)
        given = [{**record, "temperature": record["temperature"] + shift} for record in records(6)]
        results.append(worker.step(given))
        assert results[-1].outcomes == [1] + [0] * 5, results[-1].errors
    assert (results[0].mean == results[1].mean).all()


def test_initial_state_is_in_the_models_units(moirae_zygote: Zygote) -> None:
    for script in (scripts.JOINT, scripts.DUAL, scripts.NORMALIZED, scripts.NORMALIZED_DUAL):
        ready = moirae_zygote.worker().build(script)
        assert np.allclose(ready.mean, [0.85, 0, 0, 1.3, 0.06], rtol=1e-12)
        expected = np.diag([0.05**2, 0.01**2, 1e-4**2, 0.15**2, 0.02**2])
        assert np.allclose(ready.covariance, expected, rtol=1e-12, atol=1e-20)


def test_the_first_record_sets_the_previous_inputs(moirae_zygote: Zygote) -> None:
    """Records that begin late: seeded, they give what they give at time 0; unseeded, what Moirae's loop gives."""
    early, late = records(40), records(40, start=2.0**20)
    for script in (scripts.JOINT, scripts.DUAL):
        seeded = [moirae_zygote.worker() for _ in range(2)]
        for worker in seeded:
            worker.build(script)
        at_zero, far = seeded[0].step(early), seeded[1].step(late)
        assert (at_zero.mean == far.mean).all() and (at_zero.covariance == far.covariance).all()
    worker = moirae_zygote.worker()
    late[0]["current"] = -1.0
    worker.build(scripts.JOINT, seed_inputs=False)
    result = worker.step(late)
    assert result.outcomes == [1] + [0] * 39
    assert_same(result, Loop(scripts.JOINT).step(late[1:]))


def test_missing_values_never_reach_moirae(moirae_zygote: Zygote) -> None:
    guard = """
step = JointEstimator.step
def guarded(self, inputs, measurements):
    values = np.concatenate((inputs.to_numpy(), measurements.to_numpy()), axis=None)
    if not np.isfinite(values).all():
        import os
        os._exit(9)
    return step(self, inputs, measurements)
JointEstimator.step = guarded
"""
    clean = records(60)
    given, expected = [], []
    for index, record in enumerate(clean):
        given.append(record)
        expected.append(1 if index == 0 else 0)
        for number, value in enumerate((np.nan, np.inf, -np.inf)):
            column = ("test_time", "current", "voltage")[(index + number) % 3]
            given.append({**record, column: value})
            expected.append(2)
        given.append({"test_time": record["test_time"], "temperature": 25.0})
        expected.append(2)
    worker = moirae_zygote.worker()
    worker.build(scripts.JOINT + guard)
    result = worker.step(given)
    assert result.outcomes == expected
    assert_same(result, Loop(scripts.JOINT).step(clean[1:]))


def failing(script: str, where: str) -> str:
    """The script, with a step that raises where told when the current is 77 A."""
    return (
        script
        + f"""
from moirae.estimators.online.filters.kalman.unscented import UnscentedKalmanFilter
original = UnscentedKalmanFilter.{where}
def breaking(self, *arguments, **named):
    filter = getattr(estimator, "asoh_filter", None) or estimator.filter
    result = original(self, *arguments, **named)
    if self is filter and filter.model.inputs.current.item() == 77.0:
        raise np.linalg.LinAlgError("broken on purpose")
    return result
UnscentedKalmanFilter.{where} = breaking
"""
    )


@pytest.mark.parametrize("where", ["estimation_update", "correction_update", "step"])
@pytest.mark.parametrize("name", ["JOINT", "DUAL", "NORMALIZED_DUAL", "OWN_CLASSES"])
def test_a_step_that_raises_is_undone(moirae_zygote: Zygote, name: str, where: str) -> None:
    clean = records(40)
    given = list(clean)
    for position in (10, 11, 30):
        given.insert(
            position, {**clean[position], "current": 77.0, "test_time": clean[position - 3]["test_time"] + 100}
        )
    worker, reference = moirae_zygote.worker(), moirae_zygote.worker()
    worker.build(failing(getattr(scripts, name), where))
    reference.build(getattr(scripts, name))
    result, expected = worker.step(given), reference.step(clean)
    assert [index for index, outcome in enumerate(result.outcomes) if outcome == 5] == [10, 11, 30]
    assert "broken on purpose" in result.errors[10] and "lachesis_moirae" not in result.errors[10]
    assert (result.mean == expected.mean).all() and (result.variance == expected.variance).all()
    assert (result.covariance == expected.covariance).all()


def test_an_assertion_of_moirae_is_undone(moirae_zygote: Zygote) -> None:
    """With the linear model equal times are such a case; only that record is lost."""
    script = scripts.JOINT.replace("model = EquivalentCircuitModel()", "model = EquivalentCircuitModel('linear')")
    given = records(30)
    given.insert(20, dict(given[19]))
    worker = moirae_zygote.worker()
    worker.build(script)
    result = worker.step(given)
    assert result.outcomes == [1] + [0] * 19 + [5] + [0] * 10
    assert_same(result, Loop(script).step(given[1:20] + given[21:]))


def test_equal_times_are_stepped_like_in_moiraes_loop(moirae_zygote: Zygote) -> None:
    given = records(30)
    given.insert(20, dict(given[19]))
    worker = moirae_zygote.worker()
    worker.build(scripts.JOINT)
    result = worker.step(given)
    assert result.outcomes == [1] + [0] * 30
    assert_same(result, Loop(scripts.JOINT).step(given[1:]))


BUILDERS = (
    scripts.PREFACE
    + """
calls = []
def perform_offline_estimation(dataset):
    calls.append("offline")
    assert dataset is None
    return health, transients

def make_estimator(asoh, state):
    calls.append("make")
    assert calls == ["offline", "make"]
    options.update(initial_asoh=asoh, initial_transients=state)
    return JointEstimator.initialize_unscented_kalman_filter(cell_model=model, initial_inputs=inputs, **options)
"""
)


def test_builder_scripts_are_called_once(moirae_zygote: Zygote) -> None:
    given, worker = records(20), moirae_zygote.worker()
    assert worker.build(BUILDERS).estimator == "JointEstimator"
    assert_same(worker.step(given), Loop(scripts.JOINT).step(given[1:]))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("x = 1", ["estimator", "JointEstimator", "defines no"]),
        ("estimator = 5", ["estimator", "int"]),
        ("estimator = None", ["estimator", "NoneType"]),
        ("from moirae.estimators.online.joint import JointEstimator as estimator", ["estimator", "class"]),
        ("def make_estimator(a, b): pass", ["defines no `estimator`"]),
        (BUILDERS.replace("return health, transients", "return health"), ["perform_offline_estimation"]),
        (BUILDERS.replace("assert dataset is None", "raise OSError('no file')"), ["OSError: no file", "line"]),
        (BUILDERS + "\ndef make_estimator(a, b): return a", ["make_estimator", "ECMASOH"]),
        (
            scripts.JOINT + "\nfrom moirae.estimators.online import OnlineEstimator\n"
            "class Own(OnlineEstimator): pass\n"
            "estimator = Own(model, health, transients, inputs)",
            ["Own", "step"],
        ),
        (
            scripts.JOINT + "\nfrom moirae.estimators.online import OnlineEstimator\n"
            "class Own(OnlineEstimator):\n    def step(self, inputs, measurements): pass\n"
            "estimator = Own(model, health, transients, inputs)",
            ["Own", "state"],
        ),
        (
            scripts.PREFACE + "\nfrom moirae.models.base import ScalarParameter\n"
            "class Own(ECMInput):\n    pressure: ScalarParameter\n"
            "inputs = Own(time=0, current=0, pressure=1)\n" + scripts.MAKE.format("JointEstimator"),
            ["Own", "pressure"],
        ),
    ],
)
def test_a_script_without_a_usable_estimator_is_told_what_is_expected(
    moirae_zygote: Zygote, script: str, words: list[str]
) -> None:
    worker = moirae_zygote.worker()
    with pytest.raises(Failed) as failed:
        worker.build(script)
    for word in words:
        assert word in str(failed.value)
    assert "adapter.py" not in str(failed.value)
    assert worker.wait() == 0


GENERIC = (
    scripts.PREFACE
    + """
from moirae.estimators.online import OnlineEstimator
from moirae.estimators.online.filters.distributions import MultivariateGaussian

class Own(OnlineEstimator):
    seen = ()

    @property
    def state(self):
        return MultivariateGaussian(mean=np.arange(5.0), covariance=np.eye(5))

    def step(self, inputs, measurements):
        first = not self.seen
        self.seen = (*self.seen, inputs.time.item())
        if inputs.current.item() == 77.0:
            raise RuntimeError
        seeded = self._u.time.item() if first else 0
        mean = np.array([len(self.seen), seeded, *self.seen[-1:], inputs.temperature.item(), 0])
        return (MultivariateGaussian(mean=mean, covariance=np.eye(5)),
                MultivariateGaussian(mean=measurements.to_numpy().flatten(), covariance=np.eye(1)))

estimator = Own(model, health, transients, inputs)
"""
)


def test_any_online_estimator_with_a_step_is_stepped_and_undone(moirae_zygote: Zygote) -> None:
    worker = moirae_zygote.worker()
    ready = worker.build(GENERIC)
    assert ready.estimator == "Own" and ready.mean.tolist() == [0, 1, 2, 3, 4]
    given = [{"test_time": float(time), "current": 0.0, "voltage": 3.0} for time in (5, 6, 7, 8)]
    given[2]["current"] = 77.0
    result = worker.step(given)
    assert result.outcomes == [1, 0, 5, 0], result.errors
    assert result.mean.tolist() == [[1, 5, 6, 25, 0], [2, 0, 8, 25, 0]]


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The plugin's entry module in this process."""
    from lachesis_worker.plugin import ENTRY_MODULE, Plugin

    monkeypatch.setattr(sys, "path", list(sys.path))
    plugin = Plugin.read(PLUGINS / "moirae").imported()
    yield plugin
    sys.modules.pop(ENTRY_MODULE, None)


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` returns in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with open(writing, "wb") as stream:
            try:
                pickle.dump(work(), stream)
            except BaseException as error:  # noqa: BLE001
                pickle.dump(repr(error), stream)
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as stream:
        answer = pickle.load(stream)
    os.waitpid(pid, 0)
    assert not isinstance(answer, str), answer
    return answer


def checkpointed(adapter: Any, text: str, given: list[list[float]]) -> tuple[list[Any], list[Any]]:
    """What the second half of the records gives without an interruption, and from a checkpoint in another process."""
    from lachesis_worker import script

    half = len(given) // 2

    def first() -> tuple[bytes, list[Any]]:
        estimator = adapter.load(script.execute("cell", text), "off")
        estimator.seed(given[0])
        for values in given[1:half]:
            estimator.step(values)
        return estimator.save(), [estimator.step(values) for values in given[half:]]

    data, expected = in_child(first)

    def second() -> list[Any]:
        estimator = adapter.load(script.execute("cell", text), "off")
        estimator.restore(data)
        steps = []
        for values in given[half:]:
            mark = estimator.mark()
            estimator.step(values)
            estimator.rollback(mark)
            steps.append(estimator.step(values))
        return steps

    return expected, in_child(second)


@pytest.mark.parametrize("name", ["JOINT", "DUAL", "NORMALIZED", "OWN_CLASSES", "THEVENIN_WITH_TEMPERATURE"])
def test_a_checkpoint_goes_on_with_the_same_bits(adapter: Any, name: str) -> None:
    given = [[record[key] for key in COLUMNS] for record in records(10 if name.startswith("THEVENIN") else 60)]
    expected, restored = checkpointed(adapter, getattr(scripts, name), given)
    for one, two in zip(expected, restored, strict=True):
        assert all((a == b).all() for a, b in zip(one, two, strict=True))


def test_what_a_script_keeps_in_global_variables_is_part_of_a_checkpoint(adapter: Any) -> None:
    text = GENERIC.replace("seen = ()", "pass").replace(
        "self.seen = (*self.seen, inputs.time.item())", "seen.append(5.0)"
    )
    text = text.replace("self.seen", "seen").replace("class Own", "seen = []\nclass Own")
    expected, restored = checkpointed(adapter, text, [[float(time), 0.0, 3.0, 25.0] for time in range(6)])
    assert [step[0][0] for step in expected] == [3, 4, 5]
    # Such variables are outside what is undone: each step of the second run was made twice.
    assert [step[0][0] for step in restored] == [4, 6, 8]


def test_a_checkpoint_of_another_estimator_is_refused(adapter: Any) -> None:
    joint, thevenin = Loop(scripts.JOINT).estimator, Loop(scripts.THEVENIN_WITH_TEMPERATURE).estimator
    data = adapter.load({"estimator": thevenin}, "off").save()
    with pytest.raises(ValueError, match="another estimator"):
        adapter.load({"estimator": joint}, "off").restore(data)


def test_inputs_are_those_that_moirae_makes(adapter: Any) -> None:
    from moirae.interface import row_to_inputs

    for name in ("JOINT", "WITH_TEMPERATURE", "OWN_CLASSES"):
        loop = Loop(getattr(scripts, name))
        converter = sys.modules["lachesis_moirae.conversion"].RecordConverter(loop.estimator)
        for record in records(5):
            for temperature in (record["temperature"], np.nan, np.inf):
                changed = {**record, "temperature": temperature}
                values = [changed[key] for key in COLUMNS]
                inputs, outputs = converter.inputs(values), converter.measurements(values)
                expected = row_to_inputs(changed, input_class=type(inputs), output_class=type(outputs))
                assert (inputs, outputs) == expected
                assert inputs.model_fields_set == expected[0].model_fields_set
                for field, array in vars(expected[0]).items():
                    assert vars(inputs)[field].shape == array.shape and vars(inputs)[field].dtype == array.dtype
