"""A plugin whose estimators find at a given time that an accelerated step differed."""

import shutil
from pathlib import Path
from typing import Any

from cells import KALMAN
from server import ROOT

_ADAPTER = """
import kalman_adapter
from lachesis_worker.plugin import ACCELERATIONS

def load(namespace, acceleration):
    kalman_adapter.load(namespace, acceleration)
    return Falling(namespace["estimator"], acceleration, namespace.get("FALLS", {}))

class Falling(kalman_adapter.KalmanEstimator):
    def __init__(self, filter, acceleration, falls):
        super().__init__(filter)
        self._falls, self.acceleration = falls, acceleration
        if self.class_name == "Strange":
            self.acceleration, self.acceleration_reason = "off", "the class Strange is not known"

    def step(self, values):
        level = self._falls.get(values[0])
        if level and ACCELERATIONS.index(level) < ACCELERATIONS.index(self.acceleration):
            self.acceleration, self.acceleration_reason = level, f"step at {values[0]:g} s differed"
        return super().step(values)
"""

STRANGE = (
    KALMAN
    + """
class Strange(ExtendedKalmanFilter):
    pass

estimator.__class__ = Strange
"""
)
"""A script whose estimator such a plugin does not know."""


def plugins(folder: Path) -> Path:
    """Make a folder with such a plugin in it; return the folder."""
    plugin = folder / "falling"
    shutil.copytree(ROOT / "plugins" / "kalman", plugin)
    (plugin / "adapter.py").rename(plugin / "kalman_adapter.py")
    (plugin / "adapter.py").write_text(_ADAPTER, "utf-8")
    setting = plugin / "plugin.toml"
    setting.write_text(setting.read_text("utf-8").replace('"kalman"', '"falling"'), "utf-8")
    return folder


def falling(falls: dict[float, str]) -> str:
    """Return a script whose accelerated steps differ at these times (s), and leave these levels."""
    return f"{KALMAN}\nFALLS = {falls!r}\n"


def told(asked: str, in_use: str | None, reason: str | None = None, disagreements: int = 0) -> dict[str, Any]:
    """Return what a status is to say."""
    return {"asked": asked, "in_use": in_use, "reason": reason, "disagreements": disagreements}
