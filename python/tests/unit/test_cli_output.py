"""How the command line writes."""

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
    assert said.err == "lachesis: no: not�[31m so\n" and said.out == ""


def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--url", "http://127.0.0.1:1"]) == 3
    assert capsys.readouterr().err.startswith("lachesis: http://127.0.0.1:1 does not answer")
    assert main(["--url", "http://[", "status"]) == 3


def test_a_file_that_is_not_there_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for line in (
        ["upload", "A", "no.h5"],
        ["register", "no.h5"],
        ["diagnosis", "register", "A", "no.py"],
        ["import", "x"],
    ):
        assert main(line) == 2, line
        assert len(capsys.readouterr().err.splitlines()) == 1
