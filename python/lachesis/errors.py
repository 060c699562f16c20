"""What can go wrong, as exceptions that say it in words for the person in front.

LachesisError
├── TokenError                  what was given as a token is none
├── RequestError                a request failed
│   ├── UnreachableError        no answer
│   ├── ServerError             5xx: the server's fault, or it cannot for now (503)
│   └── RefusedError            4xx: what was asked is not possible
│       ├── UnauthorizedError   401: no token, or one that is not known
│       ├── ForbiddenError      403: the token's roles do not suffice
│       ├── NotFoundError       404: no such battery, estimator, version
│       └── ConflictError       409: not in this state
└── UploadError                 an upload ended before all was stored
    ├── RefusedRecordError      because of a record
    └── UploadCutError          because the server stayed away
"""

from typing import Any


class LachesisError(Exception):
    """Base of all errors of this package."""


class TokenError(LachesisError):
    """What was given as a token has characters that no token has."""


class RequestError(LachesisError):
    """The server refused a request, or did not answer as it should.

    `status` is the HTTP status, None if there was no answer; `detail` is what the server gave as the reason.
    """

    def __init__(self, message: str, status: int | None = None, detail: Any = None) -> None:
        super().__init__(message)
        self.status, self.detail = status, detail


class UnreachableError(RequestError):
    """The server does not answer, or breaks off."""


class ServerError(RequestError):
    """The server cannot do what it should: for now, as with a full disk (503), or for a bug of its own."""


class RefusedError(RequestError):
    """What was asked is not possible; asking again gives the same answer, unless it is 429: too many wait now."""


class UnauthorizedError(RefusedError):
    """The server wants a token, or does not know this one."""


class ForbiddenError(RefusedError):
    """The token has not got the role that this needs, or the server does not serve under this address."""


class NotFoundError(RefusedError):
    """There is no battery, estimator or version of that name."""


class ConflictError(RefusedError):
    """It cannot be done in the state in which things are."""


class UploadError(LachesisError):
    """An upload ended before all was stored; `stored` records are, the first ones."""

    def __init__(self, message: str, stored: int) -> None:
        super().__init__(message)
        self.stored = stored


class RefusedRecordError(UploadError):
    """The server cannot store a record: the one at position `stored`, counted from 0.

    `reason` is the server's, `key` the record's key at fault, if one is, and `value` what it has there.
    """

    def __init__(
        self, reason: str, stored: int, place: str | None = None, key: str | None = None, value: Any = None
    ) -> None:
        """Say which record it is; `place` tells where it came from, such as a line of a file."""
        told = "" if key is None else f" ({str(value)[:40]!r})"
        super().__init__(f"{place or f'record {stored} (from 0)'} was refused: {reason}{told}", stored)
        self.reason, self.key, self.value = reason, key, value


class UploadCutError(UploadError):
    """The server stayed away for longer than the upload was to wait."""


_REFUSALS = {401: UnauthorizedError, 403: ForbiddenError, 404: NotFoundError, 409: ConflictError}


def failure(status: int, detail: Any, before: str = "") -> RequestError:
    """Return the error for an answer that is no success; `before` is put in front of the server's words."""
    kind = _REFUSALS.get(status, RefusedError) if status < 500 else ServerError
    return kind(before + explained(detail), status, detail)


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
