"""Capacity and resistance of the demo cell, by counting charge and comparing with the open-circuit voltage.

Three states: the state of charge, which the current moves; the capacity, Ah, which tells how fast; and the resistance,
Ohm. The voltage tells what the state of charge is, so that in time it also tells the capacity.
"""

import numpy as np
from lachesis_kalman import ExtendedKalmanFilter


def open_circuit_voltage(soc):
    """V, of the cell at rest."""
    return 3.30 + 0.80 * soc - 0.25 * np.exp(-12 * soc)


def open_circuit_slope(soc):
    return 0.80 + 3.0 * np.exp(-12 * soc)


def transition(x, before, now):
    soc, capacity, resistance = x
    hours = (now["test_time"] - before["test_time"]) / 3600
    # A record's current (A, positive: charging) flows until the next one.
    return [soc + before["current"] * hours / capacity, capacity, resistance]


def transition_jacobian(x, before, now):
    hours = (now["test_time"] - before["test_time"]) / 3600
    return [[1, -before["current"] * hours / x[1] ** 2, 0], [0, 1, 0], [0, 0, 1]]


def measurement(x, now):
    return [open_circuit_voltage(x[0]) + now["current"] * x[2]]


def measurement_jacobian(x, now):
    return [[open_circuit_slope(x[0]), 0, now["current"]]]


estimator = ExtendedKalmanFilter(
    state_names=["soc", "capacity", "resistance"],
    inputs=["current"],
    outputs=["voltage"],
    output_names=["terminal_voltage"],
    # What is known when the records begin, and how far off it may be (standard deviations)
    mean=[0.90, 2.0, 0.040],
    covariance=np.diag(np.square([0.05, 0.2, 0.01])),
    transition=transition,
    transition_jacobian=transition_jacobian,
    measurement=measurement,
    measurement_jacobian=measurement_jacobian,
    # Added each second; health changes slowly
    process_noise=np.diag(np.square([1e-5, 1e-5, 1e-6])),
    # The sensor of voltage, 3 mV
    measurement_noise=[[0.003**2]],
)
