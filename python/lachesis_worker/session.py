"""One estimator at work: from a build order to its answers."""

import json
import random
import struct
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from . import script
from .checkpoint import MAX_BYTES, CheckpointError, RandomState, WorkerState, fingerprint
from .gate import Gate, Outcome
from .orders import Batch, BuildOrder
from .plugin import ACCELERATIONS, Estimator, Plugin, ScriptError
from .protocol import Channel, Kind
from .results import MAX_ERROR_BYTES, MAX_STATES, Results, shorten

ANSWER_SECONDS = 0.1
"""How long records are worked on before what is done is answered: so a slow step can be told from a hung one."""
MAX_TEXT_BYTES = 64 << 10
"""Bytes of the explanation why a script failed."""
_LENGTH = struct.Struct("<I")


class Session:
    """An estimator that is ready, and the records it has accepted."""

    def __init__(self, order: BuildOrder, plugin: Plugin, files: Mapping[str, bytes]) -> None:
        """Execute the script and check its estimator; `files` are the digests of those that came with it.

        Raises ScriptError if the script gives none that can be used; whatever the script raises passes through.
        """
        self._hidden = (str(Path(__file__).parent), str(plugin.folder))
        script.limits = order.limits
        random.seed(order.random_seed)
        np.random.seed(order.random_seed)
        self._estimator: Estimator = plugin.load(script.execute(order.name, order.definition), order.acceleration)
        self.ready = _describe(self._estimator)
        """Payload of the `ready` message."""
        self._acceleration = self._estimator.acceleration
        columns = self._estimator.columns
        self._columns = len(columns)
        self._seed_inputs = order.seed_inputs
        self._gate = Gate([columns.index(name) for name in self._estimator.required], order.valid_time)
        self._results = Results(len(self._estimator.state_names), len(self._estimator.output_names))
        self._fingerprint = fingerprint(plugin, order.definition, files)
        self._checkpoint_bytes = min(order.checkpoint_bytes, MAX_BYTES)

    def restore(self, data: bytes | bytearray) -> None:
        """Go on from the state of a checkpoint, before the first record.

        Raises CheckpointError if it is not of this script and environment; what the plugin raises passes through. The
        session must not be used any more then.
        """
        state = WorkerState.decode(data, self._fingerprint)
        self._estimator.restore(state.estimator)
        self.ready = _describe(self._estimator)
        self._acceleration = self._estimator.acceleration
        self._gate.latest = state.latest
        # Last: what came before may have drawn numbers.
        state.random.put()

    def process(self, batch: bytes | bytearray, channel: Channel) -> None:
        """Take a batch's records in, in order, and answer them; raises ProtocolError if the batch does not fit."""
        results = self._results
        decoded = Batch.decode(batch, self._columns)
        answered = time.monotonic()
        for values in decoded.records:
            self._take(values)
            now = time.monotonic()
            if now - answered > ANSWER_SECONDS or results.is_full:
                self._answer(channel)
                answered = now
        if decoded.checkpoint:
            self._answer(channel, self._checkpoint())
        elif results.count > 0:
            self._answer(channel)

    def _answer(self, channel: Channel, checkpoint: bytes = b"") -> None:
        """Send a result, and before it what has become of the estimator's acceleration since the last."""
        level = self._estimator.acceleration
        if level != self._acceleration:
            self._acceleration = level
            reason = shorten(self._estimator.acceleration_reason, MAX_ERROR_BYTES).decode()
            channel.send(Kind.NOTICE, json.dumps({"acceleration": level, "reason": reason}).encode())
        channel.send(Kind.RESULT, self._results.take(checkpoint))

    def _checkpoint(self) -> bytes:
        """Return the checkpoint section of a result: 1 and the state, or 0 and why there is none."""
        try:
            randomness = RandomState.take()
            try:
                estimator = self._estimator.save()
            finally:
                # A script's own way of pickling may draw numbers, which the next step would miss.
                randomness.put()
            state = WorkerState(estimator, self._gate.latest, randomness)
            return b"\1" + state.encode(self._fingerprint, self._checkpoint_bytes)
        except CheckpointError as error:
            text = str(error)
        except BaseException as error:  # noqa: BLE001 (a script's own way of pickling may raise anything)
            text = script.explain(error, self._hidden)
        return b"\0" + shorten(text, MAX_ERROR_BYTES)

    def _take(self, values: list[float]) -> None:
        outcome = self._gate.judge(values)
        if outcome > Outcome.SEEDED:
            self._results.add(outcome)
            return
        estimator = self._estimator
        try:
            # A script's objects may refuse to be copied; before the step that is a failure with nothing to undo.
            mark = estimator.mark()
            try:
                if outcome == Outcome.STEPPED:
                    self._results.add_step(values[0], estimator.step(values))
                elif self._seed_inputs:
                    estimator.seed(values)
            except BaseException:
                estimator.rollback(mark)
                raise
        except BaseException as error:  # noqa: BLE001 (sys.exit in a step, too, is only this record's failure)
            self._results.add_failure(script.explain(error, self._hidden))
            return
        self._gate.accept(values)
        if outcome == Outcome.SEEDED:
            self._results.add(outcome)


