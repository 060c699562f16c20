"""What is run once before workers are forked."""

import linecache
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from test_worker import SUM
from worker_client import PLUGINS, Zygote

from lachesis_worker import script, worker, zygote
from lachesis_worker.plugin import ENTRY_MODULE, Plugin
from lachesis_worker.rehearsal import SINGLE, TOGETHER, RehearsalError, rehearse

RECORDS = "records = [{ voltage = 3.5 }, { voltage = 3.6, extra = 1 }]\n"
MOST_PRIVATE = 11 << 20
"""Bytes that a worker of Moirae's may share with no other after some checkpoints; 8.5 MB were measured."""


@pytest.fixture(autouse=True)
def cleaned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(worker, "plugin", None)
    yield
    sys.modules.pop(ENTRY_MODULE, None)


def plugin(folder: Path, definition: str, rehearsal: str = RECORDS) -> Plugin:
    """Return a plugin whose scripts give estimators that need no adapter."""
    toml = 'name = "x"\ndescription = "y"\npackages = ["numpy"]\nmodule = "entry.py"\n[rehearsal]\n'
    (folder / "plugin.toml").write_text(f'{toml}script = "example/run.py"\n{rehearsal}')
    (folder / "entry.py").write_text("def load(namespace, acceleration):\n    return namespace['estimator']\n")
    (folder / "example").mkdir()
    (folder / "example" / "run.py").write_text(definition)
    (folder / "example" / "beside.py").write_text("told = []\n")
    return Plugin.read(folder).imported()


def noting(place: Path) -> str:
    """Return a script that uses what scripts have, and notes in a file what is done with its estimator."""
    calls = "import random, numpy, beside\nrandom.random(), numpy.random.random()\n"
    note = f"\nLOG = {str(place)!r}\ndef note(*words):\n    with open(LOG, 'a') as log: print(*words, file=log)\n"
    noted = """
class Noted(Sum):
    def step(self, values):
        note("step", *values[:2])
        return super().step(values)
    def save(self):
        note("save")
        return super().save()
    def restore(self, data):
        note("restore", len(data))
        super().restore(data)
estimator = Noted()
"""
    return calls + note + SUM + noted


def test_an_example_is_built_stepped_saved_and_restored(tmp_path: Path) -> None:
    rehearse(plugin(tmp_path, noting(tmp_path / "log")))
    lines = (tmp_path / "log").read_text().splitlines()
    count = SINGLE + TOGETHER
    steps = [f"step {float(time)} {3.5 + 0.1 * (time % 2)}" for time in range(1, 2 * count)]
    assert lines == [*steps[: count - 1], "save", "restore 16", *steps[count - 1 :], "save"]


def test_a_build_alone_steps_nothing(tmp_path: Path) -> None:
    definition = noting(tmp_path / "log") + 'note("built")\n'
    rehearse(plugin(tmp_path, definition), only_build=True)
    assert (tmp_path / "log").read_text() == "built\n"


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    ready = plugin(tmp_path, noting(tmp_path / "log"))
    random.seed(5)
    np.random.seed(5)
    expected = random.Random(5).random(), np.random.RandomState(5).random_sample()
    before = os.getcwd(), list(sys.path), set(sys.modules), set(linecache.cache)
    rehearse(ready)
    assert (os.getcwd(), list(sys.path), set(sys.modules), set(linecache.cache)) == before
    assert (random.random(), np.random.random_sample()) == expected
    assert script.modules() == [] and script.limits == {}


@pytest.mark.parametrize(
    ("definition", "word"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; sys.exit()", "sys.exit"),
        (SUM.replace("self.check(values)", "1 / 0"), "a step failed"),
        (SUM.replace("return self.state.tobytes()", "raise OSError('no room')"), "no room"),
    ],
)
def test_an_example_that_fails_is_told_and_leaves_nothing_behind(tmp_path: Path, definition: str, word: str) -> None:
    ready = plugin(tmp_path, definition)
    before = os.getcwd(), list(sys.path), set(sys.modules)
    with pytest.raises(RehearsalError, match=word):
        rehearse(ready)
    assert (os.getcwd(), list(sys.path), set(sys.modules)) == before


def test_a_plugin_whose_example_fails_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin(tmp_path, "raise LookupError('no such cell')")
    zygote.warm(str(tmp_path))
    assert worker.plugin is not None and worker.plugin.load({"estimator": 1}, "full") == 1
    assert "no such cell" in capsys.readouterr().err


def test_a_plugin_without_a_rehearsal_has_none(tmp_path: Path) -> None:
    (tmp_path / "plugin.toml").write_text('name = "x"\ndescription = "y"\npackages = []\nmodule = "entry.py"\n')
    (tmp_path / "entry.py").write_text("def load(namespace, acceleration):\n    pass\n")
    rehearse(Plugin.read(tmp_path).imported())


def test_the_kalman_plugins_example_is_rehearsed() -> None:
    rehearse(Plugin.read(PLUGINS / "kalman").imported())


def test_the_moirae_plugins_example_is_rehearsed(moirae: None) -> None:
    rehearse(Plugin.read(PLUGINS / "moirae").imported())


def private_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Private_"))


def test_workers_share_with_their_zygote_what_checkpoints_look_at(moirae_zygote: Zygote) -> None:
    folder = PLUGINS / "moirae" / "examples"
    worker = moirae_zygote.worker()
    worker.add_file("initial-asoh.json", (folder / "initial-asoh.json").read_bytes())
    worker.build((folder / "estimator.py").read_text())
    records = [{"test_time": float(time), "current": 0.5, "voltage": 3.8} for time in range(60)]
    for start in range(0, 60, 20):
        worker.step(records[start : start + 20], batch=1)
        worker.checkpoint()
    assert private_bytes(worker.pid) < MOST_PRIVATE
    assert worker.end() == 0
