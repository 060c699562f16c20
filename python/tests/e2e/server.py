"""A real server in a folder of its own, as a test sees it."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import processes
from processes import Process, wait

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("LACHESIS_SERVER", ROOT / ".build" / "release" / "lachesisd"))
STOP_SECONDS = 10
"""How long a server with few workers may take to end after SIGTERM, on a machine that is busy. s"""

Files = list[tuple[str, tuple[str | None, bytes | str]]]


def fresh(stem: str) -> str:
    """Return a battery's name that no other test uses."""
    return f"{stem}_{uuid.uuid4().hex[:8]}"


def command(name: str, data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand of the server's program on a folder of data, to its end."""
    return subprocess.run(
        [str(PROGRAM), name, "--data", str(data), *arguments], capture_output=True, text=True, timeout=120
    )


class Server:
    """`lachesisd serve` on a free port; it can be stopped and started again on the same data."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Describe a server with its data in `folder`; `options` go to its command line."""
        self.folder, self.options = folder, options
        self.program = PROGRAM
        self.data = folder / "data"
        self.log_path = folder / "server.log"
        self.token: str | None = None
        """What `http` and uploads show, from the next start."""
        self.trust: ssl.SSLContext | None = None
        """What a certificate of the server is checked with."""
        self.prefix: list[str] = []
        """A command that executes the server's, and becomes it."""
        self.environment: dict[str, str] = {}
        """Variables beside those of the tests."""
        self._process: subprocess.Popen[bytes] | None = None
        # Short, because the path of a Unix socket is.
        self.runtime = tempfile.mkdtemp(prefix="lch-")

    # Life

    def start(self) -> "Server":
        """Start it and wait until it listens; raises AssertionError with its log if it does not."""
        assert self.program.exists(), f"{self.program} is missing: `make build` makes it"
        command = [*self.prefix, str(self.program), "serve", "--data", str(self.data), "--port", "0", *self.options]
        if self.program == PROGRAM and Path(sys.executable) != ROOT / ".venv" / "bin" / "python":
            command += ["--python", sys.executable]
        said = self.folder / "stdout"
        with said.open("wb") as out, self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, cwd=self.folder,
                env=os.environ | {"XDG_RUNTIME_DIR": self.runtime} | self.environment,
            )  # fmt: skip
        process = self._process

        def listening() -> re.Match[str] | None:
            assert process.poll() is None, f"the server ended with {process.returncode}:\n{self.log_tail()}"
            return re.search(r"^listening on (https?://\S+)$", said.read_text("utf-8"), re.MULTILINE)

        match = wait(listening, lambda: f"a server that listens\n{self.log_tail()}")
        self.url = match[1]
        self.http = httpx.Client(
            base_url=self.url, timeout=120, trust_env=False, headers=self.credentials,
            verify=True if self.trust is None else self.trust,
        )  # fmt: skip
        return self

    @property
    def credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def host(self) -> Process:
        """Return the host's process; a zygote, too, bears its name until it has found its own."""

        def found() -> Process | None:
            return next((one for one in self.tree("host") if one.parent == self.pid), None)

        return wait(found, "a host")

    def tree(self, name: str | None = None) -> list[Process]:
        """Return the processes below the server, or those of one name: host, zygote, spare or worker."""
        found = processes.descendants(self.pid)
        return found if name is None else [process for process in found if process.name == f"lachesis-{name}"]

    def stop(self) -> None:
        """End it with SIGTERM; raises AssertionError if it is not clean, in time, and without remains."""
        if self._process is None:
            return
        process, below = self._process, self.tree()
        self.http.close()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the server within {STOP_SECONDS} s") from None
        self._process = None
        left = [one for one in below if one.is_alive]
        for one in left:
            os.kill(one.pid, signal.SIGKILL)
        assert code == 0, f"after SIGTERM the server ended with {code}"
        assert not left, f"the server left processes behind: {left}"
        assert os.listdir(self.runtime) == [], f"the server left {os.listdir(self.runtime)} in its runtime folder"

    def kill(self) -> None:
        """End it with SIGKILL; what is below it must go by itself."""
        if self._process is None:
            return
        process, below = self._process, self.tree()
        self._process = None
        self.http.close()
        process.kill()
        process.wait()
        try:
            wait(lambda: not any(one.is_alive for one in below), "an end of the killed server's processes", 20)
        finally:
            for one in below:
                if one.is_alive:
                    os.kill(one.pid, signal.SIGKILL)
            left = [path for path in Path(self.runtime).rglob("*") if path.is_file()]
            # Its own folder and socket are all that a server cannot remove when it is killed.
            for path in Path(self.runtime).iterdir():
                shutil.rmtree(path)
        assert not left, f"the killed server left workers' files behind: {left}"

    def dispose(self) -> None:
        """Stop it as `stop` does and remove its runtime folder."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.runtime, ignore_errors=True)

    def log_tail(self, lines: int = 60) -> str:
        text = self.log_path.read_text("utf-8", errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    # Requests

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a GET that must succeed."""
        reply = self.http.get(path, params=query or None)
        assert reply.status_code == 200, f"{path}: {reply.status_code} {reply.text[:500]}"
        return reply.json()

    def stats(self, name: str) -> dict[str, Any] | None:
        return self.get("/db/stats").get(name)

    def status(self, name: str) -> dict[str, Any] | None:
        return self.get("/online/status").get(name)

    def rows(self, name: str, **query: Any) -> list[dict[str, Any]]:
        return self.get(f"/db/data/{quote(name)}", **query)

    def register(
        self, name: str, definition: str, plugin: str = "kalman", files: Files | None = None, **fields: str
    ) -> httpx.Response:
        """Send a registration; the reply may be a refusal."""
        # Through `files`, so that the form is multipart even without any file.
        parts: Files = [("name", (None, name)), ("definition", (None, definition)), ("plugin", (None, plugin))]
        parts += [(key, (None, value)) for key, value in fields.items()]
        return self.http.post("/online/register", files=parts + (files or []))

    def accept(self, name: str, definition: str, plugin: str = "kalman", **more: Any) -> dict[str, Any]:
        """Register an estimator; it must be accepted."""
        reply = self.register(name, definition, plugin, **more)
        assert reply.status_code == 200, reply.text
        return reply.json()

    # Waiting

    def wait_status(self, name: str, seconds: float = 120, **expected: Any) -> dict[str, Any]:
        """Wait until an estimator's status has these values and nothing waits; return it."""
        expected = {"is_ready": True, "waiting": 0} | expected

        def reached() -> dict[str, Any] | None:
            status = self.status(name)
            return status if status and all(status.get(key) == value for key, value in expected.items()) else None

        return wait(reached, lambda: f"{expected} in the status of {name}: {self.status(name)}", seconds)

    def wait_plugins(self) -> None:
        """Wait until each plugin can run, or has shown that it cannot."""

        def settled() -> bool:
            plugins = self.get("/health")["plugins"].values()
            return bool(plugins) and all(plugin["state"] != "warming" for plugin in plugins)

        wait(settled, lambda: f"an end of the plugins' warming: {self.get('/health')}")

    def wait_rows(self, name: str, count: int) -> dict[str, Any]:
        """Wait until so many rows are stored; return their columns' types."""

        def reached() -> dict[str, Any] | None:
            stats = self.stats(name)
            data = stats and stats["data_stats"]
            return data if data and data["rows"] == count else None

        return wait(reached, lambda: f"{count} rows of {name}: {self.stats(name)}")["columns"]


ServerFactory = Callable[..., Server]
"""Starts a server of a test's own; the arguments go to its command line."""
