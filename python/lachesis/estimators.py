"""Estimators: scripts, what they know of batteries, and how they came to it."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from lachesis import tables
from lachesis.acceleration import Acceleration
from lachesis.connection import Connection, given, in_path
from lachesis.errors import LachesisError
from lachesis.events import Event, Events
from lachesis.scripts import Check, Limits, LogEntry, Registered, Version
from lachesis.status import Status

Start = Literal["start", "now"]
Paths = str | Path | Sequence[str | Path]


class Estimators(Connection):
    """The server's endpoints below `/online`."""

    def register_estimator(
        self, name: str, script: str | Path, files: Paths = (), *, plugin: str = "moirae",
        valid_time: float | None = None, seed_inputs: bool = True, start: Start = "start",
        acceleration: Acceleration = "full", limits: Limits | None = None,
    ) -> Registered:  # fmt: skip
        """Register a script, the path of a file, for a battery, with the files that it reads; returns once it has run.

        `valid_time`: records with an earlier `test_time` (s) are stored but not stepped. `seed_inputs=False` leaves the
        script's own first inputs in place of the first record's. `start="now"` feeds it the records that come after
        the registration only, and not those that are stored. `acceleration` is how much the plugin may replace of the
        estimator's own code by faster code that gives the same bits, within what the server allows. `limits` are for
        what the script may use. Raises RefusedError with the script's traceback.
        """
        options = given(
            plugin=plugin, valid_time=valid_time, seed_inputs=seed_inputs, acceleration=acceleration, **(limits or {})
        )
        options["from"] = start
        answer = self._request("POST", "/online/register", files=_form(name, script, files, options))
        return Registered.from_json(answer)

    def check(
        self, name: str, script: str | Path, files: Paths = (), *, plugin: str = "moirae", rows: int = 1000,
        valid_time: float | None = None, seed_inputs: bool = True, acceleration: Acceleration = "full",
        limits: Limits | None = None,
    ) -> Check:  # fmt: skip
        """Try a script on a battery's newest `rows` records (at most 100,000), without registering it.

        Returns what it then estimates, and how long that took. Nothing is stored. Raises RefusedError with the
        script's traceback.
        """
        options = given(
            plugin=plugin, valid_time=valid_time, seed_inputs=seed_inputs, rows=rows, acceleration=acceleration,
            **(limits or {}),
        )  # fmt: skip
        return Check.from_json(self._request("POST", "/online/check", files=_form(name, script, files, options)))

    def statuses(self) -> dict[str, Status]:
        """Return the latest estimate of every battery that has an estimator."""
        entries = self._request("GET", "/online/status")
        return {name: Status.from_json(name, entry) for name, entry in entries.items()}

    def status(self, name: str) -> Status:
        """Return the latest estimate of one battery; raises NotFoundError if it has no estimator."""
        return Status.from_json(name, self._request("GET", f"/online/status/{in_path(name)}"))

    def wait(self, name: str, timeout: float = 600.0) -> Status:
        """Wait until an estimator has looked at every stored record; return its status.

        Raises LachesisError if that takes longer than `timeout` s, or if the estimator was given up (parked).
        """
        end = time.monotonic() + timeout
        while True:
            status = self.status(name)
            if status.is_ready and status.waiting == 0:
                return status
            if status.phase in ("parked", "unavailable"):
                raise LachesisError(f"the estimator of '{name}' is {status.phase}: {status.last_error}")
            if time.monotonic() > end:
                raise LachesisError(f"after {timeout:g} s {status.waiting} records of '{name}' still wait")
            time.sleep(0.05)

    def history(
        self, name: str, columns: Sequence[str] | None = None, *, start: float | None = None, end: float | None = None,
        after: int | None = None, before: int | None = None, limit: int | None = None, points: int | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Return estimates, oldest first: `sequence`, `test_time` (s), means, standard deviations, predicted outputs.

        States are named as in the database: `q_t.base_values` as `q_t__base_values`, its deviation as
        `q_t__base_values_std`. Arguments are those of `data`. Raises NotFoundError if there is no estimator.
        """
        return tables.joined(
            self.history_parts(
                name, columns, start=start, end=end, after=after, before=before, limit=limit, points=points
            )
        )

    def history_parts(self, name: str, columns: Sequence[str] | None = None, **query: Any) -> Iterator[pd.DataFrame]:
        """Yield what `history` returns in DataFrames of at most 65,536 rows, at least one."""
        if columns is not None:
            query["columns"] = list(columns)
        with self._stream(f"/online/history/{in_path(name)}", given(**query, format="msgpack")) as pieces:
            yield from tables.frames(pieces)

    def history_text(self, name: str, format: str, **query: Any) -> Iterator[bytes]:
        """Yield what `history` returns as text in the server's `format`, csv, json or table, piece by piece."""
        with self._stream(f"/online/history/{in_path(name)}", given(**query, format=format)) as pieces:
            yield from pieces

    def events(
        self, *names: str, interval: float = 1.0, last_id: int | None = None, give_up_after: float = 300.0
    ) -> Iterator[Event]:
        """Yield estimates as they change, for ever; of all batteries, or of these.

        It begins with the latest of each; with `last_id`, the `id` of an event of this server, with those that changed
        since. At most one a battery comes each `interval` s (0.05 to 60). A connection that is cut is opened again, and
        nothing that holds by then is left out. Raises UnreachableError if that fails for `give_up_after` s, and
        another RequestError if the server refuses.
        """
        return iter(Events(self._stream, names, interval, last_id, give_up_after))

    def logs(self, name: str) -> list[LogEntry]:
        """Return what a script wrote to its standard output and error since the server's start, the latest 64 KiB."""
        answer = self._request("GET", f"/online/{in_path(name)}/logs")
        return [LogEntry(entry["time"], entry["version"], entry["text"]) for entry in answer["entries"]]

    def versions(self, name: str) -> list[Version]:
        """Return all that was registered for a battery, newest first."""
        entries = self._request("GET", f"/online/{in_path(name)}/versions")
        return [Version.from_json(entry) for entry in entries]

    def version(self, name: str, version: int | None = None) -> Version:
        """Return one of them, by default the current one, with its script in `definition`."""
        if version is None:
            version = self.status(name).version
        return Version.from_json(self._request("GET", f"/online/{in_path(name)}/versions/{version}"))

    def rollback(self, name: str, version: int, *, start: Start = "start") -> Registered:
        """Register the script and files of an old version anew, as the next version."""
        query = {"version": version, "from": start}
        return Registered.from_json(self._request("POST", f"/online/{in_path(name)}/rollback", params=query))

    def delete_estimator(self, name: str) -> int:
        """Delete a battery's estimator with its versions and estimates; return the version that ran.

        The battery's records and metadata stay. Raises NotFoundError if it has no estimator, ConflictError while one is
        being registered.
        """
        return int(self._request("DELETE", f"/online/{in_path(name)}")["version"])


def _form(name: str, script: str | Path, files: Paths, options: dict[str, Any]) -> list[tuple[str, Any]]:
    try:
        definition = Path(script).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{script} is not UTF-8: {error}") from error
    fields = {"name": name, "definition": definition} | options
    parts: list[tuple[str, Any]] = [(key, (None, str(value).encode())) for key, value in fields.items()]
    paths = [files] if isinstance(files, str | Path) else files
    return parts + [("files", (Path(path).name, Path(path).read_bytes())) for path in paths]
