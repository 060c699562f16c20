"""Batteries: what is known of them, and their records."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgpack
import pandas as pd
from tqdm import tqdm

from lachesis import records, tables
from lachesis.connection import Connection, given, in_path
from lachesis.upload import Progress, Upload


class Batteries(Connection):
    """The server's endpoints below `/db`."""

    def register_metadata(self, metadata: Any) -> str:
        """Register metadata, a dict or battery-data-toolkit's BatteryMetadata; return the battery's name."""
        is_model = hasattr(metadata, "model_dump_json")
        text = metadata.model_dump_json(exclude_none=True) if is_model else json.dumps(metadata)
        name = self._request("POST", "/db/register", content=text, headers={"Content-Type": "application/json"})
        return str(name)

    def metadata(self, name: str) -> dict[str, Any]:
        """Return the metadata of a battery as registered; raises NotFoundError if there are none."""
        document: dict[str, Any] = self._request("GET", f"/db/metadata/{in_path(name)}")
        return document

    def stats(self) -> dict[str, dict[str, Any]]:
        """Return what is known of each battery: has_metadata, has_data, has_estimator, data_stats (rows, columns)."""
        entries: dict[str, dict[str, Any]] = self._request("GET", "/db/stats")
        return entries

    def data(
        self, name: str, columns: Sequence[str] | None = None, *, start: float | None = None, end: float | None = None,
        after: int | None = None, before: int | None = None, limit: int | None = None, points: int | None = None,
        sequence: bool = False,
    ) -> pd.DataFrame:  # fmt: skip
        """Return records, oldest first, with a default index.

        `columns`: these, by default all. `start`, `end`: of `test_time` (s), both inclusive. `after`, `before`:
        sequence numbers, exclusive. `limit`: the newest so many; with `after`, the oldest so many after it. `points`:
        thinned to at most so many rows, which keep the first, the last, and minima and maxima between. `sequence` adds
        a first column with the records' sequence numbers. Units of columns are in `.attrs["units"]`.
        """
        return tables.joined(
            self.data_parts(
                name, columns, start=start, end=end, after=after, before=before, limit=limit, points=points,
                sequence=sequence,
            )
        )  # fmt: skip

    def data_parts(self, name: str, columns: Sequence[str] | None = None, **query: Any) -> Iterator[pd.DataFrame]:
        """Yield what `data` returns in DataFrames of at most 65,536 rows, at least one, as the server sends them."""
        if columns is not None:
            query["columns"] = list(columns)
        with self._stream(f"/db/data/{in_path(name)}", given(**query, format="msgpack")) as pieces:
            yield from tables.frames(pieces)

    def data_text(self, name: str, format: str, **query: Any) -> Iterator[bytes]:
        """Yield what `data` returns as text in the server's `format`, csv, json or table, piece by piece."""
        with self._stream(f"/db/data/{in_path(name)}", given(**query, format=format)) as pieces:
            yield from pieces

    def upload(
        self, name: str, source: records.Source, *, progress: bool | Progress = True, give_up_after: float = 300.0
    ) -> int:
        """Stream records and return how many are stored: when this returns, all.

        `source`: a battery-data-toolkit HDF5 file or Parquet folder, a Parquet or CSV file, a BatteryDataset, a
        DataFrame, or an iterable of dicts, however long it goes on. A cut connection is opened again and resumed
        without a gap or a duplicate. Raises UploadCutError if nothing is taken for `give_up_after` s; UploadError if
        the server ends the upload, as when the token is revoked; RefusedRecordError for a record that cannot be stored.
        `progress` shows a bar on standard error, or tells an object like it.
        """
        rows, count = records.read(source)
        with records.named(source), _shown(progress, count, name) as bar:
            return Upload(self.url, name, rows, bar, give_up_after, self._headers, self._verify).run()

    def append(self, name: str, source: records.Source) -> int:
        """Store records in one request, all or none, and return their count.

        For small numbers; an answer that is lost leaves it open whether they are stored. Raises RefusedError, whose
        message names the record (from 1), for one that cannot be.
        """
        rows, _ = records.read(source)
        count = self._request(
            "POST",
            f"/db/upload/{in_path(name)}",
            content=_packed(rows),
            headers={"Content-Type": "application/msgpack"},
        )
        return int(count)

    def delete(self, name: str, *, force: bool = False) -> int:
        """Delete a battery with its records, estimates and estimator; return how many records were stored.

        Raises ConflictError while uploads to it are open, unless `force` closes them.
        """
        answer = self._request("DELETE", f"/db/{in_path(name)}", params={"force": "true"} if force else None)
        return int(answer["rows"])


def _shown(progress: bool | Progress, count: int | None, name: str) -> AbstractContextManager[Progress]:
    if not isinstance(progress, bool):
        return nullcontext(progress)
    return tqdm(total=count, unit=" records", desc=name, disable=not progress)


def _packed(rows: Iterable[records.Record]) -> bytes:
    packed: bytes = msgpack.packb(list(rows))
    return packed
