"""Estimators as bytes.

What a script defines goes along by value: classes and functions may hold state in attributes and closures. Global
variables that they use go along too, and come back into the script's own module, so that functions which were not
restored (those that a script put into a library's class, or that `functools.lru_cache` wraps) see the same ones.
"""

import importlib
import io
import pickle
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle
import numpy as np

from lachesis_worker import script

from .arrays import reduce_array


def save(kept: Any) -> bytes:
    """Return an estimator with what is kept of it, and all that the script's functions may keep, as bytes.

    Raises whatever one of the things in it raises that cannot be pickled: without it the estimator might go on
    differently.
    """
    modules = script.modules()
    own = [module for module in modules if module.__name__ not in cloudpickle.list_registry_pickle_by_value()]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        stream = io.BytesIO()
        _Pickler(stream, modules).dump((kept, [(_Variables(module), _definitions(module)) for module in modules]))
        return stream.getvalue()
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def load(data: bytes) -> Any:
    """Return what `save` was given, in a process that has executed the same script.

    Must not be used on bytes from another source than this worker's kind.
    """
    kept, definitions = pickle.loads(data)
    for variables, defined in definitions:
        variables.update(defined)
    return kept


class _Variables(dict):
    """Stands for a module's global variables: unpickled, it is the dict of that module itself."""

    def __init__(self, module: ModuleType) -> None:
        # Cloudpickle looks for something in it, and fills it otherwise.
        super().__init__(__name__=module.__name__)

    def __reduce__(self) -> Any:
        return _variables, (self["__name__"],)


class _Pickler(cloudpickle.Pickler):
    def __init__(self, stream: io.BytesIO, modules: list[ModuleType]) -> None:
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        # What cloudpickle gives a function that it restores as global variables.
        self.globals_ref.update((id(vars(module)), _Variables(module)) for module in modules)
        self._names = {id(module): module.__name__ for module in modules}

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is np.ndarray:
            return reduce_array(obj)
        if kind is ModuleType and id(obj) in self._names:
            values = {name: value for name, value in vars(obj).items() if not name.startswith("__")}
            return importlib.import_module, (self._names[id(obj)],), values, None, None, _update
        return super().reducer_override(obj)


def _variables(name: str) -> dict[str, Any]:
    return vars(importlib.import_module(name))


def _update(module: ModuleType, values: dict[str, Any]) -> None:
    vars(module).update(values)


def _definitions(module: ModuleType) -> dict[str, Any]:
    """Classes and functions that a module defines itself: it may have put some of them into a library's classes."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, (type, FunctionType)) and value.__module__ == module.__name__
    }
