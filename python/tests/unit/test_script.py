"""Executing scripts, and what is told of their errors."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lachesis_worker import script


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = list(sys.path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop(script.MODULE_NAME, None)


def failure(text: str, name: str = "cell 1") -> str:
    try:
        script.execute(name, text)
    except BaseException as error:  # noqa: BLE001
        return script.explain(error, (os.path.dirname(script.__file__), os.path.dirname(__file__)))
    raise AssertionError("the script did not fail")


def test_a_traceback_shows_the_scripts_lines_with_numbers_and_nothing_of_the_worker() -> None:
    text = failure("x = 1\n\ndef inner():\n    raise RuntimeError('no such cell')\n\ninner()\n")
    assert text.splitlines() == [
        "Traceback (most recent call last):",
        '  File "cell 1.py", line 6, in <module>',
        "    inner()",
        '  File "cell 1.py", line 4, in inner',
        "    raise RuntimeError('no such cell')",
        "RuntimeError: no such cell",
    ]


def test_frames_of_libraries_are_shown() -> None:
    text = failure("import json\njson.loads('{')")
    assert 'cell 1.py", line 2' in text and "json/__init__.py" in text and "JSONDecodeError" in text


def test_a_syntax_error_shows_its_line() -> None:
    text = failure("x = 1\ndef broken(:\n")
    assert 'cell 1.py", line 2' in text and "def broken(:" in text and "SyntaxError" in text and "^" in text


def test_causes_are_shown_without_the_workers_frames() -> None:
    text = failure("try:\n    1 / 0\nexcept Exception as error:\n    raise ValueError('worse') from error\n")
    assert "ZeroDivisionError" in text and "direct cause" in text and text.endswith("ValueError: worse")
    assert "lachesis_worker" not in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys; sys.exit(3)", ["SystemExit: 3", "the script called sys.exit"]),
        ("raise KeyboardInterrupt", ["KeyboardInterrupt"]),
        ("raise MemoryError", ["MemoryError"]),
        ("def f(): f()\nf()", ["RecursionError", "repeated"]),
        ("x = 1\0", ["null bytes"]),
        ("raise ExceptionGroup('both', [ValueError('one'), TypeError('two')])", ["one", "two"]),
        ("open('missing.json')", ["missing.json"]),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", ["E"]),
        ("class E(Exception):\n    def __str__(self): raise SystemExit\nraise E", ["E"]),
        ("assert False, '\\ud800'", ["AssertionError"]),
        ("(" * 500 + ")" * 500, ["Error"]),
    ],
)
def test_everything_that_ends_a_script_is_explained(text: str, words: list[str]) -> None:
    explanation = failure(text)
    for word in words:
        assert word in explanation


def test_a_script_is_a_module_that_can_be_looked_up() -> None:
    namespace = script.execute(
        "cell",
        "from __future__ import annotations\n"
        "from dataclasses import dataclass, field\n"
        "from typing import ClassVar\n"
        "@dataclass\n"
        "class Cell:\n"
        "    kind: ClassVar[str] = 'x'\n"
        "    size: float = field(default=2.0)\n"
        "made = Cell()\n",
    )
    assert namespace["made"].size == 2.0
    assert namespace["__name__"] == script.MODULE_NAME and sys.modules[script.MODULE_NAME].made is namespace["made"]


def test_a_script_finds_its_files_and_modules(folder: Path) -> None:
    (folder / "values.json").write_text("[1, 2]")
    (folder / "own_part.py").write_text("ANSWER = 42\n")
    namespace = script.execute(
        "cell",
        "import json\nfrom pathlib import Path\nimport own_part\n"
        "here = json.loads(Path('values.json').read_text())\n"
        "beside = json.loads((Path(__file__).parent / 'values.json').read_text())\n",
    )
    assert namespace["here"] == namespace["beside"] == [1, 2] and namespace["own_part"].ANSWER == 42
    sys.modules.pop("own_part")


def test_a_byte_order_mark_and_carriage_returns_are_no_errors() -> None:
    assert script.execute("cell", "\ufeffx = 1\r\ny = 2\r\n")["y"] == 2
    assert "line 2" in failure("x = 1\r\nraise ValueError\r\n")


def test_own_modules_are_the_script_and_what_it_imports_of_its_files(folder: Path) -> None:
    (folder / "first.py").write_text("import json, second\n")
    (folder / "second.py").write_text("x = 1\n")
    try:
        script.execute("cell", "import first, colorsys")
        assert [module.__name__ for module in script.modules()] == [script.MODULE_NAME, "second", "first"]
        sys.modules.pop(script.MODULE_NAME)
        assert [module.__name__ for module in script.modules()] == ["second", "first"]
    finally:
        script.forget()
        for name in ("first", "second"):
            sys.modules.pop(name, None)


def test_a_script_that_is_forgotten_can_be_executed_again_with_other_files(folder: Path) -> None:
    for number in (1, 2):
        (folder / "part.py").write_text(f"number = {number}" + "\n" * number)
        assert script.execute("cell", "import part\nnumber = part.number")["number"] == number
        script.forget()
        assert script.modules() == [] and "part" not in sys.modules
