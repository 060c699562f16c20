"""Entry module of the moirae plugin."""

from typing import Any

from lachesis_moirae.estimator import MoiraeEstimator
from lachesis_moirae.finding import find_estimator


def load(namespace: dict[str, Any], acceleration: str) -> MoiraeEstimator:
    """Present the estimator in a script's namespace to the worker; raises ScriptError if there is no usable one.

    `acceleration`: the most that it may be accelerated, "off", "shortcuts" or "full".
    """
    return MoiraeEstimator(find_estimator(namespace), acceleration)
