"""Accelerated steps: the bits of Moirae's own, proven while they are made; without them where they are not."""

import contextlib
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

import moirae_scripts as scripts
import numpy as np
import pytest
from random_circuits import random_records, random_script
from worker_client import PLUGINS

pytestmark = [pytest.mark.usefixtures("moirae_plugin"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]


def estimator_of(script: str, acceleration: str) -> Any:
    """Return the estimator of a script as the plugin presents it."""
    from lachesis_moirae.estimator import MoiraeEstimator

    module = sys.modules["a_script"] = types.ModuleType("a_script")
    exec(compile(script, "script.py", "exec", dont_inherit=True), module.__dict__)
    return MoiraeEstimator(module.estimator, acceleration)


def rows(records: Sequence[dict[str, float]]) -> list[list[float]]:
    """Values in the order of the plugin's columns."""
    return [list(record.values()) for record in records]


def step(estimator: Any, values: Sequence[float]) -> bytes | str:
    """Step as a worker does; return the step's bits, or the failure after which it was undone."""
    mark = estimator.mark()
    try:
        arrays = estimator.step(values)
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError("not finite")
    except Exception as error:  # noqa: BLE001 (whatever it is, it must be Moirae's)
        estimator.rollback(mark)
        return f"{type(error).__name__}: {error}"
    return b"".join(array.tobytes() for array in arrays)


def stepped(estimator: Any, records: Sequence[Sequence[float]]) -> Iterator[bytes | str]:
    """Seed with the first record, step through the others, and give what came of each."""
    estimator.seed(records[0])
    for values in records[1:]:
        yield step(estimator, values)


@pytest.mark.parametrize("name", ["JOINT", "DUAL", "NORMALIZED", "NORMALIZED_DUAL", "WITH_TEMPERATURE"])
@pytest.mark.parametrize("level", ["shortcuts", "full"])
def test_a_level_is_in_use_and_gives_moiraes_bits(name: str, level: str) -> None:
    script, given = getattr(scripts, name), rows(scripts.records(250))
    given[7][3] = np.nan
    estimator = estimator_of(script, level)
    assert list(stepped(estimator, given)) == list(stepped(estimator_of(script, "off"), given))
    assert (estimator.acceleration, estimator.acceleration_reason) == (level, "")


@pytest.mark.parametrize("script", [scripts.JOINT, scripts.DUAL])
def test_a_resistance_of_zero_leaves_no_step_to_moirae(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lachesis_moirae import proof
    from lachesis_moirae.ways import GenuineWay

    given = rows(scripts.records(60))
    script = script.replace("transients =", "health.rc_elements[0].r.base_values = np.array([[0.0]])\ntransients =", 1)
    expected = list(stepped(estimator_of(script, "off"), given))
    monkeypatch.setattr(proof.Schedule, "is_due", lambda *_: False)
    monkeypatch.setattr(GenuineWay, "step", lambda *_: pytest.fail("Moirae's own step"))
    assert list(stepped(estimator_of(script, "full"), given)) == expected


@pytest.mark.parametrize("seed", range(24))
def test_random_circuits_step_by_step(seed: int) -> None:
    """Every step both ways, from Moirae's state: nothing is left to the schedule of proofs."""
    from lachesis_moirae.fused import Unrecognized, Unsure, fuse
    from lachesis_moirae.proof import differing
    from lachesis_moirae.ways import FusedWay, GenuineWay

    script = random_script(seed)
    plain = estimator_of(script, "off")
    estimator, converter = plain._accelerated.estimator, plain._converter
    try:
        fused = FusedWay(fuse(estimator), converter)
    except Unrecognized as error:
        assert "Scaled" in str(error) or "always enter" in str(error), error
        return
    genuine = GenuineWay(estimator, converter)
    compared = failed = unsure = 0
    for index, values in enumerate(random_records(seed, 40).tolist()):
        mark = plain.mark()
        try:
            fused.enter()
            made = (*fused.step(values), *fused.state())
        except Unsure:
            made = None
            unsure += 1
        try:
            expected = (*genuine.step(values), *fused.genuine_state())
        except Exception:  # noqa: BLE001 (Moirae raises various)
            plain.rollback(mark)
            failed += 1
            if made is not None:
                # Of two filters with some RC pairs Moirae makes no step at all, which the first proof shows.
                assert index == failed - 1, index
        else:
            if made is not None:
                assert differing(expected, made) is None, index
                compared += 1
    assert compared + unsure == 40 or failed == 40


@pytest.mark.parametrize("seed", range(100, 116))
def test_random_circuits_without_proofs(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long runs on the fast way alone, with failures, undone steps and checkpoints among them."""
    from lachesis_moirae import proof

    script, records = random_script(seed), random_records(seed, 120).tolist()
    expected = list(stepped(estimator_of(script, "off"), records))
    if all(type(one) is str for one in expected):
        return
    monkeypatch.setattr(proof.Schedule, "is_due", lambda *_: False)
    estimator = estimator_of(script, "full")
    estimator.seed(records[0])
    made = []
    for index, values in enumerate(records[1:]):
        if index % 11 == 0:
            mark = estimator.mark()
            with contextlib.suppress(Exception):
                estimator.step([values[0] + 1, *values[1:]])
            estimator.rollback(mark)
        if index == 60:
            state = estimator.save()
            estimator = estimator_of(script, "full")
            estimator.restore(state)
        made.append(step(estimator, values))
    assert made == expected


def test_checkpoints_and_failures_between_accelerated_steps_change_nothing() -> None:
    given = rows(scripts.records(200))
    given[90][2] = 1e200
    given[120][1] = 1e308
    genuine = estimator_of(scripts.DUAL, "off")
    expected = list(stepped(genuine, given))
    assert sum(type(step) is str for step in expected) > 0
    estimator = estimator_of(scripts.DUAL, "full")
    made = []
    estimator.seed(given[0])
    for index, values in enumerate(given[1:]):
        if index % 7 == 0:
            # A step that the worker did not accept.
            mark = estimator.mark()
            with contextlib.suppress(Exception):
                estimator.step(given[5])
            estimator.rollback(mark)
        if index in (40, 41, 120, 180):
            state = estimator.save()
            assert b"fused" not in state and b"shortcuts" not in state
            estimator = estimator_of(scripts.DUAL, "full")
            estimator.restore(state)
        made.append(step(estimator, values))
    assert made == expected
    assert estimator.acceleration == "full"
    assert all((one == other).all() for one, other in zip(estimator.initial(), genuine.initial(), strict=True)), (
        "the states differ at the end"
    )


@pytest.mark.parametrize("level", ["shortcuts", "full"])
@pytest.mark.parametrize(
    "change",
    [
        "class Own(JointEstimator): pass\nestimator = Own(estimator.filter)",
        "class Own(EquivalentCircuitModel): pass\nestimator.filter.model.cell_model = Own()",
        "step = estimator.filter.step\nestimator.filter.step = lambda **values: step(**values)",
        "from moirae.models.utils import NoDegradation\n"
        "class Own(NoDegradation): pass\nestimator.filter.model.deg_model = Own()",
    ],
)
def test_what_is_not_moiraes_own_is_stepped_by_moirae(level: str, change: str) -> None:
    script, given = f"{scripts.JOINT}\n{change}\n", rows(scripts.records(20))
    estimator = estimator_of(script, level)
    assert estimator.acceleration == "off"
    assert estimator.acceleration_reason
    assert list(stepped(estimator, given)) == list(stepped(estimator_of(script, "off"), given))


@pytest.mark.parametrize(
    "target",
    [
        "JointEstimator.step",
        "EquivalentCircuitModel.calculate_terminal_voltage",
        "moirae.estimators.online.filters.kalman.unscented.calculate_gain_matrix",
        "moirae.models.ecm.hysteresis_solver_const_sign",
    ],
)
def test_a_script_that_alters_moirae_itself_is_not_stepped_without_it(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import moirae.estimators.online.filters.kalman.unscented
    import moirae.models.ecm  # noqa: F401 (looked up by name below)
    from moirae.estimators.online.joint import JointEstimator
    from moirae.models.ecm import EquivalentCircuitModel

    owner, _, name = target.rpartition(".")
    holder = {"JointEstimator": JointEstimator, "EquivalentCircuitModel": EquivalentCircuitModel}.get(owner)
    holder = holder or sys.modules[owner]
    function = getattr(holder, name)
    monkeypatch.setattr(holder, name, lambda *given, **named: function(*given, **named))
    estimator = estimator_of(scripts.JOINT, "full")
    assert estimator.acceleration != "full"
    assert "altered" in estimator.acceleration_reason


def one_bit(value: Any) -> Any:
    return np.nextafter(value, np.inf)


def test_a_fused_step_that_is_wrong_in_one_bit_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from lachesis_moirae.fused.circuit import Circuit

    given = rows(scripts.records(150))
    expected = list(stepped(estimator_of(scripts.JOINT, "off"), given))
    voltage = Circuit.voltage

    def wrong(self: Any, states: np.ndarray, controls: Sequence[float]) -> Any:
        volts = voltage(self, states, controls)
        volts[3] = one_bit(volts[3])
        return volts

    monkeypatch.setattr(Circuit, "voltage", wrong)
    estimator = estimator_of(scripts.JOINT, "full")
    assert estimator.acceleration == "full"
    assert list(stepped(estimator, given)) == expected
    assert estimator.acceleration == "off"
    assert "test_time" in estimator.acceleration_reason and "differed" in estimator.acceleration_reason
    # And is not taken up again from a checkpoint, even where the fault is gone.
    monkeypatch.undo()
    sys.path.insert(0, str(PLUGINS / "moirae"))
    again = estimator_of(scripts.JOINT, "full")
    again.restore(estimator.save())
    assert (again.acceleration, again.acceleration_reason) == ("off", estimator.acceleration_reason)


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_fault_in_one_regime_is_found_at_the_first_step_there(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lachesis_moirae.fused.circuit import Circuit

    # Long after the first proofs the cell is charged for the first time.
    given = [[float(time), 0.0 if time < 2 else -0.1 if time < 200 else 0.1, 3.9, 25.0] for time in range(260)]
    expected = list(stepped(estimator_of(scripts.JOINT, "off"), given))
    evolve = Circuit.evolve

    def wrong(self: Any, states: np.ndarray, last: Sequence[float], new: Sequence[float]) -> list[Any]:
        evolved = evolve(self, states, last, new)
        if (last if side == "before" else new)[1] > 0:
            evolved[0] = one_bit(evolved[0])
        return evolved

    monkeypatch.setattr(Circuit, "evolve", wrong)
    estimator = estimator_of(scripts.JOINT, "full")
    made = []
    for index, step in enumerate(stepped(estimator, given), 1):
        made.append(step)
        assert estimator.acceleration == ("full" if index < 200 + (side == "before") else "off"), index
    assert made == expected


def test_where_moirae_raises_and_a_shortcut_does_not_moirae_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    from lachesis_moirae import fused

    given = rows(scripts.records(40))
    script = scripts.JOINT.replace("EquivalentCircuitModel()", "EquivalentCircuitModel('linear')")
    given[20][0] = given[19][0]
    expected = list(stepped(estimator_of(script, "off"), given))
    assert expected[19].startswith("AssertionError")

    def fearless(self: Any, controls: Sequence[float], voltage: float) -> Any:
        state = self.filters[0].state[0]
        return state.mean, state.covariance, np.array([voltage]), np.array([[1.0]])

    def wrong(self: Any, controls: Sequence[float], voltage: float) -> Any:
        last = self.filters[0].state[1]
        return fearless(self, controls, voltage) if controls[0] == last[0] else genuine(self, controls, voltage)

    genuine = fused.FusedJoint.step
    monkeypatch.setattr(fused.FusedJoint, "step", wrong)
    estimator = estimator_of(script, "full")
    assert list(stepped(estimator, given)) == expected
    assert "AssertionError" in estimator.acceleration_reason


@pytest.mark.parametrize("where", [20, 200])
def test_a_proof_that_fails_in_a_record_that_fails_loses_nothing(where: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from moirae.estimators.online.joint import JointEstimator

    given = [[float(time), 0.0 if time < 2 else -0.1 if time < where else 0.1, 3.9, 25.0] for time in range(260)]
    fail_at, genuine = float(where), JointEstimator.step

    def failing(self: Any, inputs: Any, measurements: Any) -> Any:
        if inputs.time.item() == fail_at:
            raise RuntimeError("not this one")
        return genuine(self, inputs, measurements)

    plain, estimator = estimator_of(scripts.NORMALIZED, "off"), estimator_of(scripts.NORMALIZED, "full")
    assert estimator.acceleration == "full"
    monkeypatch.setattr(JointEstimator, "step", failing)
    expected = list(stepped(plain, given))
    assert list(stepped(estimator, given)) == expected
    assert estimator.acceleration == "off" and "RuntimeError" in estimator.acceleration_reason


@pytest.mark.parametrize(
    "change",
    [
        "estimator.ukf = estimator.filter",
        "import copy\nestimator.kept = copy.deepcopy(estimator.filter)",
        "class Clipped(ECMInput): pass\nestimator._inputs = Clipped(time=0, current=0)",
        "estimator.filter.model.previous_inputs.temperature = np.array([[25.0]])",
        "estimator.filter.cov_w = estimator.filter.cov_w.astype(np.float32)",
    ],
)
def test_what_whole_steps_were_not_written_for_is_not_stepped_so(change: str) -> None:
    given, script = rows(scripts.records(80)), f"{scripts.JOINT}\n{change}\n"
    estimator = estimator_of(script, "full")
    assert estimator.acceleration != "full" and estimator.acceleration_reason
    assert list(stepped(estimator, given)) == list(stepped(estimator_of(script, "off"), given))


def test_health_that_does_not_always_enter_the_voltage_is_left_to_moirae() -> None:
    script = scripts.DUAL.replace('health.mark_updatable("q_t.base_values")\n', "").replace(
        'health.mark_updatable("r0.base_values")', 'health.mark_updatable("ce")'
    )
    script = script.replace("[0.15**2, 0.02**2]", "[0.01**2]").replace("[1e-5**2, 1e-6**2]", "[1e-6**2]")
    given = [[float(time), 0.0 if time < 2 else 0.1 if time < 90 else -0.1, 3.9, 25.0] for time in range(130)]
    expected = list(stepped(estimator_of(script, "off"), given))
    assert any(type(one) is str for one in expected) and any(type(one) is bytes for one in expected)
    estimator = estimator_of(script, "full")
    assert estimator.acceleration == "shortcuts"
    assert list(stepped(estimator, given)) == expected


def test_a_way_that_raises_where_moirae_does_not_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from lachesis_moirae.fused.circuit import Circuit

    given = rows(scripts.records(120))
    expected = list(stepped(estimator_of(scripts.JOINT, "off"), given))
    voltage = Circuit.voltage

    def failing(self: Any, states: np.ndarray, controls: Sequence[float]) -> Any:
        if controls[0] == given[100][0]:
            raise IndexError("a fault")
        return voltage(self, states, controls)

    monkeypatch.setattr(Circuit, "voltage", failing)
    estimator = estimator_of(scripts.JOINT, "full")
    assert list(stepped(estimator, given)) == expected
    assert "IndexError" in estimator.acceleration_reason


def test_what_an_earlier_estimator_installed_is_removed() -> None:
    from moirae.estimators.online.filters.kalman.unscented import UnscentedKalmanFilter

    genuine = dict(vars(UnscentedKalmanFilter))
    earlier = estimator_of(scripts.JOINT, "shortcuts")
    earlier.mark()
    assert dict(vars(UnscentedKalmanFilter)) != genuine
    estimator_of(scripts.JOINT, "off")
    assert dict(vars(UnscentedKalmanFilter)) == genuine
