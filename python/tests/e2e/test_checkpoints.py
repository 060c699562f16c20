"""Checkpoints: an estimator that goes on from one gives the same numbers as one that was never interrupted."""

import os
import signal
from pathlib import Path
from random import Random

import pytest
from cells import DUAL, JOINT, KALMAN, MOIRAE_FILES, Script, assert_same, drive, seeded
from database import change, forget_records, query
from processes import wait
from server import Server, ServerFactory, fresh
from streaming import upload

OFTEN = ("--checkpoint-records", "50", "--checkpoint-interval", "3600")
AT_THE_END_ONLY = ("--checkpoint-records", "1000000", "--checkpoint-interval", "3600")

GENUINE = [
    pytest.param(Script(KALMAN), id="kalman"),
    pytest.param(Script(JOINT, "moirae"), id="joint", marks=pytest.mark.moirae),
    pytest.param(Script(DUAL, "moirae"), id="dual", marks=pytest.mark.moirae),
]

# Each holds something that cannot become bytes, and has to be the same estimator otherwise.
OWN_CLASS = KALMAN.replace(
    "estimator = ExtendedKalmanFilter(", "class Own(ExtendedKalmanFilter):\n    pass\n\nestimator = Own("
)
LOCK = "\nimport threading\nestimator.lock = threading.Lock()\n"
# It becomes bytes without complaint; the process that makes an estimator of them again ends.
TRAP = """
import os

class Trap:
    def __reduce__(self):
        return os._exit, (7,)

estimator.trap = Trap()
"""
RANDOM = "import random\n" + KALMAN.replace(
    "hours / x[1], x[1]]", "hours / x[1] + 1e-6 * np.random.randn(), x[1] + 1e-6 * random.random()]"
)


def checkpoints(server: Server, name: str) -> list[tuple[int, int, int]]:
    """Return id, cursor and version of a battery's checkpoints, the oldest first."""
    return query(
        server,
        "SELECT id, cursor, version FROM lachesis_checkpoints JOIN lachesis_batteries USING (battery) "
        "WHERE name = ? ORDER BY id",
        name,
    )


def damage(server: Server, checkpoint: int, how: str, random: Random) -> None:
    """Change the state in a checkpoint of this id."""
    ((state,),) = query(server, "SELECT state FROM lachesis_checkpoints WHERE id = ?", checkpoint)
    place = random.randrange(len(state))
    if how == "a bit differs":
        state = state[:place] + bytes([state[place] ^ 1 << random.randrange(8)]) + state[place + 1 :]
    elif how == "it is cut":
        state = state[:place]
    else:
        state = random.randbytes(len(state))
    assert change(server, "UPDATE lachesis_checkpoints SET state = ? WHERE id = ?", state, checkpoint) == 1


def saved_twice(make_server: ServerFactory, name: str, script: Script) -> Server:
    """Return a server that was stopped, with checkpoints of an estimator at records 60 and 120."""
    server = make_server(*AT_THE_END_ONLY)
    records = drive(120)
    script.register(server, name)
    upload(server, name, records[:60])
    server.wait_status(name, stepped=59)
    server.stop()
    server.start()
    upload(server, name, records[60:])
    server.wait_status(name, stepped=119)
    server.stop()
    assert [cursor for _, cursor, _ in checkpoints(server, name)] == [60, 120]
    return server


def assert_goes_on(server: Server, name: str, script: Script, folder: Path, count: int) -> None:
    """Upload the records from the 121st to this one; estimates and their table must be those of a plain loop."""
    records = drive(count)
    upload(server, name, records[120:])
    status = server.wait_status(name, stepped=count - 1, failed=0, skipped=0)
    assert_same(status, script.plain(records, folder))
    table = f'SELECT test_time FROM "{name}_estimates" ORDER BY lachesis_sequence'
    wait(lambda: len(query(server, table)) == count - 1, "all estimates")
    assert [time for (time,) in query(server, table)] == [record["test_time"] for record in records[1:]]


def test_before_any_checkpoint_the_status_has_none(server: Server) -> None:
    name = fresh("none")
    server.accept(name, KALMAN)
    status = server.wait_status(name)
    assert status["checkpoint"] is None and status["checkpoint_problem"] is None


def test_a_busy_estimator_is_saved_every_so_many_records_and_two_are_kept(make_server: ServerFactory) -> None:
    server = make_server(*OFTEN)
    name, records = fresh("busy"), drive(480)
    server.accept(name, KALMAN)
    for stored in range(120, 481, 120):
        upload(server, name, records[stored - 120 : stored])
        status = wait(
            lambda least=stored - 50: (
                (status := server.status(name)) and (status["checkpoint"] or 0) > least and status
            ),
            lambda: f"a checkpoint: {server.status(name)}",
        )
        assert status["checkpoint"] <= stored and status["checkpoint_problem"] is None
    kept = [cursor for _, cursor, _ in checkpoints(server, name)]
    assert len(kept) == 2 and kept[0] < kept[1] == server.status(name)["checkpoint"]


