"""`/metrics`, `/health/live` and `/health/ready`."""

import os
import re
import shutil
import signal
import time
from pathlib import Path

import tokens
from cells import KALMAN, drive
from processes import wait
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from server import ROOT, Server, ServerFactory, fresh
from streaming import upload


def metrics(server: Server) -> dict[str, Metric]:
    """Return the families by name, as Prometheus' own parser reads them."""
    reply = server.http.get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(reply.text))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), "samples of one name stand together"
    for family in families:
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family.name
        for sample in family.samples:
            if family.type == "counter":
                assert sample.name.endswith("_total"), sample.name
    return {family.name: family for family in families}


def value(families: dict[str, Metric], family: str, **labels: str) -> float:
    found = [sample.value for sample in families[family].samples if labels.items() <= sample.labels.items()]
    assert len(found) == 1, (family, labels, found)
    return found[0]


def test_what_is_counted_and_measured(make_server: ServerFactory) -> None:
    server = make_server()
    name = fresh("Messung ä")
    server.accept(name, KALMAN)
    upload(server, name, drive(300))
    server.wait_status(name, stepped=299)
    wait(lambda: "lachesis_worker_memory_bytes" in metrics(server), "a measurement")
    found = metrics(server)
    assert value(found, "lachesis_records_stored") == 300
    assert value(found, "lachesis_estimator_records", battery=name, outcome="stepped") == 299
    assert value(found, "lachesis_estimator_lag_records", battery=name) == 0
    assert value(found, "lachesis_estimator_lag_seconds", battery=name) == 0
    assert value(found, "lachesis_worker_restarts", battery=name) == 0
    assert value(found, "lachesis_worker_memory_bytes", battery=name) > 1 << 20
    assert value(found, "lachesis_estimators", phase="running") == 1
    assert value(found, "lachesis_ready") == 1 and value(found, "lachesis_workers") == 1
    assert value(found, "lachesis_database_size_bytes") > 1 << 12
    assert value(found, "lachesis_disk_free_bytes") > 1 << 20
    assert {sample.labels["queue"] for sample in found["lachesis_queue_depth"].samples} == {"writes", "workers"}
    for histogram, least in (("lachesis_step_duration_seconds", 300), ("lachesis_commit_duration_seconds", 2)):
        samples = found[histogram].samples
        buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
        (count,) = [sample.value for sample in samples if sample.name.endswith("_count")]
        (total,) = [sample.value for sample in samples if sample.name.endswith("_sum")]
        assert buckets == sorted(buckets) and buckets[-1] == count >= least and total > 0
    assert value(found, "process_resident_memory_bytes") > 1 << 20
    assert value(found, "process_open_fds") > 5


def test_what_lags_is_told_in_records_and_seconds(server: Server) -> None:
    name = fresh("lag")
    server.accept(name, KALMAN)
    assert server.http.post(f"/admin/workers/{name}/pause").status_code == 200
    upload(server, name, drive(40))
    time.sleep(1)
    found = metrics(server)
    assert value(found, "lachesis_estimator_lag_records", battery=name) == 40
    assert 1 <= value(found, "lachesis_estimator_lag_seconds", battery=name) < 3_600
    assert value(found, "lachesis_estimators", phase="paused") >= 1
    assert server.http.post(f"/admin/workers/{name}/resume").status_code == 200
    server.wait_status(name, stepped=39)
    wait(lambda: value(metrics(server), "lachesis_estimator_lag_records", battery=name) == 0, "an end of the lag")


def test_alerts_and_dashboard_ask_for_what_there_is(server: Server) -> None:
    name = fresh("asked")
    server.accept(name, KALMAN)
    server.wait_status(name)
    wait(lambda: "lachesis_worker_memory_bytes" in metrics(server), "a measurement")
    text = server.http.get("/metrics").text
    folder = ROOT / "deploy" / "monitoring"
    asked = {
        word
        for path in ("alerts.yml", "dashboard.json")
        for word in re.findall(r"\blachesis_[a-z_]+\b", (folder / path).read_text("utf-8"))
    }
    assert asked and not [word for word in asked if f"\n{word}" not in text]


def ready(server: Server) -> list[str]:
    """Return why the server is not ready."""
    reply = server.http.get("/health/ready")
    body = reply.json()
    assert reply.status_code == (200 if body["ready"] else 503) and body["ready"] == (not body["reasons"])
    return body["reasons"]


def test_it_is_ready_only_while_workers_can_run(make_server: ServerFactory) -> None:
    server = make_server()
    name = fresh("ready")
    server.accept(name, KALMAN)
    wait(lambda: ready(server) == [], "readiness")
    assert server.http.get("/health/live").json() == {"status": "alive"}
    host = server.host()
    # One that dies is replaced; a server that is asked meanwhile must not say that all is well.
    os.kill(host.pid, signal.SIGKILL)
    wait(lambda: any("host" in reason or "warm" in reason for reason in ready(server)), "a reason")
    assert server.http.get("/health/live").status_code == 200
    wait(lambda: ready(server) == [], "readiness again", 120)
    server.wait_status(name)


def test_it_is_not_ready_while_a_plugin_that_is_needed_cannot_run(make_server: ServerFactory, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    shutil.copytree(ROOT / "plugins" / "kalman", plugins / "kalman")
    server = make_server("--plugins", str(plugins))
    server.wait_plugins()
    name = fresh("needs")
    server.accept(name, KALMAN)
    wait(lambda: ready(server) == [], "readiness")
    server.stop()
    setting = plugins / "kalman" / "plugin.toml"
    broken = setting.read_text("utf-8").replace("lachesis_kalman", "no_such_package")
    setting.write_text(broken, "utf-8")
    server.start()
    (reason,) = wait(lambda: [one for one in ready(server) if "cannot run" in one], "a reason", 120)
    assert "kalman" in reason and "no_such_package" in reason
    assert server.http.post(f"/admin/workers/{name}/stop").status_code == 200
    assert ready(server) == [], "nothing that may run needs it"


def test_health_is_for_everybody_and_metrics_for_readers(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    reader = tokens.shown(tokens.create(server, "read", label="prometheus"))
    uploader = tokens.shown(tokens.create(server, "upload", label="device"))
    server.start()
    for path in ("/health/live", "/health/ready", "/health"):
        assert server.http.get(path).status_code in (200, 503)
    assert server.http.get("/metrics").status_code == 401
    assert server.http.get("/metrics", headers=uploader).status_code == 403
    assert server.http.get("/metrics", headers=reader).status_code == 200
