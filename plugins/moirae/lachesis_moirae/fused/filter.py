"""What a fused step keeps of one of the estimator's filters."""

from typing import Any

import numpy as np
from moirae.estimators.online.filters.conversions import IdentityConversionOperator
from moirae.estimators.online.filters.distributions import DeltaDistribution, MultivariateGaussian
from moirae.estimators.online.filters.kalman.unscented import UnscentedKalmanFilter
from moirae.estimators.online.utils.model import BaseCellWrapper

from .circuit import Controls
from .coordinates import coordinates
from .recognition import require, require_that
from .unscented import State, Unscented

Step = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Mean `(s,)`, covariance `(s, s)`, predicted outputs `(o,)` and their covariance `(o, o)`, in the states' units."""


class FusedFilter:
    """A filter's state in arrays of its own: `take` and `put` bring it from and to Moirae's filter."""

    state: tuple[State, Controls]
    """The hidden state and the latest controls; never changed, only replaced."""

    def __init__(self, filter: UnscentedKalmanFilter, wrapper: BaseCellWrapper) -> None:
        """Raises Unrecognized if filter or wrapper have something that is not known."""
        require_that(filter.model is wrapper, "the filter has another model than the estimator")
        require(wrapper.control_conversion, IdentityConversionOperator)
        require(wrapper.output_conversion, IdentityConversionOperator)
        require(wrapper.previous_inputs, type(wrapper.inputs))
        # Both take their numbers from the same places of the controls.
        same = (wrapper.previous_inputs.temperature is None) == (wrapper.inputs.temperature is None)
        require_that(same, "the inputs before have another form than those after")
        self.filter = filter
        self.unscented = Unscented(filter)
        self.coordinates = coordinates(wrapper.hidden_conversion, self.unscented.size)

    @property
    def mean(self) -> np.ndarray:
        """Mean of the hidden state in the model's coordinates, `(s,)`."""
        return self.coordinates.to_model(self.state[0].mean)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the hidden state in the model's coordinates, `(s, s)`."""
        return self.coordinates.covariance_to_model(self.state[0].covariance)

    def take(self) -> None:
        """Take the filter's state over; raises Unsure if its covariance is not definite."""
        self.state = self._taken = self.unscented.state(self.filter.hidden), self.filter.controls.get_mean().tolist()

    def put(self) -> None:
        """Give the filter the state, unless it has it."""
        if self.state is not self._taken:
            state, controls = self.state
            self.filter.hidden = MultivariateGaussian(mean=state.mean, covariance=state.covariance.copy())
            self.filter.controls = DeltaDistribution(mean=np.array(controls))
            self._taken = self.state

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return mean, covariance and controls, in the filter's coordinates."""
        state, controls = self.state
        return state.mean, state.covariance, np.array(controls)

    def mark(self) -> Any:
        """Return what `rollback` needs to undo a step."""
        return self.state, self._taken

    def rollback(self, mark: Any) -> None:
        """Return to the state at `mark`; Moirae's filter must be as it was then, too."""
        self.state, self._taken = mark
