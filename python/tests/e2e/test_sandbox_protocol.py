"""The connection to the host, when a script speaks on it instead of building: all is refused and explained."""

import pytest
from cells import drive
from hostile import Ground
from liars import ENDED, LIAR, liar, talker
from processes import peak_memory
from server import fresh
from streaming import upload

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
    "two-beginnings": (
        "for _ in range(2): packet(9, READY, content=b'x')",
        "a message began before the one before it ended",
    ),
    "another-length": ("packet(9, READY, content=b'x')\npacket(8, READY, 0, content=b'x')", "a message changed midway"),
    "another-kind": ("packet(9, READY, content=b'x')\npacket(9, RESULT, 0, content=b'x')", "a message changed midway"),
    "endless-nothing": ("packet(9, READY, content=b'x')\nwhile True: packet(9, READY, 0)", "a packet without content"),
    "rubbish-piece-by-piece": (
        "packet(9, READY, content=b'x')\nwhile True: packet(9, READY, 0, content=b'x')",
        "bytes expected",
    ),
    # Messages that are none of a worker's, or come at the wrong time.
    "unknown-kind": ("say(255, b'')", "a message of kind 255 at the wrong time"),
    "kind-0": ("say(0, b'')", "a message of kind 0 at the wrong time"),
    "order-of-the-hosts": ("say(2, b'{}')", "a message of kind 2 at the wrong time"),
    "batch-of-the-hosts": ("say(3, bytes(16))", "a message of kind 3 at the wrong time"),
    "result-before-ready": ("result(1)", "a message of kind 131 at the wrong time"),
    "notice-before-ready": ("notice('off')", "a message of kind 132 at the wrong time"),
    "flood-of-results": ("while True: result(1)", "a message of kind 131 at the wrong time"),
    "two-failures": ('for _ in range(2): say(FAILED, b\'{"error": "x"}\')', "x"),
    # Readiness that is none.
    "ready-empty": ("say(READY, b'')", "bytes"),
    "ready-without-numbers": ("ready(numbers=[])", "mean and covariance of 0 bytes fit no number of states"),
    "ready-of-other-shape": ("ready(numbers=[0.0] * 5)", "mean and covariance of 40 bytes fit no number of states"),
    "ready-with-a-huge-description": ("say(READY, struct.pack('<I', 0xffffffff) + bytes(100))", "bytes"),
    "ready-without-description": (
        "say(READY, struct.pack('<I2d', 0, 0, 0))",
        "the estimator's description is not the JSON expected",
    ),
    "ready-with-garbage": (
        "say(READY, struct.pack('<I', 4) + b'\\xff{]x' + bytes(16))",
        "the estimator's description is not the JSON expected",
    ),
    "ready-with-deep-json": (
        "say(READY, struct.pack('<I', 100_000) + b'[' * 100_000 + bytes(16))",
        "the estimator's description is not the JSON expected",
    ),
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
    "ready-with-more-acceleration": ("ready(acceleration='more')", "the estimator's description is not the JSON"),
    "ready-with-a-long-reason": (
        "ready(acceleration='off', acceleration_reason='x' * 4_001)",
        "a reason of 4001 bytes",
    ),
    # Failure that is none.
    "failure-with-garbage": ("say(FAILED, b'\\xff')", "the script failed"),
    "failure-without-text": ("say(FAILED, b'{}')", "the script failed"),
    # Silence.
    "close": ("host.close(); os.close(3)", "it closed its connection and did not end"),
    "shut-down": ("host.shutdown(socket.SHUT_RDWR)", "it closed its connection and did not end"),
    "shut-down-half": ("host.shutdown(socket.SHUT_WR)", "it closed its connection and did not end"),
}


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
    ground.refused(
        talker(
            "packet(LIMIT, READY, content=b'x')\nfor _ in range(1023): packet(LIMIT, READY, 0, content=bytes(65_528))"
            "\nwhile True: packet(LIMIT, READY, 0, content=bytes(65_528))"
        )
    )
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
