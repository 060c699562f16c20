"""What a plugin is: a folder that makes workers able to run one kind of estimator."""

import importlib
import importlib.util
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

ENTRY_MODULE = "lachesis_plugin"
"""Name that the entry module is imported under; a process has one plugin."""

ACCELERATIONS = ("off", "shortcuts", "full")
"""How much a plugin may replace of an estimator's own code by faster code that gives the same bits, ascending: nothing;
slow spots of a step; whole steps, where it knows how."""


class ScriptError(Exception):
    """A script gave no usable estimator; the message tells its author what is expected, without a traceback."""


class PluginError(Exception):
    """A plugin's folder is not of the form expected; the message names the file and what is wrong in it."""


class Estimator(Protocol):
    """An estimator as a plugin presents it to the worker."""

    class_name: str
    """Name of the script's estimator class."""
    state_names: Sequence[str]
    output_names: Sequence[str]
    columns: Sequence[str]
    """Columns of a record that `seed` and `step` get, in this order; the first is `test_time`, s."""
    required: Sequence[str]
    """Those of `columns` that must be finite, beside `test_time`; the others are NaN where the record has no number."""
    acceleration: str | None
    """Level in use now, one of ACCELERATIONS and at most what `load` was given; None if the plugin has none.

    A plugin compares accelerated steps with the estimator's own now and then. Where one differs `step` goes on from the
    estimator's own, and this falls to a lower level for good; it never rises."""
    acceleration_reason: str
    """Why it is less than what `load` was given: what was not recognized, or which step differed; else empty."""

    def initial(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean `(s,)` and covariance `(s, s)` before the next record, in the states' own units.

        Called before the first record, and after `restore`; changes nothing.
        """

    def seed(self, values: Sequence[float]) -> None:
        """Take the first record's values as the previous inputs, without a step."""

    def step(self, values: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Step; return mean `(s,)`, covariance `(s, s)`, predicted outputs `(o,)` and their covariance `(o, o)`."""

    def mark(self) -> object:
        """Return what `rollback` needs to undo the one step or seeding that follows."""

    def rollback(self, mark: Any) -> None:
        """Return to the state at `mark`, bit for bit."""

    def save(self) -> bytes:
        """Return all that later steps depend on, and change nothing by it.

        Raises what it will if that cannot be had whole: an estimator without a checkpoint starts over, which is right.
        """

    def restore(self, data: bytes) -> None:
        """Go on from what `save` returned, bit for bit; `initial` then is the state after the last step.

        Called before the first record, in a process that has executed the same script. Raises what it will if the
        bytes are of another estimator; this one is not used any more then.
        """


@dataclass(frozen=True)
class Rehearsal:
    """What is run before workers are forked, and built once more in those that are forked ahead of their orders and
    have time for it."""

    script: str
    """Path of an example's script, in the plugin's folder."""
    records: tuple[Mapping[str, float], ...]
    """Values by column, to be repeated a second apart; those that are not named are missing, save `test_time`, which is
    counted."""


@dataclass(frozen=True)
class Plugin:
    """A plugin's folder and what its `plugin.toml` says."""

    folder: Path
    name: str
    description: str
    packages: tuple[str, ...]
    """Modules to import before workers are forked, so that none of them has to."""
    module: str
    """File name of the entry module, in the folder."""
    hint: str = ""
    """What to say when a package is missing."""
    rehearsal: Rehearsal | None = None
    """None runs nothing."""
    entry: ModuleType | None = field(default=None, compare=False)
    versions: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Versions of the packages, by top-level name, of those that have one; empty before they are imported."""

    @classmethod
    def read(cls, folder: str | Path) -> "Plugin":
        """Read `plugin.toml`; raises PluginError if it cannot be read, or if a key is missing, of a wrong type, or
        names a file that cannot be."""
        folder = Path(folder).resolve()
        path = folder / "plugin.toml"
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise PluginError(f"{path} cannot be read: {error}") from error
        for key, kind in (("name", str), ("description", str), ("packages", list), ("module", str)):
            if not isinstance(table.get(key), kind):
                raise PluginError(f"{path}: `{key}` must be a {'string' if kind is str else 'list of strings'}")
        packages = table["packages"]
        if not all(isinstance(package, str) for package in packages):
            raise PluginError(f"{path}: `packages` must be a list of strings")
        if "/" in table["module"] or not (folder / table["module"]).is_file():
            raise PluginError(f"{path}: `module` must name a file in the folder, not {table['module']!r}")
        hint = table.get("hint", "")
        if not isinstance(hint, str):
            raise PluginError(f"{path}: `hint` must be a string")
        rehearsal = _rehearsal(table["rehearsal"], folder, path) if "rehearsal" in table else None
        return cls(folder, table["name"], table["description"], tuple(packages), table["module"], hint, rehearsal)

    def imported(self) -> "Plugin":
        """Import the packages and the entry module; return the plugin with `entry` set.

        The folder joins the module search path, last, so that nothing in it can hide an installed package.
        Raises ImportError that names what is missing, with the plugin's hint, and PluginError if there is no `load`;
        other errors of the modules pass through.
        """
        if str(self.folder) not in sys.path:
            sys.path.append(str(self.folder))
        for package in self.packages:
            try:
                importlib.import_module(package)
            except ImportError as error:
                text = f"plugin {self.name}: {package} cannot be imported: {error}"
                raise ImportError(f"{text}. {self.hint}" if self.hint else text) from error
        specification = importlib.util.spec_from_file_location(ENTRY_MODULE, self.folder / self.module)
        if specification is None or specification.loader is None:
            raise PluginError(f"plugin {self.name}: {self.module} is not a Python file")
        module = importlib.util.module_from_spec(specification)
        sys.modules[ENTRY_MODULE] = module
        specification.loader.exec_module(module)
        if not callable(getattr(module, "load", None)):
            raise PluginError(f"plugin {self.name}: {self.module} has no function `load`")
        return replace(self, entry=module, versions=_versions(self.packages))

    @property
    def load(self) -> Callable[[dict[str, Any], str], Estimator]:
        """The function that finds the estimator in a script's namespace; raises ScriptError if there is none.

        Its second argument, one of ACCELERATIONS, is the most that the estimator may be accelerated.
        """
        if self.entry is None:
            raise RuntimeError(f"plugin {self.name} is not imported")
        return self.entry.load


def _rehearsal(table: Any, folder: Path, path: Path) -> Rehearsal:
    script, records = (table.get("script"), table.get("records")) if isinstance(table, dict) else (None, None)
    if not isinstance(script, str) or not (folder / script).resolve().is_relative_to(folder):
        raise PluginError(f"{path}: `rehearsal.script` must name a script in the folder")
    is_list = isinstance(records, list) and len(records) > 0 and all(isinstance(record, dict) for record in records)
    if not is_list or not all(type(value) in (int, float) for record in records for value in record.values()):
        raise PluginError(f"{path}: `rehearsal.records` must be a list of records, whose values are numbers")
    return Rehearsal(script, tuple(records))


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in sorted({package.partition(".")[0] for package in packages}):
        version = getattr(sys.modules.get(name), "__version__", None)
        if not isinstance(version, str):
            # Most say it themselves; looking it up costs the zygote some memory.
            from importlib import metadata

            try:
                version = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        found[name] = version
    return found
