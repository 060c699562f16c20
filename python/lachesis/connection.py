"""Requests to a server, and its answers and refusals as Python's own."""

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import quote

import httpx

from lachesis.errors import RequestError, TokenError, UnreachableError, failure

DEFAULT_URL = "http://127.0.0.1:8000"
Query = Mapping[str, Any]


class Connection:
    """A server at an address; also a context manager that closes its connections.

    All methods raise UnreachableError if the server cannot be reached, and another RequestError if it refuses; the
    message is the server's own.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, timeout: float = 120.0,
        verify: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """Describe a server.

        `url`: by default the environment's LACHESIS_URL, else http://127.0.0.1:8000. `token`: what the server's admin
        gave out, if anything; by default the environment's LACHESIS_TOKEN. `timeout`: how long one request may take, s;
        a registration lasts until the script has run. `verify`: what an https server's certificate is checked with,
        such as `ssl.create_default_context(cafile="ca.pem")`; by default the authorities that OpenSSL finds on the
        system, which the environment's SSL_CERT_FILE and SSL_CERT_DIR change. Requests and uploads go by the same.
        """
        if url is None:
            url = os.environ.get("LACHESIS_URL") or DEFAULT_URL
        if "://" not in url:
            url = f"http://{url}"
        self.url = url.rstrip("/")
        token = (os.environ.get("LACHESIS_TOKEN", "") if token is None else token).strip()
        if not (token.isascii() and token.isprintable()):
            raise TokenError("the token has characters that no token has")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._verify = ssl.create_default_context() if verify is None else verify
        try:
            self._http = httpx.Client(base_url=self.url, timeout=timeout, headers=self._headers, verify=self._verify)
        except (httpx.InvalidURL, ValueError) as error:
            raise UnreachableError(f"{self.url} is not the address of a server: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the object is of no more use."""
        self._http.close()

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        """Return the JSON of an answer; raises RequestError if it is no success."""
        with self._no_answer():
            reply = self._http.request(method, path, **arguments)
        if not reply.is_success:
            raise self._failure(reply)
        try:
            return reply.json()
        except ValueError as error:
            raise RequestError(f"{self.url} answers {reply.status_code} without JSON", reply.status_code) from error

    @contextmanager
    def _stream(
        self, path: str, query: Query, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Open an answer of any length as the pieces of its body.

        `timeout`: seconds without a byte after which it counts as broken off, by default those of the client.
        """
        limit = self._http.timeout if timeout is None else httpx.Timeout(timeout)
        with (
            self._no_answer(),
            self._http.stream("GET", path, params=query, headers=headers, timeout=limit) as reply,
        ):
            if not reply.is_success:
                reply.read()
                raise self._failure(reply)
            yield reply.iter_bytes()

    @contextmanager
    def _no_answer(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            reason = str(error) or type(error).__name__
            raise UnreachableError(f"{self.url} does not answer: {reason}") from error

    def _failure(self, reply: httpx.Response) -> RequestError:
        try:
            answer = reply.json()
        except ValueError:
            detail: Any = f"{self.url} answers {reply.status_code} {reply.reason_phrase}".rstrip()
        else:
            detail = answer.get("detail", answer) if isinstance(answer, dict) else answer
        return failure(reply.status_code, detail)


def in_path(name: str) -> str:
    """Return a battery's name as one part of a path.

    Its first letter is encoded too, so that a battery may bear the name of an endpoint. Raises ValueError for no name.
    """
    if not name:
        raise ValueError("the name of a battery cannot be empty")
    first = f"%{ord(name[0]):x}" if name[0].isascii() else quote(name[0], safe="")
    return first + quote(name[1:], safe="")


def given(**query: Any) -> dict[str, Any]:
    """Return the parameters that are not None, as the server reads them.

    A list is a parameter given several times, not joined with commas, which names of columns may hold.
    """
    words = {True: "true", False: "false"}
    return {
        key: words[value] if isinstance(value, bool) else (value or "") if isinstance(value, list) else value
        for key, value in query.items()
        if value is not None
    }
