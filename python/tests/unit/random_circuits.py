"""Random scripts with equivalent circuits, and random records for them."""

import numpy as np

STYLES = ("linear", "nearest", "nearest-up", "zero", "slinear", "quadratic", "cubic", "previous", "next")

_SCRIPT = """
import numpy as np
from moirae.estimators.online.dual import DualEstimator
from moirae.estimators.online.joint import JointEstimator
from moirae.models.components.soc import ScaledSOCInterpolatedHealth, SOCInterpolatedHealth
from moirae.models.ecm import ECMASOH, ECMInput, ECMTransientVector, EquivalentCircuitModel
from moirae.models.ecm.components import (
    Capacitance, HysteresisParameters, MaxTheoreticalCapacity, OpenCircuitVoltage, RCComponent, Resistance)

health = ECMASOH(
    q_t=MaxTheoreticalCapacity(base_values={capacity}),
    ce={efficiency},
    ocv=OpenCircuitVoltage(ocv_ref={ocv}, ocv_ent=SOCInterpolatedHealth({entropy})),
    r0=Resistance({resistance}, temperature_dependence_factor={factor}),
    c0={capacitance},
    rc_elements=({pairs}),
    h0=HysteresisParameters({hysteresis}, gamma={gamma}),
)
for name in {updatable}:
    health.mark_updatable(name)
transients = ECMTransientVector.from_asoh(health)
transients.soc = np.array([[{soc}]])
spread = lambda values, scale: np.diag((scale * (np.abs(values) + 0.01)) ** 2)
parameters = health.get_parameters({updatable})[0]
first = transients.to_numpy()[0]
estimator = {kind}.initialize_unscented_kalman_filter(
    cell_model=EquivalentCircuitModel({behavior!r}),
    initial_asoh=health,
    initial_transients=transients,
    initial_inputs=ECMInput(time=0, current=0, temperature={temperature}),
    covariance_transient=spread(first, 0.03),
    covariance_asoh=spread(parameters, 0.03),
    transient_covariance_process_noise=spread(first, 1e-4),
    asoh_covariance_process_noise=spread(parameters, 1e-5),
    covariance_sensor_noise=np.array([[0.002**2]]),
    normalize_asoh={normalized},
    filter_args={tuning},
)
"""


def random_script(seed: int) -> str:
    """A script whose circuit, options and updatable parameters are drawn at random."""
    random = np.random.default_rng(seed)

    def curve(low: float, high: float, scalars: bool = True) -> str:
        """Fields of a parameter that rises with the state of charge: one value, or several in one of the styles."""
        if scalars and random.random() < 0.4:
            return f"base_values={random.uniform(low, high)}"
        count = int(random.integers(4, 9))
        values = np.sort(random.uniform(low, high, count))
        text = f"base_values={values.tolist()}, interpolation_style={random.choice(STYLES)!r}"
        if random.random() < 0.3:
            points = np.concatenate(([0.0], np.sort(random.uniform(0.05, 0.95, count - 2)), [1.0]))
            text += f", soc_pinpoints={points.tolist()}"
        return text

    pairs, has_capacitance = int(random.integers(0, 3)), random.random() < 0.3
    ocv, is_scaled = curve(3.0, 4.2, scalars=False), random.random() < 0.2
    names = ["q_t.base_values", "ce", "r0.base_values", "h0.base_values", "ocv.ocv_ref.base_values", "h0.gamma"]
    names += [f"rc_elements.{pair}.{part}.base_values" for pair in range(pairs) for part in "rc"]
    if is_scaled:
        coefficients = random.normal(0, 0.01, 3).tolist()
        ocv += f", scaling_coeffs={coefficients}, additive={random.random() < 0.5}"
        names.append("ocv.ocv_ref.scaling_coeffs")
    chosen = [name for name in names if random.random() < 0.35] or ["q_t.base_values"]
    return _SCRIPT.format(
        kind=random.choice(["JointEstimator", "DualEstimator"]),
        capacity=random.uniform(0.5, 3),
        efficiency=random.choice([1.0, 0.98]),
        ocv=f"{'Scaled' if is_scaled else ''}SOCInterpolatedHealth({ocv})",
        entropy=curve(-1e-3, 1e-3),
        resistance=curve(0.02, 0.1),
        factor=random.choice([0, 0.01]),
        capacitance=f"Capacitance({curve(2000, 9000)})" if has_capacitance else None,
        pairs="".join(
            f"RCComponent(r=Resistance({curve(0.01, 0.05)}), c=Capacitance({curve(500, 4000)}))," for _ in range(pairs)
        ),
        hysteresis=curve(0.0, 0.05),
        gamma=random.choice([0.0, 50.0]),
        updatable=chosen,
        soc=random.choice([0.0, 0.03, 0.5, 0.85, 1.0, 1.05]),
        behavior=str(random.choice(["constant", "linear"])),
        temperature=random.choice([None, 25]),
        normalized=bool(random.random() < 0.4),
        tuning=[
            {},
            {"alpha_param": 0.1},
            {"kappa_param": "automatic"},
            {"alpha_param": 0.5, "kappa_param": 1.0, "beta_param": 0.0},
        ][random.integers(4)],
    )


def random_records(seed: int, count: int) -> np.ndarray:
    """Charge, discharge and rest with gaps, equal times, noise and extremes: s, A, V, °C; shape `(count, 4)`."""
    random = np.random.default_rng(seed)
    rows, time, current = [], 0.0, 0.0
    for _ in range(count):
        time += float(random.choice([0.0, 0.5, 1.0, 10.0, 600.0], p=[0.1, 0.2, 0.5, 0.15, 0.05]))
        if random.random() < 0.3:
            current = float(
                random.choice([0.0, random.uniform(-3, 3), random.uniform(-0.1, 0.1), 20 * random.uniform(-1, 1)])
            )
        voltage = float(np.clip(3.7 + 0.05 * current, 2.5, 4.5) + random.normal(0, random.choice([0.002, 0.2])))
        rows.append((time, current, voltage, 25 + random.normal(0, 10)))
    return np.array(rows)
