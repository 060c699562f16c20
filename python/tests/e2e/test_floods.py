"""More than can be stepped at once: it is stored in bounded memory."""

from concurrent.futures import ThreadPoolExecutor

from cells import drive, slow
from database import query
from processes import peak_memory, wait
from server import ServerFactory, fresh
from streaming import frames, pour


def test_a_million_records_wait_in_little_memory(make_server: ServerFactory) -> None:
    server = make_server()
    name, count, senders = fresh("million"), 1_000_000, 4
    server.accept(name, slow(0.05))
    # Always the same one: records of equal times are stepped, and take as long to step as any.
    wire = frames(drive(1)) * (count // senders)
    with ThreadPoolExecutor(senders) as pool:
        for sending in [pool.submit(pour, server, name, wire) for _ in range(senders)]:
            sending.result()
    status = server.status(name)
    assert server.stats(name)["data_stats"]["rows"] == count and status["waiting"] > 0.99 * count
    wait(lambda: server.status(name)["stepped"] > status["stepped"], "further steps")
    assert (used := peak_memory(server.pid)) < 200, f"{used} MB"
    # The queue outlives the server: as much is to be done after a restart, in as little memory.
    server.stop()
    server.start()
    status = wait(
        lambda: (now := server.status(name))["is_ready"] and now["stepped"] > status["stepped"] and now,
        lambda: f"steps after a restart: {server.status(name)}",
    )
    assert status["failed"] == 0 and status["waiting"] > 0.99 * count
    assert (used := peak_memory(server.pid)) < 200, f"{used} MB"


def test_a_hundred_uploads_at_once_are_stored_in_bounded_memory(make_server: ServerFactory) -> None:
    server = make_server()
    names, senders, count = [fresh("flood") for _ in range(20)], 5, 3_000
    for name in names:
        server.accept(name, slow(0.05))
    record = drive(1)[0]
    wires = [
        frames(record | {"sender": sender, "number": number} for number in range(count)) for sender in range(senders)
    ]
    with ThreadPoolExecutor(len(names) * senders) as pool:
        for sending in [pool.submit(pour, server, name, wire) for name in names for wire in wires]:
            sending.result()
    assert (used := peak_memory(server.pid)) < 300, f"{used} MB"
    for name in names:
        rows = query(server, f'SELECT sender, number FROM "{name}" ORDER BY lachesis_sequence')
        for sender in range(senders):
            assert [number for by, number in rows if by == sender] == list(range(count))
        status = server.status(name)
        assert len(rows) == senders * count and status["waiting"] > 0 == status["failed"]
        assert status["phase"] == "running" and status["restarts"] == 0
