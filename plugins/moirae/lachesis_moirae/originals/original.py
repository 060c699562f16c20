"""Functions and classes that shortcuts and fused steps were written for.

All of it is looked at when this package is imported, which is before any script has run, and compared again with what
is there when an estimator has been built: a script may have put something else in its place.
"""

import builtins
import hashlib
import importlib
from collections.abc import Iterator
from functools import cache, cached_property
from operator import is_
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from .known import KNOWN

_ABSENT = object()
_DISPATCHER = type(np.average)


class Original:
    """A function or class as it was at the start."""

    def __init__(self, path: str) -> None:
        """Look it up by a path such as `numpy:average` or `package.module:Class.name`.

        Raises LookupError, AttributeError or ImportError where there is no such thing.
        """
        self.path = path
        self.owner, self.name = place(path)
        self.value = vars(self.owner)[self.name]
        self._members = _members(self.value)
        self._functions = {function: _parts(function) for function in _functions(self.value)}
        found = [reference for function in self._functions for reference in _references(function)]
        self._references = list({(id(names), name): (names, name, value) for names, name, value in found}.values())

    @cached_property
    def digest(self) -> str:
        """Of the code: bytecode, constants and names, and for a class its fields; not of lines, comments and paths."""
        texts = [f"{function.__qualname__} {_text(function.__code__)}" for function in self._functions]
        texts.append(" ".join(getattr(self.value, "model_fields", ())))
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]

    @property
    def is_known(self) -> bool:
        """Whether it is what the shortcuts were written for."""
        return KNOWN.get(self.path) == self.digest

    @property
    def is_unchanged(self) -> bool:
        """Whether the very same is still there: the object, its code, a class's members, and what the code names."""
        if vars(self.owner).get(self.name) is not self.value:
            return False
        now = _members(self.value)
        if len(now) != len(self._members) or not all(map(is_, map(now.get, self._members), self._members.values())):
            return False
        return all(all(map(is_, _parts(function), parts)) for function, parts in self._functions.items()) and all(
            names.get(name, _ABSENT) is value for names, name, value in self._references
        )


@cache
def original(path: str) -> Original | None:
    """Return what was at a path at the start, None if there was nothing."""
    try:
        return Original(path)
    except (ImportError, AttributeError, LookupError):
        return None


def place(path: str) -> tuple[Any, str]:
    """Return the module or class that holds what a path names, and the name there."""
    module, _, names = path.partition(":")
    *owners, name = names.split(".")
    owner: Any = importlib.import_module(module)
    for step in owners:
        owner = getattr(owner, step)
    return owner, name


def _members(value: Any) -> dict[str, Any]:
    """What a class defines; nothing for a function."""
    if not isinstance(value, type):
        return {}
    members = dict(vars(value))
    # Written by `copy` and `pickle` when they first see an object of the class.
    members.pop("__slotnames__", None)
    return members


def _functions(value: Any) -> Iterator[FunctionType]:
    """Python functions that a class defines, or that are behind a property, a class method or numpy's dispatcher."""
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, type):
        for member in vars(value).values():
            if not isinstance(member, type):
                yield from _functions(member)
    elif isinstance(value, property):
        yield from _functions(value.fget)
        yield from _functions(value.fset)
    elif isinstance(value, cached_property):
        yield from _functions(value.func)
    elif isinstance(value, (classmethod, staticmethod)):
        yield from _functions(value.__func__)
    elif isinstance(value, _DISPATCHER):
        yield from _functions(value._implementation)


def _parts(function: FunctionType) -> tuple[Any, ...]:
    return function.__code__, function.__defaults__, function.__kwdefaults__


def _references(function: FunctionType) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Global variables that a function names, and attributes of modules among them: where, name, and what is there."""
    names = _names(function.__code__)
    spaces = [function.__globals__]
    for space in spaces:
        for name in names:
            value = space.get(name, _ABSENT)
            # A global variable that bears the name of a built-in function would hide it.
            if value is not _ABSENT or (space is function.__globals__ and hasattr(builtins, name)):
                yield space, name, value
            if isinstance(value, ModuleType) and not any(space is vars(value) for space in spaces):
                spaces.append(vars(value))


def _names(code: CodeType) -> list[str]:
    """Names of global variables and attributes in the code, and in code within it."""
    inner = (name for constant in code.co_consts if isinstance(constant, CodeType) for name in _names(constant))
    return list(dict.fromkeys((*code.co_names, *inner)))


def _text(value: Any) -> str:
    """Text of code or of a constant in it, the same in every process."""
    if isinstance(value, CodeType):
        names = (value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars)
        counts = (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags)
        constants = [_text(constant) for constant in value.co_consts]
        return f"{value.co_code.hex()} {value.co_exceptiontable.hex()} {names} {counts} {constants}"
    if isinstance(value, frozenset):
        return f"frozenset {sorted(map(_text, value))}"
    if isinstance(value, tuple):
        return f"tuple {[_text(item) for item in value]}"
    return f"{type(value).__name__} {value!r}"
