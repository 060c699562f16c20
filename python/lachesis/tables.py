"""Rows as the server sends them, as DataFrames."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgpack
import numpy as np
import pandas as pd

from lachesis.errors import RequestError

CHUNK = 65_536
"""Rows that one DataFrame of a stream has at most."""
MAX_ROW_BYTES = 64 << 20
"""Of one row on its way; the server's records are a thousand times smaller."""


def frames(pieces: Iterable[bytes], size: int = CHUNK) -> Iterator[pd.DataFrame]:
    """Read a msgpack stream of a head and rows; yields DataFrames of at most `size` rows, at least one.

    `attrs["units"]` has the unit of each column that has one.
    """
    unpacker = msgpack.Unpacker(raw=False, max_buffer_size=MAX_ROW_BYTES)
    columns: list[dict[str, Any]] | None = None
    rows: list[Sequence[Any]] = []
    begun = False
    for piece in pieces:
        unpacker.feed(piece)
        for message in unpacker:
            if columns is None:
                columns = message["columns"]
                continue
            rows.append(message)
            if len(rows) == size:
                begun = True
                yield _frame(columns, rows)
                rows = []
    if columns is None:
        raise RequestError("the server sent no table")
    if rows or not begun:
        yield _frame(columns, rows)


def joined(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return one DataFrame of several with the same columns."""
    tables = list(parts)
    if len(tables) == 1:
        return tables[0]
    table = pd.concat(tables, ignore_index=True)
    table.attrs = tables[0].attrs
    return table


def _frame(columns: list[dict[str, Any]], rows: list[Sequence[Any]]) -> pd.DataFrame:
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    table = pd.DataFrame(
        {column["name"]: _column(column["type"], part) for column, part in zip(columns, values, strict=True)}
    )
    table.attrs["units"] = {column["name"]: column["unit"] for column in columns if column.get("unit")}
    return table


def _column(kind: str, values: Sequence[Any]) -> Any:
    """FLOAT has NaN where there is none, INTEGER is nullable if one is missing, text is objects and None."""
    if kind == "FLOAT":
        return np.array(values, dtype=np.float64)
    if kind == "INTEGER":
        return pd.array(values, dtype="Int64") if None in values else np.array(values, dtype=np.int64)
    return pd.Series(values, dtype=object)
