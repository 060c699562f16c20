"""What `make install` installs: whether it works without the folder and the toolchain that it was made with."""

import csv
import os
from pathlib import Path

import pytest
import streaming
from installation import PREFIX, Installation, install, toolchain
from server import ROOT, Server, ServerFactory, fresh

TRUTH = {"capacity": (1.80, 0.02), "resistance": (0.055, 0.002)}
"""Of the Kalman plugin's example: the cell's true health, and how far the estimate may be. Ah, Ohm"""


@pytest.fixture
def serving(installed: Installation, make_server: ServerFactory) -> Server:
    """A server from the installation; where root may hide them, without the project's folder and the toolchain."""
    server = make_server(start=False)
    server.program = installed.program
    if os.geteuid() == 0:
        hidden = [ROOT, *toolchain()]
        hiding = "".join(f"mount -t tmpfs none '{folder}' && " for folder in hidden)
        server.prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", hiding + 'exec "$@"', "sh"]
    return server.start()


def records(example: Path) -> list[dict[str, float]]:
    with example.open(newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_an_installed_server_estimates(serving: Server, installed: Installation) -> None:
    name, examples = fresh("installed"), installed.prefix / "plugins" / "kalman" / "examples"
    serving.accept(name, (examples / "estimator.py").read_text("utf-8"))
    streaming.upload(serving, name, records(examples / "demo-cell.csv"))
    status = serving.wait_status(name)
    estimate = dict(zip(status["state_names"], status["mean"], strict=True))
    for state, (true, close) in TRUTH.items():
        assert estimate[state] == pytest.approx(true, abs=close), state


@pytest.mark.moirae
def test_an_installed_server_has_moirae(serving: Server, installed: Installation) -> None:
    name, examples = fresh("installed"), installed.prefix / "plugins" / "moirae" / "examples"
    health = (examples / "initial-asoh.json").read_bytes()
    made = serving.accept(
        name, (examples / "estimator.py").read_text("utf-8"), "moirae",
        files=[("files", ("initial-asoh.json", health))],
    )  # fmt: skip
    assert made["estimator"] == "JointEstimator"


def test_nothing_installed_names_the_places_that_it_came_from(installed: Installation) -> None:
    texts = [
        *(installed.root / "usr" / "local" / "lib" / "systemd").rglob("*"), *(installed.root / "etc").rglob("*"),
        *(installed.prefix / "bin").iterdir(), *installed.prefix.rglob("*.pth"), *installed.prefix.rglob("*.cfg"),
        *installed.prefix.rglob("lachesis-*/*"),
    ]  # fmt: skip
    read = [path for path in texts if path.is_file() and path.resolve().suffix and path.stat().st_size < 1 << 20]
    assert {"lachesisd.service", "lachesisd.env", "pyvenv.cfg"} <= {path.name for path in read}
    for path in read:
        text = path.read_text("utf-8")
        assert str(ROOT) not in text and str(installed.root) not in text, path
    assert not list(installed.prefix.rglob("__editable__*"))


def test_python_files_are_compiled_with_the_paths_of_the_installation(installed: Installation) -> None:
    (compiled,) = (installed.prefix / "python" / "lachesis_worker" / "__pycache__").glob("worker.*.pyc")
    assert str(PREFIX / "python" / "lachesis_worker" / "worker.py").encode() in compiled.read_bytes()


def test_installing_again_replaces_programs_and_keeps_settings(installed: Installation) -> None:
    settings = installed.root / "etc" / "lachesis" / "lachesisd.env"
    kept = settings.read_text("utf-8") + "LACHESIS_OPTIONS=--port 8100\n"
    settings.write_text(kept, "utf-8")
    stale = installed.prefix / "plugins" / "stale"
    stale.mkdir()
    said = installed.install()
    assert "systemctl enable --now lachesisd" in said
    assert settings.read_text("utf-8") == kept
    assert not stale.exists()
    assert not (installed.prefix / ".new").exists()


def test_a_folder_that_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "bin" / "theirs"
    theirs.parent.mkdir()
    theirs.write_text("precious")
    made = install(PREFIX=str(tmp_path))
    assert made.returncode != 0
    assert f"{tmp_path} is neither empty nor an installation of Lachesis" in made.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["bin", "theirs"]


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("PREFIX", "lachesis", "PREFIX must be an absolute path"),
        ("BUILD", "/nonexistent", "there is no /nonexistent/lachesisd: `make build` makes it"),
        ("VENV", "/nonexistent", "there is no /nonexistent/bin/python: `make setup` makes it"),
    ],
)
def test_what_cannot_be_installed_is_named(tmp_path: Path, variable: str, value: str, reason: str) -> None:
    made = install(**{"DESTDIR": str(tmp_path), variable: value})
    assert made.returncode != 0
    assert reason in made.stderr
    assert list(tmp_path.iterdir()) == []
