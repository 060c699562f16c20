"""The server's endpoints as methods."""

import json
import os
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx
import pandas as pd
from tqdm import tqdm

from lachesis import records
from lachesis.errors import LachesisError, RequestError, explained
from lachesis.status import Registered, Status
from lachesis.upload import Upload


class Client:
    """A server at an address; also a context manager that closes its connections.

    All methods raise RequestError if the server cannot be reached or refuses; its message is the server's own.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8000", token: str | None = None, *, timeout: float = 120.0,
        verify: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """Describe a server.

        `token`: what the server's admin gave out, if anything; by default the environment's LACHESIS_TOKEN. `timeout`:
        how long one request may take, s; a registration lasts until the script has run. `verify`: what an https
        server's certificate is checked with, by default the certificates of well-known authorities.
        """
        if "://" not in url:
            url = f"http://{url}"
        self.url = url.rstrip("/")
        token = (os.environ.get("LACHESIS_TOKEN", "") if token is None else token).strip()
        if not (token.isascii() and token.isprintable()):
            raise LachesisError("the token has characters that no token has")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._verify = verify
        self._http = httpx.Client(
            base_url=self.url, timeout=timeout, headers=self._headers, verify=verify if verify is not None else True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # Batteries

    def register_metadata(self, metadata: Mapping[str, Any] | Any) -> str:
        """Register metadata, a dict or battery-data-toolkit's BatteryMetadata; return the battery's name."""
        is_model = hasattr(metadata, "model_dump_json")
        text = metadata.model_dump_json() if is_model else json.dumps(metadata)
        return self._request("POST", "/db/register", content=text, headers={"Content-Type": "application/json"})

    def stats(self) -> dict[str, dict[str, Any]]:
        """Return what is known of each battery: has_metadata, has_data, has_estimator, data_stats (rows, columns)."""
        return self._request("GET", "/db/stats")

    def data(
        self, name: str, start: float | None = None, end: float | None = None, limit: int | None = None
    ) -> pd.DataFrame:
        """Return records by `test_time` (s), newest last: those from `start` to `end`, of them the newest `limit`."""
        query = {key: value for key, value in (("start", start), ("end", end), ("limit", limit)) if value is not None}
        return pd.DataFrame(self._request("GET", f"/db/data/{quote(name, safe='')}", params=query))

    def upload(self, name: str, source: records.Source, *, progress: bool = True, give_up_after: float = 300.0) -> int:
        """Stream records and return how many are stored: when this returns, all.

        `source`: a battery-data-toolkit HDF5 file, a CSV file, a DataFrame, or an iterable of dicts, however long it
        goes on. A cut connection is opened again and resumed without a gap or a duplicate. Raises
        UploadError after `give_up_after` s without any answer or if the server ends the upload, as when the token is
        revoked; RefusedRecordError for a record that cannot be stored.
        `progress` shows a bar on standard error.
        """
        rows, count = records.read(source)
        with tqdm(total=count, unit=" records", desc=name, disable=not progress) as bar:
            return Upload(self.url, name, rows, bar, give_up_after, self._headers, self._verify).run()

    def delete(self, name: str, *, force: bool = False) -> int:
        """Delete a battery with its records, estimates and estimator; return how many records were stored.

        Raises RequestError while uploads to it are open, unless `force` closes them.
        """
        # A letter is encoded, so that a battery may bear the name of another endpoint.
        path = f"/db/%{ord(name[0]):x}{quote(name[1:], safe='')}" if name and name.isascii() else f"/db/{quote(name)}"
        return self._request("DELETE", path, params={"force": "true"} if force else None)["rows"]

    # Estimators

    def register_estimator(
        self, name: str, script: str | Path, files: str | Path | Sequence[str | Path] = (), *, plugin: str = "moirae",
        valid_time: float | None = None, seed_inputs: bool = True, start: Literal["start", "now"] = "start",
    ) -> Registered:  # fmt: skip
        """Register a script, the path of a file, for a battery, with the files that it reads; returns once it has run.

        `valid_time`: records with an earlier `test_time` (s) are stored but not stepped. `seed_inputs=False` leaves the
        script's own first inputs in place of the first record's. `start="now"` feeds it the records that come after
        the registration only, and not those that are stored.
        """
        fields = {"name": name, "definition": Path(script).read_text("utf-8"), "plugin": plugin}
        fields |= {"seed_inputs": str(seed_inputs).lower(), "from": start}
        if valid_time is not None:
            fields["valid_time"] = repr(float(valid_time))
        parts: list[tuple[str, Any]] = [(key, (None, value.encode())) for key, value in fields.items()]
        paths = [files] if isinstance(files, str | Path) else files
        parts += [("files", (Path(path).name, Path(path).read_bytes())) for path in paths]
        answer = self._request("POST", "/online/register", files=parts)
        return Registered(**{key: answer[key] for key in ("name", "estimator", "version", "state_names")})

    def statuses(self) -> dict[str, Status]:
        """Return the latest estimate of every battery that has an estimator."""
        entries = self._request("GET", "/online/status")
        return {name: Status.from_json(name, entry) for name, entry in entries.items()}

    def status(self, name: str) -> Status:
        """Return the latest estimate of one battery; raises LachesisError if it has no estimator."""
        entries = self._request("GET", "/online/status")
        if name not in entries:
            known = name in self.stats()
            raise LachesisError(f"the battery '{name}' has no estimator" if known else f"no battery is named '{name}'")
        return Status.from_json(name, entries[name])

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

    def health(self) -> dict[str, Any]:
        """Return the server's own state: hosts, workers, plugins, estimators by phase."""
        return self._request("GET", "/health")

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            reply = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise RequestError(f"{self.url} does not answer: {error}") from error
        try:
            answer = reply.json()
        except ValueError as error:
            raise RequestError(f"{self.url} answers {reply.status_code} without JSON", reply.status_code) from error
        if reply.is_success:
            return answer
        detail = answer.get("detail") if isinstance(answer, dict) else answer
        raise RequestError(explained(detail), reply.status_code, detail)
