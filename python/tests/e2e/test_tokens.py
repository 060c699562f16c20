"""The commands on tokens, and what the logs tell of who did what."""

import stat
import threading
import time
from typing import Any

import pytest
import tokens
from cells import KALMAN, drive
from processes import wait
from server import Server, ServerFactory
from streaming import frames, pour

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


def test_without_a_database_there_is_nothing_to_list(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    for arguments in (["list"], ["revoke", "1"]):
        made = tokens.run(server, *arguments)
        assert made.returncode != 0 and "holds no database" in made.stderr
    assert not server.data.exists()


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


def last(server: Server, action: str) -> dict[str, Any]:
    """Return the newest entry of an action, once it is there."""
    return wait(lambda: next((e for e in reversed(tokens.audit(server)) if e["action"] == action), None), action)


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
        entry = last(server, action)
        assert entry["time"] and entry["actor"] == actor and entry["peer"] == "127.0.0.1"
        assert (entry["battery"], entry["status"], entry["outcome"]) == (battery, status, outcome)
    entry = last(server, "GET /db/stats")
    assert (entry["actor"], entry["status"], entry["outcome"]) == (None, 401, "refused")
    made = tokens.audit(server)[0]
    assert (made["action"], made["actor"], made["token"], made["outcome"]) == ("token create", "local", 1, "ok")
    tokens.revoke(server, "Zoë")
    assert last(server, "token revoke")["token"] == 1
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
