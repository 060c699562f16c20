"""Figures of a run as JSON, as lines beside an earlier run's, and as a page."""

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from measure import Figure

_TITLES = {
    "estimates": (
        "Estimates against a bare loop of Moirae over the same records, bit for bit the same; "
        "then those of several batteries at once, from each one's 301st record on"
    ),
    "ingest": "Rows stored, durably, against plain SQLite",
    "status": "Polls of /online/status",
    "registration": "From a registration to a ready estimator",
    "live": "Batteries that send a record a second: from the sending to the estimate in the status, and memory",
    "recovery": "After a kill, and after hibernation",
}


def report(groups: dict[str, list[Figure]]) -> dict[str, Any]:
    """Return all figures of a run, with when and where they were measured."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)),
        "kernel": platform.release(),
        "figures": {
            figure.name: {"group": group, "value": figure.value, "unit": figure.unit}
            for group, figures in groups.items()
            for figure in figures
        },
    }


def written(result: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def read(path: Path) -> dict[str, float]:
    """Return the values of a run that was written, by name."""
    figures = json.loads(path.read_text("utf-8"))["figures"]
    return {name: figure["value"] for name, figure in figures.items()}


def compared(figure: Figure, earlier: dict[str, float]) -> str:
    """Return a figure's line, with the earlier value if there is one."""
    before = earlier.get(figure.name)
    if not before:
        return str(figure)
    return f"{figure} (before: {before:.4g}, now {figure.value / before:.2f} of it)"


def page(result: dict[str, Any]) -> str:
    """Return a page of Markdown."""
    day = result["time"].partition("T")[0]
    lines = [
        "# Benchmarks",
        "",
        f"Measured on {day} on {result['cores']} cores of {result['processor']}, {result['memory_gib']} GiB,",
        f"Linux {result['kernel']}. The ratios compare between machines; the other figures do not.",
        "`make benchmarks` measures again and writes this page.",
    ]
    groups: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, figure in result["figures"].items():
        groups.setdefault(figure["group"], []).append((name, figure))
    for group, figures in groups.items():
        lines += ["", f"## {_TITLES[group]}", "", "| figure | value | |", "|---|---:|---|"]
        lines += [
            f"| {name.replace('_', ' ')} | {figure['value']:.4g} | {figure['unit']} |" for name, figure in figures
        ]
    return "\n".join(lines) + "\n"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "an unknown processor"
