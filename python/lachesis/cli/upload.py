"""`lachesis upload`: records of a file, as fast as they go or as they were measured."""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from lachesis import records
from lachesis.cli import arguments, output
from lachesis.client import Client
from lachesis.errors import LachesisError, NotFoundError
from lachesis.status import Status

PATIENCE = 60.0
"""How long a report waits until the estimator has looked at all that is stored. s"""


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
    with tqdm(total=len(table), unit=" records", desc=options.name, disable=not output.is_watched()) as bar:
        if options.clock_factor is None:
            _in_parts(client, options, table, bar)
        else:
            progress = Reporting(bar, options.report_freq, lambda: _report(options, bar, _status(client, options.name)))
            client.upload(options.name, _paced(table, options.clock_factor), progress=progress)
    if options.json:
        output.print_json({"name": options.name, "stored": len(table)})
    else:
        output.note(f"{len(table)} records of {options.name} are stored")


def _in_parts(client: Client, options: Namespace, table: pd.DataFrame, bar: "tqdm[Any]") -> None:
    """Upload as fast as it goes; after each part its last record's estimate is reported."""
    size = options.report_freq or max(1, len(table))
    for start in range(0, len(table), size):
        client.upload(options.name, table.iloc[start : start + size], progress=bar)
        if options.report_freq is not None:
            _report(options, bar, _waited(client, options.name))


def _paced(table: pd.DataFrame, factor: float) -> Iterator[records.Record]:
    """Yield records at the distances of their `test_time`, so many times faster."""
    rows, _ = records.read(table)
    due, last = time.monotonic(), None
    for row in rows:
        now = row.get("test_time")
        if isinstance(now, int | float) and now == now:
            if last is not None and now > last:
                due += (now - last) / factor
                time.sleep(max(0.0, due - time.monotonic()))
            last = now
        yield row


class Reporting:
    """A bar that also reports whenever so many more records are stored."""

    def __init__(self, bar: "tqdm[Any]", every: int | None, report: Callable[[], None]) -> None:
        self._bar, self._every, self._report = bar, every, report
        self._stored = 0

    def update(self, n: int) -> object:
        """Move on by `n` records."""
        before, self._stored = self._stored, self._stored + n
        self._bar.update(n)
        if self._every is not None and self._stored // self._every > before // self._every:
            self._report()
        return None

    def set_postfix_str(self, s: str) -> None:
        """Show a text behind the bar."""
        self._bar.set_postfix_str(s)


def _status(client: Client, name: str) -> Status | None:
    try:
        return client.status(name)
    except NotFoundError:
        return None


def _waited(client: Client, name: str) -> Status | None:
    """Return the status of what is stored by now; of less, if the estimator does not get there."""
    try:
        return client.wait(name, PATIENCE)
    except NotFoundError:
        return None
    except LachesisError:
        return _status(client, name)


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
