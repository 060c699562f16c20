"""What the tests of the sandbox share: hostile scripts that tell what became of their deeds, and their ground.

Each deed is really attempted, in a worker. A script tells in its traceback, and so in the 422, what became of it: the
name of the error that the kernel gave, or whatever the deed returned.
"""

import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cells import KALMAN, assert_same, drive, kalman_steps
from processes import wait, worker_groups
from server import ROOT, Files, Server, fresh
from streaming import upload

ROOTS, ORDINARY = "root", "ordinary"
USERS = [ROOTS, ORDINARY] if os.geteuid() == 0 else [ORDINARY]
"""Whose the servers are: of the tests' own user, and, where that is root, also of a user without any power."""
UID = 61_234
"""A user that nobody is."""
SECRET = "LACHESIS_TEST_SECRET"
"""A variable of the server's environment, which must not reach a script."""
EDGE = 300
"""Records that the neighbour is fed at most."""

Deeds = dict[str, str]
"""Deeds by name: an expression, or the body of a function whose result is told."""
Report = dict[str, Any]
"""By deed: `done`, what it returned, or the name of an error."""

PRELUDE = '''
import ctypes, errno, json, os, socket, sys, textwrap
libc = ctypes.CDLL(None, use_errno=True)

def named(error):
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, str(error.errno))
    return type(error).__name__

def checked(result):
    """What a function of the C library returned; raises OSError."""
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return "done"

def call(number, *arguments):
    """A system call."""
    words = [a if isinstance(a, (bytes, type(None))) or hasattr(a, "_type_") else ctypes.c_ulong(a & (2**64 - 1))
             for a in arguments]
    ctypes.set_errno(0)
    return checked(libc.syscall(ctypes.c_long(number), *words))

def attempt(source):
    try:
        try:
            code = compile(source, "deed", "eval")
        except SyntaxError:
            names = {}
            exec("def deed():\\n" + textwrap.indent(source, "    "), globals(), names)
            result = names["deed"]()
        else:
            result = eval(code, globals())
    except BaseException as error:
        return named(error)
    return result if isinstance(result, (str, int, float, list, dict, bool)) else "done"

'''


def reporting(deeds: Deeds, prelude: str = "") -> str:
    """Return a script that attempts deeds and tells what became of each."""
    script = PRELUDE + prelude + f"\nreport = {{name: attempt(source) for name, source in {deeds!r}.items()}}\n"
    return script + "raise RuntimeError('REPORT ' + json.dumps(report))\n"


class Sandboxed(Server):
    """A server with the one plugin that the tests need, of the tests' own user or of one without any power."""

    def __init__(self, folder: Path, user: str, *options: str) -> None:
        self.user = user
        self.is_others = user == ORDINARY and os.geteuid() == 0
        shutil.copytree(ROOT / "plugins" / "kalman", folder / "plugins" / "kalman")
        super().__init__(folder, "--plugins", str(folder / "plugins"), *options)
        self.environment = {SECRET: SECRET.lower()}

    def start(self) -> "Sandboxed":
        """Start it as `Server.start` does; raises AssertionError if its user cannot read the project."""
        if self.is_others:
            self.prefix = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
            for folder in (self.folder, Path(self.runtime)):
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, UID, UID, follow_symlinks=False)
            hidden = [str(path) for path in (ROOT, *ROOT.parents) if not path.stat().st_mode & 0o001]
            assert not hidden, f"a user without any power cannot enter {hidden}, and so not run the server in {ROOT}"
        super().start()
        return self


