"""The equivalent circuit's equations on columns of hidden states, as in Moirae's `EquivalentCircuitModel`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from moirae.estimators.online.utils.model import BaseCellWrapper
from moirae.models.base import InputQuantities
from moirae.models.components.soc import SOCInterpolatedHealth
from moirae.models.ecm import ECMASOH, ECMInput, ECMTransientVector, EquivalentCircuitModel
from moirae.models.ecm.components import (
    Capacitance,
    HysteresisParameters,
    MaxTheoreticalCapacity,
    OpenCircuitVoltage,
    RCComponent,
    Resistance,
)

from .curves import Curve, Grid, curve
from .parameters import Parameter, Parameters
from .recognition import Unsure, require, require_that

MOST_RC_PAIRS = 7
"""Numpy adds fewer than eight numbers one after another, as is done here; more of them in another order."""


Controls = Sequence[float]
"""What is applied to the cell at one time, s and A (positive: charging); °C follows if the record has it."""


class _Resistance:
    """A resistance that depends on temperature as well."""

    def __init__(self, value: Curve, factor: float, reference: float) -> None:
        self._value, self._factor, self._reference = value, factor, reference

    def __call__(self, soc: np.ndarray, states: np.ndarray, temperature: float | None) -> Any:
        value = self._value(soc, states)
        if temperature is None or self._factor == 0:
            return value
        return value * _exponential(-self._factor * (temperature - self._reference))


class Circuit:
    """Transient states and terminal voltage of an equivalent circuit, for many hidden states at once.

    Of a hidden state the first columns are the transient states, in the order of `ECMTransientVector`, in the model's
    coordinates; where the others are, `parameters` tells. Every result is a number or has the shape `(n,)`.
    """

    def __init__(
        self, wrapper: BaseCellWrapper, health: ECMASOH, transients: ECMTransientVector, parameters: Parameters
    ) -> None:
        """Take the circuit apart; raises Unrecognized that names a part that is not known."""
        model, inputs = wrapper.cell_model, wrapper.inputs
        require(model, EquivalentCircuitModel)
        require(health, ECMASOH)
        require(transients, ECMTransientVector)
        require(inputs, ECMInput, InputQuantities)
        # The model heeds a temperature only if the script's inputs have one.
        self._has_temperature = inputs.temperature is not None
        require_that(model.current_behavior in ("constant", "linear"), "the current behaves in a way that is not known")
        self._is_linear = model.current_behavior == "linear"
        grids: dict[bytes, Grid] = {}

        def curve_of(part: SOCInterpolatedHealth, name: str, kind: type) -> Curve:
            require(part, kind)
            return curve(part, parameters[f"{name}.base_values"], grids)

        def resistance(part: Resistance, name: str) -> _Resistance:
            value = curve_of(part, name, Resistance)
            factor = parameters[f"{name}.temperature_dependence_factor"]
            require_that(factor.is_constant and len(factor) == 1, f"{name}'s dependence on temperature is estimated")
            # Without one, Moirae cannot compute it at any temperature.
            require_that(part.reference_temperature is not None, f"{name} has no reference temperature")
            return _Resistance(value, factor.values.item(0), part.reference_temperature)

        require(health.q_t, MaxTheoreticalCapacity)
        require(health.ocv, OpenCircuitVoltage)
        self._capacity = self._scalar(parameters, "q_t.base_values")
        self._efficiency = self._scalar(parameters, "ce")
        self._open_circuit = curve_of(health.ocv.ocv_ref, "ocv.ocv_ref", SOCInterpolatedHealth)
        self._entropic = curve_of(health.ocv.ocv_ent, "ocv.ocv_ent", SOCInterpolatedHealth)
        self._reference_temperature = self._scalar(parameters, "ocv.reference_temperature")
        self._resistance = resistance(health.r0, "r0")
        self._hysteresis = curve_of(health.h0, "h0", HysteresisParameters)
        self._gamma = self._scalar(parameters, "h0.gamma")
        self._pairs: list[tuple[_Resistance, Curve]] = []
        for index, pair in enumerate(health.rc_elements):
            require(pair, RCComponent)
            name = f"rc_elements.{index}"
            self._pairs.append((resistance(pair.r, f"{name}.r"), curve_of(pair.c, f"{name}.c", Capacitance)))
        require_that(len(self._pairs) <= MOST_RC_PAIRS, f"{len(self._pairs)} RC pairs")
        self._capacitance: Curve | None = None
        if transients.q0 is not None:
            require_that(health.c0 is not None, "a charge of a capacitor that is not there")
            self._capacitance = curve_of(health.c0, "c0", Capacitance)
        elif health.c0 is not None:
            parameters["c0.base_values"]
        self._first_pair = 1 if self._capacitance is None else 2
        lengths = [transients.length_field(name) for name in ("soc", "q0", "i_rc", "hyst")]
        require_that(lengths == [1, self._first_pair - 1, len(self._pairs), 1], "transient states of another circuit")
        self.transients = self._first_pair + len(self._pairs) + 1
        """Number of transient states."""
        parameters.require_all_used()

    @staticmethod
    def _scalar(parameters: Parameters, name: str) -> Parameter:
        parameter = parameters[name]
        require_that(len(parameter) == 1, f"{name} has several values")
        return parameter

    def evolve(self, states: np.ndarray, last: Controls, new: Controls) -> list[Any]:
        """Return the transient states after the time from `last` to `new`, one result for each.

        Raises Unsure where Moirae may raise.
        """
        duration = new[0] - last[0]
        current, following = last[1], new[1]
        temperature = last[2] if self._has_temperature else None
        slope = 0.0
        if self._is_linear:
            if duration == 0:
                raise Unsure("no time has passed")
            slope = (following - current) / duration
        soc = states[:, 0]
        efficiency = 1.0 if current < 0 else self._efficiency.scalar(states)
        capacity = 3600 * self._capacity.scalar(states)
        charge = duration * (current + ((slope * duration) / 2))
        moved = charge / capacity
        # A factor of 1 changes no bit.
        if type(efficiency) is not float or efficiency != 1:
            moved = efficiency * moved
        evolved = [soc + moved]
        if self._capacitance is not None:
            evolved.append(states[:, 1] + charge)
        for index, (resistance, capacitance) in enumerate(self._pairs, self._first_pair):
            constant = resistance(soc, states, temperature) * capacitance(soc, states)
            # A resistance of zero makes this infinite, as in Moirae, and not an error of Python's.
            decay = _exponential(np.divide(-duration, constant))
            through = states[:, index] * decay
            through += (1 - decay) * (following - slope * constant)
            through += slope * duration
            evolved.append(through)
        limit = self._hysteresis(soc, states) * current
        if abs(current) > 1e-6:
            limit = limit / abs(current)
        rate = (efficiency * self._gamma.scalar(states)) / capacity
        hysteresis = states[:, self.transients - 1]
        if not self._is_linear or current * following >= 0:
            evolved.append(_approach(hysteresis, limit, rate, duration, current, slope))
        else:
            # The current passes zero on the way.
            passing = -current / slope
            half = _approach(hysteresis, limit, rate, passing, current, slope)
            evolved.append(_approach(half, -limit, rate, duration - passing, 0.0, slope))
        return evolved

    def voltage(self, states: np.ndarray, controls: Controls) -> Any:
        """Return the terminal voltage, V."""
        soc = states[:, 0]
        temperature = controls[2] if self._has_temperature else None
        volts = self._open_circuit(soc, states)
        if temperature is not None:
            warmer = temperature - self._reference_temperature.scalar(states)
            volts = volts + warmer * self._entropic(soc, states)
        volts = volts + controls[1] * self._resistance(soc, states, temperature)
        if self._capacitance is not None:
            volts = volts + states[:, 1] / self._capacitance(soc, states)
        if self._pairs:
            drops = [
                states[:, index] * resistance(soc, states, temperature)
                for index, (resistance, _) in enumerate(self._pairs, self._first_pair)
            ]
            total = drops[0]
            for drop in drops[1:]:
                total = total + drop
            volts = volts + total
        return volts + states[:, self.transients - 1]


def _approach(start: Any, limit: Any, rate: Any, duration: float, current: float, slope: float) -> Any:
    """Hysteresis after some time in which the current, A, changes by `slope` a second and keeps its sign."""
    if not current * (current + (slope * duration)) >= 0:
        raise Unsure("the current changes its sign")
    exponent = rate * duration * (current + (0.5 * slope * duration))
    if current > -(slope * duration):
        exponent = -exponent
    decay = _exponential(exponent)
    return decay * start + (1 - decay) * limit


def _exponential(exponent: Any) -> Any:
    # Numpy computes a lone number's exponential in another way than an array's.
    return np.exp(exponent) if type(exponent) is np.ndarray else np.exp(np.array([exponent])).item()
