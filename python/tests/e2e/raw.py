"""HTTP as bytes over a socket, for what no client library would send."""

import json
import socket
from http.client import HTTPResponse
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

from server import Server

PATIENCE = 60
"""How long an answer is awaited. s"""


class Answer(NamedTuple):
    """A response as it came."""

    status: int
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Stream:
    """Stands for a socket whose stream outlives one response, so that what is read ahead is the next one's."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def makefile(self, _: str) -> "_Stream":
        return self

    def close(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Connection:
    """A TCP connection to a server, with TLS where the server has it."""

    def __init__(self, server: Server) -> None:
        address = urlsplit(server.url)
        self.socket = socket.create_connection((address.hostname, address.port), PATIENCE)
        if server.trust is not None:
            self.socket = server.trust.wrap_socket(self.socket, server_hostname=address.hostname)
        self._stream = self.socket.makefile("rb")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, method: str = "GET") -> Answer:
        """Read one response; raises http.client.HTTPException or OSError if what comes is none."""
        response = HTTPResponse(_Stream(self._stream), method=method)
        response.begin()
        headers = {key.lower(): value for key, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def line(self) -> str:
        """Read one line, such as a response's first, where the rest may have no end."""
        return self._stream.readline().decode().rstrip("\r\n")

    def rest(self) -> str:
        """Read up to the end."""
        return self._stream.read().decode()

    def is_at_end(self) -> bool:
        """Wait for another byte or the end."""
        return self._stream.read(1) == b""


def exchange(server: Server, *pieces: bytes) -> Answer:
    """Send bytes, each piece by itself, and read the response."""
    with Connection(server) as connection:
        for piece in pieces:
            connection.send(piece)
        return connection.answer()
