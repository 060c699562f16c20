"""`/online/events`: statuses as they change."""

import os
import selectors
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import tokens
from cells import KALMAN, drive
from events import listening
from processes import wait
from server import STOP_SECONDS, Server, ServerFactory, fresh
from streaming import upload


def test_the_current_status_comes_first_and_then_what_changes(server: Server) -> None:
    name, other = fresh("first"), fresh("other")
    server.accept(name, KALMAN)
    server.accept(other, KALMAN)
    server.wait_status(name)
    with listening(server, name=name, interval=0.05) as listener:
        first = listener.wait_for(name)
        assert first.kind == "status" and first.data["stepped"] == 0
        upload(server, name, drive(50))
        last = listener.wait_for(name, stepped=49, waiting=0)
        status = server.status(name)
        assert last.data == {"name": name, **status}
        ids = [event.id for event in listener.events]
        assert ids == sorted(set(ids)) and {event.data["name"] for event in listener.events} == {name}


@pytest.mark.parametrize("space", ["%20", "+"])
def test_a_space_in_a_name_may_be_written_in_both_ways(server: Server, space: str) -> None:
    name = fresh("two words")
    server.accept(name, KALMAN)
    with server.http.stream("GET", f"/online/events?name={name.replace(' ', space)}") as response:
        assert response.status_code == 200
        assert next(line for line in response.iter_lines() if line.startswith("data:")).count(name) == 1


def test_without_names_all_are_followed_and_a_deletion_is_told(server: Server) -> None:
    name, late = fresh("gone"), fresh("late")
    server.accept(name, KALMAN)
    with listening(server, interval=0.05) as listener:
        listener.wait_for(name)
        server.accept(late, KALMAN)
        listener.wait_for(late)
        assert server.http.delete(f"/db/{name}").status_code == 200
        wait(lambda: listener.of(name)[-1].kind == "removed", "a removal")
        assert listener.of(name)[-1].data == {"name": name}
    with listening(server) as listener:
        listener.wait_for(late)
        assert listener.of(name) == [], "who knows nothing need not forget"


def test_one_that_was_cut_hears_of_what_it_missed_alone(make_server: ServerFactory) -> None:
    server = make_server()
    changed, gone, same = fresh("changed"), fresh("gone"), fresh("same")
    for name in (changed, gone, same):
        server.accept(name, KALMAN)
        server.wait_status(name)
    with listening(server) as listener:
        wait(lambda: len(listener.events) >= 3, "all")
        last = listener.events[-1].id
    upload(server, changed, drive(10))
    server.wait_status(changed, stepped=9)
    assert server.http.delete(f"/db/{gone}").status_code == 200
    with listening(server, {"Last-Event-ID": str(last)}, interval=0.05) as listener:
        listener.wait_for(changed, stepped=9)
        wait(lambda: listener.of(gone), "a removal")
        assert [event.kind for event in listener.of(gone)] == ["removed"] and listener.of(same) == []
        newest = listener.events[-1].id
    server.stop()
    server.start()
    with listening(server, {"Last-Event-ID": str(newest)}) as listener:
        # What a server before this one knew may all have changed.
        assert listener.wait_for(same).id > newest and listener.wait_for(changed)
    with listening(server, {"Last-Event-ID": str(2**62)}) as listener:
        assert listener.wait_for(same)


def test_many_changes_become_one_event_an_interval(server: Server) -> None:
    name, records = fresh("coalesced"), drive(3_000)
    server.accept(name, KALMAN)
    with listening(server, name=name, interval=1) as listener:
        begun = time.monotonic()
        for start in range(0, 3_000, 100):
            upload(server, name, records[start : start + 100])
            time.sleep(0.05)
        listener.wait_for(name, stepped=2_999)
        events = listener.of(name)
        # The first of each second, and the one at the beginning.
        assert len(events) <= time.monotonic() - begun + 2


@pytest.mark.parametrize(
    ("query", "headers"),
    [("interval=0", {}), ("interval=61", {}), ("interval=nan", {}), ("name=.x", {}), ("", {"Last-Event-ID": "x"})],
)
def test_what_makes_no_sense_is_refused(server: Server, query: str, headers: dict[str, str]) -> None:
    reply = server.http.get(f"/online/events?{query}", headers=headers)
    assert reply.status_code == 422 and reply.json()["detail"][0]["loc"], reply.text


def test_the_servers_end_is_the_events_end(make_server: ServerFactory) -> None:
    server = make_server()
    server.accept(fresh("end"), KALMAN)
    with listening(server, interval=60) as first, listening(server) as second:
        wait(lambda: first.events and second.events, "events")
        server.stop()
        wait(lambda: first.has_ended and second.has_ended, "an end", STOP_SECONDS)


def test_a_revoked_token_ends_it(make_server: ServerFactory) -> None:
    server = make_server(start=False)
    tokens.create(server, "admin", label="admin")
    token = tokens.create(server, "read", label="reader")
    server.start()
    assert server.http.get("/online/events").status_code == 401
    with listening(server, tokens.shown(token)) as listener:
        assert listener.status == 200
        tokens.revoke(server, "reader")
        wait(lambda: listener.has_ended, "an end", tokens.SOON)


def resident(pid: int) -> int:
    """Return a process's resident memory, MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def test_a_thousand_clients_are_served_and_those_that_do_not_read_cost_little(make_server: ServerFactory) -> None:
    server = make_server()
    names = [fresh("crowd") for _ in range(3)]
    for name in names:
        server.accept(name, KALMAN)
        server.wait_status(name)
    before = resident(server.pid)
    address = urlsplit(server.url)
    request = b"GET /online/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    clients = [socket.create_connection((address.hostname, address.port), timeout=60) for _ in range(1_000)]
    try:
        with selectors.DefaultSelector() as selector:
            heard = dict.fromkeys(clients[100:], b"")
            for client in clients:
                client.sendall(request)
            for client in heard:
                client.setblocking(False)
                selector.register(client, selectors.EVENT_READ)
            upload(server, names[0], drive(20))
            end = time.monotonic() + 120
            # The first hundred never read.
            while not all(b'"stepped":19' in text for text in heard.values()):
                assert time.monotonic() < end, "not all have heard of the latest"
                for key, _ in selector.select(1):
                    part = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                    assert part, "a client was cut"
                    heard[key.fileobj] += part  # type: ignore[index]
        grown = resident(server.pid) - before
        assert grown < 100, f"a thousand clients take {grown} MiB"
    finally:
        for client in clients:
            client.close()
    # Who has gone is forgotten: their connections are closed on this side, too.
    wait(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) < 200, "an end of the connections")
    assert server.get("/health")["status"] == "ok"
