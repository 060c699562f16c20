"""Answers to records that no estimator gives: forged, malformed, not finite; each ends its worker."""

import re
from typing import Any

import pytest
from cells import KALMAN, drive
from hostile import Ground
from liars import liar
from processes import wait
from server import Files, Server, fresh
from streaming import upload

TWO = "ready(2)"
ACCELERATED = "ready(acceleration='full')"
NAN, INF = "float('nan')", "float('inf')"

TOO_MANY = "were outstanding|another test_time"
"""What is said of an answer too many: another if further records were sent meanwhile, for which it then counts."""

ANSWERS: dict[str, tuple[str, str, str]] = {
    # Words, what is said at first, what its author is told.
    # Forged sequences: answers are counted, and a worker cannot name the records or the epoch that they are for.
    "more-than-was-sent": ("result(n + 3)", "ready()", "were outstanding"),
    "the-same-again": ("for _ in range(300): result(n)", "ready()", TOO_MANY),
    "flood": ("while True: result(1)", "ready()", TOO_MANY),
    "for-no-records": ("result(0)", "ready()", "a result for 0 records"),
    "huge-count": (
        "say(RESULT, struct.pack('<6I', 0xffffffff, 0, 1, 0, 0, 0))", "ready()", "a result for 4294967295 records"
    ),
    "huge-number-of-states": (
        "say(RESULT, struct.pack('<6I', n, n, 0xffffffff, 0, 0, 0) + bytes(8))", "ready()", "4294967295 states"
    ),
    "huge-number-of-outputs": (
        "say(RESULT, struct.pack('<6I', n, n, 1, 0xffffffff, 0, 0) + bytes(64))", "ready()", "not what its counts need"
    ),
    "huge-number-of-errors": ("result(n, errors=0xffffffff)", "ready()", "4294967295 errors"),
    "more-steps-than-records": ("result(n, stepped=n + 1)", "ready()", "steps"),
    "before-any-record": ("pass", "ready()\nresult(1)", "where 0 were outstanding"),
    # At the wrong time, or not at all.
    "ready-again": ("ready()", "ready()", "a message of kind 129 at the wrong time"),
    "failure": ('say(FAILED, b\'{"error": "x"}\')', "ready()", "a message of kind 130 at the wrong time"),
    "batch": ("say(3, bytes(16))", "ready()", "a message of kind 3 at the wrong time"),
    "silence": ("pass", "ready()", "a step took longer than 2.0 s (step_timeout)"),
    "close": ("host.close(); os.close(3)", "ready()", "it closed its connection and did not end"),
    "garbage": ("host.send(b'garbage')", "ready()", "a packet without a whole header"),
    "length-huge": ("packet(0xffffffff, RESULT)", "ready()", "a message of 4294967295 bytes"),
    "length-negative": ("packet(-1, RESULT)", "ready()", "a message of 4294967295 bytes"),
    # Checkpoints.
    "checkpoint-that-nobody-wants": (
        "result(n, section=9, rest=b'\\1' + bytes(8))", "ready()", "a checkpoint of 9 bytes where 0 were asked for"
    ),
    "checkpoint-of-4-gib": ("result(n, section=0xffffffff)", "ready()", "a checkpoint of 4294967295 bytes"),
    # Acceleration: levels fall, while an answer is owed, with a reason.
    "notice-of-the-same-level": ("notice('full')", ACCELERATED, "acceleration 'full' after 'full'"),
    "notice-of-a-higher-level": (
        "notice('shortcuts')", "ready(acceleration='off')", "acceleration 'shortcuts' after 'off'"
    ),
    "notice-without-acceleration": ("notice('off')", "ready()", "acceleration 'off' after 'none'"),
    "notice-after-the-answer": (
        "n_all = globals().get('n_all', 0) + n\nresult(n)\nif n_all < 3: continue\nnotice('off')", ACCELERATED,
        "a notice where nothing was asked",
    ),
    "notice-of-an-unknown-level": ("notice('less')", ACCELERATED, "a notice that is not the JSON expected"),
    "notice-without-reason": ("notice('off', '')", ACCELERATED, "a notice that is not the JSON expected"),
    "notice-garbage": ("say(NOTICE, b'\\xff{')", ACCELERATED, "a notice that is not the JSON expected"),
    "notice-deep": ("say(NOTICE, b'[' * 20_000)", ACCELERATED, "a notice that is not the JSON expected"),
    "notice-with-a-long-reason": ("notice('off', 'x' * 4_001)", ACCELERATED, "a reason of 4001 bytes"),
    "notice-huge": ("notice('off', 'x' * (60 << 20))", ACCELERATED, "a notice of 62914"),
    # Shapes.
    "other-number-of-states": ("result(n, states=2)", "ready()", "2 states"),
    "wrong-shaped-covariance": ("result(n, numbers=[0.0] * (3 * n + 4))", "ready()", "not what its counts need"),
    "no-covariance": ("result(n, states=2, numbers=[0.0] * 5 * n)", TWO, "not what its counts need"),
    "huge-covariance": ("result(n, numbers=[0.0] * 1_000_000)", "ready()", "not what its counts need"),
    "too-long": ("result(n, rest=bytes(8))", "ready()", "not what its counts need"),
    "unknown-outcome": ("result(n, 0, outcomes=b'\\xff' * n, numbers=[])", "ready()", "unknown outcome 255"),
    "steps-that-do-not-add-up": ("result(n, 0, outcomes=bytes(n), numbers=[])", "ready()", "do not add up"),
    "error-of-no-record": (
        "result(n, 0, errors=1, outcomes=b'\\5' * n, numbers=[], rest=struct.pack('<2I', 99, 1) + b'x')",
        "ready()",
        "an error that fits no record",
    ),
    "error-that-is-no-text": (
        "result(n, 0, errors=1, outcomes=b'\\5' * n, numbers=[], rest=struct.pack('<2I', 0, 2) + b'\\xff\\xfe')",
        "ready()",
        "text that is not UTF-8",
    ),
    "error-of-4-gib": (
        "result(n, 0, errors=1, outcomes=b'\\5' * n, numbers=[], rest=struct.pack('<2I', 0, 0xffffffff))",
        "ready()",
        "an error that fits no record",
    ),
    # Numbers.
    "mean-not-a-number": (f"result(n, numbers=[0.0] * n + [{NAN}] * n + [0.0] * n + [1.0])", "ready()", "not finite"),
    "variance-infinite": (f"result(n, numbers=[0.0] * 2 * n + [{INF}] * n + [1.0])", "ready()", "not finite"),
    "time-infinite": (f"result(n, numbers=[-{INF}] * n + [0.0] * 2 * n + [1.0])", "ready()", "not finite"),
    "covariance-not-a-number": (f"result(n, numbers=[0.0] * 3 * n + [{NAN}])", "ready()", "not finite"),
    "covariance-infinite": (f"result(n, numbers=[0.0] * 3 * n + [{INF}])", "ready()", "not finite"),
    "covariance-not-symmetric": (
        "result(n, states=2, numbers=[0.0] * 5 * n + [1.0, 0.5, -0.5, 1.0])", TWO, "a covariance that is not symmetric"
    ),
    # Times that were not fed.
    "another-time": ("result(n, numbers=[5e5] * n + [0.0] * 2 * n + [1.0])", "ready()", "another test_time"),
}  # fmt: skip


