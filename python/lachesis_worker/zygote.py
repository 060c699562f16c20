"""Makes a process ready to fork workers of one plugin."""

import contextlib
import gc
import sys
import warnings

from . import worker
from .plugin import Plugin
from .rehearsal import rehearse


def warm(plugin_folder: str) -> None:
    """Import and try everything that the plugin's workers need, so that a fork shares it.

    Raises PluginError if `plugin.toml` is wrong, ImportError that names the package if one is missing.
    """
    with warnings.catch_warnings():
        # Of the packages' own code; nobody who reads a worker's log can do anything about them.
        warnings.simplefilter("ignore")
        worker.plugin = Plugin.read(plugin_folder).imported()
        try:
            rehearse(worker.plugin)
        except Exception as error:  # noqa: BLE001 (an example may raise anything)
            # Workers then need more memory and are ready later, which is no reason to have none.
            print(f"plugin {worker.plugin.name}: its rehearsal failed: {error}", file=sys.stderr)
    gc.collect()
    # The collector would write into every object's header, and so copy each shared page into every worker.
    gc.freeze()


def rehearse_again() -> None:
    """Build the plugin's example in a process forked ahead of its order: it then owns what a build writes to."""
    # Without it the worker is ready later, which is no reason to have none.
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if worker.plugin is not None:
            rehearse(worker.plugin, only_build=True)
    # What is left of the example must not be finalised while a script runs.
    gc.collect()
