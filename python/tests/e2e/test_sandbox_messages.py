"""Messages that workers begin and do not end: what the host holds of them is bounded, and nobody waits for ever."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cells import assert_same, drive, plain_kalman
from hostile import USERS, Ground, serving
from liars import ENDED, liar, talker
from processes import peak_memory, wait
from server import fresh
from streaming import upload

MESSAGE_SECONDS = 4
DRIPPERS = 4

DRIP = """
print("begun", flush=True)
packet(LIMIT, READY, content=b"x")
while True:
    time.sleep(0.2)
    packet(LIMIT, READY, 0, content=b"x")
"""
HELD = "for _ in range(1023): packet(LIMIT, READY, int(_ == 0), content=bytes(65_528))\ntime.sleep(1.5)\n" + (
    "packet(LIMIT, READY, 0, content=bytes(65_528))\npacket(LIMIT, READY, 0, content=bytes(LIMIT - 1024 * 65_528))"
)
"""A whole message of 64 MiB, which pauses before its end."""


@pytest.fixture(scope="module", params=USERS)
def narrow(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A server whose host has room for one message of the largest size."""
    options = ("--max-unfinished-mb", "64", "--message-timeout", str(MESSAGE_SECONDS))
    with serving(request.param, *options) as server:
        yield Ground(server)


LARGE = """
import numpy as np
from lachesis_kalman import ExtendedKalmanFilter

COUNT = 300
first = np.eye(1, COUNT)
estimator = ExtendedKalmanFilter(
    state_names=[f"x{k}" for k in range(COUNT)], mean=np.zeros(COUNT), covariance=np.eye(COUNT) + 0.1,
    transition=lambda x, before, now: x, transition_jacobian=lambda *arguments: np.eye(COUNT),
    measurement=lambda x, now: x[:1], measurement_jacobian=lambda *arguments: first,
    process_noise=np.zeros((COUNT, COUNT)), measurement_noise=[[0.01]], outputs=["voltage"],
)
"""
"""An estimator whose results are messages of many packets: the covariance alone is 720 KB."""


def test_who_drips_is_ended_and_keeps_nobody_from_going_on(narrow: Ground) -> None:
    """Each in its turn has the room, and is ended when its time is over."""
    server, host = narrow.server, narrow.server.host().pid
    before = peak_memory(host)
    with narrow.connections(), ThreadPoolExecutor() as pool:
        drips = [pool.submit(narrow.refusal, talker(DRIP)) for _ in range(DRIPPERS)]
        wait(lambda: len(server.tree("worker")) == 1 + DRIPPERS, "all of them")
        # Whose messages are small never waits, also while all of the room is taken.
        for _ in range(4):
            narrow.check_neighbour()
        assert not all(drip.done() for drip in drips)
        told = [drip.result() for drip in drips]
    for detail in told:
        assert ENDED in detail and f"a message was not finished within {float(MESSAGE_SECONDS)} s" in detail, detail
    assert peak_memory(host) - before < 40
    narrow.check()


def test_a_large_message_waits_its_turn_and_arrives(narrow: Ground) -> None:
    """It is held up for longer than a step may take, and not ended for it."""
    server, records, name = narrow.server, drive(20), fresh("large")
    server.accept(name, LARGE, step_timeout="2")
    with narrow.connections(), ThreadPoolExecutor(2) as pool:
        drips = [pool.submit(narrow.refusal, talker(DRIP)) for _ in range(2)]
        wait(lambda: len(server.tree("worker")) == 4, "both of them")
        # What they announce comes before anything else.
        time.sleep(1)
        upload(server, name, records)
        status = server.wait_status(name, stepped=19, failed=0, restarts=0)
        assert any(drip.done() for drip in drips), "it had to wait"
        for drip in drips:
            drip.result()
    assert_same(status, plain_kalman(records, LARGE))
    server.http.delete(f"/db/{name}", params={"force": "true"})
    narrow.check()


def test_many_large_messages_at_once_are_taken_one_after_the_other(narrow: Ground) -> None:
    host = narrow.server.host().pid
    before, began = peak_memory(host), time.monotonic()
    told = narrow.refusals({str(number): talker(HELD) for number in range(6)})
    assert all(ENDED in detail for detail in told.values()), told
    # All at once they would be 384 MB; one is 67, and twice that while it grows.
    assert peak_memory(host) - before < 250
    assert time.monotonic() - began > 4, "they were held up"


def test_who_announces_and_dies_gives_its_room_back(narrow: Ground) -> None:
    dying = talker("packet(LIMIT, READY, content=b'x')\nos._exit(3)")
    told = narrow.refusals({str(number): dying for number in range(8)})
    assert all("exit status 3" in detail for detail in told.values()), told


def test_an_estimator_that_drips_between_its_steps_is_ended_too(narrow: Ground) -> None:
    """With records or without any: no step is under way that would have a time of its own."""
    server, name = narrow.server, fresh("drips")
    server.accept(name, liar("result(n)\n" + DRIP.replace("READY", "RESULT").strip()))
    upload(server, name, drive(3))
    status = wait(lambda: (found := server.status(name))["last_error"] and found, "an end")
    assert ENDED in status["last_error"]
    server.http.delete(f"/db/{name}", params={"force": "true"})
    narrow.check()
