"""What the server says of an estimator, with arrays."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Status:
    """An estimator's latest estimate, and how far it is.

    `mean` `(s,)` and `covariance` `(s, s)` are in the states' own units and in the order of `state_names`;
    `latest_time` is the `test_time` (s) of the latest record that the estimate holds for, None before the first.
    `output_mean` and `output_variance` `(o,)` are what the estimator predicted for the latest record, empty
    before the first step. `waiting` records are stored and not yet looked at. `raw` is the whole entry as the
    server sent it.
    """

    name: str
    is_ready: bool
    phase: str
    latest_time: float | None
    state_names: list[str]
    mean: Array
    covariance: Array
    output_names: list[str]
    output_mean: Array
    output_variance: Array
    estimator: str
    version: int
    stepped: int
    skipped: int
    failed: int
    waiting: int
    last_error: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, name: str, raw: dict[str, Any]) -> Self:
        """Read one entry of `/online/status`; null among the numbers becomes NaN."""
        arrays: dict[str, Any] = {
            key: np.array(raw[key], dtype=np.float64)
            for key in ("mean", "covariance", "output_mean", "output_variance")
        }
        plain = (
            "is_ready", "phase", "latest_time", "state_names", "output_names", "estimator", "version", "stepped",
            "skipped", "failed", "waiting", "last_error",
        )  # fmt: skip
        return cls(name=name, raw=raw, **arrays, **{key: raw[key] for key in plain})

    @property
    def std(self) -> Array:
        """Standard deviation of each state, `(s,)`, in its own unit."""
        return np.sqrt(np.diagonal(self.covariance))

    def __str__(self) -> str:
        time = "no record yet" if self.latest_time is None else f"at {self.latest_time:g} s"
        lines = [f"{self.name}: {self.estimator}, version {self.version}, {self.phase}, {time}"]
        width = max((len(state) for state in self.state_names), default=0)
        for state, mean, std in zip(self.state_names, self.mean, self.std, strict=True):
            lines.append(f"  {state:<{width}}  {mean:12.6g} ± {std:.2g}")
        counts = self.raw["skipped_because"]
        reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in counts.items() if count)
        skipped = f"{self.skipped} skipped" + (f" ({reasons})" if reasons else "")
        lines.append(f"  {self.stepped} records stepped, {skipped}, {self.failed} failed, {self.waiting} waiting")
        if self.last_error:
            first, *others = self.last_error.strip().splitlines()
            lines.append(f"  last error: {first}{' … ' + others[-1] if others else ''}")
        return "\n".join(lines)
