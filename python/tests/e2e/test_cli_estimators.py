"""The command line on scripts, their versions and processes, and on who may do what."""

import signal
import subprocess
from pathlib import Path

import pytest
import tokens
from accelerated import falling, plugins
from cells import KALMAN, assert_same, drive, plain_kalman
from commands import PROGRAM, environment, refused, run, said, told
from server import Server, ServerFactory, fresh
from streaming import upload

from lachesis import Limits

OTHER = KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.5, 1.0]") + "\nprint('the other one \\x1b[31m')\n"


@pytest.fixture
def scripts(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "first.py").write_text(KALMAN)
    (tmp_path / "other.py").write_text(OTHER)
    return tmp_path / "first.py", tmp_path / "other.py"


def test_versions_and_the_way_back(server: Server, scripts: tuple[Path, Path]) -> None:
    name, records = fresh("versions"), drive(200)
    upload(server, name, records)
    for script in scripts:
        said(server, "diagnosis", "register", name, script, "--plugin", "kalman", "--limit", "step_timeout=3.5")
    assert_same(server.wait_status(name, version=2, stepped=199), plain_kalman(records, OTHER))
    found = told(server, "estimators", "versions", name)
    assert [(one["version"], one["current"]) for one in found] == [(2, True), (1, False)]
    lines = said(server, "estimators", "versions", name).splitlines()
    assert lines[1].split()[:2] == ["2", "current"] and len(lines) == 3
    assert said(server, "estimators", "show", name, 1) == KALMAN
    assert said(server, "estimators", "show", name) == OTHER
    assert "as version 3" in said(server, "estimators", "rollback", name, 1)
    assert_same(server.wait_status(name, version=3, stepped=199), plain_kalman(records))
    assert told(server, "estimators", "show", name)["version"] == 3
    assert "9" in refused(server, 1, "estimators", "rollback", name, 9)
    assert name in said(server, "estimators", "list") and name in told(server, "estimators", "list")


def test_an_estimator_is_deleted_after_a_question(server: Server, scripts: tuple[Path, Path]) -> None:
    name = fresh("deleted")
    upload(server, name, drive(10))
    said(server, "diagnosis", "register", name, scripts[0], "--plugin", "kalman")
    assert "--yes" in refused(server, 2, "estimators", "delete", name)
    assert server.status(name) is not None
    assert told(server, "estimators", "delete", name, "--yes") == {"name": name, "version": 1}
    assert server.status(name) is None and len(server.rows(name)) == 10
    assert "has no estimator" in refused(server, 1, "estimators", "delete", name, "--yes")


def test_a_script_is_tried_without_being_registered(server: Server, scripts: tuple[Path, Path], tmp_path: Path) -> None:
    name, records = fresh("tried"), drive(200)
    upload(server, name, records)
    found = told(server, "estimators", "check", name, scripts[1], "--plugin", "kalman", "--rows", 50)
    names, mean, covariance = plain_kalman(records[-50:], OTHER)
    assert (found["state_names"], found["mean"], found["covariance"]) == (names, mean, covariance)
    assert found["records"] == 50 and found["stepped"] == 49
    text = said(server, "estimators", "check", name, scripts[1], "--plugin", "kalman")
    assert "199 stepped, 0 skipped, 0 failed" in text and "the other one �[31m" in text
    assert server.status(name) is None
    (tmp_path / "bad.py").write_text("1 / 0")
    ended = run(server, "estimators", "check", name, tmp_path / "bad.py", "--plugin", "kalman")
    assert ended.returncode == 1 and ended.stderr.startswith("lachesis: ZeroDivisionError: ")


def test_acceleration_is_asked_for_and_told(
    make_server: ServerFactory, scripts: tuple[Path, Path], tmp_path: Path
) -> None:
    server = make_server("--plugins", str(plugins(tmp_path / "plugins")))
    name, records = fresh("accelerated"), drive(60)
    upload(server, name, records)
    at = records[30]["test_time"]
    scripts[1].write_text(falling({at: "off"}))
    for script, options in ((scripts[0], ["--acceleration", "shortcuts"]), (scripts[1], [])):
        said(server, "diagnosis", "register", name, script, "--plugin", "falling", *options)
    server.wait_status(name, version=2, stepped=59)
    line = f"acceleration: off instead of full: step at {at:g} s differed\n"
    assert line in said(server, "status", name)
    newest, oldest = told(server, "estimators", "versions", name)
    assert (newest["acceleration"], oldest["acceleration"]) == ("full", "shortcuts")
    assert " shortcuts" in said(server, "estimators", "versions", name).splitlines()[2]
    assert " off " in said(server, "estimators", "list").splitlines()[1]
    check = ("estimators", "check", name, scripts[1], "--plugin", "falling")
    assert line in said(server, *check)
    assert "acceleration: off\n" in said(server, *check, "--acceleration", "off")
    ended = run(server, "diagnosis", "register", name, scripts[0], "--acceleration", "more")
    assert ended.returncode == 2 and "'more'" in ended.stderr


