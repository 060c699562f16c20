"""Records from what people have: files, DataFrames, or any iterable of dicts."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ESTIMATED = ("test_time", "current", "voltage")
"""Columns that estimators read: s, A (positive: charging), V."""

Record = Mapping[str, Any]
Source = str | Path | pd.DataFrame | Iterable[Record]
"""A battery-data-toolkit HDF5 file, a CSV file with a line of column names, a DataFrame, or dicts."""


def read(source: Source) -> tuple[Iterator[Record], int | None]:
    """Return the records of a source, with values as Python's own, and their count; None if it is not known."""
    if isinstance(source, str | Path):
        source = _table(Path(source))
    if isinstance(source, Mapping):
        raise TypeError("records are an iterable of dicts, one a record, and not one dict")
    if isinstance(source, pd.DataFrame):
        _warn_of_what_is_missing(source)
        return _rows(source), len(source)
    count = len(source) if hasattr(source, "__len__") else None
    return (_plain(record) for record in source), count


def _table(path: Path) -> pd.DataFrame:
    if path.suffix.lower() in (".h5", ".hdf", ".hdf5"):
        from battdat.data import BatteryDataset  # takes seconds, and only files of its own need it

        return BatteryDataset.from_hdf(path).tables["raw_data"]
    if path.suffix.lower() == ".csv":
        return pd.read_csv(path)
    raise ValueError(f"{path}: records are read from .h5, .hdf, .hdf5 (battery-data-toolkit) and .csv files")


def _warn_of_what_is_missing(table: pd.DataFrame) -> None:
    missing = [name for name in ESTIMATED if name not in table.columns]
    if missing:
        warnings.warn(
            f"the table has no column {', '.join(missing)}: its records are stored, but not stepped by an estimator; "
            f"it has {', '.join(map(str, table.columns))}",
            stacklevel=4,
        )


def _rows(table: pd.DataFrame, chunk: int = 4096) -> Iterator[Record]:
    for start in range(0, len(table), chunk):
        part = table.iloc[start : start + chunk]
        for record in part.to_dict("records"):
            yield _plain(record)


def _plain(record: Record) -> Record:
    plain = {}
    for key, value in record.items():
        try:
            plain[str(key)] = _scalar(value)
        except TypeError as error:
            raise TypeError(f"column '{key}': {error}") from None
    return plain


def _scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    if value is pd.NA or value is pd.NaT:
        return None
    raise TypeError(
        f"{str(value)[:40]!r} is of type {type(value).__name__}; a record holds numbers and text, times in seconds"
    )
