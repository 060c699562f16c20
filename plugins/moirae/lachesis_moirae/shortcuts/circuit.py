"""The equivalent circuit returns transient states and voltages that were not validated.

Skipped: pydantic's validation of arrays that the model has just computed. The arithmetic is Moirae's own, since the
functions are: only the classes that they make are given another name.
"""

from .construction import measurement, transient_vector
from .shortcut import Shortcut, genuine, rebound

_MODEL = "moirae.models.ecm:EquivalentCircuitModel"

SHORTCUT = Shortcut(
    name="circuit",
    replacements={
        f"{_MODEL}.update_transient_state": rebound(
            genuine(f"{_MODEL}.update_transient_state"), ECMTransientVector=transient_vector
        ),
        f"{_MODEL}.calculate_terminal_voltage": rebound(
            genuine(f"{_MODEL}.calculate_terminal_voltage"), ECMMeasurement=measurement
        ),
    },
    written_for=(
        _MODEL,
        "moirae.models.base:enforce_dimensions",
        "moirae.models.base:GeneralContainer",
        "moirae.models.base:OutputQuantities",
        "moirae.models.ecm.ins_outs:ECMMeasurement",
        "moirae.models.ecm.transient:ECMTransientVector",
    ),
)