def test_an_idle_estimator_is_saved_after_a_while(make_server: ServerFactory) -> None:
    server = make_server("--checkpoint-records", "1000000", "--checkpoint-interval", "0.5")
    name, records = fresh("idle"), drive(60)
    server.accept(name, KALMAN)
    for stored in (30, 60):
        upload(server, name, records[stored - 30 : stored])
        server.wait_status(name, checkpoint=stored)
    numbers = checkpoints(server, name)
    upload(server, fresh("other"), records)
    assert checkpoints(server, name) == numbers, "what was saved is saved again"


@pytest.mark.parametrize("script", GENUINE)
def test_an_orderly_end_saves_what_a_start_goes_on_from(
    make_server: ServerFactory, tmp_path: Path, script: Script
) -> None:
    server = make_server(*AT_THE_END_ONLY)
    name = fresh("end")
    script.register(server, name)
    upload(server, name, drive(120))
    assert server.wait_status(name, stepped=119)["checkpoint"] is None
    server.stop()
    forget_records(server, name, 100)
    server.start()
    assert server.wait_status(name, stepped=119, checkpoint=120)["checkpoint_problem"] is None
    assert_goes_on(server, name, script, tmp_path, 240)


def test_an_end_in_the_midst_of_records_saves_as_far_as_they_were_stepped(make_server: ServerFactory) -> None:
    server = make_server(*AT_THE_END_ONLY)
    name, records = fresh("midst"), drive(1_500)
    slow = KALMAN.replace("    hours =", "    __import__('time').sleep(0.0002)\n    hours =")
    server.accept(name, slow)
    upload(server, name, records)
    wait(lambda: server.status(name)["stepped"] > 20, "steps")
    server.stop()
    ((_, cursor, _),) = checkpoints(server, name)
    assert 20 < cursor < 1_500
    forget_records(server, name, cursor)
    server.start()
    assert_same(server.wait_status(name, stepped=1_499, restarts=0), Script(KALMAN).plain(records, Path()))


@pytest.mark.parametrize(
    ("script", "victim"),
    [
        (Script(KALMAN), "worker"),
        (Script(KALMAN), "host"),
        (Script(KALMAN), "server"),
        pytest.param(Script(JOINT, "moirae"), "worker", marks=pytest.mark.moirae),
    ],
    ids=lambda value: value if isinstance(value, str) else value.plugin,
)
def test_after_a_kill_an_estimator_goes_on_from_the_last_checkpoint(
    make_server: ServerFactory, tmp_path: Path, script: Script, victim: str
) -> None:
    server = make_server(*OFTEN)
    name = fresh(victim)
    script.register(server, name)
    upload(server, name, drive(120))
    wait(lambda: (server.status(name)["checkpoint"] or 0) > 70, lambda: f"a checkpoint: {server.status(name)}")
    if victim == "server":
        server.kill()
        forget_records(server, name, 70)
        server.start()
    else:
        forget_records(server, name, 70)
        target = server.host() if victim == "host" else server.tree("worker")[0]
        os.kill(target.pid, signal.SIGKILL)
        server.wait_status(name, restarts=1)
    assert server.wait_status(name, stepped=119)["checkpoint_problem"] is None
    assert_goes_on(server, name, script, tmp_path, 240)


@pytest.mark.parametrize(
    ("script", "how"),
    [
        (Script(KALMAN), "a bit differs"),
        (Script(KALMAN), "it is cut"),
        (Script(KALMAN), "it is another"),
        pytest.param(Script(DUAL, "moirae"), "a bit differs", marks=pytest.mark.moirae),
    ],
    ids=lambda value: value if isinstance(value, str) else value.plugin,
)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    make_server: ServerFactory, tmp_path: Path, pytestconfig: pytest.Config, script: Script, how: str
) -> None:
    name = fresh("damaged")
    server = saved_twice(make_server, name, script)
    damage(server, checkpoints(server, name)[1][0], how, seeded(pytestconfig))
    forget_records(server, name, 60)
    server.start()
    status = server.wait_status(name, stepped=119, checkpoint=60)
    assert "could not be used" in status["checkpoint_problem"] and status["last_error"] is None
    assert status["restarts"] == 0
    assert_goes_on(server, name, script, tmp_path, 180)


@pytest.mark.parametrize("script", GENUINE[:2])
def test_where_all_checkpoints_are_damaged_all_records_are_stepped_again(
    make_server: ServerFactory, tmp_path: Path, pytestconfig: pytest.Config, script: Script
) -> None:
    name, random = fresh("all-damaged"), seeded(pytestconfig)
    server = saved_twice(make_server, name, script)
    for checkpoint, _, _ in checkpoints(server, name):
        damage(server, checkpoint, "a bit differs", random)
    server.start()
    status = server.wait_status(name, stepped=119, checkpoint=None)
    assert "could not be used" in status["checkpoint_problem"] and status["last_error"] is None
    assert_goes_on(server, name, script, tmp_path, 180)


