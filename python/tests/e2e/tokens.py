"""Tokens of a server's database, through its program."""

import json
import subprocess
from typing import Any

from processes import wait
from server import PROGRAM, Server

SOON = 15
"""How long a running server may take to look at the tokens: a second, and more on machines that are busy. s"""


def run(server: Server, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand of `lachesisd token` on the server's data, to its end."""
    return subprocess.run(
        [str(PROGRAM), "token", name, "--data", str(server.data), *arguments],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def create(server: Server, *roles: str, batteries: tuple[str, ...] = (), label: str = "") -> str:
    """Make a token and return it; the server need not run."""
    arguments = [word for role in roles for word in ("--role", role)]
    arguments += [word for battery in batteries for word in ("--battery", battery)]
    if not (server.data / "lachesis.sqlite").exists():
        arguments.append("--new-database")
    made = run(server, "create", *arguments, "--label", label)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def listed(server: Server) -> list[dict[str, Any]]:
    made = run(server, "list", "--json")
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def revoke(server: Server, label: str) -> None:
    """Revoke the token with a label."""
    (number,) = (entry["id"] for entry in listed(server) if entry["label"] == label)
    made = run(server, "revoke", str(number))
    assert made.returncode == 0, made.stderr


def shown(token: str | None) -> dict[str, str]:
    """Return the header field that shows a token."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def audit(server: Server) -> list[dict[str, Any]]:
    """Return what the audit log holds by now."""
    return [json.loads(line) for line in (server.data / "audit.jsonl").read_text("utf-8").splitlines()]


def audited(server: Server, action: str, **members: Any) -> dict[str, Any]:
    """Return the newest entry of an action with these members, once it is there: no answer waits for the log."""

    def found() -> dict[str, Any] | None:
        wanted = ({"action": action} | members).items()
        return next((entry for entry in reversed(audit(server)) if wanted <= entry.items()), None)

    return wait(found, lambda: f"{action} with {members} in the audit log: {audit(server)[-3:]}")
