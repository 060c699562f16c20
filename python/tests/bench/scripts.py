"""Scripts whose estimators are measured, all with the example's circuit and its records."""

from measure import EXAMPLE

JOINT = (EXAMPLE / "estimator.py").read_text("utf-8")
DUAL = JOINT.replace("JointEstimator", "DualEstimator").replace("online.joint", "online.dual")
THEVENIN = """
import numpy as np
from moirae.estimators.online.joint import JointEstimator
from moirae.models.components.soc import SOCPolynomialHealth
from moirae.models.components.soc_t import SOCTempPolynomialHealth
from moirae.models.thevenin import TheveninInput, TheveninModel
from moirae.models.thevenin.state import TheveninASOH, TheveninTransient

health = TheveninASOH(
    capacity=1.2, ocv=SOCPolynomialHealth(coeffs=[3.3, 0.8]), r=(SOCTempPolynomialHealth(soc_coeffs=[0.06, 0.0]),)
)
health.mark_updatable("capacity")
estimator = JointEstimator.initialize_unscented_kalman_filter(
    cell_model=TheveninModel(),
    initial_asoh=health,
    initial_transients=TheveninTransient.from_asoh(health, soc=0.85),
    initial_inputs=TheveninInput(time=0, current=0, temperature=25),
    covariance_transient=np.diag([0.05**2, 1e-2**2, 1e-4**2]),
    covariance_asoh=np.diag([0.1**2]),
    transient_covariance_process_noise=np.diag([1e-4**2, 1e-2**2, 1e-5**2]),
    asoh_covariance_process_noise=np.diag([1e-5**2]),
    covariance_sensor_noise=np.array([[0.02**2]]),
)
"""
SCRIPTS = {"joint": JOINT, "dual": DUAL, "thevenin": THEVENIN}
RECORDS = {"joint": 10_000, "dual": 5_000, "thevenin": 150}
"""Records of one measurement: long enough for the proofs of the first steps to weigh as little as they do in a lab."""
