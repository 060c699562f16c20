"""Tells whether a part of an estimator is exactly what the fused step was written for."""

from typing import Any

from ..originals import original

_ONLINE, _MODELS = "moirae.estimators.online", "moirae.models"
WRITTEN_FOR = (
    f"{_ONLINE}:OnlineEstimator",
    f"{_ONLINE}.dual:DualEstimator",
    f"{_ONLINE}.joint:JointEstimator",
    f"{_ONLINE}.filters.base:BaseFilter",
    f"{_ONLINE}.filters.base:ModelWrapper",
    f"{_ONLINE}.filters.conversions:ConversionOperator",
    f"{_ONLINE}.filters.distributions:MultivariateRandomDistribution",
    f"{_MODELS}.base:CellModel",
    f"{_MODELS}.base:DegradationModel",
    "copy:deepcopy",
    "pydantic.main:BaseModel",
    f"{_ONLINE}.filters.conversions:IdentityConversionOperator",
    f"{_ONLINE}.filters.conversions:LinearConversionOperator",
    f"{_ONLINE}.filters.distributions:DeltaDistribution",
    f"{_ONLINE}.filters.distributions:MultivariateGaussian",
    f"{_ONLINE}.filters.kalman.unscented:UnscentedKalmanFilter",
    f"{_ONLINE}.filters.kalman.unscented:assemble_unscented_estimate_from_samples",
    f"{_ONLINE}.filters.kalman.unscented:compute_unscented_covariance",
    f"{_ONLINE}.filters.kalman.utils:calculate_gain_matrix",
    f"{_ONLINE}.filters.kalman.utils:ensure_positive_semi_definite",
    f"{_ONLINE}.utils.model:BaseCellWrapper",
    f"{_ONLINE}.utils.model:CellModelWrapper",
    f"{_ONLINE}.utils.model:DegradationModelWrapper",
    f"{_ONLINE}.utils.model:JointCellModelWrapper",
    f"{_ONLINE}.utils.model:convert_vals_model_to_filter",
    f"{_MODELS}.base:GeneralContainer",
    f"{_MODELS}.base:HealthVariable",
    f"{_MODELS}.base:InputQuantities",
    f"{_MODELS}.base:OutputQuantities",
    f"{_MODELS}.base:enforce_dimensions",
    f"{_MODELS}.components.soc:SOCDependentHealth",
    f"{_MODELS}.components.soc:SOCInterpolatedHealth",
    f"{_MODELS}.components.soc:adjust_soc_shape",
    f"{_MODELS}.ecm:EquivalentCircuitModel",
    f"{_MODELS}.ecm.advancedSOH:ECMASOH",
    f"{_MODELS}.ecm.components:Capacitance",
    f"{_MODELS}.ecm.components:HysteresisParameters",
    f"{_MODELS}.ecm.components:MaxTheoreticalCapacity",
    f"{_MODELS}.ecm.components:OpenCircuitVoltage",
    f"{_MODELS}.ecm.components:RCComponent",
    f"{_MODELS}.ecm.components:Resistance",
    f"{_MODELS}.ecm.ins_outs:ECMInput",
    f"{_MODELS}.ecm.ins_outs:ECMMeasurement",
    f"{_MODELS}.ecm.transient:ECMTransientVector",
    f"{_MODELS}.ecm.utils:hysteresis_solver_const_sign",
    f"{_MODELS}.utils:NoDegradation",
    "numpy:allclose",
    "numpy:average",
    "numpy:diag",
    "numpy:isclose",
    "numpy:tile",
    "numpy.lib._function_base_impl:_weights_are_valid",
    "scipy.interpolate._interpolate:interp1d",
    "scipy.interpolate._polyint:_Interpolator1D",
    "numpy.linalg:cholesky",
    "numpy.linalg:inv",
    "scipy.interpolate._bsplines:BSpline",
    "scipy.linalg:block_diag",
)
"""Paths of all whose work the fused step does in its own way, or relies upon."""
_ORIGINALS = {path: original(path) for path in WRITTEN_FOR}
_UNKNOWN = [path for path, found in _ORIGINALS.items() if found is None or not found.is_known]


class Unrecognized(Exception):
    """A part is of another class, or has an option, that no fused step is written for; the message names it."""


class Unsure(Exception):
    """This step is left to Moirae: it may fail there, or take a rare way, such as a repair of the covariance."""


def require(part: object, *classes: type) -> None:
    """Raise Unrecognized unless a part is of one of the classes, not of one derived from it."""
    require_that(type(part) in classes, f"the class {type(part).__name__} is not known")


def require_that(condition: Any, text: str) -> None:
    """Raise Unrecognized with the text unless the condition holds."""
    if not condition:
        raise Unrecognized(text)


def require_genuine() -> None:
    """Raise Unrecognized unless Moirae, and what it calls, are what the fused step was written for."""
    require_that(not _UNKNOWN, f"another version of {', '.join(_UNKNOWN)}")
    for path, found in _ORIGINALS.items():
        require_that(found is not None and found.is_unchanged, f"the script has altered {path.replace(':', '.')}")
