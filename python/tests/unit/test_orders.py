"""Decoding of the host's orders."""

import json
import struct

import pytest

from lachesis_worker.orders import Batch, BuildOrder, ScriptFile
from lachesis_worker.protocol import ProtocolError

ORDER = {"name": "cell", "definition": "x", "valid_time": 5, "seed_inputs": True, "random_seed": 7}


def test_a_build_order_is_decoded() -> None:
    order = BuildOrder.decode(json.dumps(ORDER).encode())
    assert order == BuildOrder("cell", "x", 5.0, True, 7)
    without = {key: value for key, value in ORDER.items() if key != "valid_time"}
    assert BuildOrder.decode(json.dumps(without).encode()).valid_time is None
    assert order.acceleration == "full"
    assert BuildOrder.decode(json.dumps({**ORDER, "acceleration": "off"}).encode()).acceleration == "off"
    assert order.checkpoint_bytes == 16 << 20
    assert BuildOrder.decode(json.dumps({**ORDER, "checkpoint_bytes": 9}).encode()).checkpoint_bytes == 9


@pytest.mark.parametrize(
    "change",
    [
        {"name": 5},
        {"definition": None},
        {"valid_time": "soon"},
        {"valid_time": float("nan")},
        {"seed_inputs": 1},
        {"random_seed": -1},
        {"random_seed": 2**32},
        {"random_seed": 1.0},
        {"random_seed": True},
        {"acceleration": "more"},
        {"acceleration": None},
        {"acceleration": ["off"]},
        {"checkpoint_bytes": 0},
        {"checkpoint_bytes": 1.5},
        {"checkpoint_bytes": True},
        {"checkpoint_bytes": None},
    ],
)
def test_a_wrong_build_order_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        BuildOrder.decode(json.dumps({**ORDER, **change}).encode())


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"{}", b"5", b"\xff"])
def test_what_is_no_build_order_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        BuildOrder.decode(payload)


def test_a_file_is_decoded() -> None:
    file = ScriptFile.decode(struct.pack("<H", 6) + "ä.txt".encode() + b"content")
    assert file.name == "ä.txt" and bytes(file.content) == b"content"


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/etc/x", b"a\0", b"\xff"])
def test_a_file_elsewhere_is_refused(name: bytes) -> None:
    with pytest.raises(ProtocolError):
        ScriptFile.decode(struct.pack("<H", len(name)) + name)
    with pytest.raises(ProtocolError):
        ScriptFile.decode(struct.pack("<H", 40) + b"short")


def batch(records: int, columns: int, flags: int = 0, zero: int = 0, *values: float) -> bytes:
    return struct.pack(f"<IIII{len(values)}d", records, columns, flags, zero, *values)


def test_a_batch_is_decoded_row_by_row() -> None:
    payload = batch(2, 3, 0, 0, 1, 2, 3, 4, 5, 6)
    assert Batch.decode(payload, 3) == Batch([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], checkpoint=False)
    for wrong in (payload[:-1], payload + b"\0", payload[:4], payload[:12], batch(0, 3), b""):
        with pytest.raises(ProtocolError):
            Batch.decode(wrong, 3)
    with pytest.raises(ProtocolError):
        Batch.decode(payload, 2)


def test_a_batch_may_ask_for_a_checkpoint_and_then_have_no_records() -> None:
    assert Batch.decode(batch(1, 2, 1, 0, 5, 6), 2) == Batch([[5.0, 6.0]], checkpoint=True)
    assert Batch.decode(batch(0, 2, 1), 2) == Batch([], checkpoint=True)
    for wrong in (batch(0, 3, 1), batch(0, 2, 1, 0, 5), batch(1, 2, 1), batch(0, 2, 2), batch(0, 2, 3)):
        with pytest.raises(ProtocolError):
            Batch.decode(wrong, 2)
    for flags, zero in ((2, 0), (3, 0), (1 << 31, 0), (0, 1), (1, 1)):
        with pytest.raises(ProtocolError):
            Batch.decode(batch(1, 2, flags, zero, 5, 6), 2)
