"""The description of the interface: valid, complete, and what the server does, whatever it is asked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cells import KALMAN, drive
from server import ServerFactory
from streaming import upload

CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
]  # fmt: skip
ENDLESS = ["events", "uploadSocket"]
"""Operations whose answers do not end by themselves; they have tests of their own."""
SEED = 20_260_801


@pytest.mark.parametrize("examples", [12])
def test_whatever_is_asked_is_answered_as_described(make_server: ServerFactory, tmp_path: Path, examples: int) -> None:
    server = make_server("--build-timeout", "5")
    server.wait_plugins()
    server.accept("cell", KALMAN)
    upload(server, "cell", drive(50))
    server.wait_status("cell", stepped=49)
    options = [option for name in ENDLESS for option in ("--exclude-operation-id", name)]
    run = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--url", server.url,
            "--checks", ",".join(CHECKS), "--max-examples", f"{examples}", "--seed", f"{SEED}", "--no-shrink",
            "--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--warnings", "off", *options,
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=1200,
    )  # fmt: skip
    print(run.stdout[-2_000:])
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
    # It did ask.
    cases = re.search(r"(\d[\d,]*) generated", run.stdout)
    assert cases and int(cases[1].replace(",", "")) > 500, run.stdout[-2_000:]
    assert server.get("/health")["plugins"]["kalman"]["state"] == "ready"
