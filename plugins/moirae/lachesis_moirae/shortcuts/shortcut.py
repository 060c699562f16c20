"""What a shortcut is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from ..originals import original, place


@dataclass(frozen=True)
class Shortcut:
    """Functions of Moirae and what takes their place, for one reason."""

    name: str
    replacements: dict[str, Callable[..., Any]]
    """By the path of the place: a method of a class, or a name in the module that calls the function by it."""
    written_for: tuple[str, ...]
    """Paths of all whose work the replacements do in their own way, or rely upon."""

    @property
    def is_known(self) -> bool:
        """Whether it was written for what was there at the start."""
        return all((found := original(path)) is not None and found.is_known for path in self.written_for)


def genuine(path: str) -> Any:
    """Return the function that a path names, as it was at the start, for a replacement to fall back to."""
    owner, name = place(path)
    return getattr(owner, name)


def rebound(function: FunctionType, **names: Any) -> FunctionType:
    """Return a function of the same code, in which some global variables are others.

    So its arithmetic remains Moirae's own, and what it calls costs less.
    """
    variables = {**function.__globals__, **names}
    made = FunctionType(function.__code__, variables, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__qualname__, made.__module__ = function.__qualname__, function.__module__
    return made
