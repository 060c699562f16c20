"""Whole steps of recognized estimators in plain numpy, with the bits of Moirae's own.

What is left out: objects made and validated on the way, copies of copies, whatever is computed and thrown away, and
what is the same at every step. What is computed, is computed by the same operations in the same order.
"""

from moirae.estimators.online import OnlineEstimator
from moirae.estimators.online.dual import DualEstimator
from moirae.estimators.online.joint import JointEstimator
from moirae.models.base import InputQuantities
from moirae.models.ecm import ECMInput

from ..shortcuts.recognition import is_genuine
from ..undo import filters_of
from .dual import FusedDual
from .filter import Step
from .joint import FusedJoint
from .recognition import WRITTEN_FOR, Unrecognized, Unsure, require, require_genuine, require_that

__all__ = ("WRITTEN_FOR", "Fused", "Step", "Unrecognized", "Unsure", "fuse")

Fused = FusedDual | FusedJoint


def fuse(estimator: OnlineEstimator) -> Fused:
    """Return the fused step of an estimator; raises Unrecognized that says what of it is not known."""
    require_genuine()
    kind = {JointEstimator: FusedJoint, DualEstimator: FusedDual}.get(type(estimator))
    if kind is None:
        raise Unrecognized(f"the class {type(estimator).__name__} is not known")
    try:
        fused = kind(estimator)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # Moirae's own step may fail by it, too; that is its to say.
        raise Unrecognized(f"it is made in a way that is not known: {error}") from error
    holders = [filter.filter for filter in fused.filters]
    require_that(filters_of(estimator) == holders, "it holds another filter")
    inputs = estimator._inputs
    require(inputs, ECMInput, InputQuantities)
    same = all((inputs.temperature is None) == (filter.model.inputs.temperature is None) for filter in holders)
    require_that(same, "its inputs have another form than its filters'")
    require_that(is_genuine(estimator), "it has a method or a part of the script's own")
    return fused
