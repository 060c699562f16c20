"""What deletes asks first."""

import sys
from argparse import ArgumentParser, Namespace

from lachesis.cli.settings import UsageError


def add(parser: ArgumentParser) -> None:
    """Add the option of a command that asks before it deletes."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def ask(options: Namespace, question: str) -> None:
    """Return if the answer is yes; raise UsageError if it is not, or if nobody is there to give one."""
    if options.yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("nobody can be asked here whether to delete it; --yes says so")
    if input(f"{question} [y/N] ").lower() != "y":
        raise UsageError("nothing is deleted")
