"""Distributions are made and copied without pydantic.

Skipped: validation of the mean and covariance that a conversion or a record has given, which are arrays of the right
shape already, and `copy.deepcopy` of a model that holds nothing but such arrays. The same arrays are copied in the same
way: `flatten` where the validator flattens, in the order of memory where a deep copy keeps it.
"""

from typing import Any

from moirae.estimators.online.filters.distributions import DeltaDistribution, MultivariateGaussian
from numpy import ndarray

from .construction import build, delta, gaussian
from .shortcut import Shortcut, genuine, rebound

_DISTRIBUTIONS = "moirae.estimators.online.filters.distributions"
_CONVERSION = "moirae.estimators.online.utils.model:convert_vals_model_to_filter"
_copy = genuine(f"{_DISTRIBUTIONS}:MultivariateRandomDistribution.model_copy")


def model_copy(self: Any, *, update: Any = None, deep: bool = False) -> Any:
    """`BaseModel.model_copy` for distributions."""
    if deep and not update and type(self) in (MultivariateGaussian, DeltaDistribution):
        fields = self.__dict__
        if all(type(value) is ndarray and not value.dtype.hasobject for value in fields.values()):
            copies = {name: value.copy("K") for name, value in fields.items()}
            return build(type(self), copies, self.__pydantic_fields_set__.copy())
    return _copy(self, update=update, deep=deep)


_convert_values = rebound(genuine(_CONVERSION), DeltaDistribution=delta)

SHORTCUT = Shortcut(
    name="distributions",
    replacements={
        f"{_DISTRIBUTIONS}:MultivariateRandomDistribution.model_copy": model_copy,
        f"{_DISTRIBUTIONS}:MultivariateGaussian.convert": rebound(
            genuine(f"{_DISTRIBUTIONS}:MultivariateGaussian.convert"), MultivariateGaussian=gaussian
        ),
        f"{_DISTRIBUTIONS}:DeltaDistribution.convert": rebound(
            genuine(f"{_DISTRIBUTIONS}:DeltaDistribution.convert"), DeltaDistribution=delta
        ),
        "moirae.estimators.online.joint:convert_vals_model_to_filter": _convert_values,
        "moirae.estimators.online.dual:convert_vals_model_to_filter": _convert_values,
    },
    written_for=(
        f"{_DISTRIBUTIONS}:MultivariateRandomDistribution",
        f"{_DISTRIBUTIONS}:MultivariateGaussian",
        f"{_DISTRIBUTIONS}:DeltaDistribution",
        _CONVERSION,
        "moirae.estimators.online.joint:JointEstimator",
        "moirae.estimators.online.dual:DualEstimator",
        "pydantic.main:BaseModel",
        "copy:deepcopy",
    ),
)
