"""The command `lachesis`: its commands, and what its exit status means."""

import os
import signal
import sys
import warnings
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib.metadata import version

from lachesis.cli import arguments, batteries, estimators, history, status, upload, workers
from lachesis.cli.output import one_line, printable
from lachesis.cli.settings import UsageError, path, resolve
from lachesis.errors import (
    ForbiddenError,
    LachesisError,
    ServerError,
    TokenError,
    UnauthorizedError,
    UnreachableError,
    UploadCutError,
)
from lachesis.problems import headline

EXIT = """\
The server and the token come from options, else from LACHESIS_URL, LACHESIS_TOKEN and LACHESIS_CA, else from the file
{path} with lines like url = "https://…", token = "lachesis_…" and ca = "ca.pem".

exit status:
  0    done
  1    refused by the server, or it did not come to pass
  2    usage: the command line or a file that it names is no good
  3    the server cannot be reached, or stayed away
  4    no token that is known, or its roles do not suffice
  5    the server failed
  130  interrupted
"""


def parser() -> ArgumentParser:
    """Return the parser of the command line."""
    main = ArgumentParser(
        prog="lachesis", description="Health of batteries, estimated as their records come.",
        epilog=EXIT.format(path=path()), formatter_class=RawDescriptionHelpFormatter,
    )  # fmt: skip
    main.add_argument("--version", action="version", version=f"lachesis {version('lachesis')}")
    arguments.connection(main, is_main=True)
    commands = main.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (status, estimators, batteries, upload, history, workers):
        module.add(commands)
    return main


def main(line: Sequence[str] | None = None) -> int:
    """Run a command line, by default the process's own, and return its exit status."""
    options = parser().parse_args(line)
    warnings.showwarning = lambda message, *_: print(f"lachesis: {one_line(str(message))}", file=sys.stderr)
    try:
        with resolve(options).client() as client:
            options.run(client, options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 0 if options.command == "watch" else 128 + signal.SIGINT
    except BrokenPipeError:
        # Who read has had enough; nothing may be said at the interpreter's end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (LachesisError, UsageError, OSError, TypeError, ValueError) as error:
        complain(error, hint(error))
        return exit_status(error)
    return 0


def hint(error: Exception) -> str:
    """Return which option mends an error, in brackets; empty if none does."""
    match error:
        case UnauthorizedError() | TokenError():
            return " (--token, --token-file or LACHESIS_TOKEN shows one)"
        case UnreachableError():
            return " (--url or LACHESIS_URL says which server)"
        case _:
            return ""


def complain(error: Exception, hint: str = "") -> None:
    """Say what went wrong in one line; below it the traceback, if it is a script's."""
    text = (str(error).strip() or type(error).__name__) + hint
    lines = text.splitlines()
    if len(lines) > 1 and "Traceback (most recent call last)" in text:
        print(f"lachesis: {one_line(headline(text))}", file=sys.stderr)
        print(printable("\n".join(f"    {line}" for line in lines)), file=sys.stderr)
    else:
        print(f"lachesis: {one_line(text)}", file=sys.stderr)


def exit_status(error: Exception) -> int:
    """Return the exit status that tells of an error."""
    match error:
        case UnreachableError() | UploadCutError():
            return 3
        case UnauthorizedError() | ForbiddenError() | TokenError():
            return 4
        case ServerError():
            return 5
        case LachesisError():
            return 1
        case _:
            return 2


def run() -> None:
    """Entry point of the installed command."""
    sys.exit(main())
