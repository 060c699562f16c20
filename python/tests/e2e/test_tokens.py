"""The commands on tokens, and what the logs tell of who did what."""

import json
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest
import tokens
from cells import KALMAN, drive
from processes import wait
from server import PROGRAM, ServerFactory, command
from streaming import frames, pour
from tokens import shown

# Commands


def test_tokens_are_listed_without_their_secrets(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    secret = tokens.create(server, "upload", "read", batteries=("b", "a"), label="Prüfstand 1")
    assert secret.startswith("lachesis_") and len(secret) == len("lachesis_") + 64
    (entry,) = tokens.listed(server)
    assert entry.pop("created")
    assert entry == {"id": 1, "label": "Prüfstand 1", "roles": ["read", "upload"], "batteries": ["a", "b"]}
    assert "Prüfstand 1" in tokens.run(server, "list").stdout
    tokens.revoke(server, "Prüfstand 1")
    assert tokens.listed(server) == []
    tokens.create(server, "read")
    assert [entry["id"] for entry in tokens.listed(server)] == [2], "a number was given out twice"
    server.token = tokens.create(server, "admin")
    server.start()
    server.get("/db/stats")
    server.stop()
    for path in server.data.iterdir():
        content = path.read_bytes()
        assert secret.encode() not in content and bytes.fromhex(secret[9:]) not in content, path
    assert secret not in server.log_path.read_text("utf-8")


@pytest.mark.parametrize(
    "arguments",
    [["create"], ["create", "--role", "king"], ["create", "--role", "read", "--battery", "a"],
     ["create", "--role", "upload", "--battery", "-"], ["create", "--role", "read", "--label", "x" * 200],
     ["revoke", "7"], ["revoke", "x"]],
)  # fmt: skip
def test_a_command_that_makes_no_sense_fails_with_a_word(make_server: ServerFactory, arguments: list[str]) -> None:
    server = make_server(start=False)
    tokens.create(server, "read")
    made = tokens.run(server, *arguments)
    assert made.returncode != 0 and made.stderr.startswith("Error: ") and made.stdout == ""
    assert len(tokens.listed(server)) == 1


def test_a_command_makes_no_database_of_its_own(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    for line in (["token", "list"], ["token", "revoke", "1"], ["token", "create", "--role", "admin"], ["check"],
                 ["backup", str(server.folder / "copy.sqlite")]):  # fmt: skip
        made = subprocess.run([str(PROGRAM), *line], capture_output=True, text=True, cwd=server.folder, timeout=60)
        assert made.returncode != 0 and made.stdout == "", line
        assert f"'{server.folder}/data' holds no database; --data" in made.stderr
    assert not server.data.exists()
    made = tokens.run(server, "create", "--role", "admin", "--new-database")
    assert made.returncode == 0 and len(tokens.listed(server)) == 1


def test_tokens_are_made_while_records_stream_in(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    server.token = tokens.create(server, "admin")
    server.start()
    streaming = threading.Thread(target=pour, args=(server, "busy", frames(drive(2_000) * 50)))
    streaming.start()
    made = 1
    while streaming.is_alive():
        tokens.create(server, "read")
        made += 1
    assert len(tokens.listed(server)) == made
    assert server.stats("busy")["data_stats"]["rows"] == 100_000


# Logs


def test_who_changed_what_stands_in_the_audit_log(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    server.token = tokens.create(server, "admin", label="Zoë")
    server.start()
    server.http.post("/db/register", json={"name": "cell"})
    server.accept("cell", KALMAN)
    assert server.register("broken", "1/0").status_code == 422
    server.http.delete("/db/cell")
    server.http.get("/db/stats", headers={"Authorization": "Bearer x"})
    actor = {"token": 1, "label": "Zoë"}
    for action, battery, status, outcome in (
        ("POST /db/register", "cell", 200, "ok"), ("POST /online/register", "broken", 422, "refused"),
        ("DELETE /db/{name}", "cell", 200, "ok"),
    ):  # fmt: skip
        entry = tokens.audited(server, action)
        assert entry["time"] and entry["actor"] == actor and entry["peer"] == "127.0.0.1"
        assert (entry["battery"], entry["status"], entry["outcome"]) == (battery, status, outcome)
    entry = tokens.audited(server, "GET /db/stats")
    assert (entry["actor"], entry["status"], entry["outcome"]) == (None, 401, "refused")
    made = tokens.audit(server)[0]
    assert (made["action"], made["actor"], made["token"], made["outcome"]) == ("token create", "local", 1, "ok")
    tokens.revoke(server, "Zoë")
    assert tokens.audited(server, "token revoke")["token"] == 1
    assert stat.S_IMODE((server.data / "audit.jsonl").stat().st_mode) == 0o600


def test_an_audit_log_that_cannot_be_written_fails_no_request(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    (server.data / "audit.jsonl").mkdir(parents=True)
    server.start()
    for _ in range(3):
        assert server.http.post("/db/register", json={"name": "cell"}).status_code == 200
    wait(lambda: "the audit log cannot be written" in server.log_tail(), "a word in the log")
    assert server.log_tail().count("the audit log cannot be written") == 1
    made = tokens.run(server, "create", "--role", "read")
    assert made.returncode == 0 and made.stdout.startswith("lachesis_") and "audit" in made.stderr


def test_who_asks_without_end_does_not_fill_the_logs(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    tokens.create(server, "admin")
    server.start()
    start = time.monotonic()
    for _ in range(400):
        assert server.http.get("/db/stats").status_code == 401
    seconds = time.monotonic() - start
    assert server.log_path.read_text().count("request refused") <= seconds + 1
    server.stop()
    refused = [entry for entry in tokens.audit(server) if entry["outcome"] == "refused"]
    assert 100 <= len(refused) <= 101 + seconds


def test_strangers_hide_nobodys_refusals(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    tokens.create(server, "admin")
    reader = tokens.create(server, "read", label="reader")
    server.start()
    for _ in range(300):
        assert server.http.get("/db/stats").status_code == 401
    for _ in range(3):
        assert server.http.delete("/db/nobody", headers=shown(reader)).status_code == 403
    # Also what is let in and refused then has a bound, so that it does not push the rest out.
    server.stop()
    entries = tokens.audit(server)
    mine = [entry for entry in entries if (entry["actor"] or {}) == {"token": 2, "label": "reader"}]
    assert [entry["status"] for entry in mine] == [403] * 3
    assert sum(entry["actor"] is None for entry in entries) < 300


def test_what_is_refused_after_the_gate_is_bounded_too(make_server: ServerFactory) -> None:
    server = make_server()
    start = time.monotonic()
    for _ in range(300):
        assert server.http.post("/db/register", json=[]).status_code == 422
    seconds = time.monotonic() - start
    server.stop()
    entries = tokens.audit(server)
    assert 100 <= len(entries) <= 101 + seconds and all(entry["status"] == 422 for entry in entries)


def test_the_audit_log_is_bounded_and_its_last_files_are_kept(make_server: ServerFactory) -> None:
    server = make_server("--max-audit-bytes", "4096", "--audit-files", "2")
    for number in range(100):
        server.http.post("/db/register", json={"name": f"cell {number}"})
    server.stop()
    files = sorted(server.data.glob("audit.jsonl*"))
    assert [path.name for path in files] == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert all(path.stat().st_size <= 4096 and stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    kept = [json.loads(line)["battery"] for path in reversed(files) for line in path.read_text().splitlines()]
    assert len(kept) > 20 and kept == [f"cell {number}" for number in range(100 - len(kept), 100)]


def test_no_entry_is_lost_while_files_change(make_server: ServerFactory) -> None:
    server = make_server("--max-audit-bytes", "4096", "--audit-files", "1000", start=False)
    server.token = tokens.create(server, "admin")
    server.start()
    made: list[int] = []

    def create() -> None:
        while not done.is_set():
            tokens.create(server, "read")
            made.append(1)

    done = threading.Event()
    creating = threading.Thread(target=create)
    creating.start()
    for number in range(300):
        server.http.post("/db/register", json={"name": f"cell {number}"})
    done.set()
    creating.join()
    server.stop()
    files = sorted(server.data.glob("audit.jsonl.*"), key=lambda path: -int(path.suffix[1:]))
    entries = [
        json.loads(line)
        for path in (*files, server.data / "audit.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    assert len(files) > 5 and made
    registered = [entry["battery"] for entry in entries if entry["action"] == "POST /db/register"]
    assert registered == [f"cell {number}" for number in range(300)]
    assert sum(entry["action"] == "token create" for entry in entries) == len(made) + 1


@pytest.mark.parametrize("options", [["--max-audit-bytes", "4095"], ["--audit-files", "0"]])
def test_an_audit_log_without_room_is_refused(tmp_path: Path, options: list[str]) -> None:
    made = command("serve", tmp_path / "data", *options)
    assert made.returncode != 0
    assert "--max-audit-bytes must be at least 4096, and --audit-files from 1 to 1000" in made.stderr
