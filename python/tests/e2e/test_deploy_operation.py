"""What watches a server, with a real one: the container's health check, and what alerts and dashboard ask for."""

import os
import re
import subprocess

from cells import KALMAN
from processes import wait
from server import ROOT, Server, fresh
from streaming import upload


def names(path: str) -> set[str]:
    text = (ROOT / "deploy" / path).read_text("utf-8")
    return set(re.findall(r"\blachesis_[a-z_]+\b", text))


def test_all_metrics_that_are_asked_for_are_told(server: Server) -> None:
    name = fresh("measured")
    server.accept(name, KALMAN)
    upload(server, name, [{"test_time": float(second), "current": -1.0, "voltage": 3.7} for second in range(20)])
    server.wait_status(name)
    asked = names("monitoring/alerts.yml") | names("monitoring/dashboard.json") | names("README.md")
    # A worker's memory and processor time are measured every few seconds, so at first there are none.
    wait(lambda: asked <= told(server), lambda: f"{asked - told(server)}")


def told(server: Server) -> set[str]:
    reply = server.http.get("/metrics")
    assert reply.status_code == 200, reply.text
    names = {line.split("{")[0].split(" ")[0] for line in reply.text.splitlines() if line and line[0] != "#"}
    # Of a histogram also its own name, without what each of its lines is.
    return names | set(re.findall(r"^# TYPE (\w+) histogram$", reply.text, re.MULTILINE))


def test_the_containers_health_check_finds_a_server_alive(server: Server) -> None:
    made = subprocess.run(
        ["/usr/bin/python3", str(ROOT / "deploy" / "container" / "healthcheck.py")],
        env=os.environ | {"LACHESIS_HEALTH": f"{server.url}/health/live"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout
