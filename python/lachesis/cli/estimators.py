"""`lachesis diagnosis register`, `estimators`, `logs`: scripts and what becomes of them."""

import json
import time
from argparse import Namespace
from dataclasses import asdict

from lachesis.cli import arguments, confirmation, output
from lachesis.cli.status import state_table
from lachesis.client import Client
from lachesis.scripts import LogEntry


def add(commands: arguments.Commands) -> None:
    """Add the commands."""
    diagnosis = commands.add_parser("diagnosis", help="Functions associated with diagnosing battery health")
    below = diagnosis.add_subparsers(dest="below", required=True)
    parser = arguments.command(below, "register", register, "Register a state estimator")
    arguments.registration(parser)
    parser.add_argument(
        "--from", dest="start", choices=("start", "now"), default="start",
        help="the records that it is fed: all that are stored (default), or those to come",
    )  # fmt: skip
    parser.add_argument("--no-seed-inputs", action="store_true", help="keep the script's own first inputs")

    estimators = commands.add_parser("estimators", help="Versions of estimators, roll-back, deletion, trying scripts")
    below = estimators.add_subparsers(dest="below", required=True)
    arguments.command(below, "list", show_all, "List the batteries that have an estimator")
    parser = arguments.command(below, "versions", versions, "List all that was registered for a battery")
    parser.add_argument("name", help="name of the battery")
    parser = arguments.command(below, "show", show, "Print the script of a version")
    parser.add_argument("name", help="name of the battery")
    parser.add_argument("version", nargs="?", type=arguments.positive, help="by default the current one")
    parser = arguments.command(below, "rollback", rollback, "Register an old version anew")
    parser.add_argument("name", help="name of the battery")
    parser.add_argument("version", type=arguments.positive)
    parser.add_argument("--from", dest="start", choices=("start", "now"), default="start", help="as when registering")
    parser = arguments.command(
        below, "delete", delete, "Delete a battery's estimator with its versions and estimates; records stay"
    )
    parser.add_argument("name", help="name of the battery")
    confirmation.add(parser)
    parser = arguments.command(below, "check", check, "Try a script on stored records without registering it")
    arguments.registration(parser)
    parser.add_argument(
        "--rows", type=arguments.positive, default=1000, metavar="N", help="on the newest so many (default 1000)"
    )
    parser.add_argument("--no-seed-inputs", action="store_true", help="keep the script's own first inputs")

    parser = arguments.command(commands, "logs", logs, "Show what a script wrote")
    parser.add_argument("name", help="name of the battery")
    parser.add_argument("--follow", "-f", action="store_true", help="go on showing what comes")


def register(client: Client, options: Namespace) -> None:
    """Register a script."""
    answer = client.register_estimator(
        options.name, options.py_file, options.context_file, plugin=options.plugin, valid_time=options.start_time,
        seed_inputs=not options.no_seed_inputs, start=options.start, acceleration=options.acceleration,
        limits=arguments.limits(options),
    )  # fmt: skip
    if options.json:
        output.print_json(asdict(answer))
    else:
        response = json.dumps(asdict(answer), ensure_ascii=False)
        print(f"Uploaded a online tool for data_source={options.name}. Response={response}")


def show_all(client: Client, options: Namespace) -> None:
    """List estimators."""
    statuses = client.statuses()
    if options.json:
        output.print_json({name: status.raw for name, status in statuses.items()})
        return
    rows = [
        (name, one.estimator, one.plugin, one.version, one.phase, one.acceleration.in_use, one.latest_time,
         one.stepped, one.skipped, one.failed, one.waiting)
        for name, one in sorted(statuses.items())
    ]  # fmt: skip
    head = (
        "battery", "estimator", "plugin", "version", "phase", "acceleration", "time (s)", "stepped", "skipped",
        "failed", "waiting",
    )  # fmt: skip
    print(
        output.aligned(head, rows) if rows else "no battery has an estimator: lachesis diagnosis register NAME SCRIPT"
    )


def versions(client: Client, options: Namespace) -> None:
    """List versions."""
    found = client.versions(options.name)
    if options.json:
        output.print_json([one.raw for one in found])
        return
    rows = [
        (one.version, "current" if one.current else "", output.moment(one.registered), one.estimator, one.plugin,
         one.acceleration, " ".join(f"{file['name']} ({file['bytes']} bytes)" for file in one.files))
        for one in found
    ]  # fmt: skip
    print(output.aligned(("version", "", "registered", "estimator", "plugin", "acceleration", "files"), rows))


def show(client: Client, options: Namespace) -> None:
    """Print a script."""
    found = client.version(options.name, options.version)
    if options.json:
        output.print_json(found.raw)
    else:
        print(found.definition or "", end="")


def rollback(client: Client, options: Namespace) -> None:
    """Go back to a version."""
    answer = client.rollback(options.name, options.version, start=options.start)
    if options.json:
        output.print_json(asdict(answer))
    else:
        print(f"version {options.version} of {options.name} runs again, as version {answer.version}")


def delete(client: Client, options: Namespace) -> None:
    """Delete an estimator, after a question."""
    confirmation.ask(options, f"Delete the estimator of '{options.name}' with its versions and estimates?")
    version = client.delete_estimator(options.name)
    if options.json:
        output.print_json({"name": options.name, "version": version})
    else:
        print(f"deleted the estimator of {options.name}, version {version}; the records stay")


def check(client: Client, options: Namespace) -> None:
    """Try a script."""
    found = client.check(
        options.name, options.py_file, options.context_file, plugin=options.plugin, rows=options.rows,
        valid_time=options.start_time, seed_inputs=not options.no_seed_inputs, acceleration=options.acceleration,
        limits=arguments.limits(options),
    )  # fmt: skip
    if options.json:
        output.print_json(found.raw)
        return
    now = "no record" if found.latest_time is None else f"{found.latest_time:g} s"
    print(f"{found.estimator} after {found.records} records, at {now}:")
    print(state_table(found.state_names, found.mean.tolist(), found.std.tolist()))
    print(f"{found.stepped} stepped, {found.skipped} skipped, {found.failed} failed")
    if found.acceleration.in_use is not None:
        print(f"acceleration: {output.printable(str(found.acceleration))}")
    if not found.complete:
        print("time did not suffice for all records")
    print(", ".join(f"{what} took {seconds:.3g} s" for what, seconds in found.seconds.items()))
    if found.last_error:
        print(f"last error: {output.printable(found.last_error)}")
    if found.log:
        print(f"log:\n{output.printable(found.log.rstrip())}")


def logs(client: Client, options: Namespace) -> None:
    """Show what a script wrote."""
    seen: list[LogEntry] = []
    while True:
        entries = client.logs(options.name)
        for entry in _new(entries, seen):
            if options.json:
                output.print_json(entry._asdict())
            else:
                text = output.printable(entry.text).rstrip("\n")
                print(f"{output.moment(entry.time)}  {entry.version}  {text}", flush=True)
        if not options.follow:
            return
        seen = entries
        time.sleep(1)


def _new(entries: list[LogEntry], seen: list[LogEntry]) -> list[LogEntry]:
    """Return those after the ones that were seen; the oldest of them may be gone by now."""
    for start in range(len(seen)):
        if entries[: len(seen) - start] == seen[start:]:
            return entries[len(seen) - start :]
    return entries
