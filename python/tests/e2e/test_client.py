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
from cells import JOINT, KALMAN, MOIRAE_FILES, Record, assert_same, drive, plain_kalman, plain_moirae
from processes import wait
from server import Server, ServerFactory, fresh

from lachesis import Client, LachesisError, RefusedRecordError, RequestError


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
    assert np.array_equal(status.std, np.sqrt(np.diagonal(status.covariance)))
    assert "299 records stepped" in str(status) and name in client.statuses()
    back = client.data(name, start=records[10]["test_time"], limit=5)
    assert back["test_time"].tolist() == [record["test_time"] for record in records[-5:]]
    assert client.delete(name) == 300 and name not in client.stats()


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
        with pytest.raises(LachesisError, match="no battery is named"):
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
