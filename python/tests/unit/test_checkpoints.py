"""Checkpoints of workers: what goes over the wire, and that an estimator goes on from one as if nothing had been."""

import hashlib
import json
import random
import struct

import numpy as np
import pytest
from chains import assert_same_bits, begun, disturbed, interrupted, random_positions, uninterrupted
from test_kalman import SCRIPT
from test_kalman import records as kalman_records
from test_worker import CHECKED, SUM, records
from worker_client import Failed, Worker, Zygote

from lachesis_worker.protocol import Kind

HEADER = struct.Struct("<8sII32s")
DRAWING = CHECKED.replace(
    "BODY", "import random; self.state = self.state + [random.gauss(0, 1) + np.random.normal(), random.random()]"
)


def saving(body: str) -> str:
    """A script whose estimator saves in a way of its own."""
    return SUM.replace("return self.state.tobytes()", body)


def test_a_batch_without_records_gives_a_checkpoint(direct: Worker) -> None:
    direct.build(SUM)
    first = direct.step([], checkpoint=True)
    assert first.outcomes == [] and first.messages == 1 and first.covariance is None and first.state is not None
    direct.step(records(1, 2))
    assert direct.checkpoint() != first.state
    # The same estimator gives the same bytes: a checkpoint changes nothing.
    assert direct.checkpoint() == direct.checkpoint()
    assert direct.step(records(5, start=2)).mean.tolist() == [[8, 2]]


def test_a_checkpoint_comes_with_the_last_result_of_its_batch(direct: Worker) -> None:
    direct.build(CHECKED.replace("BODY", "import time; time.sleep(0.06)"))
    result = direct.step(records(*range(6)), checkpoint=True)
    assert len(result.outcomes) == 6 and result.messages > 1 and result.state is not None


def test_a_batch_that_was_answered_already_still_gives_a_checkpoint(direct: Worker) -> None:
    direct.build(SUM)
    direct.send(records(*range(256)), checkpoint=True)
    full = direct.receive()
    assert len(full.outcomes) == 256 and not full.has_section
    last = direct.receive()
    assert last.outcomes == [] and last.state is not None


@pytest.mark.parametrize(
    ("records", "columns", "flags", "zero"), [(0, 3, 0, 0), (0, 3, 2, 0), (0, 3, 3, 0), (0, 3, 1, 1), (0, 2, 1, 0)]
)
def test_a_malformed_request_ends_the_worker(direct: Worker, records: int, columns: int, flags: int, zero: int) -> None:
    direct.build(SUM)
    direct.channel.send(Kind.BATCH, struct.pack("<IIII", records, columns, flags, zero))
    assert direct.channel.receive() is None and direct.wait() == 65


def test_a_second_state_or_a_late_one_ends_the_worker(direct_zygote: Zygote) -> None:
    twice, late = direct_zygote.worker(), begun(direct_zygote, SUM)
    twice.restore(b"")
    for worker in (twice, late):
        worker.restore(b"x")
        assert worker.channel.receive() is None and worker.wait() == 65


def test_a_state_may_come_before_between_and_after_files(direct_zygote: Zygote) -> None:
    script, files = SUM + "\nopen('one').read(), open('two').read()\n", {"one": b"1", "two": b"2"}
    worker = begun(direct_zygote, script, files=files)
    worker.step(records(1, 2))
    state = worker.checkpoint()
    for position in range(3):
        worker = direct_zygote.worker()
        for index, name in enumerate(("two", "one")):
            if index == position:
                worker.restore(state)
            worker.add_file(name, files[name])
        if position == 2:
            worker.restore(state)
        assert worker.build(script).mean.tolist() == [3, 1]
        assert worker.step(records(3, start=9)).outcomes == [0] and worker.end() == 0


def test_a_restored_estimator_judges_records_as_before(direct_zygote: Zygote) -> None:
    given = disturbed(records(*range(120)))
    expected = uninterrupted(direct_zygote, SUM, given, valid_time=3.0)
    assert {0, 1, 2, 3, 4} == set(expected.outcomes)
    for cut in (0, 1, 4, 5, 6, 40, 41, 42, 43, 44):
        assert_same_bits(interrupted(direct_zygote, SUM, given, [cut], valid_time=3.0), expected)


