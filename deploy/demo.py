"""The demo: a server in the background, an example estimator, its records, and the estimate beside the truth.

python demo.py start [--port PORT]
python demo.py stop
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lachesis import Client, LachesisError

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "data" / "demo"
PID, LOG, OUTPUT = (FOLDER / name for name in ("server.pid", "server.log", "server.out"))


@dataclass(frozen=True)
class Example:
    """An example of a plugin: what to register, what to stream, and the cell's true health by state."""

    battery: str
    plugin: str
    files: tuple[str, ...]
    records: str
    truth: dict[str, tuple[float, str]]


EXAMPLES = (
    Example(
        "Demo cell", "moirae", ("initial-asoh.json",), "demo-cell.h5",
        {"q_t.base_values": (1.20, "Ah"), "r0.base_values": (0.075, "Ohm")},
    ),
    Example(
        "Demo cell 2", "kalman", (), "demo-cell.csv",
        {"capacity": (1.80, "Ah"), "resistance": (0.055, "Ohm")},
    ),
)  # fmt: skip


def start(port: int) -> None:
    """Show the first example whose plugin runs here, on a running server of the demo or a new one."""
    client = Client(_running() or _launch(port))
    example = _example(client)
    folder = ROOT / "plugins" / example.plugin / "examples"
    known = client.stats().get(example.battery)
    if known and known["has_estimator"]:
        print(f"'{example.battery}' is registered and its records are stored; nothing to stream again.")
    else:
        begin = time.monotonic()
        answer = client.register_estimator(
            example.battery, folder / "estimator.py", [folder / name for name in example.files], plugin=example.plugin
        )
        took = (time.monotonic() - begin) * 1000
        print(f"registered {answer.estimator} for '{example.battery}' in {took:.0f} ms")
    if not (known and known["has_data"]):
        client.upload(example.battery, folder / example.records)
    status = client.wait(example.battery)
    print(f"\n{status}\n")
    _compare(example, status.state_names, status.mean, status.std)
    battery = example.battery.replace(" ", "%20")
    print(f"\npage      {client.url}/dashboard/{battery}   (all batteries: {client.url}/)")
    print(f"status    {client.url}/online/status/{battery}")
    print(f"records   {client.url}/db/data/{battery}?limit=10")
    print(f"log       {LOG.relative_to(ROOT)}")
    print("stop      make demo-stop")


def _compare(example: Example, names: list[str], mean: list[float], std: list[float]) -> None:
    print(f"{'state':<18}{'estimate':>12}{'± std':>11}{'truth':>9}")
    for state, (truth, unit) in example.truth.items():
        k = names.index(state)
        print(f"{state:<18}{mean[k]:>12.4f}{std[k]:>11.4f}{truth:>9.3f} {unit}")


def _example(client: Client) -> Example:
    """Return the first example whose plugin works, and say why those before it do not."""
    for example in EXAMPLES:
        plugin = _settled(client, example.plugin)
        if plugin["state"] == "ready":
            return example
        print(f"The {example.plugin} plugin cannot run here: {plugin['detail']}\n")
    raise LachesisError("no plugin can run here")


def _settled(client: Client, name: str) -> dict[str, str]:
    """Wait until a plugin is loaded or has failed."""
    end = time.monotonic() + 120
    while True:
        plugin = client.health()["plugins"].get(name, {"state": "starting", "detail": ""})
        if plugin["state"] in ("ready", "failed") or time.monotonic() > end:
            return plugin
        time.sleep(0.05)


def _running() -> str | None:
    """Return the address of the demo's server, if it runs."""
    if _pid() is None:
        return None
    address = _address()
    if address is None:
        return None
    with contextlib.suppress(LachesisError), Client(address, timeout=10) as client:
        client.health()
        print(f"the server runs at {address}")
        return address
    return None


def _launch(port: int) -> str:
    """Start a server that outlives this program; at a free port if `port` is taken."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for candidate in (port, 0):
        command = [str(ROOT / ".build/release/lachesisd"), "serve", "--data", str(FOLDER), "--port", str(candidate)]
        with OUTPUT.open("wb") as output, LOG.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=log, start_new_session=True
            )
        PID.write_text(str(process.pid))
        while process.poll() is None:
            if address := _address():
                print(f"started the server at {address}")
                return address
            time.sleep(0.02)
        PID.unlink()
    raise LachesisError(f"the server does not start:\n{LOG.read_text(errors='replace')[-2000:]}")


def _address() -> str | None:
    match = re.search(r"^listening on (\S+)$", OUTPUT.read_text(), re.MULTILINE) if OUTPUT.exists() else None
    return match[1] if match else None


def _pid() -> int | None:
    """Return the server's process, if the file tells of one that runs and is a server of ours."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(PID.read_text())
        if str(FOLDER).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    return None


def stop() -> None:
    """End the demo's server and wait until it has ended."""
    pid = _pid()
    if pid is None:
        print("no demo server runs")
        return
    os.kill(pid, signal.SIGTERM)
    while _pid() is not None:
        time.sleep(0.05)
    PID.unlink(missing_ok=True)
    print("stopped the demo server; its data stay in data/demo")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("start", "stop"))
    parser.add_argument("--port", type=int, default=8000, help="port of a new server")
    options = parser.parse_args()
    try:
        start(options.port) if options.action == "start" else stop()
    except LachesisError as error:
        sys.exit(f"demo: {error}")


if __name__ == "__main__":
    main()
