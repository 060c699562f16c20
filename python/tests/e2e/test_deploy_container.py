"""Dockerfile and compose.yaml, as far as they can be tested without an engine."""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import confined
import pytest
import yaml
from cells import KALMAN
from server import PROGRAM, ROOT, Server, fresh

FOLDER = ROOT / "deploy" / "container"
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8")
UID = 10_001
BASE = {"libc6", "libgcc-s1", "libzstd1", "liblzma5", "libbz2-1.0"}
"""Packages that every Debian has, or that come with python3."""


@pytest.fixture
def service() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))["services"]["lachesis"]


def test_hadolint_finds_nothing_wrong(tool: Callable[[str], Path]) -> None:
    made = subprocess.run(
        [str(tool("hadolint")), "--failure-threshold", "style", str(FOLDER / "Dockerfile")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr


def test_the_image_has_what_the_programs_are_linked_with() -> None:
    named = set(re.findall(r"(?<=[ \n])(?:lib[a-z0-9.+-]+|python3|zlib1g)(?=[ \n])", DOCKERFILE))
    needed: set[str] = set()
    for program in (PROGRAM, PROGRAM.with_name("lachesis-host")):
        head = subprocess.run(["readelf", "-d", str(program)], capture_output=True, text=True, check=True).stdout
        direct = set(re.findall(r"\(NEEDED\).*\[(.+)\]", head))
        said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
        for line in said.splitlines():
            name, _, rest = line.strip().partition(" => ")
            path = Path(rest.split(" (")[0]).resolve()
            if name in direct and str(path).startswith(("/lib", "/usr/lib")):
                owner = subprocess.run(["dpkg", "-S", f"*{path.name}"], capture_output=True, text=True).stdout
                needed.add(owner.split(":")[0])
    assert {"libsqlite3-0", "libzmq5", "libseccomp2"} <= needed
    assert needed <= named | BASE


def test_the_image_is_nobodys_and_keeps_no_secret() -> None:
    final = DOCKERFILE.rsplit("FROM ", 1)[1]
    assert f"USER {UID}:{UID}" in final
    copied = re.findall(r"^COPY (.+)$", final, re.MULTILINE)
    assert copied == ["--from=build /image/opt/lachesis /opt/lachesis"]
    assert not re.search(r"(?i)token|password|secret|\.pem", re.sub(r"(?m)^\s*#.*$", "", DOCKERFILE))


def test_compose_gives_up_no_more_than_the_sandbox_needs(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service and "privileged" not in service
    assert service["read_only"] is True and service["init"] is True
    assert service["security_opt"] == ["no-new-privileges:true", "seccomp=./seccomp.json", "apparmor=unconfined"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (FOLDER / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]) == FOLDER / "Dockerfile"
    # The folder of data is the one that the image makes and gives to its user.
    (volume,) = service["volumes"]
    assert f"VOLUME {volume.split(':')[1]}\n" in DOCKERFILE


def test_the_list_of_system_calls_names_only_what_there_is() -> None:
    profile = json.loads((FOLDER / "seccomp.json").read_text("utf-8"))
    names = [name for rule in profile["syscalls"] for name in rule["names"]]
    assert names == sorted(set(names))
    for name in names:
        confined.number(name)
    assert not {"mount", "pivot_root", "unshare", "setns", "clone", "umount2", "sethostname"} & set(names)


@pytest.fixture
def in_a_container() -> Iterator[Server]:
    """A server confined as in the container; as whoever runs the tests, if that is not root."""
    # Not in pytest's folder, into which nobody else may look.
    folder = Path(tempfile.mkdtemp(prefix="lch-contained-"))
    server = Server(folder)
    if os.geteuid() == 0:
        for place in (folder, Path(server.runtime)):
            os.chown(place, UID, UID)
        server.prefix = [sys.executable, str(Path(confined.__file__)), str(UID), str(FOLDER)]
    try:
        yield server.start()
    finally:
        server.dispose()
        shutil.rmtree(folder)


def test_the_sandbox_holds_inside_the_container(in_a_container: Server) -> None:
    name = fresh("contained")
    in_a_container.accept(name, KALMAN)
    status = in_a_container.wait_status(name)
    assert status["sandbox_without"] == []
    assert in_a_container.get("/health")["sandbox_without"] == []


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers as a server that lives, or with an error below /ill."""

    def do_GET(self) -> None:
        self.send_response(503 if self.path.startswith("/ill") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def living() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("place", "code"), [("{}/health/live", 0), ("{}/ill", 1), ("http://127.0.0.1:1/", 1)])
def test_the_health_check_ends_with_0_or_1(living: str, place: str, code: int) -> None:
    made = subprocess.run(
        ["/usr/bin/python3", str(FOLDER / "healthcheck.py")], env={"LACHESIS_HEALTH": place.format(living)},
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert made.returncode == code
