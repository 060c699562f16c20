"""Fixtures of the unit tests of workers and plugins."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

# Before numpy is imported: the tests fork.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

HERE = Path(__file__).parent
sys.path[:0] = [folder for folder in (str(HERE), str(HERE.parents[1])) if folder not in sys.path]

import pytest
from worker_client import PLUGINS, Worker, Zygote

DIRECT_ADAPTER = """
from lachesis_worker.plugin import ScriptError

def load(namespace, acceleration):
    if "estimator" not in namespace:
        raise ScriptError("no `estimator`")
    namespace["estimator"].allowed = acceleration
    return namespace["estimator"]
"""


def _zygote(folder: Path) -> Iterator[Zygote]:
    zygote = Zygote(folder)
    yield zygote
    zygote.end()


@pytest.fixture(scope="session")
def direct_zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """A plugin whose scripts define an object that is a plugin's Estimator already."""
    folder = tmp_path_factory.mktemp("direct")
    (folder / "plugin.toml").write_text(
        'name = "direct"\ndescription = "for tests"\npackages = ["numpy"]\nmodule = "entry.py"\n'
    )
    (folder / "entry.py").write_text(DIRECT_ADAPTER)
    yield from _zygote(folder)


@pytest.fixture(scope="session")
def kalman_zygote() -> Iterator[Zygote]:
    yield from _zygote(PLUGINS / "kalman")


@pytest.fixture(scope="session")
def moirae() -> None:
    """Skips the test where genuine Moirae is not installed."""
    pytest.importorskip(
        "moirae.estimators.online",
        reason="genuine Moirae (moirae.estimators.online) is not installed",
        exc_type=ImportError,
    )


@pytest.fixture(scope="session")
def moirae_zygote(moirae: None) -> Iterator[Zygote]:
    yield from _zygote(PLUGINS / "moirae")


@pytest.fixture
def moirae_plugin(moirae: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets a test import the plugin's package."""
    monkeypatch.syspath_prepend(PLUGINS / "moirae")
    yield
    # A worker has one estimator, whose shortcuts stay until the process ends.
    from lachesis_moirae.shortcuts import Shortcuts

    Shortcuts.reset()


@pytest.fixture
def direct(direct_zygote: Zygote) -> Worker:
    return direct_zygote.worker()