def _end(server: Server, battery: str) -> dict[str, Any]:
    """Return the status once a process of the estimator was ended."""
    return wait(
        lambda: (status := server.status(battery))["last_error"] and status,
        lambda: f"an end of {battery}: {server.status(battery)}",
    )


@pytest.fixture(scope="module")
def told(ground: Ground) -> dict[str, dict[str, Any]]:
    """Statuses of estimators that answer so, after their processes were ended once; several at a time."""
    server, found = ground.server, {}
    names = list(ANSWERS)
    for start in range(0, len(names), 12):
        part = names[start : start + 12]
        with ground.accepted(*(liar(*ANSWERS[name][:2]) for name in part)) as batteries:
            by_name = dict(zip(part, batteries, strict=True))
            if early := by_name.get("before-any-record"):
                # Its next process could be asked before it answers.
                found["before-any-record"] = _end(server, early)
            for battery in batteries:
                upload(server, battery, drive(3))
            for name, battery in by_name.items():
                found.setdefault(name, _end(server, battery))
                # Of what it claimed nothing is stored beside what came before the lie.
                assert found[name]["stepped"] <= 3
    return found


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_no_estimator_gives_ends_its_worker(told: dict[str, dict[str, Any]], name: str) -> None:
    status = told[name]
    assert any(words in status["last_error"] for words in ANSWERS[name][2].split("|")), status["last_error"]
    if name not in ("the-same-again", "flood", "notice-after-the-answer"):
        assert status["stepped"] == 0 and status["mean"] in ([0.0], [0.0, 0.0])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("notice('shortcuts'); notice('off'); notice('off')", "acceleration 'off' after 'off'"),
        ("while True: notice('shortcuts')", "acceleration 'shortcuts' after 'shortcuts'"),
    ],
    ids=["third", "flood"],
)
def test_a_notice_after_one_that_was_right_ends_its_worker(ground: Ground, words: str, reason: str) -> None:
    server = ground.server
    with ground.accepted(liar(words, ACCELERATED)) as (name,):
        upload(server, name, drive(3))

        pattern = re.compile(rf"{name}.*{re.escape(reason)}")

        def told() -> re.Match[str] | None:
            return pattern.search(server.log_path.read_text("utf-8"))

        wait(told, lambda: f"an end of {name}: {server.status(name)}")
        # The next one claims what it claimed at first, which is more than it is allowed after that.
        wait(lambda: "more acceleration than" in (server.status(name)["last_error"] or ""), "a refusal of the next")
        assert server.status(name)["stepped"] == 0


