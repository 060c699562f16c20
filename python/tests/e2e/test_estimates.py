"""Estimates equal, bit for bit, what a plain loop over the same records gives."""

import asyncio

from cells import KALMAN, assert_same, drive, kalman_steps, plain_kalman
from server import Server, fresh
from streaming import connect, packed, send, upload

FIELDS = {
    "is_ready": bool, "latest_time": float, "state_names": list, "mean": list, "covariance": list, "output_names": list,
    "output_mean": list, "output_variance": list, "estimator": str, "plugin": str, "version": int, "phase": str,
    "stepped": int, "skipped": int, "failed": int, "skipped_because": dict, "waiting": int, "restarts": int,
    "acceleration": dict,
}  # fmt: skip


def test_a_registration_tells_what_the_estimator_is(server: Server) -> None:
    name = fresh("told")
    assert server.accept(name, KALMAN) == {
        "name": name, "estimator": "ExtendedKalmanFilter", "version": 1, "state_names": ["soc", "capacity"],
    }  # fmt: skip
    assert server.stats(name) == {
        "has_metadata": False, "has_data": False, "has_estimator": True, "data_stats": None,
    }  # fmt: skip


def test_before_any_record_the_status_is_the_scripts_own(server: Server) -> None:
    name = fresh("before")
    server.accept(name, KALMAN)
    status = server.wait_status(name)
    assert status["latest_time"] is None
    assert (status["mean"], status["covariance"]) == ([0.6, 1.5], [[0.01, 0.0], [0.0, 0.04]])
    assert (status["stepped"], status["skipped"], status["failed"]) == (0, 0, 0)
    assert server.get("/db/stats")[name]["has_data"] is False


def test_estimates_equal_a_plain_loop(server: Server) -> None:
    name, records = fresh("plain"), drive(3_000)
    server.accept(name, KALMAN)
    upload(server, name, records)
    status = server.wait_status(name, latest_time=records[-1]["test_time"], stepped=2_999)
    assert_same(status, plain_kalman(records))


def test_the_status_has_all_its_fields(server: Server) -> None:
    name, records = fresh("fields"), drive(50)
    server.accept(name, KALMAN)
    upload(server, name, records)
    status = server.wait_status(name, stepped=49)
    for field, kind in FIELDS.items():
        assert type(status[field]) is kind, (field, status[field])
    assert status["last_error"] is None
    assert {key: status[key] for key in ("estimator", "plugin", "version", "phase", "restarts")} == {
        "estimator": "ExtendedKalmanFilter", "plugin": "kalman", "version": 1, "phase": "running", "restarts": 0,
    }  # fmt: skip


def test_predicted_outputs_are_those_of_the_last_step(server: Server) -> None:
    name, records = fresh("outputs"), drive(200)
    server.accept(name, KALMAN)
    upload(server, name, records)
    status = server.wait_status(name, stepped=199)
    *_, (_, mean, covariance) = kalman_steps(records)
    assert status["output_names"] == ["terminal_voltage"]
    assert (status["output_mean"], status["output_variance"]) == (mean.tolist(), covariance.diagonal().tolist())


def test_the_first_record_is_not_stepped(server: Server) -> None:
    name, records = fresh("first"), drive(2)
    server.accept(name, KALMAN)
    upload(server, name, records[:1])
    status = server.wait_status(name, latest_time=0.0)
    assert (status["stepped"], status["skipped"], status["failed"], status["mean"]) == (0, 0, 0, [0.6, 1.5])
    upload(server, name, records[1:])
    assert_same(server.wait_status(name, stepped=1), plain_kalman(records))


def test_a_late_registration_catches_up(server: Server) -> None:
    name, records = fresh("late"), drive(2_500)
    upload(server, name, records[:2_000])
    server.accept(name, KALMAN)
    assert_same(server.wait_status(name, stepped=1_999), plain_kalman(records[:2_000]))
    upload(server, name, records[2_000:])
    assert_same(server.wait_status(name, stepped=2_499), plain_kalman(records))


def test_a_registration_in_the_midst_of_an_upload_misses_nothing(server: Server) -> None:
    name, records = fresh("midst"), drive(2_000)

    async def stream() -> None:
        async with connect(server, name) as socket:
            for number, record in enumerate(records):
                await socket.send(packed(record))
                if number == 500:
                    registration = asyncio.create_task(asyncio.to_thread(server.accept, name, KALMAN))
                if number % 100 == 0:
                    await asyncio.sleep(0.01)
            await registration

    asyncio.run(stream())
    assert_same(server.wait_status(name, stepped=1_999), plain_kalman(records))


def test_reconnecting_goes_on(server: Server) -> None:
    name, records = fresh("again"), drive(600)
    server.accept(name, KALMAN)
    for start in range(0, 600, 75):
        upload(server, name, records[start : start + 75])
    assert_same(server.wait_status(name, stepped=599), plain_kalman(records))


def test_records_one_by_one_give_the_same_as_records_at_once(server: Server) -> None:
    name, records = fresh("single"), drive(60)
    server.accept(name, KALMAN)

    async def stream() -> None:
        async with connect(server, name) as socket:
            for number, record in enumerate(records):
                await socket.send(packed(record))
                await asyncio.to_thread(server.wait_status, name, stepped=number, latest_time=record["test_time"])

    asyncio.run(stream())
    assert_same(server.wait_status(name, stepped=59), plain_kalman(records))


def test_batteries_do_not_disturb_each_other(server: Server) -> None:
    names, records = [fresh("many") for _ in range(8)], drive(700)
    for name in names:
        server.accept(name, KALMAN)

    async def all_at_once() -> None:
        await asyncio.gather(*(send(server, name, records[: 300 + 50 * k]) for k, name in enumerate(names)))

    asyncio.run(all_at_once())
    for k, name in enumerate(names):
        part = records[: 300 + 50 * k]
        assert_same(server.wait_status(name, stepped=len(part) - 1), plain_kalman(part))


def test_a_slow_step_holds_up_neither_status_nor_storage(server: Server) -> None:
    name, records = fresh("slow"), drive(2)
    slow = KALMAN.replace("    hours =", "    __import__('time').sleep(0.3)\n    hours =")
    server.accept(name, slow)
    upload(server, name, records)
    status = server.status(name)
    assert status["phase"] == "running" and status["stepped"] == 0 and status["waiting"] > 0
    assert server.stats(name)["data_stats"]["rows"] == 2
    assert_same(server.wait_status(name, stepped=1), plain_kalman(records))
