"""How the command line writes."""

from pathlib import Path

import pytest
from told_server import document, telling

from lachesis.cli.main import main
from lachesis.cli.output import aligned, one_line, printable


def test_tables_are_aligned_also_with_wide_letters() -> None:
    text = aligned(("name", "rows", "Å"), [("電池", 5, 0.123456789), ("Cell 1", 1234, None)])
    assert text.splitlines() == [
        "name    rows         Å",
        "電池       5  0.123457",
        "Cell 1  1234         -",
    ]
    assert aligned(("a", "b"), []) == "a  b"


def test_what_scripts_write_moves_no_cursor() -> None:
    assert printable("a\x1b[2J\u202eb\n\tc") == "a�[2J�b\n\tc"
    assert one_line("a\n  b\r\nc") == "a b c"


@pytest.mark.parametrize(
    ("line", "status"),
    [([], 2), (["status", "--no-such"], 2), (["upload", "A", "x.h5", "--clock-factor", "0"], 2),
     (["upload", "A", "x.h5", "--report-freq", "0"], 2), (["logs"], 2), (["diagnosis"], 2),
     (["diagnosis", "register", "A", "x.py", "--limit", "speed=1"], 2), (["--help"], 0),
     (["upload", "--help"], 0), (["--version"], 0)],
)  # fmt: skip
def test_usage(line: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == status
    said = capsys.readouterr()
    assert bool(said.out) == (status == 0) and bool(said.err) == (status == 2)


def test_help_explains_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--url", "testservice", "--help"])
    said = capsys.readouterr().out
    assert "Functions associated with diagnosing battery health" in said and "exit status:" in said


@pytest.mark.parametrize(("status", "code"), [(422, 1), (404, 1), (409, 1), (401, 4), (403, 4), (500, 5), (503, 5)])
def test_an_error_is_one_line_and_an_exit_status(status: int, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with telling(lambda _: document({"detail": "no:\n  not\x1b[31m so"}, status)) as (url, _):
        assert main(["--url", url, "logs", "Cell"]) == code
    said = capsys.readouterr()
    told = " (--token, --token-file or LACHESIS_TOKEN shows one)" if status == 401 else ""
    assert said.err == f"lachesis: no: not�[31m so{told}\n" and said.out == ""


def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--url", "http://127.0.0.1:1"]) == 3
    assert capsys.readouterr().err.startswith("lachesis: http://127.0.0.1:1 does not answer")
    assert main(["--url", "http://[", "status"]) == 3
    assert "--url" in capsys.readouterr().err


def test_what_is_no_token_is_said_with_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--token", "ä", "status"]) == 4
    assert "--token" in capsys.readouterr().err


def test_a_battery_needs_a_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("test_time,current,voltage\n0,0,3.7\n")
    with telling(lambda _: document({})) as (url, _):
        for line in (["upload", "", str(tmp_path / "a.csv")], ["logs", ""], ["estimators", "versions", ""]):
            assert main(["--url", url, *line]) == 2
            assert capsys.readouterr().err == "lachesis: the name of a battery cannot be empty\n", line


def test_files_that_cannot_be_read_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    contents = {"empty.csv": b"", "ragged.csv": b"a,b\n1,2,3,4\n1\n1,2,3,4,5\n", "latin.csv": b"a\n\xe4\n"}
    for name, content in (contents | {"bad.parquet": b"x", "bad.h5": b"x"}).items():
        (tmp_path / name).write_bytes(content)
        assert main(["upload", "A", str(tmp_path / name)]) == 2, name
        assert f"{tmp_path / name}" in capsys.readouterr().err
    (tmp_path / "latin.py").write_bytes(b"# \xe4")
    assert main(["diagnosis", "register", "A", str(tmp_path / "latin.py")]) == 2
    assert "latin.py is not UTF-8" in capsys.readouterr().err


def test_an_ending_that_tells_no_format_is_answered_with_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "A", "cell.xlsx"]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in ("cell.xlsx", ".xlsx", ".h5", ".csv", ".parquet", "--format"))
    assert not Path("cell.xlsx").exists()


def test_a_file_that_is_not_there_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for line in (
        ["upload", "A", "no.h5"],
        ["register", "no.h5"],
        ["diagnosis", "register", "A", "no.py"],
        ["import", "x"],
    ):
        assert main(line) == 2, line
        assert len(capsys.readouterr().err.splitlines()) == 1
