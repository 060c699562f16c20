"""The host's side of zygotes and workers, for tests."""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lachesis_worker.protocol import Channel, Kind

HERE = Path(__file__).parent
PYTHON = HERE.parents[1]
PLUGINS = HERE.parents[2] / "plugins"
TIMEOUT = struct.pack("ll", 20, 0)

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMEXPR_MAX_THREADS": "1",
    "BLOSC_NTHREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUNBUFFERED": "1",
}


@dataclass
class Result:
    """A `result` message, or several in a row, decoded."""

    outcomes: list[int]
    test_time: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    output_mean: np.ndarray
    output_variance: np.ndarray
    covariance: np.ndarray | None
    errors: dict[int, str]
    messages: int = 1

    @classmethod
    def decode(cls, payload: bytes) -> "Result":
        count, stepped, states, outputs, errors, zero = struct.unpack_from("<6I", payload)
        assert zero == 0
        position = 24
        outcomes = list(payload[position : position + count])
        assert not any(payload[position + count : position + count + -count % 8])
        position += count + -count % 8
        assert outcomes.count(0) == stepped

        def doubles(*shape: int) -> np.ndarray:
            nonlocal position
            number = int(np.prod(shape))
            array = np.frombuffer(payload, "<f8", number, position).reshape(shape).copy()
            position += 8 * number
            return array

        time, mean, variance = doubles(stepped), doubles(stepped, states), doubles(stepped, states)
        output_mean, output_variance = doubles(stepped, outputs), doubles(stepped, outputs)
        covariance = doubles(states, states) if stepped else None
        texts = {}
        for _ in range(errors):
            index, length = struct.unpack_from("<II", payload, position)
            position += 8
            assert outcomes[index] == 5 and length <= 4_000
            texts[index] = bytes(payload[position : position + length]).decode()
            position += length
        assert position == len(payload)
        return cls(outcomes, time, mean, variance, output_mean, output_variance, covariance, texts)

    def followed_by(self, other: "Result") -> "Result":
        def joined(name: str) -> np.ndarray:
            return np.concatenate((getattr(self, name), getattr(other, name)))

        names = ("test_time", "mean", "variance", "output_mean", "output_variance")
        return Result(
            self.outcomes + other.outcomes,
            *(joined(name) for name in names),
            covariance=self.covariance if other.covariance is None else other.covariance,
            errors={**self.errors, **{len(self.outcomes) + index: text for index, text in other.errors.items()}},
            messages=self.messages + other.messages,
        )


class Ready:
    """A `ready` message, decoded."""

    def __init__(self, payload: bytes) -> None:
        (length,) = struct.unpack_from("<I", payload)
        description = json.loads(bytes(payload[4 : 4 + length]))
        self.estimator, self.state_names = description["estimator"], description["state_names"]
        self.output_names, self.columns = description["output_names"], description["columns"]
        states = len(self.state_names)
        numbers = np.frombuffer(payload, "<f8", offset=4 + length)
        self.mean, self.covariance = numbers[:states], numbers[states:].reshape(states, states)


class Failed(Exception):
    """A `failed` message."""


class Worker:
    """A worker and the connection to it."""

    def __init__(self, zygote: "Zygote") -> None:
        self._zygote = zygote
        self.folder = tempfile.TemporaryDirectory()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the worker)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # A test that waits for ever tells nothing.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, TIMEOUT)
        self.pid = zygote.ask({"fork": self.folder.name}, [theirs.fileno(), self._log.fileno()])["pid"]
        theirs.close()
        self.channel = Channel(ours.detach())
        self.ready: Ready | None = None

    def add_file(self, name: str, content: bytes) -> None:
        self.channel.send(Kind.FILE, struct.pack("<H", len(name.encode())) + name.encode() + content)

    def build(self, definition: str, name: str = "cell", **options: object) -> Ready:
        order = {"name": name, "definition": definition, "valid_time": None, "seed_inputs": True, "random_seed": 1}
        self.channel.send(Kind.BUILD, json.dumps({**order, **options}).encode())
        answer = self.channel.receive()
        if answer is None:
            raise EOFError
        kind, payload = answer
        if kind == Kind.FAILED:
            raise Failed(json.loads(bytes(payload))["error"])
        assert kind == Kind.READY
        self.ready = Ready(payload)
        return self.ready

    def send(self, records: list[dict[str, float]]) -> None:
        assert self.ready is not None
        values = [[record.get(name, np.nan) for name in self.ready.columns] for record in records]
        payload = np.array(values, "<f8").tobytes()
        self.channel.send(Kind.BATCH, struct.pack("<II", len(records), len(self.ready.columns)) + payload)

    def receive(self) -> Result:
        answer = self.channel.receive()
        if answer is None:
            raise EOFError
        assert answer[0] == Kind.RESULT
        return Result.decode(answer[1])

    def step(self, records: list[dict[str, float]], batch: int = 256) -> Result:
        """Send records in batches and return all their results."""
        total: Result | None = None
        for start in range(0, len(records), batch):
            part = records[start : start + batch]
            self.send(part)
            answered = 0
            while answered < len(part):
                result = self.receive()
                answered += len(result.outcomes)
                total = result if total is None else total.followed_by(result)
            assert answered == len(part)
        assert total is not None
        return total

    def end(self) -> int:
        """Close the connection and return the exit status, or minus a signal."""
        self.channel.close()
        return self.wait()

    def wait(self) -> int:
        return self._zygote.ask({"wait": self.pid})["status"]

    def output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()


class Zygote:
    """A process with a plugin warmed."""

    def __init__(self, plugin: Path) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(60)
        arguments = [sys.executable, str(HERE / "zygote_process.py"), str(theirs.fileno()), str(PYTHON), str(plugin)]
        inherited = {name: os.environ[name] for name in ("OPENBLAS_CORETYPE",) if name in os.environ}
        self._process = subprocess.Popen(
            arguments, env={**ENVIRONMENT, **inherited}, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()
        self.report = json.loads(self._control.recv(65_536))

    def ask(self, command: dict[str, object], descriptors: list[int] | None = None) -> dict[str, int]:
        socket.send_fds(self._control, [json.dumps(command).encode()], descriptors or [])
        return json.loads(self._control.recv(4_096))

    def worker(self) -> Worker:
        return Worker(self)

    def end(self) -> None:
        self._control.close()
        self._process.wait(20)
