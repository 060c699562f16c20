"""The ground of the sandbox's tests, the browser that looks at pages, and what the tests of deploy/ share."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import browser, view  # noqa: F401 (fixtures)
from cells import KALMAN
from hostile import USERS, Ground, serving
from installation import Installation
from server import ROOT, Server, fresh

# Another system in namespaces of its own is something that root alone can start.
collect_ignore = [] if os.geteuid() == 0 else ["test_deploy_systemd.py"]


@pytest.fixture(scope="module", params=USERS)
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A server of root's and one of an ordinary user's, with a neighbour; when they end, they leave nothing."""
    with serving(request.param, "--step-timeout", "2") as server:
        yield Ground(server)


@pytest.fixture
def battery(server: Server) -> str:
    """A battery whose estimator runs and waits."""
    name = fresh("waiting")
    server.accept(name, KALMAN)
    server.wait_status(name, phase="running")
    return name


@pytest.fixture(scope="session")
def installed() -> Iterator[Installation]:
    """What `make install` makes."""
    installation = Installation()
    try:
        installation.install()
        yield installation
    finally:
        installation.remove()


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """Find a program that only tests need; without it a test is skipped, which fails where everything is to be had."""

    def find(name: str) -> Path:
        places = [str(ROOT / ".venv" / "tools"), str(ROOT / ".venv" / "bin"), os.environ["PATH"], "/usr/sbin"]
        found = shutil.which(name, path=":".join(places))
        if found is None:
            pytest.skip(f"{name} is missing: `make setup` and deploy/validators.sh fetch it")
        return Path(found)

    return find
