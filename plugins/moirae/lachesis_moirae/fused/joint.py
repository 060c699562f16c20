"""A step of Moirae's `JointEstimator` with an equivalent circuit."""

from moirae.estimators.online.joint import JointEstimator
from moirae.estimators.online.utils.model import JointCellModelWrapper
from moirae.models.utils import NoDegradation

from .circuit import Circuit, Controls
from .filter import FusedFilter, Step
from .parameters import Parameters
from .recognition import require


class FusedJoint:
    """The hidden state holds the circuit's transient states first, then the health that is estimated."""

    def __init__(self, estimator: JointEstimator) -> None:
        """Take the estimator apart; raises Unrecognized that says what of it is not known."""
        require(estimator, JointEstimator)
        wrapper = estimator.joint_model
        require(wrapper, JointCellModelWrapper)
        require(wrapper.deg_model, NoDegradation)
        self._filter = FusedFilter(estimator.filter, wrapper)
        self.filters = (self._filter,)
        parameters = Parameters(wrapper.asoh, wrapper.asoh_inputs, wrapper.num_transients)
        self._circuit = Circuit(wrapper, wrapper.asoh, wrapper.transients, parameters)

    def step(self, controls: Controls, voltage: float) -> Step:
        """Step by a record's controls and voltage, V; raises Unsure, and changes nothing, if Moirae should do it."""
        filter, circuit = self._filter, self._circuit
        unscented, model = filter.unscented, filter.coordinates
        state, last = filter.state
        states = model.to_model(unscented.sample(state))
        # Health stays as it is.
        for index, column in enumerate(circuit.evolve(states, last, controls)):
            states[:, index] = column
        samples = unscented.add_noise(model.to_filter(states))
        predicted = circuit.voltage(model.to_model(samples), controls)
        state, output, variance = unscented.correct(samples, predicted, voltage)
        filter.state = state, controls
        return filter.mean, filter.covariance, output, variance
