"""An installation made by `make install`, in a folder of its own, as an admin's machine has it."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from server import PROGRAM, ROOT

PREFIX = Path("/opt/lachesis")
"""Where it believes to be."""


class Installation:
    """What `make install` wrote below `root`, the place of the machine's own root."""

    def __init__(self) -> None:
        # Beside pytest's folders, of which it keeps some: this one takes a gigabyte.
        self.root = Path(tempfile.mkdtemp(prefix="lch-install-"))
        # An ordinary user's server is started from here, too.
        self.root.chmod(0o755)

    @property
    def prefix(self) -> Path:
        return self.root / PREFIX.relative_to("/")

    @property
    def program(self) -> Path:
        return self.prefix / "bin" / "lachesisd"

    def install(self) -> str:
        """Install, or install again; return what it said."""
        made = install(DESTDIR=str(self.root))
        assert made.returncode == 0, made.stdout + made.stderr
        return made.stdout

    def remove(self) -> None:
        shutil.rmtree(self.root)


def install(**variables: str) -> subprocess.CompletedProcess[str]:
    """Run `make install` with what these tests run with."""
    environment = os.environ | {"BUILD": str(PROGRAM.parent), "VENV": sys.prefix} | variables
    return subprocess.run(
        ["make", "--no-print-directory", "install"], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip


def toolchain() -> set[Path]:
    """Return the folders outside the system's from which the built program takes libraries."""
    said = subprocess.run(["ldd", str(PROGRAM)], capture_output=True, text=True, check=True, timeout=60).stdout
    paths = [Path(line.split()[2]) for line in said.splitlines() if "=> /" in line]
    return {path.parent for path in paths if not str(path).startswith(("/lib", "/usr/lib"))}