def test_an_answer_of_the_right_form_is_taken(ground: Ground) -> None:
    """The words of the others, where they are right: it is the lies that are refused."""
    server = ground.server
    with ground.accepted(liar("for _ in range(n): result(1)\ncontinue")) as (name,):
        upload(server, name, drive(3))
        server.wait_status(name, stepped=3, restarts=0)


def test_huge_numbers_are_a_scripts_own_affair(ground: Ground) -> None:
    server = ground.server
    huge = "result(n, numbers=times[:n] + [-1e308] * n + [-1e308] * n + [1.7e308])\ncontinue"
    with ground.accepted(liar(huge)) as (name,):
        upload(server, name, drive(3))
        status = server.wait_status(name, stepped=3, restarts=0)
        assert status["mean"] == [-1e308] and status["covariance"] == [[1.7e308]]


TIMELESS = {
    "seeded": "result(n, 0, outcomes=b'\\1' * n, numbers=[])",
    "stepped": "result(n, numbers=[0.0] * 3 * n + [1.0])",
}


@pytest.mark.parametrize("words", TIMELESS.values(), ids=TIMELESS)
def test_a_record_without_a_time_takes_no_effect(ground: Ground, words: str) -> None:
    server = ground.server
    with ground.accepted(liar(words)) as (name,):
        upload(server, name, [{"voltage": 3.7}])
        status = wait(lambda: (s := server.status(name))["last_error"] and s, lambda: f"an end: {server.status(name)}")
        assert "record 1, which has no test_time" in status["last_error"]
        assert (status["latest_time"], status["stepped"], status["skipped"]) == (None, 0, 0)
        parts: Files = [("name", (None, name)), ("definition", (None, liar(words))), ("plugin", (None, "kalman"))]
        reply = server.http.post("/online/check", files=parts)
        assert reply.status_code == 422 and "record 1, which has no test_time" in reply.json()["detail"], reply.text


def test_a_gate_that_lets_everything_in_ends_its_worker_and_no_page(ground: Ground) -> None:
    server = ground.server
    open_gate = """
from lachesis_worker.gate import Gate, Outcome
Gate.judge = lambda self, values: Outcome.SEEDED
"""
    with ground.accepted(open_gate + KALMAN) as (name,):
        upload(server, name, [{"voltage": 3.7, "current": 0.0}])
        status = wait(lambda: (s := server.status(name))["last_error"] and s, lambda: f"an end: {server.status(name)}")
        assert "which has no test_time" in status["last_error"] and status["latest_time"] is None
        for page in ("/", f"/dashboard/{name}"):
            assert server.http.get(page).status_code == 200


def test_what_a_worker_claims_reaches_its_own_battery_alone(ground: Ground) -> None:
    """There is no field in which it could name another battery, record or epoch; its connection says whose it is."""
    server, other = ground.server, fresh("other")
    with ground.accepted(
        liar(f"result(n, numbers=times[:n] + [7.0] * 2 * n + [1.0])\nprint({other!r}, flush=True)\ncontinue")
    ) as (name,):
        upload(server, other, drive(3))
        upload(server, name, drive(3))
        assert server.wait_status(name, stepped=3)["mean"] == [7.0]
        assert server.status(other) is None and server.stats(other)["data_stats"]["rows"] == 3
    server.http.delete(f"/db/{other}")
