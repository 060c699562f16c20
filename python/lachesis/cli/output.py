"""What people see and what programs read: aligned tables, numbers, JSON, bars."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from rich.cells import cell_len
from tqdm import tqdm

Cell = str | int | float | None


def printable(text: str) -> str:
    """Return text without what moves a terminal's cursor or worse: scripts and devices may have written it."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text)


def one_line(text: str) -> str:
    """Return text in one line."""
    return printable(" ".join(text.split()))


def cell(value: Cell) -> str:
    """Return a value as a table shows it: numbers with six digits, more before the point; - for none."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.10g}" if 1e5 <= abs(value) < 1e12 else f"{value:.6g}"
    return one_line(str(value))


def aligned(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table in columns two spaces apart; columns of numbers are aligned to the right."""
    table = [list(row) for row in rows]
    texts = [list(head), *([cell(value) for value in row] for row in table)]
    is_number = [
        all(value is None or isinstance(value, int | float) for value in column) for column in zip(*table, strict=True)
    ] or [False] * len(head)
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    lines = []
    for row in texts:
        parts = []
        for text, width, right in zip(row, widths, is_number, strict=True):
            space = " " * (width - cell_len(text))
            parts.append(space + text if right else text + space)
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def moment(seconds: float | None) -> str | None:
    """Return Unix seconds as local time."""
    return None if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def mebibytes(count: float | None) -> float | None:
    """Return bytes in MiB, with one digit."""
    return None if count is None else round(count / 2**20, 1)


def print_json(value: Any) -> None:
    """Print one value for programs, in one line."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def is_watched() -> bool:
    """Tell whether bars are of use: somebody looks at standard error."""
    return sys.stderr.isatty()


def note(text: str) -> None:
    """Say something beside the result, on standard error."""
    print(text, file=sys.stderr)


def write(pieces: Iterator[bytes], path: Path | None, name: str) -> None:
    """Write pieces to a file, with a bar, or to standard output."""
    first = next(pieces, b"")  # a refusal comes before the file is made
    if path is None:
        sys.stdout.flush()
        _copy(first, pieces, sys.stdout.buffer, None)
        sys.stdout.buffer.flush()
        return
    with path.open("wb") as file, tqdm(unit="B", unit_scale=True, desc=name, disable=not is_watched()) as bar:
        _copy(first, pieces, file, bar)


def _copy(first: bytes, pieces: Iterator[bytes], to: BinaryIO, bar: "tqdm[Any] | None") -> None:
    piece: bytes | None = first
    while piece is not None:
        to.write(piece)
        if bar is not None:
            bar.update(len(piece))
        piece = next(pieces, None)
