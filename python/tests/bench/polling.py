"""Requests per second and tail latency of `/online/status`, by wrk."""

import re
import subprocess
from collections.abc import Iterator

from measure import Figure
from server import Server

SECONDS = 5
CONNECTIONS = 4
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def figures(server: Server) -> Iterator[Figure]:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", f"{server.url}/online/status"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert rate and tail and "Non-2xx" not in said, said
    yield Figure("status_polls", float(rate[1]), "requests/s")
    yield Figure("status_poll_p99", float(tail[1]) * MILLISECONDS[tail[2]], "ms")