def build(
    order: BuildOrder,
    plugin: Plugin,
    channel: Channel,
    files: Mapping[str, bytes],
    state: bytes | bytearray | None,
    unwritten: OSError | None = None,
) -> Session | None:
    """Build an estimator, from the state of a checkpoint if there is one, and answer `ready` or `failed`.

    `files`: digests of those that came with the script; `unwritten`: why one of them could not be written.
    Returns None after `failed`.
    """
    hidden = (str(Path(__file__).parent), str(plugin.folder))
    restoring = False
    try:
        if unwritten is not None:
            script.limits = order.limits
            raise unwritten
        session = Session(order, plugin, files)
        if state is not None:
            restoring = True
            session.restore(state)
    except (ScriptError, CheckpointError) as error:
        text = str(error)
    except BaseException as error:  # noqa: BLE001 (sys.exit, too, is what the script did, and its author is told)
        text = script.explain(error, hidden)
    else:
        channel.send(Kind.READY, session.ready)
        return session
    text = shorten(text, MAX_TEXT_BYTES).decode()
    channel.send(Kind.FAILED, json.dumps({"error": text, "checkpoint": restoring}).encode())
    return None


def _describe(estimator: Estimator) -> bytes:
    """Check what an estimator says of itself and encode it; raises ScriptError that tells what is wrong."""
    state_names, output_names = list(estimator.state_names), list(estimator.output_names)
    columns = list(estimator.columns)
    if not columns or columns[0] != "test_time" or len(set(columns)) < len(columns):
        raise ScriptError(f"the estimator's columns must be different, and the first test_time: {columns}")
    if not set(estimator.required) <= set(columns):
        raise ScriptError(f"the estimator requires columns that it does not ask for: {list(estimator.required)}")
    states = len(state_names)
    if not 0 < states <= MAX_STATES or len(output_names) > MAX_STATES:
        raise ScriptError(
            f"the estimator has {states} states and {len(output_names)} outputs; 1 to {MAX_STATES} can be"
        )
    mean, covariance = estimator.initial()
    mean, covariance = np.asarray(mean, float), np.asarray(covariance, float)
    if mean.shape != (states,) or covariance.shape != (states, states):
        raise ScriptError(
            f"the estimator's {states} states have a mean of shape {mean.shape} and a covariance of {covariance.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ScriptError("the estimator's initial mean and covariance must be finite")
    if estimator.acceleration not in (None, *ACCELERATIONS):
        raise ScriptError(f"the estimator's acceleration is {estimator.acceleration!r}, not one of {ACCELERATIONS}")
    description = json.dumps(
        {
            "estimator": estimator.class_name,
            "state_names": state_names,
            "output_names": output_names,
            "columns": columns,
            "acceleration": estimator.acceleration,
            "acceleration_reason": shorten(estimator.acceleration_reason, MAX_ERROR_BYTES).decode(),
        }
    ).encode()
    return b"".join((_LENGTH.pack(len(description)), description, mean.tobytes(), covariance.tobytes()))
