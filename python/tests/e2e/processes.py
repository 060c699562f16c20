"""Reads processes from /proc: trees, names, descriptors."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

Answer = TypeVar("Answer")


class Process(NamedTuple):
    """A process; its start distinguishes it from a later one with the same number."""

    pid: int
    parent: int
    name: str
    start: int
    state: str

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs; one that has ended and waits for its parent counts as ended."""
        now = look_up(self.pid)
        return now is not None and now.start == self.start and now.state not in "ZX"

    @property
    def descriptors(self) -> list[str]:
        """What its open descriptors lead to: paths, or kinds such as `socket:[1234]`."""
        folder, found = Path(f"/proc/{self.pid}/fd"), []
        for entry in os.listdir(folder):
            # It may have closed one meanwhile.
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(folder / entry))
        return found


def look_up(pid: int) -> Process | None:
    """Describe a process; None if there is none of this number."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may contain both kinds.
    name = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    return Process(pid, int(fields[1]), name, int(fields[19]), fields[0])


def descendants(pid: int) -> list[Process]:
    """Return the processes below one, the nearest first."""
    everyone = [process for entry in os.listdir("/proc") if entry.isdigit() and (process := look_up(int(entry)))]
    found: list[Process] = []
    generation = [pid]
    while generation:
        children = [process for process in everyone if process.parent in generation]
        found += children
        generation = [process.pid for process in children]
    return found


def peak_memory(pid: int) -> int:
    """Return how much memory a process had at most, MB (10⁶ bytes) of resident pages."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024 // 1_000_000


def group_folders(pid: int) -> list[Path]:
    """Return the control groups, one a hierarchy, that a host has made for a worker's process."""
    groups = [line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    own = {"/".join(Path(group).parts[-2:]) for group in groups if Path(group).name.startswith("worker-")}
    return [folder for name in own for folder in worker_groups(name.split("/")[0]) if folder.name == name.split("/")[1]]


def worker_groups(host: str) -> list[Path]:
    """Return the control groups of a host's workers, by the name of its own."""
    # Unlike `rglob` it minds no group that others on this machine remove meanwhile.
    homes = [Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup") if folder.endswith(f"/{host}")]
    return sorted(path for home in homes for path in home.glob("worker-*") if path.is_dir())


def wait(question: Callable[[], Answer | None], what: str | Callable[[], str], seconds: float = 60) -> Answer:
    """Ask until the answer is true and return it; raises AssertionError after so many seconds.

    The time is a bound for machines that are busy, not a claim.
    """
    end = time.monotonic() + seconds
    while True:
        if answer := question():
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"within {seconds} s there was not: {what() if callable(what) else what}")
        time.sleep(0.02)
