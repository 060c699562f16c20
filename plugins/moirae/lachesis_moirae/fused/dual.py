"""A step of Moirae's `DualEstimator` with an equivalent circuit."""

import numpy as np
from moirae.estimators.online.dual import DualEstimator
from moirae.estimators.online.utils.model import CellModelWrapper, DegradationModelWrapper
from moirae.models.utils import NoDegradation

from .circuit import Circuit, Controls
from .filter import FusedFilter, Step
from .parameters import Parameters
from .recognition import require, require_that
from .unscented import State


class FusedDual:
    """One filter has the transient states, the other the health.

    Each takes the mean that the other had before the step as known.
    """

    def __init__(self, estimator: DualEstimator) -> None:
        """Take the estimator apart; raises Unrecognized that says what of it is not known."""
        require(estimator, DualEstimator)
        cell, health = estimator.cell_wrapper, estimator.asoh_wrapper
        require(cell, CellModelWrapper)
        require(health, DegradationModelWrapper)
        require(health.deg_model, NoDegradation)
        self._transient, self._health = (
            FusedFilter(estimator.trans_filter, cell),
            FusedFilter(estimator.asoh_filter, health),
        )
        self.filters = (self._transient, self._health)
        # Moirae fails where none of it enters the voltage, as with the efficiency alone while discharging.
        always = {"q_t.base_values", "r0.base_values", "ocv.ocv_ref.base_values"}
        require_that(always & set(health.asoh_inputs), "health that does not always enter the voltage")
        # Means go from one filter to the other by way of the estimator's own copies.
        names = estimator.asoh.updatable_names
        require_that(names == tuple(health.asoh_inputs), "the health is not estimated in its own order")
        self._width = width = cell.num_transients
        circuits = [
            Circuit(wrapper, asoh, estimator.transients, Parameters(asoh, names, width))
            for wrapper, asoh in ((cell, estimator.asoh), (health, health.asoh))
        ]
        self._circuit, self._health_circuit = circuits
        total = width + health.num_asoh
        # Both circuits look at whole hidden states; what the filter itself does not estimate is the same in each.
        self._states = np.empty((self._transient.unscented.points, total))
        self._health_states = np.empty((self._health.unscented.points, total))

    def step(self, controls: Controls, voltage: float) -> Step:
        """Step by a record's controls and voltage, V; raises Unsure, and changes nothing, if Moirae should do it."""
        transient_mean, health_mean = self._transient.mean, self._health.mean
        transient, output, variance = self._step_transient(health_mean, controls, voltage)
        self._health.state = self._step_health(transient_mean, controls, voltage)
        self._transient.state = transient
        width = self._width
        mean = np.concatenate((self._transient.mean, self._health.mean), axis=None)
        # As scipy's block_diag, which takes a fifth of a step.
        covariance = np.zeros((len(mean), len(mean)))
        covariance[:width, :width], covariance[width:, width:] = self._transient.covariance, self._health.covariance
        return mean, covariance, output, variance

    def _step_transient(
        self, health: np.ndarray, controls: Controls, voltage: float
    ) -> tuple[tuple[State, Controls], np.ndarray, np.ndarray]:
        filter, circuit, states, width = self._transient, self._circuit, self._states, self._width
        unscented, model = filter.unscented, filter.coordinates
        state, last = filter.state
        states[:, :width] = model.to_model(unscented.sample(state))
        states[:, width:] = health
        evolved = np.empty((len(states), width))
        for index, column in enumerate(circuit.evolve(states, last, controls)):
            evolved[:, index] = column
        samples = unscented.add_noise(model.to_filter(evolved))
        states[:, :width] = model.to_model(samples)
        state, output, variance = unscented.correct(samples, circuit.voltage(states, controls), voltage)
        return (state, controls), output, variance

    def _step_health(self, transient: np.ndarray, controls: Controls, voltage: float) -> tuple[State, Controls]:
        filter, circuit, states, width = self._health, self._health_circuit, self._health_states, self._width
        unscented, model = filter.unscented, filter.coordinates
        state, last = filter.state
        # Health stays as it is, but for its way to the model and back.
        samples = unscented.add_noise(model.to_filter(model.to_model(unscented.sample(state))))
        states[:, :width] = transient
        states[:, width:] = model.to_model(samples)
        for index, column in enumerate(circuit.evolve(states, last, controls)):
            states[:, index] = column
        state, _, _ = unscented.correct(samples, circuit.voltage(states, controls), voltage)
        return state, controls
