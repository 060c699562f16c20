"""`lachesis upload`: records of a file, as fast as they go or as they were measured."""

import math
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from lachesis import records
from lachesis.cli import arguments, output
from lachesis.client import Client
from lachesis.errors import LachesisError, NotFoundError, RequestError
from lachesis.status import Status

PATIENCE, HASTE = 60.0, 2.0
"""How long a report waits until the estimator has looked at all that is stored: as fast as it goes, and paced. s"""


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = arguments.command(commands, "upload", upload, "Upload data from a battdat HDF5 file")
    parser.add_argument("--max-to-upload", type=arguments.count, metavar="N", help="Maximum number of rows to upload")
    parser.add_argument(
        "--report-freq", type=arguments.positive, metavar="N",
        help="After how many data uploads to print estimator state",
    )  # fmt: skip
    parser.add_argument(
        "--clock-factor", type=arguments.factor, metavar="X",
        help="How much to accelerate uploading compared to rate data were collected. "
        "Uploads as fast as possible as the default",
    )  # fmt: skip
    parser.add_argument("name", help="Name of the data source to create")
    parser.add_argument("path", help="battdat HDF5 file or Parquet folder, or a .parquet or .csv file")


def upload(client: Client, options: Namespace) -> None:
    """Upload records, with reports if they are wanted."""
    table = records.table(Path(options.path))
    if options.max_to_upload is not None:
        table = table.head(options.max_to_upload)
    if options.clock_factor is not None and not options.json:
        print(f"Beginning to stream data for {options.name}", flush=True)
    client.health()  # An upload waits long for a server that stays away; whoever mistyped its address should not.
    size = options.report_freq or max(1, len(table))
    pace = None if options.clock_factor is None else Pace(options.clock_factor)
    with tqdm(total=len(table), unit=" records", desc=options.name, disable=not output.is_watched()) as bar:
        for start in range(0, len(table), size):
            part = table.iloc[start : start + size]
            with records.named(options.path, start):
                client.upload(options.name, pace.rows(part) if pace else part, progress=bar)
            if options.report_freq is not None:
                _report(options, bar, _waited(client, options.name, HASTE if pace else PATIENCE))
    if options.json:
        output.print_json({"name": options.name, "stored": len(table)})
    else:
        output.note(f"{len(table)} records of {options.name} are stored")


class Pace:
    """Gives records at the distances of their `test_time`, so many times faster."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._due: float | None = None  # when the latest record was due; None before the first
        self._last = math.inf

    def rows(self, table: pd.DataFrame) -> Iterator[records.Record]:
        """Yield a table's records; another table goes on where the one before ended."""
        rows, _ = records.read(table)
        for row in rows:
            now = row.get("test_time")
            if isinstance(now, int | float) and math.isfinite(now):
                # The clock starts with the first record: the time that connecting takes is none of the records'.
                if self._due is None:
                    self._due = time.monotonic()
                elif now > self._last:
                    self._due += (now - self._last) / self._factor
                    time.sleep(max(0.0, self._due - time.monotonic()))
                self._last = now
            yield row


def _waited(client: Client, name: str, seconds: float) -> Status | None:
    """Return the status of what is stored by now; of less, if the estimator does not get there."""
    try:
        return client.wait(name, seconds)
    except NotFoundError:
        return None
    except RequestError:
        raise
    except LachesisError:
        return client.status(name)


def _report(options: Namespace, bar: "tqdm[Any]", status: Status | None) -> None:
    """Print as the upstream client does: time, and a table of states; nothing where there is no estimator."""
    if status is None:
        return
    with bar.external_write_mode():
        if options.json:
            output.print_json({"name": status.name, **status.raw})
            return
        now = float("nan") if status.latest_time is None else status.latest_time
        print(f"Estimator status at test_time: {now:.1f} s:")
        states = {"name": status.state_names, "mean": status.mean, "std.": status.std}
        print(pd.DataFrame(states).to_string(index=False), flush=True)
