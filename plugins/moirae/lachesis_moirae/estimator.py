"""Presents one of Moirae's online estimators to the worker."""

from collections.abc import Sequence

import numpy as np
from moirae.estimators.online import OnlineEstimator
from moirae.estimators.online.dual import DualEstimator
from moirae.estimators.online.filters.base import ModelWrapper
from moirae.estimators.online.filters.distributions import MultivariateRandomDistribution
from moirae.estimators.online.joint import JointEstimator
from moirae.estimators.online.utils.model import convert_vals_model_to_filter

from lachesis_worker.plugin import ScriptError

from . import checkpoint
from .accelerated import AcceleratedEstimator
from .conversion import COLUMNS, REQUIRED, RecordConverter
from .undo import filters_of


class MoiraeEstimator:
    """An estimator of Moirae, stepped record by record as Moirae's own loop would."""

    columns = COLUMNS
    required = REQUIRED

    def __init__(self, estimator: OnlineEstimator, acceleration: str) -> None:
        """Wrap an estimator, accelerated at most as told: "off", "shortcuts" or "full".

        Raises ScriptError if records do not give what its classes need.
        """
        self._asked = acceleration
        self._set(estimator, RecordConverter(estimator))
        self.class_name = type(estimator).__name__
        self.state_names = tuple(estimator.state_names)
        self.output_names = tuple(estimator.output_names)

    def _set(self, estimator: OnlineEstimator, converter: RecordConverter, distrust: str = "") -> None:
        self._converter = converter
        self._accelerated = accelerated = AcceleratedEstimator(estimator, converter, self._asked, distrust)
        self.step, self.mark, self.rollback = accelerated.step, accelerated.mark, accelerated.rollback

    @property
    def acceleration(self) -> str:
        """The acceleration in use."""
        return self._accelerated.level

    @property
    def acceleration_reason(self) -> str:
        """Why it is less than what was asked for; empty if it is not."""
        return self._accelerated.reason

    def initial(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean `(s,)` and covariance `(s, s)` as the estimator stands, in the states' own units."""
        state = _state(self._accelerated.estimator)
        return state.get_mean(), state.get_covariance()

    def seed(self, values: Sequence[float]) -> None:
        """Take the first record's inputs as the previous ones.

        A filter left with the script's placeholder would take the time from there to the second record for one step.
        """
        inputs = self._converter.inputs(values)
        estimator = self._accelerated.estimator
        # What Moirae's own loop does with the first record; its own estimators do not read it, a script's may.
        estimator._u = inputs
        for filter in filters_of(estimator):
            # A filter of a script's own may have another kind of model, whose coordinates are not known.
            if isinstance(filter.model, ModelWrapper):
                controls = convert_vals_model_to_filter(inputs)
                filter.controls = controls.convert(filter.model.control_conversion, inverse=True)

    def save(self) -> bytes:
        """Return the estimator, with what the script defines and with the global variables that its functions use."""
        accelerated = self._accelerated
        return checkpoint.save((accelerated.estimator, accelerated.distrust))

    def restore(self, data: bytes) -> None:
        """Go on from a checkpoint; raises ValueError if it holds no estimator with the same states."""
        kept = checkpoint.load(data)
        estimator, distrust = kept if isinstance(kept, tuple) else (None, "")
        if not isinstance(estimator, OnlineEstimator) or tuple(estimator.state_names) != self.state_names:
            raise ValueError("the checkpoint is of another estimator")
        # A checkpoint brings classes of its own. Telling them asks the cell model for an example, which a script's own
        # may remember; so that is asked of one copy, and the other goes on. Both are of the same classes.
        converter = RecordConverter(estimator)
        self._set(checkpoint.load(data)[0], converter, distrust)


def _state(estimator: OnlineEstimator) -> MultivariateRandomDistribution:
    """Return the state in the model's coordinates.

    Filters may have coordinates of their own, which their estimators' property `state` gives, or fails on.
    """
    if isinstance(estimator, JointEstimator):
        return estimator.filter.hidden.convert(estimator.joint_model.hidden_conversion)
    if isinstance(estimator, DualEstimator):
        transient = estimator.trans_filter.hidden.convert(estimator.cell_wrapper.hidden_conversion)
        health = estimator.asoh_filter.hidden.convert(estimator.asoh_wrapper.hidden_conversion)
        return transient.combine_with((health,))
    try:
        return estimator.state
    except (NotImplementedError, AttributeError) as error:
        raise ScriptError(
            f"the class {type(estimator).__name__} of `estimator` must give its state as the property `state`"
        ) from error
