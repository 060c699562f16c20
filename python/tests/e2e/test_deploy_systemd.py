"""The unit in a real systemd: the server runs under all of its hardening, and the sandbox inside it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from installation import Installation
from machine import Machine
from processes import wait

MachineFactory = Callable[..., Machine]
EXAMPLES = "/opt/lachesis/plugins/kalman/examples"
REGISTRATION = [
    "--form", "name=Cell", "--form", "plugin=kalman", "--form", f"definition=<{EXAMPLES}/estimator.py",
]  # fmt: skip


@pytest.fixture
def boot(installed: Installation) -> Iterator[MachineFactory]:
    machines: list[Machine] = []

    def boot(options: str = "", **files: bytes) -> Machine:
        machines.append(Machine(installed))
        return machines[-1].start(options, **files)

    yield boot
    for machine in machines:
        machine.end()


def status_of(machine: Machine, pid: str) -> dict[str, str]:
    lines = machine.run("cat", f"/proc/{pid}/status").stdout.splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def test_the_hardened_server_builds_the_whole_sandbox(boot: MachineFactory) -> None:
    machine = boot()
    health = machine.wait_plugin("kalman")
    assert health["plugins"]["kalman"] == {"state": "ready", "detail": None}, machine.log()
    assert health["sandbox_without"] == []
    made = machine.get("/online/register", *REGISTRATION)
    assert made["estimator"] == "ExtendedKalmanFilter", made
    assert machine.get("/online/status")["Cell"]["is_ready"] is True

    status = status_of(machine, machine.show("MainPID"))
    assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    owner = machine.run("stat", "--format", "%U %a", "/var/lib/lachesis").stdout.strip()
    assert owner == "lachesis 700"
    for path in ("/usr", "/etc/lachesis", "/opt/lachesis", "/var/lib"):
        inside = machine.run("nsenter", "--target", machine.show("MainPID"), "--mount", "touch", f"{path}/probe")
        assert "Read-only file system" in inside.stderr, path

    # Where workers' control groups are made, by whom they are made.
    inside = ["nsenter", "--target", machine.show("MainPID"), "--mount"]
    group = f"/sys/fs/cgroup{machine.show('ControlGroup')}/probe"
    made = machine.run(*inside, "setpriv", "--reuid=lachesis", "--regid=lachesis", "--clear-groups", "mkdir", group)
    assert made.returncode == 0, made.stderr
    assert machine.run("rmdir", group).returncode == 0

    # Answered within its own bound, and not killed at systemd's.
    stopped = machine.run("systemctl", "stop", "lachesisd")
    assert stopped.returncode == 0
    assert (machine.show("Result"), machine.show("ExecMainStatus")) == ("success", "0")
    assert machine.run("ls", "/run/lachesis").returncode != 0


def test_a_killed_server_comes_back_with_its_estimators(boot: MachineFactory) -> None:
    machine = boot()
    machine.wait_plugin("kalman")
    machine.get("/online/register", *REGISTRATION)
    before = machine.show("MainPID")
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", "lachesisd")

    def is_back() -> bool:
        status = machine.get("/online/status")
        return machine.show("MainPID") != before and bool(status) and status["Cell"]["is_ready"]

    wait(is_back, lambda: f"the estimator on the server started again\n{machine.log()}", 120)
    assert machine.show("NRestarts") == "1"


def test_without_a_certificate_reload_leaves_the_server_alone(boot: MachineFactory) -> None:
    machine = boot()
    machine.wait_plugin("kalman")
    before = machine.show("MainPID")
    assert machine.run("systemctl", "reload", "lachesisd").returncode == 0
    assert machine.get("/health")["status"] == "ok"
    assert (machine.show("MainPID"), machine.show("NRestarts")) == (before, "0")


def test_reload_reads_the_certificate_again(boot: MachineFactory, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "chain.pem")],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    machine = boot(
        "--tls-certificate /etc/lachesis/chain.pem --tls-key /etc/lachesis/key.pem",
        **{name: (tmp_path / name).read_bytes() for name in ("chain.pem", "key.pem")},
    )
    wait(lambda: machine.get("/health", scheme="https"), lambda: f"an answer over TLS\n{machine.log()}", 120)
    before = machine.show("MainPID")
    assert machine.run("systemctl", "reload", "lachesisd").returncode == 0
    wait(lambda: "read again" in machine.log(), machine.log, 60)
    assert machine.show("MainPID") == before
