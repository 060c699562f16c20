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


@pytest.fixture
def moirae_plugin(moirae: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(PLUGINS / "moirae")
    yield
    # A worker has one estimator, whose shortcuts stay until the process ends.
    from lachesis_moirae.shortcuts import Shortcuts

    if Shortcuts._installed is not None:
        Shortcuts._installed.remove()


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


@pytest.mark.parametrize("seed", range(24))
def test_random_circuits_step_by_step(seed: int) -> None:
    """Every step both ways, from Moirae's state: nothing is left to the schedule of proofs."""
    from lachesis_moirae.fused import Unrecognized, Unsure, fuse
    from lachesis_moirae.proof import differing
    from lachesis_moirae.undo import filters_of
    from lachesis_moirae.ways import FusedWay, GenuineWay, state_of

    script = random_script(seed)
    plain = estimator_of(script, "off")
    estimator, converter = plain._accelerated.estimator, plain._converter
    try:
        fused = FusedWay(fuse(estimator), converter)
    except Unrecognized as error:
        assert "Scaled" in str(error), error
        return
    genuine, filters = GenuineWay(estimator, converter), filters_of(estimator)
    compared = failed = 0
    for index, values in enumerate(random_records(seed, 40).tolist()):
        mark = plain.mark()
        try:
            fused.enter()
            made = (*fused.step(values), *fused.state())
        except Unsure:
            made = None
        try:
            expected = (*genuine.step(values), *state_of(filters))
        except Exception:  # noqa: BLE001 (Moirae raises various)
            plain.rollback(mark)
            failed += 1
            # Of some circuits with two filters Moirae cannot make any step; that is seen at the first proof.
            assert made is None or compared == 0, index
        else:
            if made is not None and all(np.isfinite(array).all() for array in expected):
                assert differing(expected, made) is None, index
                compared += 1
    assert compared > 0 or failed > 30


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


def test_a_fault_in_one_regime_is_found_at_the_first_step_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from lachesis_moirae.fused.circuit import Circuit

    # Long after the first proofs the cell is charged for the first time.
    given = [[float(time), 0.0 if time < 2 else -0.1 if time < 200 else 0.1, 3.9, 25.0] for time in range(260)]
    expected = list(stepped(estimator_of(scripts.JOINT, "off"), given))
    evolve = Circuit.evolve

    def wrong(self: Any, states: np.ndarray, last: Sequence[float], new: Sequence[float]) -> list[Any]:
        evolved = evolve(self, states, last, new)
        if new[1] > 0:
            evolved[0] = one_bit(evolved[0])
        return evolved

    monkeypatch.setattr(Circuit, "evolve", wrong)
    estimator = estimator_of(scripts.JOINT, "full")
    made = []
    for index, step in enumerate(stepped(estimator, given), 1):
        made.append(step)
        assert estimator.acceleration == ("full" if index < 200 else "off"), index
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


def test_the_schedule_of_proofs() -> None:
    from lachesis_moirae.proof import AGAIN, EVERY, FIRST, Schedule

    def due(schedule: Schedule, count: int, current: float, soc: float = 0.5, temperature: float = 25) -> list[int]:
        return [index for index in range(count) if schedule.is_due(current, soc, temperature)]

    schedule = Schedule([0, 0.25, 0.75, 1])
    assert due(schedule, FIRST + 2 * EVERY, -1) == [*range(FIRST), FIRST - 1 + EVERY, FIRST - 1 + 2 * EVERY]
    assert due(schedule, 5, 1) == [0]
    assert due(schedule, 5, 1, soc=0.8) == [0]
    assert due(schedule, 5, 1, soc=0.8, temperature=31) == [0]
    assert due(schedule, 5, 1, soc=0.8, temperature=np.nan) == [0]
    assert due(schedule, 5, 0, soc=0.8, temperature=np.nan) == [0]
    # A current that flickers about zero is proven both ways once.
    assert sum(schedule.is_due(1e-3 * (-1) ** index, 0.8, np.nan) for index in range(200)) == 3
    assert due(schedule, AGAIN, 1, 0.8, np.nan)
    assert due(schedule, 5, 0, soc=0.8, temperature=np.nan) == [0]
