"""Records from what people have: files, DataFrames, or any iterable of dicts."""

import csv
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd

from lachesis.errors import RefusedRecordError

ESTIMATED = ("test_time", "current", "voltage")
"""Columns that estimators read: s, A (positive: charging), V."""

Record = Mapping[str, Any]
HDF5 = (".h5", ".hdf", ".hdf5")
"""Endings of battery-data-toolkit's HDF5 files."""


class Dataset(Protocol):
    """What is used of battery-data-toolkit's BatteryDataset, which has `raw_data` among its tables."""

    metadata: Any
    tables: dict[str, pd.DataFrame]


Source = str | Path | pd.DataFrame | Dataset | Iterable[Record]
"""A battery-data-toolkit HDF5 file or Parquet folder, a Parquet file, a CSV file with a line of column names, a
BatteryDataset, a DataFrame, or dicts."""


def read(source: Source) -> tuple[Iterator[Record], int | None]:
    """Return the records of a source, with values as Python's own, and their count; None if it is not known."""
    if isinstance(source, str | Path):
        source = table(Path(source))
    elif isinstance(getattr(source, "tables", None), dict):
        source = raw_data(cast(Dataset, source))
    if isinstance(source, Mapping):
        raise TypeError("records are an iterable of dicts, one a record, and not one dict")
    if isinstance(source, pd.DataFrame):
        _warn_of_what_is_missing(source)
        return _rows(source), len(source)
    dicts = cast(Iterable[Record], source)
    return (_plain(record) for record in dicts), len(dicts) if isinstance(dicts, Sized) else None


@contextmanager
def named(source: object, first: int = 0) -> Iterator[None]:
    """Have the refusal of a record name its place in the file that it comes from; `first` is the place of the first."""
    try:
        yield
    except RefusedRecordError as refused:
        if not isinstance(source, str | Path):
            raise
        path, record, value = Path(source), first + refused.stored, refused.value
        if path.suffix.lower() == ".csv" and refused.key is not None and "is text" in refused.reason:
            # One text makes all of a CSV file's column text: it is the one to name.
            record, value = _first_text(_with_missing(path)[refused.key]) or (record, value)
        place = _place(path, record)
        raise RefusedRecordError(refused.reason, refused.stored, place, refused.key, value) from refused


def _place(path: Path, record: int) -> str:
    if path.suffix.lower() != ".csv":
        return f"{path}: record {record} (from 0)"
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        lines = (rows.line_num for row in rows if row)  # An empty line is no record.
        return f"{path}, line {next(islice(lines, record, None), '?')}"


def dataset(path: Path) -> Dataset:
    """Read a file or folder of battery-data-toolkit's; text is str, None where HDF5 has an empty one."""
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    from battdat.data import BatteryDataset  # takes seconds, and only files of its own need it

    try:
        if path.suffix.lower() not in HDF5:
            found: Dataset = BatteryDataset.from_parquet(path)
            return found
        found = BatteryDataset.from_hdf(path)
    except (AttributeError, LookupError, OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path} is not a file of battery-data-toolkit's: {error}") from error
    found.tables.update({name: _decoded(table) for name, table in found.tables.items()})
    return found


def metadata(path: Path) -> Any:
    """Read the BatteryMetadata of a file or folder of battery-data-toolkit's, and no records."""
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    from battdat.data import BatteryDataset

    is_hdf5 = path.suffix.lower() in HDF5
    try:
        return BatteryDataset.get_metadata_from_hdf5(path) if is_hdf5 else BatteryDataset.inspect_parquet(path)
    except (AttributeError, LookupError, OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path} is not a file of battery-data-toolkit's: {error}") from error


def raw_data(dataset: Dataset, where: object = "the dataset") -> pd.DataFrame:
    """Return a dataset's records."""
    table = dataset.tables.get("raw_data")
    if table is None:
        raise ValueError(f"{where} has no table raw_data; it has {', '.join(dataset.tables) or 'none'}")
    return table