def test_random_generators_go_on(direct_zygote: Zygote) -> None:
    given = records(*range(300))
    expected = uninterrupted(direct_zygote, DRAWING, given)
    # An odd number of `gauss` leaves half a pair behind, in both generators.
    assert_same_bits(interrupted(direct_zygote, DRAWING, given, [6, 7, *random_positions(300, 5)]), expected)


def test_what_saving_draws_is_put_back(direct_zygote: Zygote) -> None:
    body = "import random; random.random(); np.random.normal(); return self.state.tobytes()"
    script = DRAWING.replace("return self.state.tobytes()", body)
    given = records(*range(40))
    expected = uninterrupted(direct_zygote, DRAWING, given)
    assert_same_bits(interrupted(direct_zygote, script, given, [5, 20]), expected)
    worker = begun(direct_zygote, script.replace("return self.state.tobytes()", "raise ValueError"))
    first = worker.step(given[:20], checkpoint=True)
    assert first.refusal is not None
    first.refusal = None
    assert_same_bits(first.followed_by(worker.step(given[20:])), expected)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("raise ValueError('not to be saved')", "ValueError: not to be saved"),
        ("raise SystemExit", "sys.exit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return self.save()", "RecursionError"),
        ("return bytes(1 << 62)", "MemoryError"),
        ("import threading; return threading.Lock()", "cannot pickle '_thread.lock' object"),
        ("raise ValueError('ä' * 9_000 + ' the end')", "the end"),
        ("np.random = None; return b''", "AttributeError"),
    ],
)
def test_an_estimator_that_cannot_be_saved_says_why_and_goes_on(direct: Worker, body: str, word: str) -> None:
    direct.build(saving(body))
    result = direct.step(records(1, 2), checkpoint=True)
    assert result.state is None and result.refusal is not None and word in result.refusal
    assert "lachesis_worker" not in result.refusal
    assert direct.step(records(3, start=2)).mean.tolist() == [[6, 2]] and direct.end() == 0


def test_a_state_beyond_the_limit_is_refused_with_its_size(direct_zygote: Zygote) -> None:
    size = len(begun(direct_zygote, SUM).checkpoint())
    assert begun(direct_zygote, SUM, checkpoint_bytes=size).checkpoint()
    refusal = begun(direct_zygote, SUM, checkpoint_bytes=size - 1).step([], checkpoint=True).refusal
    assert refusal == f"the state has {size} bytes; at most {size - 1} are allowed"
    # Whatever the order says, a result must fit a message.
    worker = begun(direct_zygote, saving("return bytes(64 << 20)"), checkpoint_bytes=1 << 40)
    refusal = worker.step(records(1, 2), checkpoint=True).refusal
    assert refusal is not None and f"at most {40 << 20} are allowed" in refusal
    assert begun(direct_zygote, saving("return bytes(15 << 20)")).checkpoint()


def refused(worker: Worker, state: bytes, script: str = SUM, **options: object) -> str:
    """Why a state is refused; the worker has ended as after any script that fails."""
    worker.restore(state)
    with pytest.raises(Failed) as failed:
        worker.build(script, **options)
    assert failed.value.is_of_checkpoint is True
    assert worker.channel.receive() is None
    assert worker.wait() == 0 and worker.output() == ""
    return str(failed.value)


def resealed(state: bytes, change: dict[str, str] | None = None, form: int = 1, content: bytes | None = None) -> bytes:
    """A state with something changed and its digest made to fit."""
    mark, _, length, _ = HEADER.unpack_from(state)
    names, rest = state[HEADER.size :][:length], state[HEADER.size + length :]
    names = json.dumps({**json.loads(names), **(change or {})}).encode()
    rest = rest if content is None else content
    digest = hashlib.blake2b(names + rest, digest_size=32).digest()
    return HEADER.pack(mark, form, len(names), digest) + names + rest


