"""Hidden states are propagated without what degradation would need and `NoDegradation` does not read.

Skipped: the terminal voltage of the propagated states, which is given to the model of degradation only; the deep copy
of the whole health that `NoDegradation` returns, of which the parameters just set are read: the original holds the same
bits; converting the hidden states to the model's coordinates a second time. With another model of degradation, Moirae's
own functions are taken.

A voltage that cannot be computed must still raise. Of joint states it is computed again, from arrays of the same
shapes, when the measurement is predicted. Of health alone it is not: the transient state has one row there and several
later, so that it is skipped only where one row and several go together in all that the circuit adds up.
"""

from typing import Any

from moirae.models.components.soc import SOCInterpolatedHealth
from moirae.models.ecm import ECMASOH
from moirae.models.utils import NoDegradation
from numpy import ndarray

from . import parameters
from .shortcut import Shortcut, genuine

_MODULE = "moirae.estimators.online.utils.model"
_joint = genuine(f"{_MODULE}:JointCellModelWrapper.update_hidden_states")
_degradation = genuine(f"{_MODULE}:DegradationModelWrapper.update_hidden_states")


def update_joint(self: Any, hidden_states: ndarray, previous_controls: ndarray, new_controls: ndarray) -> ndarray:
    """Propagate transients and health together, shape `(points, s)`."""
    if type(self.deg_model) is not NoDegradation:
        return _joint(self, hidden_states, previous_controls, new_controls)
    count, conversion = self.num_transients, self.control_conversion
    self.previous_inputs.from_numpy(conversion.transform_samples(samples=previous_controls))
    self.inputs.from_numpy(conversion.transform_samples(samples=new_controls))
    states = self.hidden_conversion.transform_samples(samples=hidden_states)
    self.transients.from_numpy(values=states[:, :count])
    self.asoh.update_parameters(states[:, count:], names=self.asoh_inputs)
    transients = self.cell_model.update_transient_state(
        previous_inputs=self.previous_inputs, new_inputs=self.inputs, transient_state=self.transients, asoh=self.asoh
    )
    output = states.copy("K")
    output[:, :count] = transients.to_numpy()
    output[:, count:] = self.asoh.get_parameters(names=self.asoh_inputs)
    return self.hidden_conversion.inverse_transform_samples(transformed_samples=output)


def update_health(self: Any, hidden_states: ndarray, previous_controls: ndarray, new_controls: ndarray) -> ndarray:
    """Propagate health alone, shape `(points, s)`."""
    if type(self.deg_model) is not NoDegradation:
        return _degradation(self, hidden_states, previous_controls, new_controls)
    conversion = self.control_conversion
    self.previous_inputs.from_numpy(values=conversion.transform_samples(samples=previous_controls))
    self._update_hidden_asoh(hidden_states=hidden_states)
    self.inputs.from_numpy(conversion.transform_samples(samples=new_controls))
    if not _has_voltage(self.asoh, self.inputs):
        self.cell_model.calculate_terminal_voltage(
            new_inputs=self.inputs, transient_state=self.transients, asoh=self.asoh
        )
    health = self.asoh.get_parameters(names=self.asoh_inputs)
    return self.hidden_conversion.inverse_transform_samples(transformed_samples=health)


def _has_voltage(health: ECMASOH, inputs: Any) -> bool:
    """Whether it is certain that a voltage can be computed wherever the measurement can be predicted."""
    reference, entropic = health.ocv.ocv_ref, health.ocv.ocv_ent
    if type(reference) is not SOCInterpolatedHealth or type(entropic) is not SOCInterpolatedHealth:
        return False
    if inputs.temperature is not None and len(entropic.base_values) not in (1, len(reference.base_values)):
        return False
    resistances = [pair.r for pair in health.rc_elements]
    return len({(len(r.base_values), len(r.temperature_dependence_factor)) for r in resistances}) < 2


SHORTCUT = Shortcut(
    name="hidden states",
    replacements={
        f"{_MODULE}:JointCellModelWrapper.update_hidden_states": update_joint,
        f"{_MODULE}:DegradationModelWrapper.update_hidden_states": update_health,
    },
    written_for=(
        "moirae.estimators.online.filters.base:ModelWrapper",
        f"{_MODULE}:BaseCellWrapper",
        f"{_MODULE}:JointCellModelWrapper",
        f"{_MODULE}:DegradationModelWrapper",
        "moirae.models.ecm:EquivalentCircuitModel",
        "moirae.models.utils:NoDegradation",
        "moirae.estimators.online.filters.conversions:IdentityConversionOperator",
        "moirae.estimators.online.filters.conversions:LinearConversionOperator",
        "moirae.estimators.online.filters.conversions:AbsoluteValueConversionOperator",
        # A voltage is not only a result: if a script made any of these note something down, it would be missed.
        *parameters.CLASSES,
    ),
)
