"""The Python client against a real server."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cells import JOINT, KALMAN, MOIRAE_FILES, Record, assert_same, drive, kalman_steps, plain_kalman, plain_moirae
from processes import wait
from server import Server, ServerFactory, fresh

from lachesis import Client, NotFoundError, RefusedError, RefusedRecordError, RequestError, Status


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


def script(folder: Path, text: str = KALMAN) -> Path:
    path = folder / "script.py"
    path.write_text(text)
    return path


def test_from_a_table_to_an_estimate(client: Client, tmp_path: Path) -> None:
    name, records = fresh("table"), drive(300)
    assert client.register_metadata({"name": name, "battery": {"nominal_capacity": 1.2}}) == name
    answer = client.register_estimator(name, script(tmp_path), plugin="kalman")
    assert (answer.name, answer.version, answer.state_names) == (name, 1, ["soc", "capacity"])
    assert client.upload(name, pd.DataFrame(records), progress=False) == 300
    status = client.wait(name)
    assert status.is_ready and status.stepped == 299 and status.waiting == 0
    assert_same(status.raw, plain_kalman(records))
    # Nothing that the server tells is left out.
    assert set(status.raw) == set(Status.__dataclass_fields__) - {"name", "raw"}
    assert np.array_equal(status.std, np.sqrt(np.diagonal(status.covariance)))
    assert "299 records stepped" in str(status) and name in client.statuses()
    assert client.metadata(name)["battery"] == {"nominal_capacity": 1.2}
    back = client.data(name, start=records[10]["test_time"], limit=5)
    assert back["test_time"].tolist() == [record["test_time"] for record in records[-5:]]
    assert client.delete(name) == 300 and name not in client.stats()


def test_estimates_over_time_are_those_of_a_plain_loop(client: Client, tmp_path: Path) -> None:
    name, records = fresh("history"), drive(300)
    client.register_estimator(name, script(tmp_path), plugin="kalman")
    client.upload(name, records, progress=False)
    client.wait(name)
    wait(lambda: len(client.history(name)) == 299, "all estimates")
    found = client.history(name)
    assert found["sequence"].tolist() == list(range(2, 301))
    assert found["test_time"].tolist() == [record["test_time"] for record in records[1:]]
    expected = [(*filter.mean, *np.sqrt(np.diagonal(filter.covariance))) for filter, _, _ in kalman_steps(records)][1:]
    columns = ["soc", "capacity", "soc_std", "capacity_std"]
    np.testing.assert_allclose(found[columns].to_numpy(), expected, rtol=1e-15)
    part = client.history(name, ["capacity"], after=100, limit=5)
    assert list(part.columns) == ["sequence", "capacity"] and part["sequence"].tolist() == [101, 102, 103, 104, 105]
    assert part["capacity"].tolist() == found["capacity"][99:104].tolist()
    thin = client.history(name, points=40)
    assert len(thin) <= 40 and thin["capacity"].max() == found["capacity"].max()
    assert thin["sequence"].iloc[0] == 2 and thin["sequence"].iloc[-1] == 300


def test_records_are_appended_all_or_none(client: Client) -> None:
    name, records = fresh("append"), drive(20)
    assert client.append(name, pd.DataFrame(records)) == 20
    with pytest.raises(RefusedError, match="voltage") as error:
        client.append(name, [*records, {"voltage": "high"}])
    assert error.value.status == 422 and "21" in str(error.value)
    assert len(client.data(name)) == 20


def test_rows_are_asked_for_by_columns_time_sequence_and_number(client: Client) -> None:
    name, records = fresh("rows"), drive(300)
    client.upload(name, records, progress=False)
    found = client.data(name, ["state", "voltage"], after=10, before=14, sequence=True)
    assert list(found.columns) == ["sequence", "state", "voltage"] and found["sequence"].tolist() == [11, 12, 13]
    assert found["voltage"].tolist() == [record["voltage"] for record in records[10:13]]
    assert found.attrs["units"] == {"voltage": "V"}
    assert found["state"].tolist() == [record["state"] for record in records[10:13]]
    thin = client.data(name, ["voltage"], points=20)["voltage"]
    voltages = [record["voltage"] for record in records]
    assert len(thin) <= 20 and (thin.min(), thin.max()) == (min(voltages), max(voltages))
    assert sum(len(part) for part in client.data_parts(name)) == 300


def test_events_go_on_over_a_restart_of_the_server(make_server: ServerFactory, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server = make_server("--port", port)
    name, records = fresh("live"), drive(200)
    with Client(server.url) as client:
        client.register_estimator(name, script(tmp_path), plugin="kalman")
        events = client.events(name, interval=0.05)
        assert next(events).status.stepped == 0
        client.upload(name, records[:100], progress=False)
        assert next(event for event in events if event.status.stepped == 99)
        server.kill()
        server.start()
        client.upload(name, records[100:], progress=False)
        last = next(event for event in events if event.status.stepped == 199)
        assert_same(last.status.raw, plain_kalman(records))
        client.delete(name)
        assert next(event for event in events if event.status is None).name == name


@pytest.mark.moirae
def test_the_files_of_a_script_go_along(client: Client, tmp_path: Path) -> None:
    name, records = fresh("files"), drive(100)
    (tmp_path / "health.json").write_text(MOIRAE_FILES[0][1][1])
    client.register_estimator(name, script(tmp_path, JOINT), files=str(tmp_path / "health.json"))
    client.upload(name, records, progress=False)
    (tmp_path / "plain").mkdir()
    assert_same(client.wait(name).raw, plain_moirae(records, JOINT, tmp_path / "plain"))


def test_records_come_from_csv_and_hdf5(client: Client, tmp_path: Path) -> None:
    from battdat.data import BatteryDataset

    table = pd.DataFrame(drive(50)).drop(columns="state")
    table.to_csv(tmp_path / "cell.csv", index=False)
    BatteryDataset.make_cell_dataset(raw_data=table).to_hdf(tmp_path / "cell.h5")
    for path in ("cell.csv", "cell.h5"):
        name = fresh("file")
        assert client.upload(name, tmp_path / path, progress=False) == 50
        assert client.data(name)["voltage"].tolist() == table["voltage"].tolist()


def test_a_table_without_what_estimators_read_is_warned_of(client: Client) -> None:
    with pytest.warns(UserWarning, match="no column current, voltage"):
        client.upload(fresh("odd"), pd.DataFrame({"test_time": [0.0], "I (A)": [1.0]}), progress=False)


def test_what_cannot_be_a_record_is_explained(client: Client) -> None:
    name, records = fresh("refused"), drive(20)
    with pytest.raises(RefusedRecordError, match=r"record 10 \(from 0\) was refused: key 'voltage': is text") as error:
        client.upload(name, [*records[:10], {"voltage": "high"}, *records[10:]], progress=False)
    assert error.value.stored == 10 == len(client.data(name))
    with pytest.raises(TypeError, match=r"column 'test_time'.*Timestamp.*seconds"):
        client.upload(name, [{"test_time": pd.Timestamp("2026-01-01")}], progress=False)
    with pytest.raises(TypeError, match="an iterable of dicts"):
        client.upload(name, {"test_time": 1.0}, progress=False)
    with pytest.raises(RequestError, match=r"the upload was refused: .*contains '/'"):
        client.upload("a/b", records, progress=False)


def test_what_the_server_refuses_is_an_error_in_its_words(client: Client, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no such cell") as error:
        client.register_estimator(fresh("raises"), script(tmp_path, "raise RuntimeError('no such cell')"))
    assert error.value.status == 422
    for call in (client.status, client.delete, client.data):
        with pytest.raises(NotFoundError, match=r"no battery is named|has no estimator"):
            call(fresh("nobody"))
    with pytest.raises(RequestError, match="does not answer"):
        Client("http://127.0.0.1:1", timeout=5).stats()


def test_an_upload_survives_whatever_befalls_the_server(make_server: ServerFactory) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server = make_server("--port", port)
    name, records, dice = fresh("survives"), drive(3_000), random.Random(5)

    def slowly() -> Iterator[Record]:
        for number, record in enumerate(records):
            if number % 50 == 0:
                time.sleep(0.05)
            yield record

    stored: list[int] = []
    with Client(server.url) as client:
        upload = threading.Thread(target=lambda: stored.append(client.upload(name, slowly(), progress=False)))
        upload.start()
        for _ in range(3):
            wait(lambda: server.stats(name) is not None, "the first records")
            time.sleep(dice.uniform(0.1, 0.5))
            server.kill()
            server.start()
        upload.join(120)
        assert stored == [3_000]
        assert client.data(name)["test_time"].tolist() == [record["test_time"] for record in records]
