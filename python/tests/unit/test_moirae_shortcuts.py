"""Shortcuts of the moirae plugin: the same bits as genuine Moirae, or untouched."""

import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import moirae_scripts as scripts
import numpy as np
import pytest
from moirae_scripts import records
from random_circuits import random_records, random_script
from shortcut_twins import Different, Installed, Twins, compare, estimator_of
from worker_client import PLUGINS

EXAMPLE = PLUGINS / "moirae" / "examples"
SCRIPTS = ["JOINT", "DUAL", "NORMALIZED", "NORMALIZED_DUAL", "WITH_TEMPERATURE"]
LINEAR = scripts.JOINT.replace("EquivalentCircuitModel()", "EquivalentCircuitModel('linear')")


CONVERTED = (
    scripts.PREFACE
    + """
from moirae.estimators.online.filters.conversions import AbsoluteValueConversionOperator, LinearConversionOperator
from moirae.estimators.online.utils.model import JointCellModelWrapper
turned = np.eye(5) + 0.01 * np.arange(25.0).reshape(5, 5) ** 0.5
hidden = {"absolute": AbsoluteValueConversionOperator(indices=[3, 4]),
          "turned": LinearConversionOperator(multiplicative_array=turned, additive_array=np.arange(5.0)),
          "scaled": LinearConversionOperator(multiplicative_array=np.array(2.0))}[HIDDEN]
wrapper = JointCellModelWrapper(
    cell_model=model, asoh=health, transients=transients, inputs=inputs,
    converters={
        "hidden_conversion_operator": hidden,
        "control_conversion_operator": LinearConversionOperator(multiplicative_array=np.array([2.0, 0.5])),
        "output_conversion_operator": LinearConversionOperator(multiplicative_array=np.array(1.5)),
    })
estimator = JointEstimator.initialize_ukf_from_wrapper(
    joint_wrapper=wrapper, **{key: value for key, value in options.items() if key.startswith(("cov", "tra", "aso"))})
"""
)
SHARED = (
    scripts.PREFACE
    + """
pair = health.rc_elements[0]
health.rc_elements = (pair, type(pair)(r=pair.r, c=health.rc_elements[0].c.model_copy(deep=True)))
for name in ("rc_elements.0.r.base_values", "rc_elements.1.r.base_values"):
    health.mark_updatable(name)
options["initial_transients"] = ECMTransientVector.from_asoh(health)
options["covariance_transient"] = np.diag([0.05**2, 0.01**2, 0.01**2, 1e-4**2])
options["covariance_asoh"] = np.diag([0.15**2, 0.02**2, 0.002**2, 0.002**2])
options["transient_covariance_process_noise"] = 1e-6 * options["covariance_transient"]
options["asoh_covariance_process_noise"] = 1e-6 * options["covariance_asoh"]
"""
)


@pytest.fixture(scope="module", autouse=True)
def package(moirae: None) -> Any:
    """The package under test, imported before anything here changes Moirae."""
    sys.path.append(str(PLUGINS / "moirae"))
    from lachesis_moirae import shortcuts

    with warnings.catch_warnings():
        # Extreme records overflow in numpy.
        warnings.simplefilter("ignore", RuntimeWarning)
        yield shortcuts


def rows(count: int, seed: int = 0) -> list[tuple[float, ...]]:
    return [tuple(record.values()) for record in records(count, seed=seed)]


@pytest.fixture
def stepped() -> Twins:
    """Twins after some steps."""
    twins = Twins(scripts.JOINT)
    for row in rows(5):
        twins.step(*row)
    return twins


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_step_gives_the_same_bits(name: str, package: Any) -> None:
    twins = Twins(getattr(scripts, name))
    assert twins.shortcuts.names == tuple(shortcut.name for shortcut in package.ALL)
    for row in rows(100):
        assert twins.step(*row[:3], row[3] if name == "WITH_TEMPERATURE" else None) is None


@pytest.mark.parametrize("hidden", ["absolute", "turned", "scaled"])
def test_other_coordinates_give_the_same_bits(hidden: str) -> None:
    twins = Twins(CONVERTED.replace("HIDDEN", repr(hidden)))
    for row in rows(60):
        assert twins.step(*row[:3]) is None


