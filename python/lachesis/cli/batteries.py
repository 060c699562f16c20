"""`lachesis register`, `data`, `export`, `import`, `delete`."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from lachesis import records
from lachesis.cli import arguments, confirmation, output
from lachesis.cli.history import show_rows
from lachesis.cli.settings import UsageError
from lachesis.client import Client
from lachesis.files import Format, format_of

FORMATS: dict[str, Format] = {"hdf5": "hdf5", "parquet": "parquet", "csv": "csv"}


def add(commands: arguments.Commands) -> None:
    """Add the commands."""
    parser = arguments.command(commands, "register", register, "Register metadata for a cell")
    parser.add_argument("path", help="Path to the H5 file holding the metadata, or to a .json file")

    parser = arguments.command(commands, "data", data, "Show records, or write them to a file")
    arguments.rows(parser)
    parser.add_argument("--sequence", action="store_true", help="show the records' sequence numbers too")

    parser = arguments.command(
        commands, "export", export, "Write a battery to a file",
        description="Write a battery's records, and its metadata except to CSV, to a file: battery-data-toolkit's HDF5 "
        "(.h5, .hdf, .hdf5), .csv, or battery-data-toolkit's Parquet (.parquet or no ending: a folder).",
    )  # fmt: skip
    parser.add_argument("name", help="name of the battery")
    parser.add_argument("path", help="file to write")
    parser.add_argument("--format", choices=FORMATS, help="instead of the one that the path's ending tells")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")

    parser = arguments.command(
        commands, "import", load, "Register and upload what a file holds",
        description="Register the metadata and upload the records of a file or folder that `export` wrote, or any of "
        "battery-data-toolkit's; print the battery's name.",
    )  # fmt: skip
    parser.add_argument("path", help="file or folder to read")
    parser.add_argument("name", nargs="?", help="name of the battery; by default that in the file")
    parser.add_argument("--append", action="store_true", help="also to a battery that has records already")

    parser = arguments.command(commands, "delete", delete, "Delete a battery with all that is known of it")
    parser.add_argument("name", help="name of the battery")
    confirmation.add(parser)
    parser.add_argument("--force", action="store_true", help="close the uploads to it that are open")


def register(client: Client, options: Namespace) -> None:
    """Register metadata; print the name, which the server may have made."""
    path = Path(options.path)
    metadata: Any
    if path.suffix.lower() == ".json":
        try:
            metadata = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise UsageError(f"{path} is not JSON: {error}") from error
    else:
        metadata = records.metadata(path)
    name = client.register_metadata(metadata)
    if options.json:
        output.print_json({"name": name})
    else:
        print(name)


def data(client: Client, options: Namespace) -> None:
    """Show records."""
    more = {"sequence": True} if options.sequence else {}
    show_rows(client.data_text, client.data, options, **more)


def export(client: Client, options: Namespace) -> None:
    """Write a battery to a file."""
    try:
        format = FORMATS[options.format] if options.format else format_of(Path(options.path))
    except ValueError as error:
        raise UsageError(f"{error}; --format chooses one") from error
    try:
        count = client.export(
            options.name, options.path, format, overwrite=options.overwrite,
            progress=output.is_watched(),
        )  # fmt: skip
    except FileExistsError as error:
        raise UsageError(f"{error}; --overwrite replaces it") from error
    if options.json:
        output.print_json({"name": options.name, "path": options.path, "records": count})
    else:
        output.note(f"{count} records of {options.name} are in {options.path}")


def load(client: Client, options: Namespace) -> None:
    """Register and upload what a file holds; print the name."""
    try:
        name, count = client.load(options.path, options.name, append=options.append, progress=output.is_watched())
    except FileExistsError as error:
        raise UsageError(f"{error}; --append adds those of {options.path}") from error
    if options.json:
        output.print_json({"name": name, "stored": count})
    else:
        print(name)
        output.note(f"{count} records of {name} are stored")


def delete(client: Client, options: Namespace) -> None:
    """Delete a battery, after a question."""
    if not options.yes:
        entry = client.stats().get(options.name) or {}
        count = (entry.get("data_stats") or {"rows": 0})["rows"]
        confirmation.ask(options, f"Delete '{options.name}' with its {count} records and all estimates?")
    count = client.delete(options.name, force=options.force)
    if options.json:
        output.print_json({"name": options.name, "rows": count})
    else:
        print(f"deleted {options.name} with {count} records")
