"""Reading and importing of plugins' folders."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from worker_client import PLUGINS

from lachesis_worker import worker, zygote
from lachesis_worker.plugin import ENTRY_MODULE, Plugin, PluginError

GOOD = 'name = "x"\ndescription = "y"\npackages = ["json"]\nmodule = "entry.py"\n'


@pytest.fixture(autouse=True)
def cleaned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(worker, "plugin", None)
    yield
    sys.modules.pop(ENTRY_MODULE, None)


def make(
    folder: Path, toml: str, entry: str = "def load(namespace, acceleration):\n    return namespace, acceleration\n"
) -> str:
    (folder / "plugin.toml").write_text(toml)
    (folder / "entry.py").write_text(entry)
    return str(folder)


def test_warming_leaves_the_plugin_ready(tmp_path: Path) -> None:
    zygote.warm(make(tmp_path, GOOD))
    assert worker.plugin is not None and worker.plugin.name == "x"
    assert worker.plugin.load({"a": 1}, "full") == ({"a": 1}, "full")


@pytest.mark.parametrize(
    ("toml", "word"),
    [
        ("name =", "plugin.toml"),
        (GOOD.replace('"x"', "5"), "`name`"),
        (GOOD.replace("description", "other"), "`description`"),
        (GOOD.replace('["json"]', '"json"'), "`packages`"),
        (GOOD.replace('["json"]', "[5]"), "`packages`"),
        (GOOD.replace("entry.py", "none.py"), "`module`"),
        (GOOD.replace("entry.py", "../entry.py"), "`module`"),
        (GOOD + "hint = 5\n", "`hint`"),
        (GOOD + "rehearsal = 5\n", "`rehearsal.script`"),
        (GOOD + '[rehearsal]\nscript = "../x.py"\nrecords = [{ a = 1 }]\n', "`rehearsal.script`"),
        (GOOD + '[rehearsal]\nscript = "x.py"\n', "`rehearsal.records`"),
        (GOOD + '[rehearsal]\nscript = "x.py"\nrecords = []\n', "`rehearsal.records`"),
        (GOOD + '[rehearsal]\nscript = "x.py"\nrecords = [{ a = "b" }]\n', "`rehearsal.records`"),
    ],
)
def test_a_wrong_description_is_told(tmp_path: Path, toml: str, word: str) -> None:
    with pytest.raises(PluginError, match=word):
        zygote.warm(make(tmp_path, toml))


def test_a_folder_without_description_is_told(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"plugin\.toml"):
        zygote.warm(str(tmp_path))


def test_a_missing_package_is_named_with_the_hint(tmp_path: Path) -> None:
    toml = GOOD.replace('"json"', '"no_such_package.part"') + 'hint = "Install it."\n'
    with pytest.raises(ImportError, match=r"no_such_package\.part.*Install it\."):
        zygote.warm(make(tmp_path, toml))
    assert worker.plugin is None


def test_an_entry_module_without_load_is_told(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="load"):
        zygote.warm(make(tmp_path, GOOD, "x = 1\n"))


def test_a_folder_cannot_hide_installed_packages(tmp_path: Path) -> None:
    (tmp_path / "colorsys.py").write_text("raise RuntimeError\n")
    zygote.warm(make(tmp_path, GOOD.replace('"json"', '"colorsys"')))


@pytest.mark.parametrize("name", ["moirae", "kalman"])
def test_the_plugins_of_the_project_are_described(name: str) -> None:
    plugin = Plugin.read(PLUGINS / name)
    assert plugin.name == name and plugin.description and plugin.packages