@pytest.mark.parametrize("kind", ["JointEstimator", "DualEstimator"])
def test_a_part_of_health_in_two_places_gives_the_same_bits(kind: str) -> None:
    twins = Twins(SHARED + scripts.MAKE.format(kind))
    pairs = twins.short.asoh.rc_elements
    assert pairs[0].r is pairs[1].r
    assert not any(twins.step(*row[:3]) for row in rows(40)) or kind == "DualEstimator"


def test_the_example_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    from battdat.data import BatteryDataset

    data = BatteryDataset.from_hdf(EXAMPLE / "demo-cell.h5").tables["raw_data"]
    monkeypatch.chdir(EXAMPLE)
    twins = Twins(Path("estimator.py").read_text("utf-8"))
    for row in data[["test_time", "current", "voltage"]].to_numpy()[:300].tolist():
        assert twins.step(*row) is None


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_random_circuits_and_records_give_the_same_bits(first: int) -> None:
    good = 0
    for seed in range(first, first + 10):
        twins, failed = Twins(random_script(seed)), 0
        for row in random_records(seed, 12).tolist():
            if twins.step(*row) is None:
                good += 1
            else:
                failed += 1
            # Some circuits Moirae cannot step at all.
            if failed == 3:
                break
    assert good > 20


@pytest.mark.parametrize("script", [LINEAR, LINEAR.replace("JointEstimator.init", "DualEstimator.init")])
def test_a_step_that_raises_raises_the_same_and_leaves_the_same_state(script: str) -> None:
    twins = Twins(script)
    assert twins.step(0.0, 0.0, 3.98) is not None
    for time, current, voltage, _ in rows(30)[2:]:
        assert twins.step(time, current, voltage) is None or current == 0
        failed = twins.step(time, current, voltage)
        assert isinstance(failed, AssertionError) and "Current flips sign" in str(failed)


@pytest.mark.parametrize("name", ["JOINT", "DUAL"])
def test_a_covariance_that_is_lost_gives_the_same_repairs_and_errors(name: str) -> None:
    twins = Twins(getattr(scripts, name))
    outcomes = []
    for index, row in enumerate(rows(20)):
        if index in (5, 12):
            for estimator in (twins.genuine, twins.short):
                filter = estimator.filter if name == "JOINT" else estimator.asoh_filter
                broken = filter.hidden.covariance.copy()
                broken[0, 1] = 1 if index == 5 else np.nan
                filter.hidden = type(filter.hidden)(mean=filter.hidden.mean, covariance=broken)
        outcomes.append(twins.step(*row[:3]))
    assert not any(outcomes[:5]) and isinstance(outcomes[-1], np.linalg.LinAlgError)


def test_voltages_that_poison_a_state_poison_it_the_same() -> None:
    for value in (np.nan, np.inf, 1e200, 1e308):
        twins = Twins(scripts.JOINT)
        for index, row in enumerate(rows(12)):
            twins.step(*row[:2], value if index == 6 else row[2])


@pytest.mark.parametrize("name", ["JOINT", "DUAL", "NORMALIZED"])
def test_a_genuine_step_goes_on_from_what_shortcuts_made(name: str) -> None:
    twins = Twins(getattr(scripts, name))
    install = twins.shortcuts.install
    for index, row in enumerate(rows(60)):
        twins.shortcuts.install = install if index % 3 else lambda: None
        assert twins.step(*row[:3]) is None


def test_kept_references_stay_as_they_were(stepped: Twins) -> None:
    filter = stepped.short.filter
    for row in rows(10)[5:]:
        hidden, controls = filter.hidden, filter.controls
        kept = [array.copy() for array in (hidden.mean, hidden.covariance, controls.mean)]
        inputs = stepped.short._inputs.model_copy(
            update={"time": np.array([[row[0]]]), "current": np.array([[row[1]]])}
        )
        outputs = stepped.short.cell_model.calculate_terminal_voltage(
            stepped.short._inputs, stepped.short.transients, stepped.short.asoh
        )
        with Installed(stepped.shortcuts):
            state, predicted = stepped.short.step(inputs, outputs)
            direct = filter.step(controls, controls.model_copy(update={"mean": np.array([3.9])}))
        compare(kept, [hidden.mean, hidden.covariance, controls.mean])
        now = [filter.hidden.mean, filter.hidden.covariance, filter.controls.mean, controls.mean]
        given = [part for result in (state, predicted, *direct) for part in (result.mean, result.covariance)]
        assert not any(np.shares_memory(one, other) for one in now[:3] for other in (*given, controls.mean))


