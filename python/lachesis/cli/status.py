"""`lachesis status` and `watch`: what is known now, and as it changes."""

import time
from argparse import Namespace
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lachesis.cli import arguments, output
from lachesis.client import Client
from lachesis.problems import headline
from lachesis.status import Status

STATES = 6
"""States of an estimator that a live table shows; the last ones, which tell of health."""


def add(commands: arguments.Commands) -> None:
    """Add the commands."""
    parser = arguments.command(commands, "status", status, "Get application status")
    parser.add_argument("name", nargs="?", help="only of this battery, with all its states")
    parser = arguments.command(commands, "watch", watch, "Show estimates as they change, until Ctrl-C")
    parser.add_argument("names", nargs="*", help="names of batteries; by default all")
    parser.add_argument(
        "--interval", type=arguments.factor, default=1.0, metavar="S",
        help="at most one change of a battery in so long, s (default 1)",
    )  # fmt: skip
    parser.add_argument("--count", type=arguments.positive, metavar="N", help="end after so many changes")


def status(client: Client, options: Namespace) -> None:
    """Print sizes and estimators, in the upstream client's words; or all of one battery."""
    if options.name is not None:
        one = client.status(options.name)
        if options.json:
            output.print_json({"name": one.name, **one.raw})
        else:
            print(output.printable(str(one)))
        return
    stats, statuses = client.stats(), client.statuses()
    if options.json:
        known = {
            name: {**stats.get(name, {}), "estimator": statuses[name].raw if name in statuses else None}
            for name in {**stats, **statuses}
        }
        output.print_json(known)
        return
    if not stats:
        print("No batteries available")
    else:
        print("Database sizes:")
        for name, entry in stats.items():
            print(f"  {name}: {entry['data_stats']['rows'] if entry['has_data'] else 'No data'}")
    for name, one in statuses.items():
        print(f"Estimator for {name}:")
        print(f"  Latest time: {float('nan') if one.latest_time is None else one.latest_time:.2f} s")
        if one.failed or one.last_error:
            problem = output.one_line(headline(one.last_error)) if one.last_error else "none now"
            print(f"  {one.phase}, {one.failed} of {one.failed + one.stepped} steps failed; last error: {problem}")


def watch(client: Client, options: Namespace) -> None:
    """Show a table that follows the events; without a terminal or with --json, a line for each."""
    console, known = Console(), dict[str, Status]()
    with Live(console=console, auto_refresh=False, transient=False) as live:
        is_live = console.is_terminal and not options.json
        if is_live:
            live.update(_table(known), refresh=True)
        drawn = 0.0
        events = client.events(*options.names, interval=options.interval)
        for number, event in enumerate(events, start=1):
            if event.status is None:
                known.pop(event.name, None)
            else:
                known[event.name] = event.status
            # Hundreds of batteries may change at once: the table is drawn ten times a second at most.
            is_last = number == options.count
            if is_live and (is_last or time.monotonic() - drawn > 0.1):
                live.update(_table(known), refresh=True)
                drawn = time.monotonic()
            elif options.json:
                output.print_json({"name": event.name, "id": event.id, "status": event.status and event.status.raw})
            elif not is_live:
                print(_line(event.name, event.status), flush=True)
            if is_last:
                return


def state_table(names: Sequence[str], means: Sequence[float], stds: Sequence[float]) -> str:
    """Return states with their means and standard deviations, in the states' own units."""
    return output.aligned(("state", "mean", "std"), zip(names, means, stds, strict=True))


def _line(name: str, one: Status | None) -> str:
    if one is None:
        return f"{output.one_line(name)}: deleted"
    now = "no record yet" if one.latest_time is None else f"{one.latest_time:g} s"
    return f"{output.one_line(name)}: {one.phase}, {now}, {one.waiting} waiting, " + ", ".join(_states(one))


def _states(one: Status) -> list[str]:
    found = zip(one.state_names, one.mean, one.std, strict=True)
    return [f"{output.one_line(state)} {mean:.5g} ± {std:.2g}" for state, mean, std in found][-STATES:]


def _table(known: dict[str, Status]) -> Table | Text:
    if not known:
        return Text("no estimator has told of itself yet: lachesis diagnosis register NAME SCRIPT [FILES] makes one")
    table = Table(box=None, pad_edge=False)
    for head in ("battery", "phase"):
        table.add_column(head, no_wrap=True)
    for head in ("time (s)", "stepped", "failed", "waiting"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("latest states", no_wrap=True)
    for name, one in sorted(known.items()):
        cells = (name, one.phase, one.latest_time, one.stepped, one.failed, one.waiting)
        # Text, so that brackets in names are no markup.
        table.add_row(*(Text(output.cell(value)) for value in cells), Text("\n".join(_states(one))))
    return table
