"""Scripts for genuine Moirae, and records for them."""

import json
import sys
import types
from pathlib import Path

import numpy as np

HEALTH = json.loads(
    (Path(__file__).parents[3] / "plugins" / "moirae" / "examples" / "initial-asoh.json").read_text("utf-8")
)

PREFACE = f"""
import numpy as np
from moirae.estimators.online.dual import DualEstimator
from moirae.estimators.online.joint import JointEstimator
from moirae.models.ecm import ECMASOH, ECMInput, ECMTransientVector, EquivalentCircuitModel

health = ECMASOH.model_validate({HEALTH!r})
health.mark_updatable("q_t.base_values")
health.mark_updatable("r0.base_values")
transients = ECMTransientVector.from_asoh(health)
transients.soc = np.array([[0.85]])
model = EquivalentCircuitModel()
inputs = ECMInput(time=0, current=0)
options = dict(
    initial_asoh=health,
    initial_transients=transients,
    covariance_transient=np.diag([0.05**2, 0.01**2, 1e-4**2]),
    covariance_asoh=np.diag([0.15**2, 0.02**2]),
    transient_covariance_process_noise=np.diag([2e-5**2, 2e-3**2, 1e-6**2]),
    asoh_covariance_process_noise=np.diag([1e-5**2, 1e-6**2]),
    covariance_sensor_noise=np.array([[0.002**2]]),
)
"""
MAKE = "\nestimator = {}.initialize_unscented_kalman_filter(cell_model=model, initial_inputs=inputs, **options)\n"

JOINT = PREFACE + MAKE.format("JointEstimator")
DUAL = PREFACE + MAKE.format("DualEstimator")
NORMALIZED = PREFACE + "\noptions['normalize_asoh'] = True\n" + MAKE.format("JointEstimator")
NORMALIZED_DUAL = PREFACE + "\noptions['normalize_asoh'] = True\n" + MAKE.format("DualEstimator")
WITH_TEMPERATURE = (
    PREFACE
    + """
inputs = ECMInput(time=0, current=0, temperature=25)
health.r0.temperature_dependence_factor = np.array([[0.01]])
"""
    + MAKE.format("JointEstimator")
)
OWN_CLASSES = (
    "from __future__ import annotations\n"
    + PREFACE
    + """
from dataclasses import dataclass
from moirae.models.base import InputQuantities, OutputQuantities
from moirae.models.utils import NoDegradation

@dataclass
class Offset:
    volts: float = 0.001

class OwnInput(ECMInput):
    pass

class OwnOutput(OutputQuantities):
    pass

class OwnModel(EquivalentCircuitModel):
    offset: Offset = Offset()

    def calculate_terminal_voltage(self, new_inputs, transient_state, asoh):
        result = super().calculate_terminal_voltage(new_inputs, transient_state, asoh)
        return OwnOutput(terminal_voltage=result.terminal_voltage + self.offset.volts)

class OwnEstimator(JointEstimator):
    def __init__(self, joint_filter):
        super().__init__(joint_filter)
        self.steps = 0

    def step(self, inputs, measurements):
        self.steps += 1
        assert type(inputs) is OwnInput and type(measurements) is OwnOutput, (inputs, measurements)
        assert inputs.temperature is not None
        return super().step(inputs, measurements)

model, inputs = OwnModel(), OwnInput(time=0, current=0)
"""
    + MAKE.format("JointEstimator")
    + "estimator = OwnEstimator(estimator.filter)\n"
)
THEVENIN = """
import numpy as np
from moirae.estimators.online.joint import JointEstimator
from moirae.models.components.soc import SOCPolynomialHealth
from moirae.models.components.soc_t import SOCTempPolynomialHealth
from moirae.models.thevenin import TheveninInput, TheveninModel
from moirae.models.thevenin.state import TheveninASOH, TheveninTransient

health = TheveninASOH(
    capacity=1.3,
    ocv=SOCPolynomialHealth(coeffs=[3.3, 0.8]),
    r=(SOCTempPolynomialHealth(soc_coeffs=[0.06, 0.0]),),
)
health.mark_updatable("capacity")
estimator = JointEstimator.initialize_unscented_kalman_filter(
    cell_model=TheveninModel(),
    initial_asoh=health,
    initial_transients=TheveninTransient.from_asoh(health, soc=0.85),
    initial_inputs=INPUTS,
    covariance_transient=np.diag([0.05**2, 1e-2**2, 1e-4**2]),
    covariance_asoh=np.diag([0.1**2]),
    transient_covariance_process_noise=np.diag([1e-5**2, 1e-4**2, 1e-6**2]),
    asoh_covariance_process_noise=np.diag([1e-6**2]),
    covariance_sensor_noise=np.array([[0.002**2]]),
)
"""
THEVENIN_WITH_TEMPERATURE = THEVENIN.replace("INPUTS", "TheveninInput(time=0, current=0, temperature=25)")
THEVENIN_WITHOUT_TEMPERATURE = THEVENIN.replace("INPUTS", "TheveninInput(time=0, current=0)")


def records(count: int, start: float = 0.0, seed: int = 0) -> list[dict[str, float]]:
    """Records of a pulsed discharge: test_time (s), current (A), voltage (V), temperature (°C); the first at rest."""
    random = np.random.default_rng(seed)
    soc, time, made = 0.85, start, []
    for index in range(count):
        current = 0.0 if index < 2 else -1.5 * float(np.round(random.random(), 2)) * (index % 7 < 5)
        voltage = 3.3 + 0.8 * soc + 0.07 * current + random.normal(0, 0.002)
        temperature = 25 + random.normal(0, 2)
        numbers = (time, current, float(voltage), float(temperature))
        made.append(dict(zip(("test_time", "current", "voltage", "temperature"), numbers, strict=True)))
        time += float(random.choice([1.0, 5.0, 10.0]))
        soc += current * 5.0 / 3600 / 1.2
    return made


class Loop:
    """Moirae's own loop in this process: steps an estimator that a script defines."""

    def __init__(self, script: str) -> None:
        # Dataclasses look the module of their class up.
        module = sys.modules["a_script"] = types.ModuleType("a_script")
        exec(compile(script, "script.py", "exec", dont_inherit=True), module.__dict__)
        self.estimator = module.estimator

    def step(self, records: list[dict[str, float]], **classes: type) -> tuple[np.ndarray, ...]:
        """Return means `(n, s)`, variances `(n, s)`, predicted voltages `(n, o)`, the last covariance `(s, s)`."""
        from moirae.interface import row_to_inputs

        means, variances, outputs = [], [], []
        for record in records:
            state, output = self.estimator.step(*row_to_inputs(record, **classes))
            means.append(state.get_mean())
            variances.append(state.get_covariance().diagonal())
            outputs.append(output.get_mean())
        return np.array(means), np.array(variances), np.array(outputs), state.get_covariance()
