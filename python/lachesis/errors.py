"""What can go wrong, as exceptions that say it in words for the person in front."""

from typing import Any


class LachesisError(Exception):
    """Base of all errors of this package."""


class RequestError(LachesisError):
    """The server refused a request, or did not answer as it should.

    `status` is the HTTP status, None if there was no answer; `detail` is what the server gave as the reason.
    """

    def __init__(self, message: str, status: int | None = None, detail: Any = None) -> None:
        super().__init__(message)
        self.status, self.detail = status, detail


class UploadError(LachesisError):
    """An upload ended before all was stored; `stored` records are, the first ones."""

    def __init__(self, message: str, stored: int) -> None:
        super().__init__(message)
        self.stored = stored


class RefusedRecordError(UploadError):
    """The server cannot store a record: the one at position `stored`, counted from 0."""


def explained(detail: Any) -> str:
    """Return the `detail` of an error reply in words: a text, or a list of {"loc", "msg"}."""
    if not isinstance(detail, list):
        return str(detail)
    lines = []
    for entry in detail:
        place = ".".join(str(part) for part in entry.get("loc", [])) if isinstance(entry, dict) else ""
        message = entry.get("msg", entry) if isinstance(entry, dict) else entry
        lines.append(f"{place}: {message}" if place else str(message))
    return "\n".join(lines)
