"""The kalman plugin and its filter."""

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from worker_client import PLUGINS, Failed, Zygote

SCRIPT = """
from lachesis_kalman import ExtendedKalmanFilter
import numpy as np

A = np.array([[1.0, 0.1], [0.0, 0.95]])
estimator = ExtendedKalmanFilter(
    state_names=["level", "rate"], mean=[1.0, 0.0], covariance=[[0.5, 0.1], [0.1, 0.3]],
    transition=lambda x, before, now: A @ x,
    measurement=lambda x, now: [x[0] + now["offset"]],
    transition_jacobian=lambda x, before, now: A,
    measurement_jacobian=lambda x, now: [[1.0, 0.0]],
    process_noise=np.diag([1e-3, 1e-2]), measurement_noise=[[0.04]],
    inputs=["offset"], outputs=["reading"], optional=["extra"],
)
"""


@pytest.fixture(scope="module")
def kalman() -> Iterator[ModuleType]:
    """The module that scripts import."""
    specification = importlib.util.spec_from_file_location("lachesis_kalman", PLUGINS / "kalman" / "lachesis_kalman.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    yield module


def records(count: int) -> list[dict[str, float]]:
    random = np.random.default_rng(4)
    return [
        {"test_time": 0.5 * index, "offset": float(random.normal()), "reading": float(random.normal()), "extra": np.nan}
        for index in range(count)
    ]


def test_a_linear_filter_gives_the_textbooks_numbers(kalman_zygote: Zygote) -> None:
    worker = kalman_zygote.worker()
    ready = worker.build(SCRIPT)
    assert ready.estimator == "ExtendedKalmanFilter" and ready.state_names == ["level", "rate"]
    assert ready.columns == ["test_time", "offset", "reading", "extra"] and ready.output_names == ["reading"]
    given = records(50)
    result = worker.step(given)
    assert result.outcomes == [1] + [0] * 49, result.errors
    x, p = np.array([1.0, 0.0]), np.array([[0.5, 0.1], [0.1, 0.3]])
    a, h, q, r = np.array([[1.0, 0.1], [0.0, 0.95]]), np.array([[1.0, 0.0]]), np.diag([1e-3, 1e-2]), 0.04
    for index, record in enumerate(given[1:]):
        x, p = a @ x, a @ p @ a.T + 0.5 * q
        predicted, s = (h @ x).item() + record["offset"], (h @ p @ h.T).item() + r
        gain = (p @ h.T / s).reshape(2)
        x, p = x + gain * (record["reading"] - predicted), (np.eye(2) - np.outer(gain, h)) @ p
        assert np.allclose(result.mean[index], x, rtol=1e-12, atol=1e-14)
        assert np.allclose(result.variance[index], p.diagonal(), rtol=1e-10)
        assert np.allclose(result.output_mean[index], predicted) and np.allclose(result.output_variance[index], s)
    assert result.covariance is not None and (result.covariance == result.covariance.T).all()


def test_missing_columns_are_required_unless_optional(kalman_zygote: Zygote) -> None:
    worker = kalman_zygote.worker()
    worker.build(SCRIPT)
    given = records(8)
    given[3]["reading"], given[5]["offset"], given[6]["extra"] = np.nan, np.inf, np.inf
    assert worker.step(given).outcomes == [1, 0, 0, 2, 0, 2, 0, 0]


@pytest.mark.parametrize("function", ["transition", "transition_jacobian", "measurement", "measurement_jacobian"])
def test_a_function_that_fails_or_lies_is_undone(kalman_zygote: Zygote, function: str) -> None:
    breaking = f"""
original = estimator._{function}
def broken(x, *records):
    now = records[-1]
    if now["extra"] == 1:
        raise RuntimeError("broken on purpose")
    return np.zeros((3, 3)) if now["extra"] == 2 else original(x, *records)
estimator._{function} = broken
"""
    worker, reference = kalman_zygote.worker(), kalman_zygote.worker()
    worker.build(SCRIPT + breaking)
    reference.build(SCRIPT)
    clean = records(20)
    given = list(clean)
    given.insert(10, {**clean[10], "extra": 1.0})
    given.insert(15, {**clean[14], "extra": 2.0})
    result, expected = worker.step(given), reference.step(clean)
    assert [index for index, outcome in enumerate(result.outcomes) if outcome == 5] == [10, 15]
    assert "broken on purpose" in result.errors[10] and 'cell.py", line' in result.errors[10]
    assert "must have the shape" in result.errors[15]
    assert (result.mean == expected.mean).all() and (result.covariance == expected.covariance).all()


def test_functions_cannot_change_the_state_through_their_argument(kalman: ModuleType) -> None:
    def spoiling(x: np.ndarray, *records: Any) -> np.ndarray:
        kept = x.copy()
        x[:] = np.nan
        return kept

    options = {
        "state_names": ["a"],
        "mean": [2.0],
        "covariance": [[1.0]],
        "process_noise": [[0.0]],
        "measurement_noise": [[1.0]],
        "outputs": ["y"],
    }
    filter = kalman.ExtendedKalmanFilter(transition=spoiling, measurement=spoiling, **options)
    filter.step({"test_time": 0.0, "y": 4.0})
    assert np.allclose(filter.mean, [3.0]) and np.allclose(filter.covariance, [[0.5]])


def test_derivatives_are_found_where_none_are_given(kalman: ModuleType) -> None:
    def transition(x: np.ndarray, before: Any, now: Any) -> list[float]:
        return [x[0] + 0.1 * x[1] ** 2, np.sin(x[1])]

    def transition_jacobian(x: np.ndarray, before: Any, now: Any) -> list[list[float]]:
        return [[1, 0.2 * x[1]], [0, np.cos(x[1])]]

    filters = [
        kalman.ExtendedKalmanFilter(
            state_names=["a", "b"],
            mean=[1.0, 0.5],
            covariance=np.eye(2),
            process_noise=np.eye(2),
            outputs=["y"],
            transition=transition,
            measurement=lambda x, now: [np.exp(x[0]) * x[1]],
            measurement_noise=[[0.1]],
            **given,
        )
        for given in (
            {},
            {
                "transition_jacobian": transition_jacobian,
                "measurement_jacobian": lambda x, now: [[np.exp(x[0]) * x[1], np.exp(x[0])]],
            },
        )
    ]
    for time in range(20):
        for filter in filters:
            filter.step({"test_time": float(time), "y": 1.0 + 0.01 * time})
    assert np.allclose(filters[0].mean, filters[1].mean, rtol=1e-8)
    assert np.allclose(filters[0].covariance, filters[1].covariance, rtol=1e-7)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"mean": [1.0]}, "mean"),
        ({"mean": [1.0, np.nan]}, "mean"),
        ({"covariance": np.eye(3)}, "covariance"),
        ({"covariance": [[1.0, 0.0], [1.0, 1.0]]}, "covariance must be symmetric"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "covariance must have no negative"),
        ({"process_noise": -np.eye(2)}, "process_noise"),
        ({"measurement_noise": np.eye(2)}, "measurement_noise"),
        ({"state_names": "ab"}, "state_names"),
        ({"state_names": ["a", "a"]}, "state_names"),
        ({"state_names": []}, "state_names"),
        ({"outputs": []}, "outputs"),
        ({"inputs": ["y"]}, "different columns"),
        ({"optional": ["test_time"]}, "different columns"),
        ({"output_names": ["a", "b"]}, "output_names"),
    ],
)
def test_arguments_that_do_not_fit_are_named(kalman: ModuleType, change: dict[str, Any], word: str) -> None:
    options = {
        "state_names": ["a", "b"],
        "mean": [0, 0],
        "covariance": np.eye(2),
        "process_noise": np.eye(2),
        "measurement_noise": [[1]],
        "outputs": ["y"],
        "transition": lambda x, before, now: x,
        "measurement": lambda x, now: x[:1],
    }
    kalman.ExtendedKalmanFilter(**options)
    with pytest.raises(ValueError, match=word):
        kalman.ExtendedKalmanFilter(**{**options, **change})


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("x = 1", ["estimator", "ExtendedKalmanFilter"]),
        ("estimator = 5", ["estimator", "int"]),
        (SCRIPT.replace("mean=[1.0, 0.0]", "mean=[1.0]"), ["mean must have the shape (2,)", 'File "cell.py", line 6']),
    ],
)
def test_a_script_without_a_filter_is_told_what_is_expected(
    kalman_zygote: Zygote, script: str, words: list[str]
) -> None:
    with pytest.raises(Failed) as failed:
        kalman_zygote.worker().build(script)
    for word in words:
        assert word in str(failed.value)


def test_the_warm_process_imports_little_and_has_one_thread(kalman_zygote: Zygote) -> None:
    assert kalman_zygote.report["threads"] == 1 and kalman_zygote.report["modules"] < 400


def test_a_checkpoint_goes_on_with_the_same_bits(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from lachesis_worker import script
    from lachesis_worker.plugin import ENTRY_MODULE, Plugin

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    plugin = Plugin.read(PLUGINS / "kalman").imported()
    estimator, other = (plugin.load(script.execute("cell", SCRIPT), "full") for _ in range(2))
    given = [[record[name] for name in estimator.columns] for record in records(30)]
    other.restore(estimator.save())
    assert other._filter.previous is None
    estimator.seed(given[0])
    for values in given[1:15]:
        estimator.step(values)
    other.restore(estimator.save())
    for values in given[15:]:
        for one, two in zip(estimator.step(values), other.step(values), strict=True):
            assert (one == two).all()
    with pytest.raises(ValueError, match="another estimator"):
        other.restore(b"12345678")
    sys.modules.pop(ENTRY_MODULE)
