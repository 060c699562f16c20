"""Tells whether an estimator consists of Moirae's own classes and nothing else."""

import warnings
from functools import cache
from inspect import getattr_static
from types import FunctionType
from typing import Any

import numpy as np
from moirae.estimators.online.dual import DualEstimator
from moirae.estimators.online.filters.conversions import (
    AbsoluteValueConversionOperator,
    IdentityConversionOperator,
    LinearConversionOperator,
)
from moirae.estimators.online.filters.distributions import DeltaDistribution, MultivariateGaussian
from moirae.estimators.online.filters.kalman.unscented import UnscentedKalmanFilter
from moirae.estimators.online.joint import JointEstimator
from moirae.estimators.online.utils.model import CellModelWrapper, DegradationModelWrapper, JointCellModelWrapper
from moirae.models.ecm import EquivalentCircuitModel
from moirae.models.utils import NoDegradation
from pydantic import BaseModel

from . import containers, parameters

_CONVERSIONS = frozenset((IdentityConversionOperator, LinearConversionOperator, AbsoluteValueConversionOperator))
_DISTRIBUTIONS = frozenset((MultivariateGaussian, DeltaDistribution))
# Solving a Thevenin model's equations takes so long that what shortcuts save would not pay for its proofs.
_MODELS = frozenset((EquivalentCircuitModel,))
_FILTER = {
    "model": frozenset((JointCellModelWrapper, CellModelWrapper, DegradationModelWrapper)),
    "hidden": frozenset((MultivariateGaussian,)),
    "controls": _DISTRIBUTIONS,
}
_WRAPPER = {
    "cell_model": _MODELS,
    "asoh": parameters.KINDS,
    "transients": containers.KINDS,
    "inputs": containers.KINDS,
    "previous_inputs": containers.KINDS,
    "hidden_conversion": _CONVERSIONS,
    "control_conversion": _CONVERSIONS,
    "output_conversion": _CONVERSIONS,
}
_WITH_HEALTH = {**_WRAPPER, "deg_model": frozenset((NoDegradation,))}
_ESTIMATOR = {
    "cell_model": _MODELS,
    "asoh": parameters.KINDS,
    "transients": containers.KINDS,
}
_PARTS: dict[type, dict[str, frozenset[type]]] = {
    JointEstimator: {
        **_ESTIMATOR,
        "filter": frozenset((UnscentedKalmanFilter,)),
        "joint_model": frozenset((JointCellModelWrapper,)),
    },
    DualEstimator: {
        **_ESTIMATOR,
        "trans_filter": frozenset((UnscentedKalmanFilter,)),
        "asoh_filter": frozenset((UnscentedKalmanFilter,)),
        "cell_wrapper": frozenset((CellModelWrapper,)),
        "asoh_wrapper": frozenset((DegradationModelWrapper,)),
    },
    UnscentedKalmanFilter: _FILTER,
    JointCellModelWrapper: _WITH_HEALTH,
    CellModelWrapper: _WRAPPER,
    DegradationModelWrapper: _WITH_HEALTH,
}
"""Of each class, the attributes that a step goes through and the classes they may have."""

_CONSTANT = frozenset((type(None), bool, int, float, str, np.bool_, np.int64, np.float64, np.str_))


def is_genuine(estimator: Any) -> bool:
    """Whether the estimator and all that its step goes through are of Moirae's own classes, with no method replaced."""
    return type(estimator) in (JointEstimator, DualEstimator) and not _raises() and _is_genuine(estimator, set())


def _is_genuine(value: Any, seen: set[int]) -> bool:
    """Whether an object of an accepted class, and everything in it, is as Moirae makes it."""
    if id(value) in seen:
        return True
    seen.add(id(value))
    attributes = vars(value)
    if not _methods(type(value)).isdisjoint(attributes):
        return False
    if isinstance(value, BaseModel):
        return all(_is_plain(field, seen) for field in attributes.values())
    return all(
        type(part := attributes.get(name)) in kinds and _is_genuine(part, seen)
        for name, kinds in _PARTS.get(type(value), {}).items()
    )


def _is_plain(value: Any, seen: set[int]) -> bool:
    """Whether a field of a pydantic model holds an array, a number, a text, or models in which all is so."""
    kind = type(value)
    if kind is np.ndarray:
        return not value.dtype.hasobject
    if kind in _CONSTANT:
        return True
    if kind in parameters.KINDS:
        return _is_genuine(value, seen)
    if kind in (tuple, list, set):
        return all(_is_plain(item, seen) for item in value)
    return False


@cache
def _methods(kind: type) -> frozenset[str]:
    """Names of the functions of a class, which an object's own attribute of that name would take the place of."""
    functions = (FunctionType, classmethod, staticmethod)
    return frozenset(name for name in dir(kind) if isinstance(getattr_static(kind, name), functions))


def _raises() -> bool:
    """Whether a warning of numpy's would be an exception: then less work might raise less."""
    return not {"raise", "call"}.isdisjoint(np.geterr().values()) or any(
        rule[0] == "error" for rule in warnings.filters
    )
