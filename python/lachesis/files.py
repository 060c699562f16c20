"""Batteries as files: battery-data-toolkit's HDF5 and Parquet, with metadata, and CSV, without."""

import shutil
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from tqdm import tqdm

from lachesis import records, tables
from lachesis.batteries import Batteries
from lachesis.errors import NotFoundError

Format = Literal["hdf5", "parquet", "csv"]


class BatteryFiles(Batteries):
    """Batteries to and from files."""

    def dataset(self, name: str, *, progress: bool = False) -> Any:
        """Return a battery as battery-data-toolkit's BatteryDataset: its metadata, and its records as `raw_data`."""
        from battdat.data import BatteryDataset  # takes seconds, and only files of its own need it
        from battdat.schemas import BatteryMetadata

        entry = self.stats().get(name)
        try:
            document = self.metadata(name)
        except NotFoundError:
            if entry is None:
                raise
            document = {"name": name}
        found = {}
        if entry and entry["has_data"]:
            with tqdm(total=entry["data_stats"]["rows"], unit=" records", desc=name, disable=not progress) as bar:
                found["raw_data"] = tables.joined(_counted(self.data_parts(name), bar))
        return BatteryDataset.make_cell_dataset(metadata=BatteryMetadata.model_validate(document), **found)

    def export(
        self, name: str, path: str | Path, format: Format | None = None, *, overwrite: bool = False,
        progress: bool = True,
    ) -> int:  # fmt: skip
        """Write a battery to a file and return the count of its records.

        `format`: "hdf5" and "parquet" are written by battery-data-toolkit itself, with the metadata, the latter as a
        folder; "csv" holds the records alone. By default told by the path: .h5, .hdf, .hdf5; .csv; .parquet, or no
        ending. In HDF5 missing text is empty, and a column of integers in which one is missing is of floats. Raises
        FileExistsError unless `overwrite`; a folder is only replaced if it holds nothing but Parquet files. Raises
        ValueError for another ending without `format`.
        """
        path = Path(path)
        if format is None:
            format = format_of(path)
        _check_free(path, overwrite)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        _remove(part)
        try:
            count = self._write(name, part, format, progress)
            _remove(path)
            part.rename(path)
        finally:
            _remove(part)
        return count

    def load(
        self, path: str | Path, name: str | None = None, *, append: bool = False, progress: bool = True
    ) -> tuple[str, int]:
        """Register the metadata and upload the records of a file; return the battery's name and the count.

        `name`: by default that of the metadata; of a CSV file, which has none, the file's name without its ending.
        Raises FileExistsError if the battery has records, which a file that is loaded twice would double, unless
        `append`.
        """
        path = Path(path)
        if path.suffix.lower() == ".csv":
            battery = path.stem if name is None else name
            table = records.table(path)
            self._check_empty(battery, append)
            with records.named(path):
                return battery, self.upload(battery, table, progress=progress)
        dataset = records.dataset(path)
        metadata = dataset.metadata.model_copy(update={} if name is None else {"name": name})
        if metadata.name is not None:
            self._check_empty(metadata.name, append)
        battery = self.register_metadata(metadata)
        others = sorted(set(dataset.tables) - {"raw_data"})
        if others:
            warnings.warn(f"{path}: {', '.join(others)} are left out: a battery has raw_data alone", stacklevel=2)
        raw = dataset.tables.get("raw_data")
        with records.named(path):
            return battery, 0 if raw is None else self.upload(battery, raw, progress=progress)

    def _check_empty(self, name: str, append: bool) -> None:
        entry = None if append else self.stats().get(name)
        if entry and entry["has_data"]:
            raise FileExistsError(f"'{name}' has {entry['data_stats']['rows']} records already")

    def _write(self, name: str, path: Path, format: Format, progress: bool) -> int:
        if format == "csv":
            count = int((self.stats().get(name, {}).get("data_stats") or {"rows": 0})["rows"])
            with path.open("wb") as file, tqdm(unit="B", unit_scale=True, desc=name, disable=not progress) as bar:
                for piece in self.data_text(name, "csv"):
                    file.write(piece)
                    bar.update(len(piece))
            return count
        dataset = self.dataset(name, progress=progress)
        raw = dataset.tables.get("raw_data")
        if format == "parquet":
            if raw is None:
                raise ValueError(f"'{name}' has no records, and Parquet keeps metadata beside records only; HDF5 does")
            dataset.to_parquet(path, overwrite=False)
        else:
            if raw is not None:
                dataset.tables["raw_data"] = for_hdf5(raw)
            dataset.to_hdf(path, complevel=5)
        return 0 if raw is None else len(raw)


def format_of(path: Path) -> Format:
    """Return the format that a path's ending tells; raises ValueError if it tells none."""
    match path.suffix.lower():
        case ending if ending in records.HDF5:
            return "hdf5"
        case ".csv":
            return "csv"
        case ".parquet" | "":
            return "parquet"
        case ending:
            known = f"{', '.join(records.HDF5)} (HDF5), .csv and .parquet (a folder)"
            raise ValueError(f"{path}: the ending {ending} tells no format; {known} do")


def for_hdf5(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of the types that HDF5 has: text as UTF-8, empty if missing; no integers that may be missing."""
    columns: dict[str, Any] = {}
    for name in map(str, table.columns):
        column = table[name]
        if pd.api.types.is_extension_array_dtype(column.dtype) and pd.api.types.is_integer_dtype(column.dtype):
            columns[name] = column.astype("float64" if column.isna().any() else "int64")
        elif pd.api.types.is_numeric_dtype(column.dtype):
            columns[name] = column
        else:
            texts = [b"" if text is None or text != text else str(text).encode() for text in column]
            columns[name] = pd.Series(texts, index=table.index, dtype=object)
    return pd.DataFrame(columns)


def _counted(parts: Iterable[pd.DataFrame], bar: "tqdm[Any]") -> Iterator[pd.DataFrame]:
    for part in parts:
        bar.update(len(part))
        yield part


def _check_free(path: Path, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise FileExistsError(f"{path} exists")
    if path.is_dir() and any(entry.suffix != ".parquet" for entry in path.iterdir()):
        raise FileExistsError(f"{path} holds other things than Parquet files and is left alone")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
