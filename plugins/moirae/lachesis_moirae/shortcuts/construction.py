"""Makes Moirae's small models without pydantic's validation.

Each function takes what Moirae's own code gives the class, looks at exactly what the validators would, and makes an
object with the same attributes; whatever is out of the ordinary goes to the class itself, which converts or refuses it.
"""

from typing import Any

from moirae.estimators.online.filters.distributions import DeltaDistribution, MultivariateGaussian
from moirae.models.ecm import ECMMeasurement, ECMTransientVector
from numpy import ndarray
from pydantic import BaseModel

_set = object.__setattr__


def build(
    kind: type[BaseModel], fields: dict[str, Any], chosen: set[str], private: dict[str, Any] | None = None
) -> Any:
    """Return an object of a pydantic class with these values, as validation leaves them."""
    made = kind.__new__(kind)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_fields_set__", chosen)
    _set(made, "__pydantic_private__", private)
    return made


def delta(mean: ndarray) -> DeltaDistribution:
    """Make `DeltaDistribution(mean=mean)`."""
    if type(mean) is ndarray and mean.ndim == 1:
        return build(DeltaDistribution, {"mean": mean.flatten()}, {"mean"})
    return DeltaDistribution(mean=mean)


def gaussian(mean: ndarray, covariance: ndarray) -> MultivariateGaussian:
    """Make `MultivariateGaussian(mean=mean, covariance=covariance)`."""
    if type(mean) is ndarray and type(covariance) is ndarray and mean.ndim == 1:
        count = mean.shape[0]
        if count and covariance.shape == (count, count):
            fields = {"mean": mean.flatten(), "covariance": covariance}
            return build(MultivariateGaussian, fields, {"mean", "covariance"})
    return MultivariateGaussian(mean=mean, covariance=covariance)


def transient_vector(soc: ndarray, q0: ndarray | None, i_rc: ndarray, hyst: ndarray) -> ECMTransientVector:
    """Make `ECMTransientVector(soc=…, q0=…, i_rc=…, hyst=…)` from arrays that nothing else holds."""
    columns = (soc, hyst) if q0 is None else (soc, q0, hyst)
    if all(map(_is_column, columns)) and type(i_rc) is ndarray and i_rc.ndim == 2:
        charge = None if q0 is None else _column(q0)
        fields = {"soc": _column(soc), "q0": charge, "i_rc": i_rc, "hyst": _column(hyst)}
        return build(ECMTransientVector, fields, {"soc", "q0", "i_rc", "hyst"})
    return ECMTransientVector(soc=soc, q0=q0, i_rc=i_rc, hyst=hyst)


def measurement(terminal_voltage: ndarray) -> ECMMeasurement:
    """Make `ECMMeasurement(terminal_voltage=…)` from an array that nothing else holds."""
    if _is_column(terminal_voltage):
        return build(ECMMeasurement, {"terminal_voltage": _column(terminal_voltage)}, {"terminal_voltage"})
    return ECMMeasurement(terminal_voltage=terminal_voltage)


def _is_column(values: ndarray) -> bool:
    return type(values) is ndarray and values.ndim == 2 and values.shape[1] == 1 and values.flags.c_contiguous


def _column(values: ndarray) -> ndarray:
    """As `enforce_dimensions` makes it: of the same shape, and with the same strides."""
    return values.reshape(-1)[:, None]
