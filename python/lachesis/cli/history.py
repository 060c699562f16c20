"""`lachesis history`, and how rows are shown."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from lachesis.cli import arguments, output
from lachesis.client import Client

SHOWN = 20
"""Rows that a table has if none are chosen."""
CHOICES = ("start", "end", "after", "before", "limit", "points")


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = arguments.command(commands, "history", history, "Show estimates over time, or write them to a file")
    arguments.rows(parser)


def history(client: Client, options: Namespace) -> None:
    """Show estimates."""
    show_rows(client.history_text, client.history, options)


def show_rows(
    text: Callable[..., Iterator[bytes]], table: Callable[..., pd.DataFrame], options: Namespace, **more: Any
) -> None:
    """Print rows as a table with units, or write them as the server's CSV or JSON, however many there are."""
    query = {key: getattr(options, key) for key in CHOICES} | more
    columns = options.columns  # the server splits them: it knows which names hold commas
    format = options.format or ("json" if options.json else "csv" if options.output else "table")
    if format != "table":
        pieces = text(options.name, format, **query, columns=columns)
        output.write(pieces, Path(options.output) if options.output else None, options.name)
        return
    if all(query[key] is None for key in CHOICES):
        query["limit"] = SHOWN
    found = table(options.name, columns, **query)
    units = dict(found.attrs.get("units", {}))
    if "received" in found:
        found["received"] = found["received"].map(output.moment)
        units.pop("received", None)
    head = [f"{name} ({units[name]})" if name in units else str(name) for name in found.columns]
    rows = [
        [None if value is pd.NA or value != value else value for value in row]
        for row in found.astype(object).itertuples(index=False, name=None)
    ]
    shown = output.aligned(head, rows)
    if options.output:
        Path(options.output).write_text(shown + "\n", "utf-8")
    else:
        print(shown)
