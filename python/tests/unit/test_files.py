"""Records from files, and into what files can hold."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lachesis import RefusedRecordError, records
from lachesis.files import for_hdf5

TABLE = pd.DataFrame(
    {
        "test_time": [0.0, 0.1, np.nan],
        "current": [1e-300, -0.0, 3.0],
        "voltage": [3.7, 3.8, 1 / 3],
        "cycle_number": pd.array([1, None, 2**53 + 1], dtype="Int64"),
        "step_index": [1, 2, 3],
        "state": pd.Series(["hold", None, "día"], dtype=object),
    }
)


def test_missing_text_and_numbers_are_none_among_records() -> None:
    rows, count = records.read(TABLE)
    found = list(rows)
    assert count == 3 and found[1]["state"] is None and found[1]["cycle_number"] is None
    assert found[2]["cycle_number"] == 2**53 + 1 and found[2]["state"] == "día"
    assert list(records.read(TABLE.astype({"state": "str"}))[0])[1]["state"] is None


def test_a_dataset_goes_through_hdf5_and_parquet(tmp_path: Path) -> None:
    from battdat.data import BatteryDataset

    dataset = BatteryDataset.make_cell_dataset(metadata={"name": "Cell"}, raw_data=TABLE)
    dataset.to_parquet(tmp_path / "cell")
    assert list(records.read(tmp_path / "cell")[0])[:2] == list(records.read(TABLE)[0])[:2]
    dataset.tables["raw_data"] = for_hdf5(TABLE)
    dataset.to_hdf(tmp_path / "cell.h5")
    back = records.table(tmp_path / "cell.h5")
    for name in ("test_time", "current", "voltage", "step_index"):
        np.testing.assert_array_equal(back[name], TABLE[name])
    assert back["state"].tolist() == ["hold", None, "día"]
    assert np.isnan(back["cycle_number"][1])
    for path in ("cell", "cell.h5"):
        assert records.metadata(tmp_path / path).name == "Cell"


def test_csv_keeps_words_as_text_and_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text(
        "test_time,current,temperature,cycle,count,note,state,voltage\n"
        '0.1,NA,NA,9223372036854775807,1,NA,"a ""b"", c",3.7\n'
        "5e-324,-0.0,NA,,2,null,,3.8\n"
        "0.30000000000000004,,NA,-9223372036854775808,3,None,nan,3.9\n"
    )
    first, second, third = records.read(path)[0]
    assert (first["test_time"], second["test_time"], third["test_time"]) == (0.1, 5e-324, 0.1 + 0.2)
    assert np.isnan(first["current"]) and second["current"] == 0.0 and np.isnan(third["current"])
    assert [record["temperature"] for record in (first, second, third)] == [None, None, None]
    assert [record["cycle"] for record in (first, second, third)] == [2**63 - 1, None, -(2**63)]
    assert [record["count"] for record in (first, second, third)] == [1, 2, 3]
    assert [record["note"] for record in (first, second, third)] == ["NA", "null", "None"]
    assert [record["state"] for record in (first, second, third)] == ['a "b", c', None, "nan"]
    assert all(type(record["count"]) is int and type(record["test_time"]) is float for record in (first, second))
    table = records.table(path)
    assert table["test_time"].dtype == np.float64 and list(table.columns)[-1] == "voltage"


def test_files_that_hold_no_records_are_said(tmp_path: Path) -> None:
    (tmp_path / "odd.h5").write_text("no HDF5")
    (tmp_path / "odd.xlsx").write_text("")
    (tmp_path / "empty").mkdir()
    for name in ("odd.h5", "odd.xlsx", "empty"):
        with pytest.raises(ValueError, match=name.partition(".")[0]):
            records.read(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"there is no .*none\.h5"):
        records.read(tmp_path / "none.h5")


@pytest.mark.parametrize(("bad", "line"), [("3.7x", 4), ("1,5", 4), ("high", 4)])
def test_csv_names_the_line_and_the_value_that_is_no_number(tmp_path: Path, bad: str, line: int) -> None:
    path = tmp_path / "cell.csv"
    path.write_text(f'note,voltage\n"two\nlines",3.7\nx,"{bad}"\n\ny,NA\n')
    with pytest.raises(ValueError) as error:
        records.table(path)
    assert str(error.value) == f"{path}, line {line}: '{bad}' in the column voltage is no number"


def test_a_refusal_names_the_place_of_the_record(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text('a,b\n1,"x\ny"\n\n2,z\n3,z\n')
    for source, first, place in (
        (path, 0, f"{path}, line 5"), (str(path), 1, f"{path}, line 6"),
        (tmp_path / "a.h5", 4, f"{tmp_path}/a.h5: record 5"), (TABLE, 0, r"record 1 \(from 0\)"),
    ):  # fmt: skip
        with (
            pytest.raises(RefusedRecordError, match=f"^{place}.* was refused: no$") as error,
            records.named(source, first),
        ):
            raise RefusedRecordError("no", 1)
        assert error.value.stored == 1
