"""Moirae's hot spots, replaced by functions that compute the same bits with less work.

Each module here is one shortcut, and says what it skips and why that cannot change a bit. A shortcut is taken only if
what it was written for is what there is: the code of Moirae's functions and of those of numpy, scipy and pydantic that
they call, by digest (see `originals.known`), and none of them replaced since.
"""

from typing import Any, ClassVar

from ..originals import original, place
from . import (
    circuit,
    containers,
    correction,
    definiteness,
    distributions,
    dual_step,
    health_copies,
    hidden_states,
    interpolation,
    moments,
    parameters,
    sigma_points,
)
from .recognition import is_genuine
from .shortcut import Shortcut

ALL = tuple(
    module.SHORTCUT
    for module in (
        distributions,
        definiteness,
        sigma_points,
        moments,
        correction,
        containers,
        parameters,
        health_copies,
        hidden_states,
        circuit,
        interpolation,
        dual_step,
    )
)
WRITTEN_FOR = tuple(path for shortcut in ALL for path in shortcut.written_for)
"""Paths of all whose work the shortcuts do in their own way, or rely upon."""
_KNOWN = tuple(shortcut for shortcut in ALL if shortcut.is_known)
_ORIGINALS = tuple({path: original(path) for shortcut in _KNOWN for path in shortcut.written_for}.values())
_ABSENT = object()


class Shortcuts:
    """Replacements of Moirae's functions, installed in the process and removed together."""

    _installed: ClassVar["Shortcuts | None"] = None

    def __init__(self, shortcuts: tuple[Shortcut, ...]) -> None:
        self.names = tuple(shortcut.name for shortcut in shortcuts)
        self._places = [
            (*place(path), function) for shortcut in shortcuts for path, function in shortcut.replacements.items()
        ]
        self._genuine = [vars(owner).get(name, _ABSENT) for owner, name, _ in self._places]

    @classmethod
    def recognized(cls, estimator: Any) -> "Shortcuts | None":
        """Return the shortcuts that may be taken for an estimator, None if there are none."""
        installed = cls._installed
        if installed is not None:
            installed.remove()
        try:
            if not is_genuine(estimator):
                return None
            changed = {found.path for found in _ORIGINALS if not found.is_unchanged}
            shortcuts = tuple(shortcut for shortcut in _KNOWN if changed.isdisjoint(shortcut.written_for))
            return cls(shortcuts) if shortcuts else None
        finally:
            if installed is not None:
                installed.install()

    @classmethod
    def reset(cls) -> None:
        """Put the genuine functions back, whoever replaced them."""
        if cls._installed is not None:
            cls._installed.remove()

    def install(self) -> None:
        """Put the replacements into Moirae's modules and classes.

        They are for steps only. A checkpoint is taken with them removed: it looks functions up by their names.
        """
        if Shortcuts._installed is self:
            return
        Shortcuts.reset()
        for owner, name, function in self._places:
            setattr(owner, name, function)
        Shortcuts._installed = self

    def remove(self) -> None:
        """Put the genuine functions back."""
        if Shortcuts._installed is not self:
            return
        for (owner, name, _), function in zip(self._places, self._genuine, strict=True):
            if function is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, function)
        Shortcuts._installed = None
