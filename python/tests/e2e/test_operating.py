"""`lachesisd workers`, and the server's log."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import tokens
from cells import KALMAN, drive
from server import PROGRAM, ROOT, Server, ServerFactory, fresh
from streaming import upload


def workers(
    server: Server, *arguments: str, token: str | None = None, by_variable: bool = False
) -> subprocess.CompletedProcess[str]:
    """Call the command; the server's address is given `by_variable`, or as an option."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LACHESIS_")}
    if token:
        environment["LACHESIS_TOKEN"] = token
    # A proxy that is not there must not stand between.
    environment |= {"http_proxy": "http://127.0.0.1:9"}
    if by_variable:
        environment["LACHESIS_URL"] = server.url
    else:
        arguments += ("--url", server.url)
    return subprocess.run(
        [str(PROGRAM), "workers", *arguments],
        capture_output=True, text=True, timeout=120, env=environment,
    )  # fmt: skip


def test_the_list_is_a_table_or_json(server: Server) -> None:
    name = fresh("Zelle mit ä")
    server.accept(name, KALMAN)
    upload(server, name, drive(30))
    server.wait_status(name, stepped=29)
    listed = workers(server)
    assert listed.returncode == 0, listed.stderr
    title, *rows = listed.stdout.splitlines()
    (row,) = [row for row in rows if row.startswith(name)]
    place = title.index("STATE")
    assert row[place:].startswith("running") and title.startswith("BATTERY")
    found = workers(server, "list", "--json", by_variable=True)
    assert name in [one["name"] for one in json.loads(found.stdout)["workers"]]


def test_orders_are_given_and_refusals_told_in_one_line(server: Server) -> None:
    name = fresh("Zelle 1")
    server.accept(name, KALMAN)
    server.wait_status(name)
    for order, state in (("pause", "paused"), ("checkpoint", "paused"), ("stop", "stopped")):
        made = workers(server, order, name)
        assert (made.returncode, made.stdout) == (0, f"{name}: {state}\n"), made.stderr
    made = workers(server, "restart", name)
    assert made.returncode == 1 and "stopped" in made.stderr and made.stdout == ""
    assert len(made.stderr.splitlines()) == 1
    assert json.loads(workers(server, "resume", name, "--json").stdout)["name"] == name
    assert workers(server, "pause", fresh("nobody")).returncode == 1
    assert workers(server, "pause").returncode == 64 and workers(server, "list", "x").returncode == 64


def test_a_token_comes_from_a_file_or_the_environment(make_server: ServerFactory, tmp_path: Path) -> None:
    server = make_server(start=False)
    token = tokens.create(server, "admin", label="boss")
    server.start()
    assert "401" in workers(server).stderr
    assert workers(server, token=token).returncode == 0
    path = tmp_path / "token"
    path.write_text(token + "\n", "utf-8")
    assert workers(server, "--token-file", str(path)).stdout == "there are no estimators\n"
    assert "cannot be read" in workers(server, "--token-file", str(tmp_path / "none")).stderr
    server.stop()
    made = workers(server, "--token-file", str(path))
    assert made.returncode == 1 and "cannot be reached" in made.stderr


@pytest.fixture
def one_broken(tmp_path: Path) -> Path:
    """A folder of plugins with one that runs and one whose failure is told in several lines."""
    for plugin in ("kalman", "broken"):
        shutil.copytree(ROOT / "plugins" / "kalman", tmp_path / plugin)
    setting = tmp_path / "broken" / "plugin.toml"
    text = setting.read_text("utf-8").replace('"kalman"', '"broken"').replace('"lachesis_kalman"', r'"no_such\nthing"')
    setting.write_text(text, "utf-8")
    return tmp_path


def test_an_entry_of_the_log_is_one_line(make_server: ServerFactory, one_broken: Path) -> None:
    server = make_server("--log-level", "info", "--plugins", str(one_broken))
    server.wait_plugins()
    server.stop()
    lines = server.log_path.read_text("utf-8").splitlines()
    assert all(re.match(r"lachesis-host: |\d{4}-\S+ [a-z]+ lachesisd: ", line) for line in lines), lines
    told = [line for line in lines if r"no_such\nthing" in line]
    assert {line.split()[0] == "lachesis-host:" for line in told} == {True, False}, lines


def test_the_log_is_json_if_that_is_wanted(make_server: ServerFactory, one_broken: Path) -> None:
    server = make_server("--log-format", "json", "--log-level", "info", "--plugins", str(one_broken))
    server.wait_plugins()
    name = fresh("logged")
    server.accept(name, KALMAN)
    assert server.http.post(f"/admin/workers/{name}/pause").status_code == 200
    server.stop()
    entries = [json.loads(line) for line in server.log_path.read_text("utf-8").splitlines()]
    assert all({"time", "level", "logger", "message"} <= entry.keys() for entry in entries)
    (paused,) = [entry for entry in entries if entry.get("battery") == name and "pause" in entry["message"]]
    assert {entry["logger"] for entry in entries} >= {"lachesisd", "lachesis-host"}
    assert paused["level"] == "notice" and paused["phase"] == "paused"
    wrong = subprocess.run([str(PROGRAM), "serve", "--log-format", "xml"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 64 and "xml" in wrong.stderr


def test_a_log_that_cannot_be_written_ends_nothing(make_server: ServerFactory) -> None:
    server = make_server("--log-format", "json", "--log-level", "info", start=False)
    server.prefix = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"]
    server.start()
    server.wait_plugins()
    name = fresh("full")
    server.accept(name, KALMAN)
    assert server.http.post(f"/admin/workers/{name}/pause").status_code == 200
    server.stop()
