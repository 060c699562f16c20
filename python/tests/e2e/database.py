"""Looks into a server's database as another program may; changes it as none should."""

import sqlite3
from contextlib import closing
from typing import Any

from server import Server


def query(server: Server, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return a query's rows."""
    path = server.data / "lachesis.sqlite"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(sql, values).fetchall()


def columns(server: Server, table: str) -> list[str]:
    """Return the names of a table's columns in their order; none if there is no such table."""
    return [name for (name,) in query(server, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table)]


def battery_tables(server: Server) -> set[str]:
    """Return the names of all tables that are not the server's own."""
    return {
        name
        for (name,) in query(server, "SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith(("lachesis_", "sqlite_", "grdb_"))
    }


def change(server: Server, sql: str, *values: Any) -> int:
    """Change the database behind the server's back; return how many rows that touched."""
    with closing(sqlite3.connect(server.data / "lachesis.sqlite", timeout=30)) as database, database:
        return database.execute(sql, values).rowcount


def forget_records(server: Server, name: str, count: int) -> None:
    """Remove a battery's first records behind the server's back: stepped from the start, it would get other numbers."""
    assert change(server, f'DELETE FROM "{name}" WHERE lachesis_sequence <= ?', count) == count
