"""Nothing is left open: descriptors and processes after much coming and going."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
from cells import KALMAN, drive
from processes import Process, look_up, wait
from raw import Connection
from server import Server, ServerFactory, fresh
from streaming import connect, handshake_refusal, packed, refusal, reset, upload


async def vanish(server: Server, name: str) -> None:
    """Upload a few records and reset the connection."""
    async with connect(server, name) as connection:
        for record in drive(5):
            await connection.send(packed(record))
        reset(connection)


def come_and_go(server: Server, name: str, rounds: int) -> None:
    """Upload, register, fail, vanish and read, each so many times."""
    for number in range(rounds):
        upload(server, name, drive(20))
        upload(server, name, drive(20))
        assert refusal(server, name, [b"\xc1"]).code == 1007
        handshake_refusal(server, "a_estimates")
        asyncio.run(vanish(server, name))
        server.accept(name, KALMAN)
        failing = ("raise RuntimeError", "import os; os._exit(1)", "estimator = 5")[number % 3]
        assert server.register(name, failing).status_code == 422
        with Connection(server) as connection:
            connection.send(b"POST /online/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
        with httpx.Client(base_url=server.url, trust_env=False) as client, ThreadPoolExecutor(4) as pool:
            paths = ["/health", f"/db/data/{name}", "/online/status", "/no"] * 2
            assert {reply.status_code for reply in pool.map(client.get, paths)} == {200, 404}


def counts(server: Server) -> dict[str, int]:
    """Count the descriptors of server, host and zygotes, save the server's for its database, and the workers.

    Of workers to come there is one for each zygote, and each time another.
    """
    daemon = look_up(server.pid)
    assert daemon is not None
    found = {"server": len(beside_the_database(server, daemon))}
    found |= {f"{name}s": len(server.tree(name)) for name in ("worker", "spare")}
    others = server.tree("host") + server.tree("zygote")
    return found | {f"{one.name} {one.pid}": len(one.descriptors) for one in others}


def beside_the_database(server: Server, daemon: Process) -> list[str]:
    """Return what the server has open but its connections to the database: it keeps a few."""
    of_database = [path for path in daemon.descriptors if path.startswith(str(server.data))]
    assert len(of_database) <= 20, of_database
    return [path for path in daemon.descriptors if not path.startswith(str(server.data))]


def test_descriptors_and_processes_return_to_their_count(make_server: ServerFactory) -> None:
    server = make_server()
    name = fresh("counted")
    server.wait_plugins()
    come_and_go(server, name, 5)
    wait(lambda: counts(server)["workers"] == 1, "one worker")
    before = counts(server)
    come_and_go(server, name, 20)

    def settled() -> bool:
        now = counts(server)
        return now.keys() == before.keys() and all(now[key] <= before[key] for key in now)

    wait(settled, lambda: f"{before}, but {counts(server)}")


def test_registrations_of_many_batteries_cost_a_bounded_number(make_server: ServerFactory) -> None:
    server = make_server()
    server.wait_plugins()
    for _ in range(5):
        server.accept(fresh("some"), KALMAN)
    before, host = counts(server), f"lachesis-host {server.host().pid}"
    for _ in range(20):
        server.accept(fresh("more"), KALMAN)
    # Each worker has a socket and a pipe for what it prints.
    allowed = before | {host: before[host] + 2 * 20, "workers": 25}

    def settled() -> bool:
        now = counts(server)
        return now.keys() == allowed.keys() and all(now[key] <= allowed[key] for key in now)

    wait(settled, lambda: f"at most {allowed}, but {counts(server)}")
