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
    state: bytes | None = None
    """State of the checkpoint, if there is one."""
    refusal: str | None = None
    """Why there is no checkpoint, if one was asked for."""

    @property
    def has_section(self) -> bool:
        return self.state is not None or self.refusal is not None

    @classmethod
    def decode(cls, payload: bytes) -> "Result":
        count, stepped, states, outputs, errors, section = struct.unpack_from("<6I", payload)
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
        assert position + section == len(payload)
        result = cls(outcomes, time, mean, variance, output_mean, output_variance, covariance, texts)
        if section > 0:
            content = bytes(payload[position + 1 :])
            assert payload[position] in (0, 1)
            if payload[position] == 1:
                result.state = content
            else:
                assert len(content) <= 4_000
                result.refusal = content.decode()
        return result

    def followed_by(self, other: "Result") -> "Result":
        assert not self.has_section, "a result after that with the checkpoint"

        def joined(name: str) -> np.ndarray:
            return np.concatenate((getattr(self, name), getattr(other, name)))

        names = ("test_time", "mean", "variance", "output_mean", "output_variance")
        return Result(
            self.outcomes + other.outcomes,
            *(joined(name) for name in names),
            covariance=self.covariance if other.covariance is None else other.covariance,
            errors={**self.errors, **{len(self.outcomes) + index: text for index, text in other.errors.items()}},
            messages=self.messages + other.messages,
            state=other.state,
            refusal=other.refusal,
        )


class Ready:
    """A `ready` message, decoded."""

    def __init__(self, payload: bytes) -> None:
        (length,) = struct.unpack_from("<I", payload)
        description = json.loads(bytes(payload[4 : 4 + length]))
        self.estimator, self.state_names = description["estimator"], description["state_names"]
        self.output_names, self.columns = description["output_names"], description["columns"]
        self.acceleration, self.reason = description["acceleration"], description["acceleration_reason"]
        states = len(self.state_names)
        numbers = np.frombuffer(payload, "<f8", offset=4 + length)
        self.mean, self.covariance = numbers[:states], numbers[states:].reshape(states, states)


class Failed(Exception):
    """A `failed` message."""

    def __init__(self, payload: bytes) -> None:
        answer = json.loads(payload)
        super().__init__(answer["error"])
        self.is_of_checkpoint = answer.get("checkpoint", False)


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
        self.notices: list[tuple[int, dict[str, str]]] = []
        """Those that came so far, each with the number of results before it."""
        self._results = 0

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
            raise Failed(bytes(payload))
        assert kind == Kind.READY
        self.ready = Ready(payload)
        return self.ready

    def restore(self, state: bytes) -> None:
        self.channel.send(Kind.RESTORE, state)

    def send(self, records: list[dict[str, float]], checkpoint: bool = False) -> None:
        assert self.ready is not None
        values = [[record.get(name, np.nan) for name in self.ready.columns] for record in records]
        payload = np.array(values, "<f8").tobytes()
        self.channel.send(
            Kind.BATCH, struct.pack("<IIII", len(records), len(self.ready.columns), checkpoint, 0) + payload
        )

    def receive(self) -> Result:
        while answer := self.channel.receive():
            kind, payload = answer
            if kind == Kind.NOTICE:
                self.notices.append((self._results, json.loads(payload)))
                continue
            assert kind == Kind.RESULT
            self._results += 1
            return Result.decode(bytes(payload))
        raise EOFError

    def step(self, records: list[dict[str, float]], batch: int = 256, checkpoint: bool = False) -> Result:
        """Send records in batches and return all their results; with a checkpoint, it is after the last batch."""
        total: Result | None = None
        starts = range(0, max(len(records), 1), batch)
        for start in starts:
            part = records[start : start + batch]
            flagged = checkpoint and start == starts[-1]
            self.send(part, flagged)
            answered, ended = 0, False
            while answered < len(part) or (flagged and not ended):
                result = self.receive()
                answered += len(result.outcomes)
                ended = result.has_section
                assert flagged or not ended
                total = result if total is None else total.followed_by(result)
            assert answered == len(part)
        assert total is not None
        return total

    def checkpoint(self) -> bytes:
        """Ask for a checkpoint without records and return its state."""
        result = self.step([], checkpoint=True)
        assert result.outcomes == [] and result.messages == 1
        assert result.state is not None, result.refusal
        return result.state

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