def test_each_limit_can_be_told(server: Server, scripts: tuple[Path, Path]) -> None:
    name = fresh("limited")
    limits = {"memory_mb": 512, "folder_mb": 16, "threads": 8, "build_timeout": 50, "build_cpu": 40,
              "step_timeout": 3.5, "log_kb": 2, "log_rate_kb": 1}  # fmt: skip
    assert set(limits) == set(Limits.__annotations__)
    line = [f"--limit={key}={value}" for key, value in limits.items()]
    said(server, "diagnosis", "register", name, scripts[0], "--plugin", "kalman", *line)
    assert "control groups limit: " in said(server, "status", name)
    refusal = refused(server, 1, "diagnosis", "register", name, scripts[0], "--plugin=kalman", "--limit=log_rate_kb=65")
    assert "log_rate_kb" in refusal


def test_what_a_script_wrote_moves_no_cursor(server: Server, scripts: tuple[Path, Path]) -> None:
    name = fresh("logs")
    said(server, "diagnosis", "register", name, scripts[1], "--plugin", "kalman")
    (line,) = said(server, "logs", name).splitlines()
    assert line.endswith("  1  the other one �[31m")
    assert told(server, "logs", name)["text"].rstrip("\n") == "the other one \x1b[31m"
    assert name in refused(server, 1, "logs", name + "x")


def test_logs_are_followed(server: Server, scripts: tuple[Path, Path]) -> None:
    name = fresh("followed")
    said(server, "diagnosis", "register", name, scripts[1], "--plugin", "kalman")
    variables = environment(server, server.folder)
    command = [str(PROGRAM), "logs", name, "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("  1  the other one �[31m\n")
        said(server, "diagnosis", "register", name, scripts[1], "--plugin", "kalman")
        assert process.stdout.readline().endswith("  2  the other one �[31m\n")
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 130
        finally:
            process.kill()
        assert process.stdout.read() == ""


def test_workers_are_shown_and_acted_on(server: Server, scripts: tuple[Path, Path]) -> None:
    name, records = fresh("worker"), drive(200)
    said(server, "diagnosis", "register", name, scripts[0], "--plugin", "kalman")
    assert name in said(server, "workers") and name in said(server, "workers", "list")
    (entry,) = (one for one in told(server, "workers")["workers"] if one["name"] == name)
    assert entry["version"] == 1 and entry["plugin"] == "kalman"
    state = told(server, "workers", "pause", name)["state"]
    upload(server, name, records)
    assert server.status(name)["stepped"] == 0
    assert said(server, "workers", "resume", name).startswith(f"{name}: ")
    assert told(server, "workers", "restart", name)["state"] != state
    assert_same(server.wait_status(name, stepped=199), plain_kalman(records))
    said(server, "workers", "checkpoint", name)
    limits = told(server, "workers", "limits", name, "memory_mb=300", "threads=")["limits"]
    assert limits["memory_bytes"] == 300 << 20 and limits["threads"] == 64
    assert "memory_gb" in run(server, "workers", "limits", name, "memory_gb=1").stderr
    refused(server, 1, "workers", "pause", name + "x")


def test_the_exit_status_tells_of_tokens(make_server: ServerFactory, scripts: tuple[Path, Path]) -> None:
    server = make_server(start=False)
    reader, admin = tokens.create(server, "read"), tokens.create(server, "admin")
    server.start()
    assert "token" in refused(server, 4, "status")
    server.token = "lachesis_" + "0" * 64
    refused(server, 4, "status")
    server.token = reader
    assert said(server, "status") == "No batteries available\n"
    for line in (("delete", "A", "--yes"), ("workers",), ("diagnosis", "register", "A", scripts[0])):
        assert "role" in refused(server, 4, *line)
    assert said(server, "--token", admin, "workers")
