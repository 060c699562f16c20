"""Executes an uploaded script, and explains what went wrong in it."""

import contextlib
import errno
import io
import linecache
import os
import sys
import traceback
import types
from typing import Any

MODULE_NAME = "lachesis_script"
"""`__name__` of scripts. It is in `sys.modules`, because dataclasses with deferred annotations look it up there."""
_folder = ""
"""Where the script was executed, absolute; empty before."""
_modules: tuple[int, list[types.ModuleType]] = 0, []
"""Own modules, and how many modules there were in all when they were looked for."""


def execute(name: str, text: str) -> dict[str, Any]:
    """Execute a script in the current folder; return its namespace.

    `name` is the battery's; tracebacks call the script `<name>.py` and show its lines. Modules among the script's files
    can be imported. Whatever the script raises passes through.
    """
    global _folder, _modules
    # A mark that editors put at a text's beginning, and no Python.
    text = text.removeprefix("\ufeff")
    file_name = f"{name}.py"
    # Without a time of modification the cache takes the entry for one that has no file to compare with.
    linecache.cache[file_name] = (len(text), None, io.StringIO(text, newline=None).readlines(), file_name)
    module = types.ModuleType(MODULE_NAME)
    folder = _folder = os.getcwd()
    _modules = 0, []
    module.__file__ = os.path.join(folder, file_name)
    # At the end of them: what the script imports for the first time comes behind it.
    sys.modules.pop(MODULE_NAME, None)
    sys.modules[MODULE_NAME] = module
    if folder not in sys.path:
        # Last, so that a file's name cannot hide an installed package.
        sys.path.append(folder)
    exec(compile(text, file_name, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 (what workers are for)
    return module.__dict__


def forget() -> None:
    """Undo `execute`, but for the search path; what still refers to the script goes on."""
    global _folder, _modules, limits
    for module in modules():
        linecache.cache.pop(os.path.basename(module.__file__ or ""), None)
        sys.modules.pop(module.__name__, None)
    _folder, _modules, limits = "", (0, []), {}


def modules() -> list[types.ModuleType]:
    """Return the script's module, and those of its files that were imported; none before a script was executed."""
    global _modules
    count, found = _modules
    if count != len(sys.modules):
        found = [module for name, module in _imported() if _is_own(name, module)]
        _modules = len(sys.modules), found
    return found


def _imported() -> list[tuple[str, types.ModuleType]]:
    """Return the script's module and what was imported since, in this order; all modules if it is not there.

    A look at those from before the fork, some 1,500, takes longer than all else that a checkpoint needs, and counts in
    each of them that it is looked at: some 10 MB of memory would be shared with the zygote no longer.
    """
    while True:
        found = []
        # A thread of the script's may be importing.
        with contextlib.suppress(RuntimeError):
            for name, module in reversed(sys.modules.items()):
                found.append((name, module))
                if name == MODULE_NAME:
                    break
            return found[::-1]


def _is_own(name: str, module: object) -> bool:
    if name == MODULE_NAME:
        return True
    file = getattr(module, "__dict__", {}).get("__file__")
    # Not all that lies below the folder: where a test runs, that may be an environment with its packages.
    path = os.path.join(_folder, name.replace(".", "/"))
    return isinstance(file, str) and file in (f"{path}.py", f"{path}/__init__.py")


limits: dict[str, float] = {}
"""What the host keeps this process to, by name; empty where it is not known."""


def _limit(error: BaseException) -> str:
    """Name the limit that an error shows to be met, with its value; empty if it shows none."""
    mebibyte = 1 << 20
    if isinstance(error, MemoryError) and "memory_bytes" in limits:
        return f"the limit of memory is {limits['memory_bytes'] / mebibyte:g} MiB (memory_mb)\n"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG) and "folder_bytes" in limits:
        return f"the limit of the script's folder is {limits['folder_bytes'] / mebibyte:g} MiB (folder_mb)\n"
    if isinstance(error, RuntimeError) and "start new thread" in str(error) and "threads" in limits:
        return f"the limit of threads is {limits['threads']:g} (threads)\n"
    return ""


def explain(error: BaseException, hidden: tuple[str, ...] = ()) -> str:
    """Format an error like Python would, without the frames of files below the folders `hidden`."""
    try:
        report = traceback.TracebackException.from_exception(error)
        _hide(report, tuple(os.path.join(folder, "") for folder in hidden))
        lines = list(report.format())
        if isinstance(error, SystemExit):
            lines.append("the script called sys.exit\n")
        lines.append(_limit(error))
        return "".join(lines).strip()
    except BaseException:  # noqa: BLE001
        # An exception's own text may raise, and memory may be what was missing.
        return f"{type(error).__name__} (no more can be told: showing it failed)"


def _hide(report: traceback.TracebackException, folders: tuple[str, ...]) -> None:
    """Leave out frames, also of the errors that led to this one."""
    pending, seen = [report], set()
    while pending:
        report = pending.pop()
        if id(report) in seen:
            continue
        seen.add(id(report))
        report.stack = traceback.StackSummary.from_list(
            [frame for frame in report.stack if not frame.filename.startswith(folders or ("\0",))]
        )
        pending += [other for other in (report.__cause__, report.__context__) if other is not None]
        pending += report.exceptions or []
