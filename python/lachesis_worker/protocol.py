"""Messages between host and worker over one SOCK_SEQPACKET socket.

A message is a kind and a payload. It travels as consecutive packets of at most 65,536 bytes, each with the header
`u32` payload bytes of the whole message, `u8` kind, `u8` 1 in the first packet and else 0, `u16` zero; little-endian.

The host sends any number of `file`s and at most one `restore`, then `build`, which is answered by `ready` or `failed`;
after `ready` it sends `batch`es, each answered by one `result` or more, before which a `notice` may come. Payloads,
everything little-endian:

* `file`: `u16` bytes of the name, the name in UTF-8, the content.
* `restore`: the state of a checkpoint, as a worker of the same script sent it.
* `build`: JSON, see `orders.BuildOrder`.
* `batch`: `u32` records, `u32` columns, `u32` flags, `u32` zero, then the records' doubles row by row. Flag 1: make a
  checkpoint after this batch; records may be 0 then, and only then.
* `ready`: `u32` bytes of JSON, the JSON, doubles: mean and covariance, after a restore as they stand then.
* `notice`: JSON with `acceleration`, the level that is in use from now on, and `reason`, a text of 1 to 4,000 bytes.
  Comes before the result that holds the first such record; levels only fall.
* `failed`: JSON with `error`, a text, and `checkpoint`: true if the script went well and the state could not be used.
* `result`: six `u32`: records, those stepped, states, outputs, errors, bytes of the checkpoint section; the outcomes,
  `u8` each, and zeros up to a multiple of 8; doubles: times, means, variances, outputs' means and variances of the
  records stepped, and if there are any the last one's covariance; errors: `u32` index, `u32` bytes, text each. The
  checkpoint section is in the last result of a batch with that flag, which may have no records: `u8` 1 and the state,
  or `u8` 0 and at most 4,000 bytes of text that says why there is none.
"""

import socket
import struct
from enum import IntEnum

HEADER = struct.Struct("<IBBH")
PACKET_BYTES = 65_536
SLICE_BYTES = PACKET_BYTES - HEADER.size
HOST_LIMIT = 65 << 20
"""Bytes of the largest payload from the host."""
WORKER_LIMIT = 64 << 20
"""Bytes of the largest payload from the worker."""


class Kind(IntEnum):
    """What a message is."""

    FILE = 1
    BUILD = 2
    BATCH = 3
    RESTORE = 4
    READY = 129
    FAILED = 130
    RESULT = 131
    NOTICE = 132


class ProtocolError(Exception):
    """The peer sent what the protocol does not allow; the connection must not be used again."""


class PeerGone(Exception):
    """The peer has closed its end, so that nothing can be sent to it."""


class Channel:
    """One end of the connection, which waits for the peer both ways and holds at most one message."""

    def __init__(self, descriptor: int, limit: int = HOST_LIMIT) -> None:
        """Take over an open socket; `limit` is the largest payload that is accepted, in bytes."""
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(True)
        self._limit = limit
        # One byte more than a packet may have, so that a longer one is noticed instead of cut.
        self._buffer = bytearray(PACKET_BYTES + 1)
        self._view = memoryview(self._buffer)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def receive(self) -> tuple[int, bytes | bytearray] | None:
        """Return the next message's kind and payload, or None after the peer has closed.

        Raises ProtocolError if the peer's bytes are not of the protocol's form.
        """
        packet = self._packet()
        if packet is None:
            return None
        total, kind, first, content = packet
        if first != 1:
            raise ProtocolError("a message without its beginning")
        if total > self._limit:
            raise ProtocolError(f"a message of {total} bytes; at most {self._limit} are allowed")
        if len(content) == total:
            return kind, bytes(content)
        # Grows with what arrives: bytes that were only announced take no memory.
        payload = bytearray(content)
        while len(payload) < total:
            if not content:
                raise ProtocolError("a packet without content")
            packet = self._packet()
            if packet is None:
                return None
            again, same, first, content = packet
            if first != 0:
                raise ProtocolError("a message began before the one before it ended")
            if again != total or same != kind:
                raise ProtocolError("a message changed midway")
            payload += content
        if len(payload) > total:
            raise ProtocolError("more bytes than the message announced")
        return kind, payload

    def send(self, kind: int, payload: bytes) -> None:
        """Send a message; raises PeerGone if the peer has closed, ValueError if the payload is too large for it."""
        total = len(payload)
        if total > WORKER_LIMIT and kind >= Kind.READY:
            raise ValueError(f"a message of {total} bytes; at most {WORKER_LIMIT} are allowed")
        if total <= SLICE_BYTES:
            self._send(HEADER.pack(total, kind, 1, 0), payload)
            return
        view = memoryview(payload)
        for start in range(0, total, SLICE_BYTES):
            self._send(HEADER.pack(total, kind, start == 0, 0), view[start : start + SLICE_BYTES])

    def _packet(self) -> tuple[int, int, int, memoryview] | None:
        """Read one packet: its message's length, its kind, whether it is the first, and the slice."""
        try:
            count = self._socket.recv_into(self._buffer)
        except ConnectionResetError:
            return None
        if count == 0:
            return None
        if count < HEADER.size:
            raise ProtocolError("a packet without a whole header")
        if count > PACKET_BYTES:
            raise ProtocolError("a packet that is too long")
        total, kind, first, zero = HEADER.unpack_from(self._buffer)
        if zero != 0:
            raise ProtocolError("a malformed packet header")
        return total, kind, first, self._view[HEADER.size : count]

    def _send(self, header: bytes, content: bytes | memoryview) -> None:
        try:
            # Without the flag a host that has gone would end this process by SIGPIPE, which looks like a crash.
            self._socket.sendmsg((header, content), (), socket.MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise PeerGone from error
