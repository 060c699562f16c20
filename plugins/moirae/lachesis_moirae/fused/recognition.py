"""Tells whether a part of an estimator is exactly what the fused step was written for."""

from typing import Any

from pydantic import BaseModel

from ..shortcuts.known import KNOWN
from ..shortcuts.original import original

WRITTEN_FOR = tuple(path for path in KNOWN if "thevenin" not in path)
"""Paths of all whose work the fused step does in its own way, or relies upon."""
_ARE_KNOWN = all((found := original(path)) is not None and found.is_known for path in WRITTEN_FOR)


class Unrecognized(Exception):
    """A part is of another class, or has an option, that no fused step is written for; the message names it."""


class Unsure(Exception):
    """This step is left to Moirae: it may fail there, or take a rare way, such as a repair of the covariance."""


def require(part: object, *classes: type) -> None:
    """Raise Unrecognized unless a part is of one of the classes, not of one derived from it, and has no own methods."""
    if type(part) not in classes:
        raise Unrecognized(f"the class {type(part).__name__} is not known")
    for name, value in vars(part).items():
        # A method put into the object itself hides its class's.
        if callable(value) and callable(getattr(type(part), name, None)):
            raise Unrecognized(f"{type(part).__name__} has a `{name}` of its own")
    if isinstance(part, BaseModel) and not vars(part).keys() <= type(part).model_fields.keys() | _cached(type(part)):
        raise Unrecognized(f"{type(part).__name__} has attributes that are not its class's")


def _cached(kind: type) -> set[str]:
    """Names under which a class's cached properties keep their values."""
    return {name for base in kind.__mro__ for name, value in vars(base).items() if hasattr(value, "attrname")}


def require_that(condition: Any, text: str) -> None:
    """Raise Unrecognized with the text unless the condition holds."""
    if not condition:
        raise Unrecognized(text)


def require_genuine() -> None:
    """Raise Unrecognized unless Moirae, and what it calls, are what the fused step was written for."""
    require_that(_ARE_KNOWN, "another version of Moirae or of a library below it")
    for path in WRITTEN_FOR:
        found = original(path)
        require_that(found is not None and found.is_unchanged, f"the script has altered {path.replace(':', '.')}")