def test_a_checkpoint_of_another_script_is_passed_over(make_server: ServerFactory, tmp_path: Path) -> None:
    name, script = fresh("another"), Script(KALMAN)
    server = saved_twice(make_server, name, script)
    change(
        server, "UPDATE lachesis_estimators SET definition = definition || ?", "\n# An update that nobody registered.\n"
    )
    server.start()
    status = server.wait_status(name, stepped=119, checkpoint=None)
    assert "could not be used" in status["checkpoint_problem"] and "another script" in status["checkpoint_problem"]
    assert_goes_on(server, name, script, tmp_path, 180)
    # What is saved from then on is good.
    server.stop()
    forget_records(server, name, 180)
    server.start()
    assert server.wait_status(name, stepped=179, checkpoint=180)["checkpoint_problem"] is None


@pytest.mark.moirae
def test_a_checkpoint_that_ends_the_process_is_passed_over(make_server: ServerFactory, tmp_path: Path) -> None:
    server = make_server(*AT_THE_END_ONLY)
    name, script = fresh("trap"), Script(JOINT + TRAP, "moirae")
    script.register(server, name)
    upload(server, name, drive(120))
    server.wait_status(name, stepped=119)
    server.stop()
    assert [cursor for _, cursor, _ in checkpoints(server, name)] == [120]
    server.start()
    assert_goes_on(server, name, script, tmp_path, 180)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(OWN_CLASS), id="kalman"),
        pytest.param(Script(JOINT + LOCK, "moirae"), id="joint", marks=pytest.mark.moirae),
    ],
)
def test_an_estimator_that_cannot_be_saved_steps_all_records_again(
    make_server: ServerFactory, tmp_path: Path, script: Script
) -> None:
    server = make_server(*OFTEN)
    name = fresh("unsaved")
    script.register(server, name)
    upload(server, name, drive(120))
    status = wait(
        lambda: (status := server.status(name))["checkpoint_problem"] and status,
        lambda: f"a checkpoint's problem: {server.status(name)}",
    )
    assert status["checkpoint_problem"].startswith("no checkpoint can be made: ") and status["checkpoint"] is None
    status = server.wait_status(name, stepped=119, failed=0)
    assert (status["phase"], status["restarts"], status["last_error"]) == ("running", 0, None)
    server.stop()
    assert checkpoints(server, name) == []
    server.start()
    server.wait_status(name, stepped=119)
    assert_goes_on(server, name, script, tmp_path, 180)


def test_random_numbers_go_on_where_the_checkpoint_was_made(make_server: ServerFactory) -> None:
    name, records, estimates = fresh("random"), drive(200), []
    for interrupted in (False, True):
        server = make_server(*AT_THE_END_ONLY)
        server.accept(name, RANDOM)
        upload(server, name, records[:100])
        server.wait_status(name, stepped=99)
        if interrupted:
            server.stop()
            forget_records(server, name, 100)
            server.start()
        upload(server, name, records[100:])
        status = server.wait_status(name, stepped=199)
        estimates.append((status["mean"], status["covariance"]))
    assert estimates[0] == estimates[1]
    assert estimates[0][0] != Script(KALMAN).plain(records, Path())[1], "no random numbers were drawn"


def test_a_new_version_does_not_go_on_from_the_former_ones_checkpoint(
    make_server: ServerFactory, tmp_path: Path
) -> None:
    name = fresh("version")
    server = saved_twice(make_server, name, Script(KALMAN))
    server.start()
    script = Script(KALMAN.replace("mean=[0.6, 1.5]", "mean=[0.5, 1.0]"))
    script.register(server, name)
    assert server.wait_status(name, version=2, stepped=119)["checkpoint"] is None
    server.kill()
    server.start()
    server.wait_status(name, version=2, stepped=119)
    server.stop()
    assert {(cursor, version) for _, cursor, version in checkpoints(server, name)} == {(120, 2)}
    server.start()
    assert_goes_on(server, name, script, tmp_path, 180)


@pytest.mark.moirae
def test_an_estimator_whose_saving_hangs_goes_on_without(make_server: ServerFactory) -> None:
    server = make_server("--step-timeout", "1", "--checkpoint-records", "50", "--checkpoint-interval", "5")
    name, records = fresh("hangs"), drive(120)
    hangs = "\nclass Endless:\n    def __reduce__(self):\n        while True: pass\nestimator.endless = Endless()\n"
    server.accept(name, JOINT + hangs, plugin="moirae", files=MOIRAE_FILES)
    upload(server, name, records)
    status = server.wait_status(name, stepped=119, restarts=2)
    assert "no checkpoint can be made" in status["checkpoint_problem"] and status["checkpoint"] is None
    assert_same(status, Script(JOINT, "moirae").plain(records, server.folder))
