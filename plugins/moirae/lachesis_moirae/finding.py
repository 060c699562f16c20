"""Finds the estimator in a script's namespace."""

from typing import Any

from moirae.estimators.online import OnlineEstimator

from lachesis_worker.plugin import ScriptError

EXPECTED = (
    "a variable `estimator` that holds an online estimator of Moirae, such as a JointEstimator or a DualEstimator"
)


def find_estimator(namespace: dict[str, Any]) -> OnlineEstimator:
    """Return the object named `estimator`.

    A script without one may instead define `perform_offline_estimation(dataset)`, which returns health and transient
    state, and `make_estimator(health, state)`, which returns the estimator. They are called here, once, without a data
    set. Raises ScriptError if neither gives an estimator; what these functions raise passes through.
    """
    if "estimator" in namespace:
        return _checked(namespace["estimator"], "`estimator`")
    offline, make = namespace.get("perform_offline_estimation"), namespace.get("make_estimator")
    if not callable(offline) or not callable(make):
        raise ScriptError(f"the script must define {EXPECTED}; it defines no `estimator`")
    guess = offline(None)
    if not isinstance(guess, tuple) or len(guess) != 2:
        raise ScriptError("`perform_offline_estimation` must return two things: health and transient state")
    return _checked(make(*guess), "what `make_estimator` returns as the `estimator`")


def _checked(estimator: object, what: str) -> OnlineEstimator:
    if isinstance(estimator, type):
        raise ScriptError(f"{what} is the class {estimator.__name__}, not an object; the script must define {EXPECTED}")
    if not isinstance(estimator, OnlineEstimator):
        raise ScriptError(f"{what} is of type {type(estimator).__name__}; the script must define {EXPECTED}")
    if type(estimator).step is OnlineEstimator.step:
        raise ScriptError(f"{what}: its class {type(estimator).__name__} has no `step` of its own")
    return estimator
