"""The connection to the host, when a script speaks on it itself: nothing that it says harms anybody, and all is explained."""

from typing import Any

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from hostile import Ground
from liars import LIAR, liar, talker
from processes import peak_memory, wait
from server import fresh
from streaming import upload

ENDED = "the script's process sent what no worker sends and was ended"

BUILDING = {
    # Bytes that are no messages.
    "garbage": ("host.send(b'garbage')", "a packet without a whole header"),
    "more-garbage": ("host.send(b'garbage' * 99)", "a malformed packet header"),
    "all-ones": ("host.send(b'\\xff' * 999)", "a malformed packet header"),
    "zeros": ("host.send(bytes(16))", "a message without its beginning"),
    "empty-packet": ("host.send(b'')", "it closed its connection and did not end"),
    "packet-too-long": ("host.send(bytes(65_537))", "a packet of 65537 bytes"),
    "packet-far-too-long": ("host.send(bytes(150_000))", "a packet of 150000 bytes"),
    "length-huge": ("packet(0xffffffff, READY)", "a message of 4294967295 bytes; at most 67108864 are allowed"),
    "length-negative": ("packet(-2**31, READY)", "a message of 2147483648 bytes; at most 67108864 are allowed"),
    "length-one-too-many": ("packet(LIMIT + 1, READY)", "a message of 67108865 bytes"),
    "length-without-content": ("packet(10, READY)", "a packet without content"),
    "length-too-short": ("packet(1, READY, content=b'xx')", "more bytes than the message announced"),
    "reserved-bytes": ("packet(0, READY, zero=1)", "a malformed packet header"),
    "first-of-two": ("packet(0, READY, first=2)", "a malformed packet header"),
    "no-beginning": ("packet(1, READY, first=0, content=b'x')", "a message without its beginning"),
    "two-beginnings": ("for _ in range(2): packet(9, READY, content=b'x')", "a message began before the one before it ended"),
    "another-length": ("packet(9, READY, content=b'x')\npacket(8, READY, 0, content=b'x')", "a message changed midway"),
    "another-kind": ("packet(9, READY, content=b'x')\npacket(9, RESULT, 0, content=b'x')", "a message changed midway"),
    "endless-nothing": ("packet(9, READY, content=b'x')\nwhile True: packet(9, READY, 0)", "a packet without content"),
    "endless-message": ("packet(9, READY, content=b'x')\nwhile True: packet(9, READY, 0, content=b'x')", "more bytes than the message announced"),
    # Messages that are none of a worker's, or come at the wrong time.
    "unknown-kind": ("say(255, b'')", "a message of kind 255 at the wrong time"),
    "kind-0": ("say(0, b'')", "a message of kind 0 at the wrong time"),
    "order-of-the-hosts": ("say(2, b'{}')", "a message of kind 2 at the wrong time"),
    "batch-of-the-hosts": ("say(3, bytes(16))", "a message of kind 3 at the wrong time"),
    "result-before-ready": ("result(1)", "a message of kind 131 at the wrong time"),
    "flood-of-results": ("while True: result(1)", "a message of kind 131 at the wrong time"),
    "two-failures": ("for _ in range(2): say(FAILED, b'{\"error\": \"x\"}')", "a message of kind 130 at the wrong time"),
    # Readiness that is none.
    "ready-empty": ("say(READY, b'')", "bytes"),
    "ready-without-numbers": ("ready(numbers=[])", "mean and covariance of 0 bytes fit no number of states"),
    "ready-of-other-shape": ("ready(numbers=[0.0] * 5)", "mean and covariance of 40 bytes fit no number of states"),
    "ready-with-a-huge-description": ("say(READY, struct.pack('<I', 0xffffffff) + bytes(100))", "bytes"),
    "ready-without-description": ("say(READY, struct.pack('<I2d', 0, 0, 0))", "the estimator's description is not the JSON expected"),
    "ready-with-garbage": ("say(READY, struct.pack('<I', 4) + b'\\xff{]x' + bytes(16))", "the estimator's description is not the JSON expected"),
    "ready-with-deep-json": ("say(READY, struct.pack('<I', 100_000) + b'[' * 100_000 + bytes(16))", "the estimator's description is not the JSON expected"),
    "ready-without-states": ("ready(state_names=[])", "the estimator has no states"),
    "ready-with-other-states": ("ready(state_names=['a', 'b'])", "bytes"),
    "ready-with-too-many-states": ("ready(901)", "the estimator has 901 states; at most 900 are allowed"),
    "ready-with-too-many-outputs": ("ready(output_names=['y'] * 901)", "at most 900 are allowed"),
    "ready-without-time": ("ready(columns=['current'])", "the first must be test_time"),
    "ready-with-a-column-twice": ("ready(columns=['test_time', 'a', 'a'])", "must be different"),
    "ready-with-too-many-columns": ("ready(columns=['test_time'] + [f'c{k}' for k in range(300)])", "columns"),
    "ready-not-a-number": ("ready(numbers=[float('nan'), 1.0])", "finite"),
    "ready-infinite": ("ready(numbers=[0.0, float('inf')])", "finite"),
    "ready-asymmetric": ("ready(2, numbers=[0.0, 0.0, 1.0, 5.0, -5.0, 1.0])", "symmetric"),
    # Failure that is none.
    "failure-with-garbage": ("say(FAILED, b'\\xff')", "the failure's description is not the JSON expected"),
    "failure-without-text": ("say(FAILED, b'{}')", "the failure's description is not the JSON expected"),
    # Silence.
    "close": ("host.close(); os.close(3)", "it closed its connection and did not end"),
    "shut-down": ("host.shutdown(socket.SHUT_RDWR)", "it closed its connection and did not end"),
    "shut-down-half": ("host.shutdown(socket.SHUT_WR)", "it closed its connection and did not end"),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(ground: Ground) -> dict[str, str]:
    """What the authors of such scripts are told; several at a time."""
    found: dict[str, str] = {}
    names = list(BUILDING)
    for start in range(0, len(names), 12):
        found |= ground.refusals({name: talker(BUILDING[name][0]) for name in names[start : start + 12]})
    return found


@pytest.mark.parametrize("name", BUILDING)
def test_what_is_said_instead_of_building_is_refused(told: dict[str, str], name: str) -> None:
    assert BUILDING[name][1] in told[name]
    assert len(told[name]) < 2_000


def test_a_failure_is_told_to_a_bound(ground: Ground) -> None:
    detail = ground.refused(talker("say(FAILED, json.dumps({'error': 'x' * (60 << 20)}).encode())"))
    assert len(detail) < 100_000


def test_a_large_message_costs_no_more_than_itself(ground: Ground) -> None:
    host = ground.server.host().pid
    before = peak_memory(host)
    ground.refused(talker("packet(LIMIT, READY, content=b'x')\nfor _ in range(1023): packet(LIMIT, READY, 0, content=bytes(65_528))"
                          "\nwhile True: packet(LIMIT, READY, 0, content=bytes(65_528))"))  # fmt: skip
    assert peak_memory(host) - before < 250


def test_announced_bytes_that_never_come_cost_nothing(ground: Ground) -> None:
    host = ground.server.host().pid
    before = peak_memory(host)
    announcing = "packet(LIMIT, READY, content=b'x')\nos._exit(3)"
    for _ in range(5):
        assert "exit status 3" in ground.refused(LIAR + announcing)
    assert peak_memory(host) - before < 8


def test_descriptors_that_are_sent_to_the_host_are_not_taken(ground: Ground) -> None:
    # That host and server hold no more than before the ground checks.
    sending = """
import array
ends = [number for _ in range(60) for number in os.pipe()]
for _ in range(50):
    try:
        host.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", ends))], socket.MSG_DONTWAIT)
    except OSError:
        break
ready()
"""
    assert ENDED in ground.refused(talker(sending))


HOSTILE_NAMES = ['"', "'; DROP TABLE x; --", "a\0b", "x" * 10_000, "", "\u202e", "lachesis_", "test_time", "rowid"]


@pytest.mark.parametrize("state", HOSTILE_NAMES, ids=[f"name-{k}" for k in range(len(HOSTILE_NAMES))])
def test_a_states_hostile_name_is_a_name_or_is_refused(ground: Ground, state: str) -> None:
    name = fresh("named")
    reply = ground.server.register(name, liar("result(n)", f"ready(state_names=[{state!r}])"))
    assert reply.status_code in (200, 422), reply.text
    if reply.status_code == 200:
        assert ground.server.status(name)["state_names"] == [state]
        upload(ground.server, name, drive(3))
    ground.server.http.delete(f"/db/{name}", params={"force": "true"})
    ground.check()


STEPPING = {
    "more-than-was-sent": ("result(n + 1)", "records where"),
    "far-more-than-was-sent": ("result(0xffffffff, 0, outcomes=b'')", "a result for 4294967295 records where"),
    "nothing": ("result(0)", "a result for 0 records where"),
    "twice": ("result(n)\nresult(n)", "where 0 were outstanding"),
    "a-flood-of-answers": ("while True: result(n)", "where 0 were outstanding"),
    "more-steps-than-records": ("result(n, n + 1)", f"{ENDED}\na result with"),
    "other-states": ("result(n, states=2)", "2 states"),
    "huge-states": ("result(n, 0, states=0xffffffff)", "4294967295 states"),
    "other-outputs": ("result(n, outputs=1)", "which is not what its counts need"),
    "many-errors": ("result(n, 0, errors=17, outcomes=b'\\5' * n)", "17 errors"),
    "padding": ("result(n, rest=b'x')", "which is not what its counts need"),
    "cut": ("result(n, numbers=[])", "which is not what its counts need"),
    "unasked-checkpoint": ("result(n, section=5, rest=b'\\1abcd')", "a checkpoint of 5 bytes where 0 were asked for"),
    "unknown-outcome": ("result(n, 0, outcomes=b'\\x63' * n)", "unknown outcome 99"),
    "steps-that-do-not-add-up": ("result(n, 0)", "stepped records do not add up"),
    "error-of-no-record": ("result(n, 0, errors=1, outcomes=b'\\5' * n, rest=struct.pack('<II', n, 0))", "an error that fits no record"),
    "error-of-a-good-record": ("result(n, 0, errors=1, outcomes=b'\\2' * n, rest=struct.pack('<II', 0, 0))", "an error that fits no record"),
    "error-of-a-huge-length": ("result(n, 0, errors=1, outcomes=b'\\5' * n, rest=struct.pack('<II', 0, 0xffffffff))", "an error that fits no record"),
    "mean-not-a-number": ("result(n, numbers=[0.0] * n + [float('nan')] * n + [1.0] * n + [1.0])", "a number that is not finite"),
    "variance-infinite": ("result(n, numbers=[0.0] * 2 * n + [float('inf')] * n + [1.0])", "a number that is not finite"),
    "time-infinite": ("result(n, numbers=[float('inf')] * n + [0.0] * n + [1.0] * n + [1.0])", "a number that is not finite"),
    "covariance-not-a-number": ("result(n, numbers=[0.0] * 3 * n + [float('nan')])", "a number that is not finite"),
    "ready-again": ("ready()", "a message of kind 129 at the wrong time"),
    "failure-now": ("say(FAILED, b'{\"error\": \"x\"}')", "a message of kind 130 at the wrong time"),
    "garbage": ("host.send(b'garbage')", "a packet without a whole header"),
    "length-huge": ("packet(-1, RESULT)", "a message of 4294967295 bytes"),
    "empty-packet": ("host.send(b'')", "it closed its connection and did not end"),
    "close": ("host.close(); os.close(3)", "it closed its connection and did not end"),
    "exit": ("os._exit(6)", "exit status 6"),
    "no-answer": ("time.sleep(600)", "a step took longer than 2.0 s"),
    "dripping": ("packet(10_000, RESULT, content=b'x')\nwhile True: time.sleep(0.1); packet(10_000, RESULT, 0, content=b'x')", "a step took longer than 2.0 s"),
    "dripping-nothing": ("packet(10_000, RESULT, content=b'x')\ntime.sleep(1)\npacket(10_000, RESULT, 0)", "a packet without content"),
}  # fmt: skip


@pytest.fixture(scope="module")
def parked(ground: Ground) -> dict[str, dict[str, Any]]:
    """Status of estimators that answer so to their records, after a while; all at the same time."""
    server = ground.server
    with ground.accepted(*[liar(words) for words, _ in STEPPING.values()]) as names:
        for name in names:
            upload(server, name, drive(4))

        def told() -> dict[str, dict[str, Any]] | None:
            status = server.get("/online/status")
            found = {case: status[name] for case, name in zip(STEPPING, names, strict=True)}
            return found if all(one["last_error"] for one in found.values()) else None

        found = wait(told, lambda: f"an error of each: {[server.status(name) for name in names]}", 60)
        # While they are tried again, the neighbour goes on.
        ground.check_neighbour()
        return found


@pytest.mark.parametrize("name", STEPPING)
def test_an_answer_that_is_none_is_explained_and_takes_no_effect(parked: dict[str, dict[str, Any]], name: str) -> None:
    status = parked[name]
    assert STEPPING[name][1] in status["last_error"], status["last_error"]
    assert not status["is_ready"]
    if name not in ("twice", "a-flood-of-answers"):
        # As it said that it was before any record.
        assert status["stepped"] == 0 and status["mean"] == [0.0] and status["covariance"] == [[1.0]]


def test_an_asymmetric_covariance_that_a_script_sends_itself_is_refused(ground: Ground) -> None:
    lie = "result(n, states=2, numbers=[0.0] * 5 * n + [1.0, 5.0, -5.0, 1.0])"
    with ground.accepted(liar(lie, "ready(2)")) as (name,):
        upload(ground.server, name, drive(4))
        status = wait(lambda: (one := ground.server.status(name))["last_error"] and one, "an error")
        assert "a covariance that is not symmetric" in status["last_error"] and status["stepped"] == 0


def test_a_liar_can_lie_about_itself_alone(ground: Ground) -> None:
    """Huge finite numbers of its own, with times of its own: they are shown as its estimate, and nobody else's."""
    lie = "result(n, numbers=[-1e308] * n + [1e308] * n + [1.7e308] * n + [1.7e308])"
    with ground.accepted(liar(lie)) as (name,):
        upload(ground.server, name, drive(4))
        status = wait(lambda: (one := ground.server.status(name))["stepped"] == 4 and one, "four steps")
        assert status["mean"] == [1e308] and status["covariance"] == [[1.7e308]]


ARRAYS = {
    "mean-not-a-number": ("self.mean = np.array([np.nan, 1])", "a mean that is not finite"),
    "covariance-not-a-number": ("self.covariance = np.full((2, 2), np.nan)", "a covariance that is not finite"),
    "covariance-infinite": ("self.covariance = np.diag([np.inf, 1])", "a covariance that is not finite"),
    "covariance-minus-infinite": ("self.covariance = np.diag([-np.inf, 1])", "a covariance that is not finite"),
    "covariance-asymmetric": ("self.covariance = np.array([[1.0, 5], [-5, 1]])", "a covariance that is not symmetric"),
    "covariance-slightly-asymmetric": ("self.covariance = np.array([[1.0, 0.1], [0.1001, 1]])", "a covariance that is not symmetric"),
    "covariance-huge-and-asymmetric": ("self.covariance = np.array([[1e300, 1e300], [-1e300, 1e300]])", "a covariance that is not symmetric"),
    "covariance-too-large": ("self.covariance = np.eye(3)", "an array of shape (3, 3) instead of an array of shape (2, 2)"),
    "covariance-far-too-large": ("self.covariance = np.broadcast_to(0.0, (10**6, 10**6))", "an array of shape (1000000, 1000000)"),
    "covariance-flat": ("self.covariance = np.ones(4)", "an array of shape (4,)"),
    "covariance-empty": ("self.covariance = np.empty((0, 0))", "an array of shape (0, 0)"),
    "covariance-a-list": ("self.covariance = [[1.0, 0.0], [0.0, 1.0]]", "a covariance that is a list"),
    "covariance-none": ("self.covariance = None", "a covariance that is a NoneType"),
    "covariance-complex": ("self.covariance = np.eye(2) * 1j", "Cannot cast"),
    "covariance-of-objects": ("self.covariance = np.full((2, 2), object())", "Cannot cast"),
    "covariance-of-text": ("self.covariance = np.full((2, 2), '1')", "Cannot cast"),
    "mean-too-long": ("self.mean = np.zeros(3)", "a mean that is an array of shape (3,)"),
    "output-not-a-number": ("return np.array([np.nan]), result[1]", "a mean of the outputs that is not finite"),
    "output-too-long": ("return np.zeros(2), result[1]", "a mean of the outputs that is an array of shape (2,)"),
    "nothing": ("return None", "TypeError"),
    "half": ("return result[:1]", "ValueError"),
    "exit": ("raise SystemExit", "SystemExit"),
    "memory": ("bytearray(1 << 50)", "MemoryError"),
}  # fmt: skip
LIAR_OF_ARRAYS = """
import lachesis_kalman, numpy as np
class Liar(lachesis_kalman.ExtendedKalmanFilter):
    def step(self, now):
        result = super().step(now)
        if now["current"] > 100:
            {}
        return result
lachesis_kalman.ExtendedKalmanFilter = Liar
"""


@pytest.fixture(scope="module")
def stepped(ground: Ground) -> dict[str, dict[str, Any]]:
    """Status of estimators whose step gives such arrays for one of their records."""
    server, records = ground.server, drive(20)
    spoilt = [record | {"current": 500.0} if k == 10 else record for k, record in enumerate(records)]
    with ground.accepted(*[LIAR_OF_ARRAYS.format(deed) + KALMAN for deed, _ in ARRAYS.values()]) as names:
        for name in names:
            upload(server, name, spoilt)
        return {case: server.wait_status(name) for case, name in zip(ARRAYS, names, strict=True)}


@pytest.mark.parametrize("name", ARRAYS)
def test_a_step_that_gives_no_valid_state_is_that_records_failure(stepped: dict[str, dict[str, Any]], name: str) -> None:
    status, records = stepped[name], drive(20)
    assert status["failed"] == 1 and status["stepped"] == 18 and status["restarts"] == 0
    assert ARRAYS[name][1] in status["last_error"], status["last_error"]
    assert_same(status, plain_kalman(records[:10] + records[11:]))