def test_checkpoints_know_nothing_of_shortcuts(stepped: Twins) -> None:
    import cloudpickle

    assert b"lachesis" not in cloudpickle.dumps(stepped.short)
    restored = cloudpickle.loads(cloudpickle.dumps(stepped.short))
    stepped.short = restored
    for row in rows(20)[5:]:
        assert stepped.step(*row[:3]) is None


def test_a_restored_estimator_takes_the_shortcuts(stepped: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays come back with types that are equal to the usual ones, not the same objects."""
    import cloudpickle
    from lachesis_moirae.shortcuts import health_copies, interpolation, moments, parameters, sigma_points

    stepped.short = cloudpickle.loads(cloudpickle.dumps(stepped.short))
    assert stepped.short.filter.cov_w.dtype is not np.dtype(float)
    for module, name in (
        (health_copies, "_copy"),
        (interpolation, "_get_value"),
        (moments, "_assemble"),
        (parameters, "_get"),
        (parameters, "_update"),
        (sigma_points, "_build"),
    ):
        assert callable(getattr(module, name))
        monkeypatch.setattr(module, name, None)
    for row in rows(10)[5:]:
        assert stepped.step(*row[:3]) is None


def everything(package: Any) -> dict[tuple[str, str], Any]:
    """What stands at each place that a shortcut replaces, and in the class or module around it."""
    owners = {id(owner): owner for shortcut in package.ALL for owner, _ in map(package.place, shortcut.replacements)}
    return {(owner.__name__, name): value for owner in owners.values() for name, value in vars(owner).items()}


def test_removing_puts_every_function_back(stepped: Twins, package: Any) -> None:
    before = everything(package)
    for _ in range(2):
        stepped.shortcuts.install()
        stepped.shortcuts.install()
        changed = [place for place, value in everything(package).items() if value is not before.get(place)]
        assert len(changed) == sum(len(shortcut.replacements) for shortcut in package.ALL)
        # Asking about another estimator finds Moirae genuine, and leaves all as it is.
        assert package.Shortcuts.recognized(stepped.genuine) is not None
        assert [place for place, value in everything(package).items() if value is not before.get(place)] == changed
        stepped.shortcuts.remove()
        stepped.shortcuts.remove()
        after = everything(package)
        assert list(after) == list(before) and all(after[place] is value for place, value in before.items())


OVERRIDES = {
    "estimator": "class Own(JointEstimator): pass\nestimator = Own(estimator.filter)",
    "estimator's method": "estimator.step = lambda *values: JointEstimator.step(estimator, *values)",
    "filter": "class Own(type(estimator.filter)): pass\nestimator.filter.__class__ = Own",
    "filter's method": "estimator.filter.build_sigma_points = estimator.filter.build_sigma_points",
    "model": "class Own(EquivalentCircuitModel): pass\nestimator.joint_model.cell_model = Own()",
    "model's method": "model.update_transient_state = model.update_transient_state",
    "wrapper": "class Own(type(estimator.joint_model)): pass\nestimator.joint_model.__class__ = Own",
    "degradation": "class Own(type(estimator.joint_model.deg_model)): pass\nestimator.joint_model.deg_model = Own()",
    "health": "class Own(ECMASOH): pass\nestimator.joint_model.asoh.__class__ = Own",
    "part of health": (
        "class Own(type(health.r0)): pass\nestimator.joint_model.asoh.r0 = Own(base_values=[0.06, 0.07])"
    ),
    "transients": "class Own(ECMTransientVector): pass\nestimator.joint_model.transients.__class__ = Own",
    "conversion": (
        "class Own(type(estimator.joint_model.hidden_conversion)): pass\n"
        "estimator.joint_model.hidden_conversion = Own()"
    ),
    "distribution": "class Own(type(estimator.filter.hidden)): pass\nestimator.filter.hidden.__class__ = Own",
}


@pytest.mark.parametrize("what", OVERRIDES)
def test_what_a_script_overrides_is_not_touched(what: str, package: Any) -> None:
    assert package.Shortcuts.recognized(estimator_of(scripts.JOINT)) is not None
    estimator = estimator_of(scripts.JOINT + "\n" + OVERRIDES[what])
    assert package.Shortcuts.recognized(estimator) is None


@pytest.mark.parametrize("name", ["OWN_CLASSES", "THEVENIN_WITH_TEMPERATURE"])
def test_of_other_classes_nothing_is_touched(name: str, package: Any) -> None:
    assert package.Shortcuts.recognized(estimator_of(getattr(scripts, name))) is None


def _copy_of(function: Any) -> Any:
    return types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)


def _patches() -> dict[str, tuple[Any, str, Any, str]]:
    """What a script may put elsewhere in the process: owner, name, value, and a shortcut that it forbids."""
    from moirae.estimators.online.filters.kalman import unscented
    from moirae.models import ecm
    from moirae.models.base import GeneralContainer
    from moirae.models.components.soc import SOCInterpolatedHealth

    filter = unscented.UnscentedKalmanFilter
    return {
        "method": (filter, "build_sigma_points", _copy_of(filter.build_sigma_points), "sigma points"),
        "function": (unscented, "calculate_gain_matrix", _copy_of(unscented.calculate_gain_matrix), "correction"),
        "name in a module": (
            ecm,
            "hysteresis_solver_const_sign",
            _copy_of(ecm.hysteresis_solver_const_sign),
            "circuit",
        ),
        "method of a part": (ecm.ECMASOH, "update_parameters", ecm.ECMASOH.update_parameters, "parameters"),
        "a voltage's part": (
            ecm.components.Capacitance,
            "get_value",
            ecm.components.Capacitance.get_value,
            "hidden states",
        ),
        "property": (GeneralContainer, "batch_size", property(lambda self: 1), "containers"),
        "code": (
            SOCInterpolatedHealth.get_value,
            "__code__",
            SOCInterpolatedHealth.get_value.__code__.replace(),
            "interpolation",
        ),
        "numpy": (np, "average", lambda *values, **options: 0, "moments"),
        "a built-in function's name": (sys.modules[GeneralContainer.__module__], "sum", sum, "containers"),
    }


@pytest.mark.parametrize(
    "what",
    [
        "method",
        "function",
        "name in a module",
        "method of a part",
        "a voltage's part",
        "property",
        "code",
        "numpy",
        "a built-in function's name",
    ],
)
def test_a_function_that_a_script_replaced_is_not_replaced_again(
    what: str, package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, value, forbidden = _patches()[what]
    estimator = estimator_of(scripts.JOINT)
    monkeypatch.setattr(owner, name, value, raising=False)
    shortcuts = package.Shortcuts.recognized(estimator)
    assert shortcuts is not None and forbidden not in shortcuts.names and "definiteness" in shortcuts.names
    monkeypatch.undo()
    assert forbidden in package.Shortcuts.recognized(estimator).names


def test_code_of_another_version_is_not_replaced(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lachesis_moirae.originals import Original
    from lachesis_moirae.originals.known import KNOWN

    path = "moirae.estimators.online.filters.kalman.unscented:UnscentedKalmanFilter"
    found = Original(path)
    assert found.is_known and found.digest == KNOWN[path]
    changed = found.value.step.__code__.replace(co_consts=(*found.value.step.__code__.co_consts, 1))
    monkeypatch.setattr(found.value.step, "__code__", changed)
    assert not Original(path).is_known
    monkeypatch.undo()
    assert Original(path).is_known
    monkeypatch.delitem(KNOWN, path)
    assert [shortcut.name for shortcut in package.ALL if not shortcut.is_known] == [
        "sigma points",
        "moments",
        "correction",
    ]


def test_nothing_is_replaced_where_warnings_are_exceptions(package: Any) -> None:
    estimator = estimator_of(scripts.JOINT)
    with np.errstate(invalid="raise"):
        assert package.Shortcuts.recognized(estimator) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert package.Shortcuts.recognized(estimator) is None


def _nudged(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with the last bit of one number of its result changed."""

    def nudged(*values: Any, **options: Any) -> Any:
        result = function(*values, **options)
        array = result if isinstance(result, np.ndarray) else result[0].mean
        array.flat[0] = np.nextafter(array.flat[0], np.inf)
        return result

    return nudged


@pytest.mark.parametrize("name", ["build_sigma_points", "estimation_update", "update_hidden_states", "get_value"])
def test_one_bit_is_noticed(name: str) -> None:
    twins = Twins(scripts.JOINT)
    for row in rows(3):
        twins.step(*row[:3])
    places = twins.shortcuts._places
    index = next(index for index, place in enumerate(places) if place[1] == name)
    places[index] = (*places[index][:2], _nudged(places[index][2]))
    with pytest.raises(Different):
        for row in rows(6)[3:]:
            twins.step(*row[:3])
