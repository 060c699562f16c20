"""Kinds of arguments, and the options that several commands share."""

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any, cast, get_args

from lachesis.acceleration import Acceleration
from lachesis.client import Client
from lachesis.scripts import Limits

Commands = Any
"""What argparse gives to add commands to; its class is not public."""
Run = Callable[[Client, Namespace], None]


def connection(parser: ArgumentParser, *, is_main: bool) -> None:
    """Add the options of every command; they may stand before the command and after it."""
    default = None if is_main else SUPPRESS
    group = parser.add_argument_group("server")
    group.add_argument("--url", default=default, help="URL for the web service (default http://127.0.0.1:8000)")
    group.add_argument("--token", default=default, help="token to show to the server")
    group.add_argument("--token-file", default=default, metavar="FILE", help="file that holds the token")
    group.add_argument("--ca", default=default, metavar="FILE", help="certificates to check an https server's with")
    group.add_argument(
        "--json", action="store_true", default=False if is_main else SUPPRESS, help="print JSON, for programs"
    )


def command(commands: Commands, name: str, run: Run, help: str, **more: Any) -> ArgumentParser:
    """Add a command, with the options of every one."""
    parser: ArgumentParser = commands.add_parser(name, help=help, description=more.pop("description", help), **more)
    parser.set_defaults(run=run)
    connection(parser, is_main=False)
    return parser


def rows(parser: ArgumentParser) -> None:
    """Add the options that choose rows of a history of records or estimates."""
    parser.add_argument("name", help="name of the battery")
    parser.add_argument(
        "--columns", action="append", metavar="A,B",
        help="these columns; may be given more than once, as for a name with a comma",
    )  # fmt: skip
    parser.add_argument("--start", type=float, metavar="S", help="from this test_time on, s")
    parser.add_argument("--end", type=float, metavar="S", help="up to this test_time, s")
    parser.add_argument("--after", type=count, metavar="N", help="only rows after this sequence number")
    parser.add_argument("--before", type=count, metavar="N", help="only rows before this sequence number")
    parser.add_argument("--limit", type=count, metavar="N", help="the newest so many; with --after the oldest")
    parser.add_argument("--points", type=positive, metavar="N", help="thin to so many rows, keeping minima and maxima")
    parser.add_argument(
        "--format", choices=("table", "csv", "json"), help="default: a table, of the newest 20 rows if none are chosen"
    )
    parser.add_argument("--output", "-o", metavar="FILE", help="write to a file (default format csv)")


def registration(parser: ArgumentParser) -> None:
    """Add the arguments that tell a script."""
    parser.add_argument("name", help="Name of the data source associated with this estimator")
    parser.add_argument("py_file", help="Path to the python file containing estimator definition")
    parser.add_argument("context_file", nargs="*", help="Paths to additional files needed for estimator definition")
    parser.add_argument("--plugin", default="moirae", help="what runs the script: moirae (default) or kalman")
    parser.add_argument(
        "--start-time", "--valid-time", dest="start_time", type=float, metavar="S",
        help="test_time before which records are stored but not stepped, s",
    )  # fmt: skip
    parser.add_argument(
        "--acceleration", choices=get_args(Acceleration), default="full",
        help="how much of the estimator's own code faster code may replace that gives the same bits (default full)",
    )  # fmt: skip
    parser.add_argument(
        "--limit", dest="limits", action="append", default=[], type=limit, metavar="KEY=N",
        help=f"what the script may use, less than the server would allow: {', '.join(Limits.__annotations__)}",
    )  # fmt: skip


def limits(options: Namespace) -> Limits:
    """Return the limits among the options of `registration`."""
    return cast(Limits, dict(options.limits))


def limit(text: str) -> tuple[str, float]:
    """Read a limit and its number."""
    key, value = new_limit(text)
    if value is None:
        raise ArgumentTypeError(f"'{text}' has no number")
    return key, value


def new_limit(text: str) -> tuple[str, float | None]:
    """Read a limit and its number, or none for the server's own."""
    key, _, number = text.partition("=")
    if key not in Limits.__annotations__:
        raise ArgumentTypeError(f"'{key}' is no limit; {', '.join(Limits.__annotations__)} are")
    if not number:
        return key, None
    value = factor(number)
    return key, int(value) if value.is_integer() else value


def count(text: str) -> int:
    """Read a whole number from 0."""
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"'{text}' is not a whole number from 0")
    return int(text)


def positive(text: str) -> int:
    """Read a whole number from 1."""
    if count(text) == 0:
        raise ArgumentTypeError("it must be 1 or more")
    return int(text)


def factor(text: str) -> float:
    """Read a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise ArgumentTypeError(f"'{text}' is not a number above 0")
    return number
