"""What stands in deploy/ beside what it is about: the unit, its time-outs, the page for administrators."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from installation import Installation
from server import PROGRAM, ROOT

UNIT = ROOT / "deploy" / "systemd" / "lachesisd.service"
MOST_EXPOSED = 3.0
"""Of systemd's scale, where 10 is a service without any hardening and below 5 is called OK."""


def run(*command: str | Path) -> str:
    made = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout + made.stderr


def test_systemd_finds_nothing_wrong_with_the_unit(
    installed: Installation, tool: Callable[[str], Path], tmp_path: Path
) -> None:
    unit = installed.root / "usr" / "local" / "lib" / "systemd" / "system" / "lachesisd.service"
    # By its own name, which it is checked by; programs must be where it says.
    copy = tmp_path / "lachesisd.service"
    copy.write_text(unit.read_text("utf-8").replace("/opt/lachesis", str(installed.prefix)))
    assert run(tool("systemd-analyze"), "verify", "--man=no", copy).strip() == ""


def test_the_unit_is_hardened_by_systemds_own_measure(tool: Callable[[str], Path]) -> None:
    threshold = str(round(MOST_EXPOSED * 10))
    run(tool("systemd-analyze"), "security", "--offline=true", f"--threshold={threshold}", "--no-pager", UNIT)


def test_nobody_kills_the_server_before_its_own_bound() -> None:
    bounds = (ROOT / "Sources" / "lachesisd" / "ShutdownTime.swift").read_text("utf-8")
    sums = re.findall(r"{ \.seconds\(([\d.]+)\) \+ \.milliseconds\((\d+)\) \* workers }", bounds)
    assert len(sums) == 2 and "var whole: Duration { saving + ending }" in bounds
    fleet = (ROOT / "Sources" / "LachesisFleet" / "FleetConfiguration.swift").read_text("utf-8")
    workers = re.search(r"var workers = ([\d_]+)", fleet)
    assert workers
    bound = sum(float(base) + int(more) / 1000 * int(workers[1].replace("_", "")) for base, more in sums)
    compose = yaml.safe_load((ROOT / "deploy" / "container" / "compose.yaml").read_text("utf-8"))
    patience = {
        "unit": int(re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text("utf-8"), re.MULTILINE)[0]),
        "compose": int(compose["services"]["lachesis"]["stop_grace_period"].removesuffix("s")),
    }
    # On a busy machine it takes twice as long.
    assert all(seconds >= 2 * bound for seconds in patience.values()), patience


@pytest.mark.parametrize("place", ["project", "installation"])
def test_links_of_the_page_lead_somewhere(installed: Installation, place: str) -> None:
    page = {"project": ROOT, "installation": installed.prefix / "share" / "lachesis"}[place] / "deploy" / "README.md"
    text = page.read_text("utf-8")
    links = set(re.findall(r"\]\(([^)#]+)\)", text))
    assert len(links) >= 8
    assert [link for link in links if not (page.parent / link).exists()] == []
    heads = [line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("#")]
    titles = {re.sub(r"[^a-z -]", "", head).replace(" ", "-") for head in heads}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= titles


def test_options_that_are_named_are_the_programs() -> None:
    known = set(re.findall(r"--[a-z-]+", run(PROGRAM, "serve", "--help")))
    texts = [UNIT, *(ROOT / "deploy" / "nginx").iterdir(), ROOT / "deploy" / "container" / "compose.yaml"]
    texts += [UNIT.with_name("lachesisd.env"), ROOT / "deploy" / "README.md"]
    others = {"--data", "--role", "--label", "--battery", "--rm", "--url", "--token-file", "--json", "--now"}
    others |= {"--no-same-owner", "--keep-directory-symlink", "--no-deps", "--new-database"}
    for path in texts:
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", path.read_text("utf-8")))
        assert named <= known | others, path
