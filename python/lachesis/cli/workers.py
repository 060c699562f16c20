"""`lachesis workers`: the estimators' processes, for admins."""

from argparse import Namespace
from typing import get_args

from lachesis.administration import Action
from lachesis.cli import arguments, output
from lachesis.client import Client
from lachesis.problems import headline
from lachesis.scripts import Limits

HELP = {
    "pause": "Keep its process, and feed it nothing",
    "stop": "Save it and end its process until it is resumed",
    "resume": "Feed it again",
    "restart": "Start it again from its checkpoint; also one that was given up",
    "checkpoint": "Save it now",
}


def add(commands: arguments.Commands) -> None:
    """Add the command and its actions."""
    parser = arguments.command(commands, "workers", show, "Show the estimators' processes, and act on them")
    below = parser.add_subparsers(dest="below", metavar="ACTION")
    arguments.command(below, "list", show, "Show them (default)")
    for action in get_args(Action):
        parser = arguments.command(below, action, act, HELP[action])
        parser.add_argument("name", help="name of the battery")
        parser.set_defaults(action=action)
    parser = arguments.command(
        below, "limits", limit, "Limit a script to something else; it goes on from its checkpoint"
    )
    parser.add_argument("name", help="name of the battery")
    parser.add_argument(
        "limits", nargs="+", type=arguments.new_limit, metavar="KEY=N",
        help=f"{', '.join(Limits.__annotations__)}; without a number: the server's own",
    )  # fmt: skip


def show(client: Client, options: Namespace) -> None:
    """Show all workers."""
    force = client.workers()
    if options.json:
        output.print_json(
            {"hosts": force.hosts, "max_workers": force.max_workers, "workers": [one.raw for one in force.workers]}
        )
        return
    rows = [
        (one.name, one.state, one.version, one.estimator, one.pid, one.lag_records, one.lag_seconds,
         one.steps_per_second, output.mebibytes(one.memory_bytes), one.cpu_seconds, one.restarts,
         one.last_error and output.one_line(headline(one.last_error))[:60])
        for one in force.workers
    ]  # fmt: skip
    head = ("battery", "state", "version", "estimator", "pid", "lag", "lag (s)", "steps/s", "memory (MiB)", "cpu (s)",
            "restarts", "last error")  # fmt: skip
    print(output.aligned(head, rows) if rows else "no battery has an estimator")
    hosts = ", ".join(f"{output.one_line(host['name'])}: {host['workers']}" for host in force.hosts)
    print(f"processes on {hosts or 'no machine'}; at most {force.max_workers}")


def limit(client: Client, options: Namespace) -> None:
    """Limit one to something else."""
    found = client.limit_worker(options.name, dict(options.limits))
    if options.json:
        output.print_json({"name": options.name, "limits": found})
    else:
        print(f"{options.name}: {', '.join(f'{key} {number:.10g}' for key, number in found.items())}")


def act(client: Client, options: Namespace) -> None:
    """Act on one."""
    state = client.control_worker(options.name, options.action)
    if options.json:
        output.print_json({"name": options.name, "state": state})
    else:
        print(f"{options.name}: {state}")
