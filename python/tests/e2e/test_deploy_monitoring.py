"""Alerts and dashboard, read by the programs that they are for, or as those read them."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from server import ROOT

FOLDER = ROOT / "deploy" / "monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
Tool = Callable[[str], Path]


def run(program: Path, *arguments: str | Path) -> str:
    made = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout + made.stderr


def expressions() -> Iterator[tuple[str, str]]:
    """Yield what the dashboard asks Prometheus, with the panel's title."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_promtool_finds_nothing_wrong_with_the_alerts(tool: Tool) -> None:
    said = run(tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", FOLDER / "alerts.yml")
    assert "9 rules found" in said


def test_alerts_come_when_they_should_and_not_before(tool: Tool) -> None:
    assert "SUCCESS" in run(tool("promtool"), "test", "rules", FOLDER / "alerts_test.yml")


def test_each_alert_is_tested() -> None:
    told = re.findall(r"- alert: (\w+)", (FOLDER / "alerts.yml").read_text("utf-8"))
    tested = set(re.findall(r"alertname: (\w+)", (FOLDER / "alerts_test.yml").read_text("utf-8")))
    assert set(told) == tested


def test_prometheus_takes_its_settings(tool: Tool, tmp_path: Path) -> None:
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copy(FOLDER / name, tmp_path)
    settings = tmp_path / "prometheus.yml"
    token = tmp_path / "token"
    token.write_text("lachesis_x")
    settings.write_text(settings.read_text("utf-8").replace("/etc/prometheus/lachesis.token", str(token)))
    assert "SUCCESS" in run(tool("promtool"), "check", "config", settings)


def test_the_dashboard_asks_what_prometheus_understands(tool: Tool, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    # What Grafana puts in before it asks.
    known = {"$__rate_interval": "5m", "$instance": ".*", "$battery": ".*"}
    lines = ["groups:", "  - name: dashboard", "    rules:"]
    for number, (_, expression) in enumerate(expressions()):
        for variable, value in known.items():
            expression = expression.replace(variable, value)
        assert "$" not in expression, expression
        lines += [f"      - record: panel:{number}", f"        expr: {json.dumps(expression)}"]
    rules.write_text("\n".join(lines))
    run(tool("promtool"), "check", "rules", rules)


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    assert DASHBOARD["uid"] == "lachesis" and DASHBOARD["schemaVersion"] >= 36
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["datasource"]["uid"] == "${source}" for panel in panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