class Ground:
    """A server, an estimator on it that nothing may disturb, and what else must be the same after every deed."""

    def __init__(self, server: Sandboxed) -> None:
        self.server = server
        server.wait_plugins()
        self.neighbour = fresh("neighbour")
        self._records = drive(EDGE)
        self._fed = 0
        self._loop = kalman_steps(self._records)
        server.accept(self.neighbour, KALMAN)
        wait(lambda: server.tree("spare"), lambda: f"a worker for the next: {server.tree()}")
        self._feed(4)
        self._before = self._remains()

    def _feed(self, count: int) -> None:
        upload(self.server, self.neighbour, self._records[self._fed : self._fed + count])
        # Before the first step the loop gives the filter itself.
        for _ in range(count):
            estimator, _, _ = next(self._loop)
        self._fed += count
        status = self.server.wait_status(self.neighbour, stepped=self._fed - 1, restarts=0, failed=0)
        assert_same(status, (list(estimator.state_names), estimator.mean.tolist(), estimator.covariance.tolist()))

    def _remains(self) -> dict[str, Any]:
        """What a script could leave behind: processes, mounts, files, descriptors."""
        server, tree = self.server, self.server.tree()
        # Not the worker to come: after each deed it is another.
        kept = [one for one in tree if one.name not in ("lachesis-worker", "lachesis-spare")]
        mounts = {"self": Path("/proc/self/mountinfo").read_text(), "daemon": _mounts(server.pid)}
        paths = list(Path(f"/proc/{server.pid}/fd").iterdir())
        descriptors = {"daemon": sum(not _link(path).startswith(str(server.data)) for path in paths)}
        for one in kept:
            mounts[f"{one.name} {one.pid}"] = _mounts(one.pid)
            descriptors[f"{one.name} {one.pid}"] = len(one.descriptors)
        files = sorted(str(path) for path in Path(server.runtime).rglob("*"))
        files += map(str, worker_groups(f"lachesis-{server.host().pid}"))
        return {
            "processes": Counter(one.name for one in tree), "mounts": mounts, "files": files,
            "descriptors": descriptors,
        }  # fmt: skip

    def _differences(self) -> dict[str, Any]:
        """Return what is not as it was: before, and now. Fewer descriptors are no difference."""
        before, now = self._before, self._remains()
        found = {key: (before[key], now[key]) for key in ("processes", "mounts", "files") if now[key] != before[key]}
        counts = before["descriptors"], now["descriptors"]
        if counts[0].keys() != counts[1].keys() or any(count > counts[0][key] for key, count in counts[1].items()):
            found["descriptors"] = counts
        return found

    def check_neighbour(self) -> None:
        """Assert that the neighbour goes on, bit for bit."""
        assert self._fed < EDGE, "EDGE is too low for so many checks"
        self._feed(1)

    def check(self) -> None:
        """Assert that the neighbour goes on, bit for bit, that the server is well, and that nothing is left."""
        self.check_neighbour()
        wait(lambda: not self._differences(), lambda: f"what was before: {self._differences()}", 30)
        health = self.server.get("/health")
        assert health["status"] == "ok" and health["sandbox_without"] == [], health
        assert health["plugins"]["kalman"]["state"] == "ready", health

    def refused(self, definition: str, files: Files | None = None, **limits: str) -> str:
        """Register a script that must not give an estimator, check the ground, and return what its author is told."""
        detail = self.refusal(definition, files, **limits)
        self.check()
        return detail

    def refusal(self, definition: str, files: Files | None = None, **limits: str) -> str:
        """Return what the author of such a script is told."""
        name = fresh("hostile")
        reply = self.server.register(name, definition, files=files, **limits)
        if reply.status_code == 200:
            self.server.http.delete(f"/db/{name}", params={"force": "true"})
        assert reply.status_code == 422, reply.text
        assert self.server.status(name) is None and self.server.stats(name) is None
        detail = reply.json()["detail"]
        assert isinstance(detail, str), detail
        return detail

    @contextmanager
    def connections(self) -> Iterator[None]:
        """Have connections of one's own, for several threads, which are closed afterwards."""
        server, lasting = self.server, self.server.http
        try:
            with httpx.Client(base_url=server.url, timeout=120, trust_env=False) as server.http:
                yield
        finally:
            server.http = lasting

    def refusals(self, definitions: dict[str, str], **limits: str) -> dict[str, str]:
        """Register such scripts at the same time, check the ground, and return what their authors are told."""
        with self.connections(), ThreadPoolExecutor(len(definitions)) as pool:
            told = pool.map(lambda text: self._told(text, limits), definitions.values())
            details = dict(zip(definitions, told, strict=True))
        self.check()
        return details

    def _told(self, definition: str, limits: dict[str, str]) -> str:
        try:
            return self.refusal(definition, **limits)
        except AssertionError as error:
            # For the test of this very script.
            return f"not refused: {error}"

    def report(self, deeds: Deeds, prelude: str = "", files: Files | None = None) -> Report:
        """Have a script attempt deeds, check the ground, and return what became of each."""
        return reported(self.refused(reporting(deeds, prelude), files))

    @contextmanager
    def accepted(self, *definitions: str, **limits: str) -> Iterator[list[str]]:
        """Register scripts that give estimators, and delete these in the end; then check the ground."""
        names = [fresh("hostile") for _ in definitions]
        try:
            for name, definition in zip(names, definitions, strict=True):
                self.server.accept(name, definition, **limits)
            yield names
        finally:
            for name in names:
                self.server.http.delete(f"/db/{quote(name)}", params={"force": "true"})
        self.check()


def reported(detail: str) -> Report:
    """Find a script's report in what its author was told."""
    found = re.search(r"^RuntimeError: REPORT (.*)$", detail, re.MULTILINE)
    assert found, detail
    return json.loads(found[1])


@contextmanager
def serving(user: str, *options: str) -> Iterator[Sandboxed]:
    """Run a server in a folder that its user owns."""
    # Not in pytest's folder, into which nobody else may look.
    folder = Path(tempfile.mkdtemp(prefix="lachesis-test-"))
    # Workers that go without namespaces reach the plugin at its place on the machine.
    folder.chmod(0o711)
    server = Sandboxed(folder, user, *options)
    try:
        yield server.start()
    finally:
        server.dispose()
        shutil.rmtree(folder)


def cases(deeds: dict[str, tuple[str, Any]]) -> tuple[Deeds, list[Any]]:
    """Split a table of deeds and expected outcomes into a script's deeds and a test's parameters."""
    return {name: deed for name, (deed, _) in deeds.items()}, [
        pytest.param(name, expected, id=name) for name, (_, expected) in deeds.items()
    ]


def _mounts(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/mountinfo").read_text()
    except OSError:
        # It has ended since it was found: another look does not find it.
        return ""


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""
