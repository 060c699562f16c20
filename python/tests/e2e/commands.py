"""The installed command `lachesis`, run as a person or a program would."""

import contextlib
import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

from server import Server

PROGRAM = Path(sys.executable).with_name("lachesis")


def environment(server: Server, folder: Path) -> dict[str, str]:
    """Return variables under which the command finds a server, and no settings of whoever runs the tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LACHESIS_")}
    token = {"LACHESIS_TOKEN": server.token} if server.token else {}
    return kept | {"LACHESIS_URL": server.url, "XDG_CONFIG_HOME": str(folder), "COLUMNS": "200"} | token


def run(server: Server, *line: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    assert PROGRAM.exists(), f"{PROGRAM} is missing: deploy/setup.sh installs it"
    return subprocess.run(
        [str(PROGRAM), *map(str, line)], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
        env=environment(server, server.folder), **more,
    )  # fmt: skip


def said(server: Server, *line: object) -> str:
    """Return what a command line that must succeed says on its standard output."""
    ended = run(server, *line)
    assert ended.returncode == 0, f"{line}: {ended.returncode}\n{ended.stderr}"
    return ended.stdout


def told(server: Server, *line: object) -> Any:
    """Return what a command line that must succeed tells programs."""
    return json.loads(said(server, *line, "--json"))


def on_a_terminal(server: Server, *line: object) -> str:
    """Return what a command line that must succeed shows on a terminal."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (40, 120))
    command = [str(PROGRAM), *map(str, line)]
    variables = environment(server, server.folder) | {"TERM": "xterm"}
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=variables) as process:
        os.close(its)
        shown = b""
        # The end of a terminal's other side is an error on Linux.
        with os.fdopen(ours, "rb", buffering=0) as screen, contextlib.suppress(OSError):
            while piece := screen.read(1 << 16):
                shown += piece
        assert process.wait(300) == 0, shown
    return shown.decode()


def refused(server: Server, status: int, *line: object) -> str:
    """Return the one line that a command line says that must fail with an exit status."""
    ended = run(server, *line)
    assert ended.returncode == status, f"{line}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    (text,) = ended.stderr.splitlines()
    assert text.startswith("lachesis: ")
    return text.removeprefix("lachesis: ")
