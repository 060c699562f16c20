"""An HTTP server that answers what a test tells it to, so that answers may be odd or cut off."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import msgpack


class Request(NamedTuple):
    """What was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What to answer: pieces of a body, each sent by itself; without an end, the connection is cut after them."""

    status: int
    pieces: list[bytes]
    has_end: bool = True


def document(value: Any, status: int = 200) -> Answer:
    return Answer(status, [json.dumps(value).encode()])


def table(columns: list[tuple[str, str, str | None]], rows: list[list[Any]], size: int = 7) -> Answer:
    """Rows in the server's msgpack form, in pieces of `size` bytes."""
    head = {"columns": [dict(zip(("name", "type", "unit"), column, strict=True)) for column in columns]}
    text = b"".join(msgpack.packb(message) for message in (head, *rows))
    return Answer(200, [text[start : start + size] for start in range(0, len(text), size)])


@contextmanager
def telling(answer: Callable[[Request], Answer]) -> Iterator[tuple[str, list[Request]]]:
    """Serve what `answer` says; gives the address and the requests that came."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(
                self.command, self.path, {key.lower(): value for key, value in self.headers.items()}, body
            )
            requests.append(request)
            told = answer(request)
            self.send_response(told.status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in told.pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            if told.has_end:
                self.wfile.write(b"0\r\n\r\n")
            else:
                self.close_connection = True

        do_GET = do_POST = do_DELETE = handle_one

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
