"""What the server says of an estimator, with arrays."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lachesis.acceleration import Accelerated
from lachesis.problems import headline

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Status:
    """An estimator's latest estimate, and how far it is.

    `mean` `(s,)` and `covariance` `(s, s)` are in the states' own units and in the order of `state_names`;
    `latest_time` is the `test_time` (s) of the latest record that the estimate holds for, None before the first.
    `output_mean` and `output_variance` `(o,)` are what the estimator predicted for the latest record, empty
    before the first step. `estimator` is the script's class, `plugin` what runs it. `skipped_because` tells how many
    of the `skipped` for which reason; `waiting` records are stored and not yet looked at. `acceleration` tells how much
    of its own code is replaced.

    `restarts` counts how often its worker was started again since the server's start; `checkpoint` is the sequence
    number of the record that its last checkpoint holds for, None if there is none. `checkpoint_problem` says why one
    could not be made or used, `log_problem` which limit of its output the script met, `last_error` why it does not
    run, or what its latest failed step raised; None where nothing is the matter. `sandbox_without` names the layers
    that its sandbox lacks, `control_groups` what a control group of its own limits, of cpu, memory and pids. `raw` is
    the whole entry as the server sent it.
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
    plugin: str
    version: int
    stepped: int
    skipped: int
    failed: int
    skipped_because: dict[str, int]
    waiting: int
    acceleration: Accelerated
    restarts: int
    checkpoint: int | None
    checkpoint_problem: str | None
    log_problem: str | None
    sandbox_without: list[str]
    control_groups: list[str]
    last_error: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, name: str, raw: dict[str, Any]) -> Self:
        """Read one entry of `/online/status`; null among the numbers becomes NaN."""
        arrays: dict[str, Any] = {
            key: np.array(raw[key], dtype=np.float64)
            for key in ("mean", "covariance", "output_mean", "output_variance")
        }
        made = {"acceleration": Accelerated.from_json(raw["acceleration"]), **arrays}
        plain = {key: raw[key] for key in cls.__dataclass_fields__ if key not in ("name", "raw", *made)}
        return cls(name=name, raw=raw, **made, **plain)

    @property
    def std(self) -> Array:
        """Standard deviation of each state, `(s,)`, in its own unit."""
        return np.sqrt(np.diagonal(self.covariance))

    def __str__(self) -> str:
        time = "no record yet" if self.latest_time is None else f"at {self.latest_time:g} s"
        lines = [f"{self.name}: {self.estimator} ({self.plugin}), version {self.version}, {self.phase}, {time}"]
        # Before the first step nothing is predicted.
        outputs = self.output_names if len(self.output_mean) else []
        width = max(map(len, [*self.state_names, *outputs]), default=0)
        for state, mean, std in zip(self.state_names, self.mean, self.std, strict=True):
            lines.append(f"  {state:<{width}}  {mean:12.6g} ± {std:.2g}")
        for output, mean, std in zip(outputs, self.output_mean, np.sqrt(self.output_variance), strict=False):
            lines.append(f"  {output:<{width}}  {mean:12.6g} ± {std:.2g}  predicted")
        reasons = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in self.skipped_because.items() if n)
        skipped = f"{self.skipped} skipped" + (f" ({reasons})" if reasons else "")
        lines.append(f"  {self.stepped} records stepped, {skipped}, {self.failed} failed, {self.waiting} waiting")
        saved = "no checkpoint yet" if self.checkpoint is None else f"checkpoint of record {self.checkpoint}"
        lines.append(f"  {saved}, worker started again {self.restarts} time{'s' if self.restarts != 1 else ''}")
        if self.acceleration.in_use is not None:
            lines.append(f"  acceleration: {self.acceleration}")
        lines.append(f"  control groups limit: {', '.join(self.control_groups) or 'nothing'}")
        if self.sandbox_without:
            lines.append(f"  sandbox without: {', '.join(self.sandbox_without)}")
        for kind in ("checkpoint_problem", "log_problem", "last_error"):
            if text := getattr(self, kind):
                lines.append(f"  {kind.replace('_', ' ')}: {headline(text)}")
        return "\n".join(lines)