def test_damaged_and_foreign_states_are_refused(direct_zygote: Zygote) -> None:
    worker = begun(direct_zygote, SUM)
    worker.step(records(1, 2))
    state = worker.checkpoint()
    chance = random.Random(7)
    damaged = [state[:-1], state[: len(state) // 2], state + b"\0"]
    for _ in range(20):
        position = chance.randrange(HEADER.size, len(state))
        damaged.append(state[:position] + bytes([state[position] ^ 1 << chance.randrange(8)]) + state[position + 1 :])
    for wrong in damaged:
        assert "damaged" in refused(direct_zygote.worker(), wrong)
    for position in range(HEADER.size):
        flipped = bytes([state[position] ^ 1 << chance.randrange(8)])
        refused(direct_zygote.worker(), state[:position] + flipped + state[position + 1 :])
    for wrong in (b"", b"\0", state[:20], chance.randbytes(5_000), json.dumps({}).encode(), state[1:]):
        assert "none of a worker's" in refused(direct_zygote.worker(), wrong)
    assert "format 2" in refused(direct_zygote.worker(), resealed(state, form=2))
    for content in (b"", b"N.", chance.randbytes(100), b"\x80\x05K\x05."):
        refused(direct_zygote.worker(), resealed(state, content=content))


def test_a_state_of_another_environment_is_refused_by_name(direct_zygote: Zygote) -> None:
    state = begun(direct_zygote, SUM).checkpoint()
    assert begun(direct_zygote, SUM, resealed(state)).end() == 0
    for name in ("numpy", "Python", "other"):
        text = refused(direct_zygote.worker(), resealed(state, {name: "0.1"}))
        assert f"{name} 0.1 where this worker has " in text
        assert text == refused(direct_zygote.worker(), resealed(state, {name: "0.1", "script": "x"}))


def test_a_state_of_another_script_or_other_files_is_refused(direct_zygote: Zygote) -> None:
    files = {"a": b"1", "b": b"2"}
    state = begun(direct_zygote, SUM, files=files).checkpoint()
    assert begun(direct_zygote, SUM, state, files=files).end() == 0
    assert "another script" in refused(direct_zygote.worker(), state, SUM + "\n")
    for other in ({"a": b"1"}, {"a": b"2", "b": b"1"}, {"a": b"1", "c": b"2"}, {**files, "c": b""}):
        worker = direct_zygote.worker()
        for name, content in other.items():
            worker.add_file(name, content)
        assert "other files" in refused(worker, state)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("raise SystemExit", "sys.exit"),
        ("self.state = np.array([np.nan, 0])", "finite"),
        ("self.state = np.zeros(3)", "shape (3,)"),
    ],
)
def test_restoring_that_fails_is_told_apart(direct_zygote: Zygote, body: str, word: str) -> None:
    script = SUM.replace("self.state = np.frombuffer(data).copy()", body)
    state = begun(direct_zygote, script).checkpoint()
    assert word in refused(direct_zygote.worker(), state, script)


def test_a_script_that_fails_is_not_the_checkpoints_fault(direct_zygote: Zygote) -> None:
    for state in (None, b"", begun(direct_zygote, SUM).checkpoint()):
        worker = direct_zygote.worker()
        if state is not None:
            worker.restore(state)
        with pytest.raises(Failed) as failed:
            worker.build("raise ValueError")
        assert failed.value.is_of_checkpoint is False and worker.wait() == 0


def test_a_filter_of_the_kalman_plugin_goes_on(kalman_zygote: Zygote) -> None:
    noisy = SCRIPT.replace("[x[0] + now", "[np.random.normal() * 1e-3 + x[0] + now") + "\nimport random\n"
    given = kalman_records(300)
    for index in range(3, 300, 9):
        given[index]["reading" if index % 2 else "extra"] = np.nan if index % 2 else 3.0
    for script in (SCRIPT, noisy):
        expected = uninterrupted(kalman_zygote, script, given)
        positions = [0, 1, 2, *random_positions(300, 6)]
        assert_same_bits(interrupted(kalman_zygote, script, given, positions), expected)


def test_a_kalman_filter_of_a_scripts_own_class_is_not_saved(kalman_zygote: Zygote) -> None:
    script = SCRIPT.replace("estimator = Ex", "class Own(ExtendedKalmanFilter): pass\nestimator = Ex")
    worker = begun(kalman_zygote, script.replace("estimator = ExtendedKalmanFilter", "estimator = Own"))
    result = worker.step(kalman_records(5), checkpoint=True)
    assert result.refusal is not None and "not a Own" in result.refusal and result.outcomes == [1, 0, 0, 0, 0]
