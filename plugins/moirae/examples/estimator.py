"""Capacity and resistance of the demo cell, from its current and voltage.

A joint unscented Kalman filter over an equivalent circuit: a source whose voltage depends on the state of charge, a
series resistance, and one RC pair. What is known of the cell when new is in initial-asoh.json, registered along with
this script; capacity and series resistance have changed since, and are estimated.
"""

from pathlib import Path

import numpy as np
from moirae.estimators.online.joint import JointEstimator
from moirae.models.ecm import ECMASOH, ECMInput, ECMTransientVector, EquivalentCircuitModel

health = ECMASOH.model_validate_json(Path("initial-asoh.json").read_text())
health.mark_updatable("q_t.base_values")  # Ah
health.mark_updatable("r0.base_values")  # Ohm

# State of charge, current through the RC pair's resistor (A), hysteresis (V)
transients = ECMTransientVector.from_asoh(health)
transients.soc = np.array([[0.85]])

estimator = JointEstimator.initialize_unscented_kalman_filter(
    cell_model=EquivalentCircuitModel(),
    initial_asoh=health,
    initial_transients=transients,
    initial_inputs=ECMInput(time=0, current=0),
    # How far off the guesses may be, as standard deviations squared
    covariance_transient=np.diag([0.05**2, 0.01**2, 1e-4**2]),
    covariance_asoh=np.diag([0.15**2, 0.02**2]),
    # What a step may add to that: small, since the sensor of current is good and health changes slowly
    transient_covariance_process_noise=np.diag([2e-5**2, 2e-3**2, 1e-6**2]),
    asoh_covariance_process_noise=np.diag([1e-5**2, 1e-6**2]),
    # The sensor of voltage: 2 mV
    covariance_sensor_noise=np.array([[0.002**2]]),
)
