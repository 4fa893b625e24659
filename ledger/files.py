"""Files, locks and connections: what the journal, the snapshots and the ledger need of the operating system.

SQLite before 3.51.3 can lose commits when two connections write and checkpoint one file. So every database has one
writing connection, which alone checkpoints, and readers are opened so that they cannot. POSIX only.
"""

import fcntl
import os
import sqlite3
from pathlib import Path

from ledger.errors import DataInUse


class WriterLock:
    """The exclusive right to write beside `path`, held until `close` or the end of the process, however it ends.

    The lock file stays behind: deleting it would let two processes lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock at once. Raises DataInUse, with the holder's pid, when another has it."""
        self._file = path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            pid = self._file.read().strip()
            self._file.close()
            raise DataInUse(path.parent, int(pid) if pid.isdigit() else None) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


WRITER_PRAGMAS = (
    "journal_mode = WAL",
    "fullfsync = ON",  # on macOS fsync alone does not reach the disk
    "recursive_triggers = ON",  # or INSERT OR REPLACE walks past the immutability triggers
    "foreign_keys = ON",
)
READER_PRAGMAS = ("query_only = ON", "wal_autocheckpoint = 0")


def connect_writer(path: Path, synchronous: str, *pragmas: str) -> sqlite3.Connection:
    """Open the one writing connection of a database, in autocommit; one thread at a time may use it."""
    return _connect(path.resolve().as_uri(), (*WRITER_PRAGMAS, f"synchronous = {synchronous}", *pragmas))


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a database beside its writer, for reading only. Raises sqlite3.Error when there is none."""
    return _connect(reader_uri(path), READER_PRAGMAS)


def reader_uri(path: Path) -> str:
    """Return the URI under which SQLite can neither write nor checkpoint the file, not even on its last close."""
    return f"{path.resolve().as_uri()}?mode=ro"


def _connect(uri: str, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        for pragma in pragmas:
            db.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        db.close()
        raise
    return db


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a file that was synced may still be lost with its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
