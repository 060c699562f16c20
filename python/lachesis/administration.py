"""Worker processes, for admins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from lachesis.acceleration import Accelerated
from lachesis.connection import Connection, in_path

Action = Literal["pause", "stop", "resume", "restart", "checkpoint"]


@dataclass(frozen=True)
class Worker:
    """An estimator's process, or that of one that hibernates or is stopped; None is what is not known.

    `lag_seconds` and `cpu_seconds` in s, `started` in Unix seconds, `memory_bytes` what only it uses. `raw` is the
    whole entry as the server sent it.
    """

    name: str
    state: str
    version: int | None
    estimator: str | None
    plugin: str | None
    pid: int | None
    stepped: int | None
    skipped: int | None
    failed: int | None
    lag_records: int | None
    lag_seconds: float | None
    steps_per_second: float | None
    memory_bytes: int | None
    cpu_seconds: float | None
    restarts: int | None
    acceleration: Accelerated | None
    started: float | None
    last_error: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read one entry of `/admin/workers`."""
        acceleration = Accelerated.from_json(raw["acceleration"]) if "acceleration" in raw else None
        made = ("name", "state", "acceleration", "raw")
        optional = {key: raw.get(key) for key in cls.__dataclass_fields__ if key not in made}
        return cls(name=raw["name"], state=raw["state"], acceleration=acceleration, raw=raw, **optional)


@dataclass(frozen=True)
class Workforce:
    """All workers, the machines that they run on as {"name", "workers"}, and how many may live at once."""

    workers: list[Worker]
    hosts: list[dict[str, Any]]
    max_workers: int


class Administration(Connection):
    """The server's endpoints below `/admin`; they need the role `admin`."""

    def workers(self) -> Workforce:
        """Return the workers of all batteries that have an estimator."""
        answer = self._request("GET", "/admin/workers")
        return Workforce(
            [Worker.from_json(entry) for entry in answer["workers"]], answer["hosts"], answer["max_workers"]
        )

    def control_worker(self, name: str, action: Action) -> str:
        """Act on a battery's worker and return its state afterwards.

        `pause`: it is not fed; the process stays while its place is not needed. `stop`: it is saved and ended, and
        records do not wake it; both last over a restart of the server, until `resume`. `restart`: from its checkpoint;
        revives a parked one. `checkpoint` saves it now. Raises ConflictError, with the reason, where the state does not
        allow it.
        """
        if action not in get_args(Action):
            raise ValueError(f"there is no action {action!r}; there are {', '.join(get_args(Action))}")
        answer = self._request("POST", f"/admin/workers/{in_path(name)}/{action}")
        return str(answer["state"])

    def limit_worker(self, name: str, limits: Mapping[str, float | None]) -> dict[str, float]:
        """Limit a battery's script to something else, and return all that it is kept to then, in bytes and s.

        `limits` are those of Limits; None is the server's own, and those that are left out stay. The worker goes on
        from its checkpoint in another process, also one that was parked.
        """
        query = {key: "" if value is None else value for key, value in limits.items()}
        answer = self._request("POST", f"/admin/workers/{in_path(name)}/limits", params=query)
        found: dict[str, float] = answer["limits"]
        return found
