"""What the server says of scripts: registered, tried, or long since replaced."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from lachesis.acceleration import Accelerated

Array = NDArray[np.float64]


class Limits(TypedDict, total=False):
    """What a script may use, where that is to be less than the server would allow.

    `memory_mb`, `folder_mb` in MiB; `build_timeout`, `build_cpu` (processor time of all threads) and `step_timeout` in
    s; `log_kb` in KiB of output that are kept, `log_rate_kb` in KiB of one second's.
    """

    memory_mb: float
    folder_mb: float
    threads: int
    build_timeout: float
    build_cpu: float
    step_timeout: float
    log_kb: float
    log_rate_kb: float


@dataclass(frozen=True)
class Registered:
    """Answer to a registration: class of the estimator, version (from 1), and names of its states in their order."""

    name: str
    estimator: str
    version: int
    state_names: list[str]

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read the answer of `/online/register`."""
        return cls(raw["name"], raw["estimator"], raw["version"], raw["state_names"])


@dataclass(frozen=True)
class Version:
    """One registration, and whether it is the one that runs.

    `registered` is when (Unix s), None if nobody noted it; `files` are {"name", "bytes"}; `acceleration` is what was
    asked for; `definition` is the script's text, None in lists. `raw` is the whole entry as the server sent it.
    """

    version: int
    estimator: str | None
    plugin: str
    registered: float | None
    current: bool
    files: list[dict[str, Any]]
    valid_time: float | None
    acceleration: str
    definition: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read one entry of `/online/{name}/versions`."""
        return cls(
            raw["version"], raw["estimator"], raw["plugin"], raw.get("registered"), raw["current"], raw["files"],
            raw.get("valid_time"), raw["acceleration"], raw.get("definition"), raw,
        )  # fmt: skip


@dataclass(frozen=True)
class Check:
    """What a script that was tried on stored records estimates after the last of them.

    `mean` `(s,)` and `covariance` `(s, s)` are in the states' own units and in the order of `state_names`, NaN where
    they are not finite. `stepped`, `skipped` and `failed` tell what became of `records`; `complete` says whether these
    are all that there were to try, or time was up before. `seconds` has what `build` and `steps` took; `log` is what
    the script wrote. `raw` is the whole answer.
    """

    name: str
    estimator: str
    state_names: list[str]
    output_names: list[str]
    records: int
    stepped: int
    skipped: int
    failed: int
    complete: bool
    latest_time: float | None
    mean: Array
    covariance: Array
    acceleration: Accelerated
    last_error: str | None
    seconds: dict[str, float]
    log: str
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read the answer of `/online/check`; null among the numbers becomes NaN."""
        arrays: dict[str, Any] = {key: np.array(raw[key], dtype=np.float64) for key in ("mean", "covariance")}
        plain = {key: raw[key] for key in cls.__dataclass_fields__ if key not in ("acceleration", "raw", *arrays)}
        return cls(**plain, **arrays, acceleration=Accelerated.from_json(raw["acceleration"]), raw=raw)

    @property
    def std(self) -> Array:
        """Standard deviation of each state, `(s,)`, in its own unit."""
        return np.sqrt(np.diagonal(self.covariance))


class LogEntry(NamedTuple):
    """A line that a script wrote: when (Unix s), in which version, and what."""

    time: float
    version: int
    text: str
