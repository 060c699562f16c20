"""A system of its own in namespaces, with Debian's systemd as its first process; needs root."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import processes
from installation import Installation
from processes import wait

SCRIPT = Path(__file__).with_name("machine.sh")
PATIENCE = 120
"""How long anything in it may take. s"""


class Machine:
    """A machine on which `installation` is."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.folder = Path(tempfile.mkdtemp(prefix="lch-machine-"))
        (self.folder / "etc").mkdir()

    def start(self, options: str = "", **files: bytes) -> "Machine":
        """Start it, the server with `options`, and `files` in /etc/lachesis; return when the unit is active."""
        settings = self.folder / "etc"
        (settings / "lachesisd.env").write_text(f"LACHESIS_OPTIONS={options}\n")
        for name, content in files.items():
            (settings / name).write_bytes(content)
        kinds = ["--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup"]
        with (self.folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", *kinds, "--fork", "--kill-child=SIGKILL", "sh",
                 str(SCRIPT)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "FOLDER": str(self.folder),
                     "INSTALLED": str(self.installation.root)},
            )  # fmt: skip

        def booted() -> int | None:
            assert self._process.poll() is None, self.console()
            first = next((one for one in processes.descendants(self._process.pid) if one.name == "systemd"), None)
            return first and first.pid

        self.first = wait(booted, lambda: f"a systemd\n{self.console()}", PATIENCE)
        wait(lambda: self.show("ActiveState") == "active", lambda: f"an active unit\n{self.log()}", PATIENCE)
        return self

    def console(self) -> str:
        return (self.folder / "console").read_text("utf-8", errors="replace")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the machine, as its root."""
        inside = ["nsenter", "--target", str(self.first), "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup"]
        return subprocess.run([*inside, *command], capture_output=True, text=True, timeout=PATIENCE)

    def show(self, property: str) -> str:
        """Return a property of the unit as systemd has it."""
        return self.run("systemctl", "show", "--property", property, "--value", "lachesisd").stdout.strip()

    def get(self, path: str, *options: str, scheme: str = "http") -> Any:
        """Ask the server; return the JSON of its answer, None if there is none."""
        made = self.run(
            "curl", "--silent", "--insecure", "--max-time", "90", *options, f"{scheme}://127.0.0.1:8000{path}"
        )
        return json.loads(made.stdout) if made.returncode == 0 else None

    def log(self) -> str:
        return self.run("cat", "/run/log").stdout

    def wait_plugin(self, name: str) -> dict[str, Any]:
        """Wait until a plugin runs or has shown that it cannot; return what /health says then."""

        def settled() -> dict[str, Any] | None:
            health = self.get("/health")
            plugin = health and health["plugins"].get(name)
            return health if plugin and plugin["state"] in ("ready", "failed") else None

        return wait(settled, lambda: f"an end of warming: {self.get('/health')}\n{self.log()}", PATIENCE)

    def end(self) -> None:
        """Switch it off: what it mounted goes with its namespaces."""
        self._process.kill()
        self._process.wait(PATIENCE)
        shutil.rmtree(self.folder)
