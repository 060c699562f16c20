"""How much of an estimator's own code is replaced by faster code that gives the same bits."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from lachesis.problems import headline

Acceleration = Literal["off", "shortcuts", "full"]
"""Nothing; slow spots of a step; whole steps, where the plugin knows how."""


@dataclass(frozen=True)
class Accelerated:
    """What was asked for, what is in use, and why that is less.

    `in_use` is None if the plugin has no acceleration, or before a worker has told. `reason` is None where nothing is
    the matter. `disagreements` counts the replaced steps that were found to differ from the estimator's own; each took
    the estimator to a lower level for good, before any such step was used.
    """

    asked: str
    in_use: str | None
    reason: str | None
    disagreements: int

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read it as statuses and trials have it."""
        return cls(raw["asked"], raw["in_use"], raw["reason"], raw["disagreements"])

    def __str__(self) -> str:
        level = self.in_use or "none"
        if level != self.asked and self.in_use is not None:
            level += f" instead of {self.asked}"
        return level + (f": {headline(self.reason)}" if self.reason else "")
