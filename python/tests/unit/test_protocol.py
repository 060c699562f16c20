"""Framing over a real SOCK_SEQPACKET pair."""

import random
import socket
import struct
import threading

import pytest

from lachesis_worker.protocol import HOST_LIMIT, SLICE_BYTES, WORKER_LIMIT, Channel, Kind, PeerGone, ProtocolError


def pair(limit: int = HOST_LIMIT) -> tuple[socket.socket, Channel]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return ours, Channel(theirs.detach(), limit)


def packet(total: int, kind: int, first: int, content: bytes = b"", zero: int = 0) -> bytes:
    return struct.pack("<IBBH", total, kind, first, zero) + content


@pytest.mark.parametrize("size", [0, 1, SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES, 1_000_003])
def test_a_message_arrives_whole(size: int) -> None:
    ours, channel = pair()
    payload = random.Random(size).randbytes(size)
    sender = Channel(ours.detach())
    thread = threading.Thread(target=sender.send, args=(Kind.BATCH, payload))
    thread.start()
    assert channel.receive() == (Kind.BATCH, payload)
    thread.join()
    sender.close()
    assert channel.receive() is None


@pytest.mark.parametrize(
    "packets",
    [
        [b"\0"],
        [packet(0, 1, 1)[:7]],
        [packet(1, 3, 0, b"a")],
        [packet(1, 3, 2, b"a")],
        [packet(1, 3, 1, b"a", zero=1)],
        [packet(1, 3, 1, b"ab")],
        [packet(HOST_LIMIT + 1, 3, 1, b"a")],
        [packet(4, 3, 1, b"ab"), packet(4, 2, 0, b"cd")],
        [packet(4, 3, 1, b"ab"), packet(5, 3, 0, b"cd")],
        [packet(4, 3, 1, b"ab"), packet(4, 3, 1, b"cd")],
        [packet(4, 3, 1, b"ab"), packet(4, 3, 0, b"cde")],
        [packet(4, 3, 1, b"ab"), packet(4, 3, 0)],
        [packet(4, 3, 1)],
        [packet(70_000, 3, 1, bytes(SLICE_BYTES + 1))],
    ],
)
def test_what_the_protocol_does_not_allow_is_refused(packets: list[bytes]) -> None:
    ours, channel = pair()
    for data in packets:
        ours.send(data)
    # An empty slice in a message's middle is only seen to be endless when the next packet is asked for.
    ours.close()
    with pytest.raises(ProtocolError):
        while channel.receive() is not None:
            pass


def test_random_packets_give_messages_or_a_refusal() -> None:
    chance = random.Random(5)
    refused = 0
    for _ in range(400):
        ours, channel = pair(limit=1_000)
        for _ in range(chance.randrange(1, 6)):
            content = chance.randbytes(chance.choice((0, 1, 8, 500, 1_000)))
            total = chance.choice((len(content), len(content), 0, 1, 999, 1_001, 2**32 - 1))
            data = packet(total, chance.randrange(5), chance.choice((1, 1, 1, 0, 7)), content)
            ours.send(chance.choice((data, data, data, data[: chance.randrange(1, 9)], content or b"x")))
        ours.close()
        try:
            while (message := channel.receive()) is not None:
                assert len(message[1]) <= 1_000
        except ProtocolError:
            refused += 1
        channel.close()
    assert 0 < refused < 400


def test_an_end_in_the_middle_of_a_message_is_an_end() -> None:
    ours, channel = pair()
    ours.send(packet(100, 3, 1, b"begun"))
    ours.close()
    assert channel.receive() is None


def test_sending_to_a_peer_that_has_gone_is_told() -> None:
    ours, channel = pair()
    ours.close()
    with pytest.raises(PeerGone):
        channel.send(Kind.RESULT, b"x")


def test_a_result_beyond_the_limit_is_not_sent() -> None:
    _ours, channel = pair()
    with pytest.raises(ValueError, match="at most"):
        channel.send(Kind.RESULT, bytes(WORKER_LIMIT + 1))
