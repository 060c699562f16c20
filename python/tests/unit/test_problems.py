"""Problems of scripts, in one line."""

import traceback

import pydantic
import pytest

from lachesis.problems import headline


class Cell(pydantic.BaseModel):
    """Something that pydantic checks."""

    capacity: float


def told(code: str) -> str:
    try:
        exec(compile(code, "script.py", "exec"), {"Cell": Cell})
    except BaseException:  # noqa: BLE001
        return traceback.format_exc()
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (told("1 / 0"), "ZeroDivisionError: division by zero"),
        (told("x ="), "SyntaxError: invalid syntax"),
        (told("raise MemoryError") + "the limit of memory is 1 MiB (memory_mb)\n",
         "MemoryError: the limit of memory is 1 MiB (memory_mb)"),
        (told("try:\n  1 / 0\nexcept Exception as error:\n  raise KeyError('a') from error"), "KeyError: 'a'"),
        ("the script ended its process with exit status 7", "the script ended its process with exit status 7"),
        ("it ended\nits limits were 4\n\nbye\n", "it ended … bye"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_line_that_tells_most(text: str, expected: str) -> None:
    assert headline(text) == expected


def test_the_first_that_pydantic_found_is_told() -> None:
    found = headline(told("Cell(capacity='much')"))
    assert found.startswith("pydantic_core._pydantic_core.ValidationError: 1 validation error for Cell: capacity")
