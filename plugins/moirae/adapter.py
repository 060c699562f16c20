"""Entry module of the moirae plugin."""

from typing import Any

from lachesis_moirae.estimator import MoiraeEstimator
from lachesis_moirae.finding import find_estimator


def load(namespace: dict[str, Any]) -> MoiraeEstimator:
    """Present the estimator in a script's namespace to the worker; raises ScriptError if there is no usable one."""
    return MoiraeEstimator(find_estimator(namespace))