def table(path: Path) -> pd.DataFrame:
    """Read the records of a file.

    CSV has no types: a column of numbers alone is one of numbers, `True` and `False` are truths. Nothing between two
    commas is what is missing; words as "NA" and "null" are so only among numbers, and in columns that
    battery-data-toolkit defines as numbers, and are text elsewhere. Raises ValueError, which names line and column, for
    any other text in one of these.
    """
    ending = path.suffix.lower()
    if ending == ".csv":
        return _csv(path)
    if ending == ".parquet" and path.is_file():
        with _naming(path):
            return pd.read_parquet(path)
    if ending in HDF5 or path.is_dir():
        return raw_data(dataset(path), path)
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    raise ValueError(
        f"{path}: records are read from {', '.join(HDF5)} and Parquet (battery-data-toolkit), .parquet and .csv files"
    )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _csv(path: Path) -> pd.DataFrame:
    # Nullable types: of integers among which one is missing NumPy's would make floats, and lose digits.
    with _naming(path):
        found = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype_backend="numpy_nullable")
    texts = [name for name in found.columns if pd.api.types.is_string_dtype(found[name].dtype)]
    if texts:
        # Read again with "NA" and the like as what is missing: a column of measurements is one of numbers then.
        other = _with_missing(path)
        numbers = [name for name in texts if pd.api.types.is_numeric_dtype(other[name].dtype)]
        found = found.assign(**{name: other[name] for name in numbers if other[name].notna().any() or _is_number(name)})
        for name in set(texts) - set(numbers):
            if _is_number(name) and (text := _first_text(other[name])):
                raise ValueError(f"{_place(path, text[0])}: {text[1][:40]!r} in the column {name} is no number")
    floats = found.columns[[pd.api.types.is_float_dtype(kind) for kind in found.dtypes]]
    return found.astype(dict.fromkeys(floats, "float64"))


def _with_missing(path: Path) -> pd.DataFrame:
    """Read a CSV file with "NA" and the like as what is missing."""
    return pd.read_csv(path, dtype_backend="numpy_nullable")


def _first_text(values: "pd.Series[Any]") -> tuple[int, str] | None:
    """Return the place of the first value that is no number, and the value; None if there is none."""
    is_text = (values.notna() & pd.to_numeric(values, errors="coerce").isna()).to_numpy(dtype=bool)
    return (int(is_text.argmax()), str(values.iloc[is_text.argmax()])) if is_text.any() else None


def _is_number(column: str) -> bool:
    """Tell whether battery-data-toolkit defines a column of this name as one of numbers."""
    from battdat.schemas.column import DataType, RawData

    known = RawData().columns.get(column)
    return known is not None and known.type in (DataType.FLOAT, DataType.INTEGER)


def _decoded(table: pd.DataFrame) -> pd.DataFrame:
    """HDF5 has text as bytes and no text that is missing."""
    texts = {
        name: pd.Series([_text(value) for value in table[name]], index=table.index, dtype=object)
        for name in table.columns
        if table[name].dtype.kind in "OS"
    }
    return table.assign(**texts)


def _text(value: Any) -> Any:
    return (value.decode(errors="replace") or None) if isinstance(value, bytes) else value


def _warn_of_what_is_missing(table: pd.DataFrame) -> None:
    missing = [name for name in ESTIMATED if name not in table.columns]
    if missing:
        warnings.warn(
            f"the table has no column {', '.join(missing)}: its records are stored, but not stepped by an estimator; "
            f"it has {', '.join(map(str, table.columns))}",
            stacklevel=4,
        )


def _rows(table: pd.DataFrame, chunk: int = 4096) -> Iterator[Record]:
    texts = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name].dtype)]
    for start in range(0, len(table), chunk):
        part = table.iloc[start : start + chunk]
        # What is missing is NaN to pandas, and a number would not go into a column of text.
        part = part.assign(**{name: part[name].astype(object).where(part[name].notna(), None) for name in texts})
        for record in part.to_dict("records"):
            yield _plain(record)


def _plain(record: Mapping[Any, Any]) -> Record:
    if not isinstance(record, Mapping):
        raise TypeError(f"{str(record)[:40]!r} is no record: of column names and values")
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
