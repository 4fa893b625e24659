"""The journal: every command, durable before it is applied, in groups whose hashes form a chain.

One SQLite file with one writing connection. A row is a group: the number of its first command, how many, when, the
packed commands, their digest, and the chain digest over all of that and the row before. Rows are never changed.
Journal and snapshot rebuild the exchange exactly, so whoever can read the journal can check the market.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgpack

from engine.codec import Malformed, from_record, to_record
from engine.commands import Command
from ledger.faults import JournalBusy, JournalCorrupt, JournalFault

FORMAT_VERSION = 1
GENESIS = b"\0" * 32  # the chain digest before the first group

SCHEMA = """
CREATE TABLE meta (version INTEGER NOT NULL) STRICT;
CREATE TABLE groups (
    first_seq INTEGER PRIMARY KEY, count INTEGER NOT NULL CHECK (count > 0), ts INTEGER NOT NULL,
    payload BLOB NOT NULL, digest BLOB NOT NULL, chain BLOB NOT NULL
) STRICT;
CREATE TRIGGER groups_keep BEFORE UPDATE ON groups BEGIN SELECT RAISE(ABORT, 'the journal is immutable'); END;
CREATE TRIGGER groups_stay BEFORE DELETE ON groups BEGIN SELECT RAISE(ABORT, 'the journal is immutable'); END;
"""


class Group(NamedTuple):
    first_seq: int
    commands: list[Command]

    @property
    def last_seq(self) -> int:
        return self.first_seq + len(self.commands) - 1


def digest_of(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=32).digest()


def chain_of(before: bytes, first_seq: int, count: int, ts: int, digest: bytes) -> bytes:
    return blake2b(before + b"%d %d %d " % (first_seq, count, ts) + digest, digest_size=32).digest()


class Journal:
    """The writer, one at a time for a file; or a reader beside it when `writable` is false.

    `append` blocks until the group is durable. Raises JournalBusy when another process writes here, JournalCorrupt
    for a file that is not a journal of this version.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self.path = path
        self.writable = writable
        self.fault: str | None = None
        self._lock = _lock(path.with_suffix(".lock")) if writable else None
        try:
            self._db = _connect(path, writable)
            self._open()
        except sqlite3.DatabaseError as error:
            self._unlock()
            raise JournalCorrupt(f"{path.name} cannot be read as a journal: {error}") from error
        except BaseException:
            self._unlock()
            raise

    def _open(self) -> None:
        tables = [name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if not tables and self.writable:
            self._db.executescript(f"BEGIN; {SCHEMA} INSERT INTO meta VALUES ({FORMAT_VERSION}); COMMIT;")  # noqa: S608
        elif "meta" not in tables or "groups" not in tables:
            raise JournalCorrupt(f"{self.path.name} is not a journal")
        (version,) = self._db.execute("SELECT version FROM meta").fetchone()
        if version != FORMAT_VERSION:
            raise JournalCorrupt(f"{self.path.name} has format {version}, this program reads {FORMAT_VERSION}")
        row = self._db.execute("SELECT first_seq, count, chain FROM groups ORDER BY first_seq DESC LIMIT 1").fetchone()
        self.last_seq: int = row[0] + row[1] - 1 if row else 0
        self._chain: bytes = row[2] if row else GENESIS

    def append(self, commands: Sequence[Command]) -> int:
        """Make a group durable and return the number of its first command.

        Raises JournalFault when the commit fails: its outcome is then unknown, and the journal takes nothing more
        until it was opened again.
        """
        if self.fault:
            raise JournalFault(self.fault)
        first = self.last_seq + 1
        count = len(commands)
        ts = commands[-1].ts
        payload = msgpack.packb([to_record(command) for command in commands])
        digest = digest_of(payload)
        chain = chain_of(self._chain, first, count, ts, digest)
        try:
            self._db.execute("INSERT INTO groups VALUES (?, ?, ?, ?, ?, ?)", (first, count, ts, payload, digest, chain))
        except sqlite3.Error as error:
            self.fault = f"commit of commands {first} to {first + count - 1} failed, outcome unknown: {error}"
            raise JournalFault(self.fault) from error
        self.last_seq += count
        self._chain = chain
        return first

    def groups(self, after: int = 0) -> Iterator[Group]:
        """Yield every group that holds a command numbered above `after`, each one verified first.

        The chain is followed from the group before; raises JournalCorrupt, with the last good number, at the first
        gap, changed byte or broken link.
        """
        before = self._db.execute(
            "SELECT first_seq, count, chain FROM groups "
            "WHERE first_seq <= ?1 AND first_seq + count - 1 <= ?1 ORDER BY first_seq DESC LIMIT 1",
            (after,),
        ).fetchone()
        last, chain = (before[0] + before[1] - 1, before[2]) if before else (0, GENESIS)
        rows = self._db.execute("SELECT * FROM groups WHERE first_seq > ? ORDER BY first_seq", (last,))
        while True:
            try:
                row = rows.fetchone()
            except sqlite3.DatabaseError as error:
                raise JournalCorrupt(f"journal unreadable after command {last}: {error}") from error
            if row is None:
                break
            group, chain = _verified(row, last, chain)
            last = group.last_seq
            yield group
        if last < self.last_seq:
            raise JournalCorrupt(f"journal ends at command {last}, {self.last_seq} was there when it was opened")

    def close(self) -> None:
        self._db.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _verified(row: tuple[int, int, int, bytes, bytes, bytes], last: int, before: bytes) -> tuple[Group, bytes]:
    first, count, ts, payload, digest, chain = row
    where = f"journal group at command {first} (last good command: {last})"
    if first != last + 1:
        raise JournalCorrupt(f"{where}: commands {last + 1} to {first - 1} are missing")
    if digest_of(payload) != digest:
        raise JournalCorrupt(f"{where}: its payload was changed")
    if chain_of(before, first, count, ts, digest) != chain:
        raise JournalCorrupt(f"{where}: it does not continue the chain")
    try:
        commands = [from_record(record) for record in msgpack.unpackb(payload)]
    except (ValueError, Malformed, msgpack.UnpackException) as error:
        raise JournalCorrupt(f"{where}: {error}") from error
    if len(commands) != count:
        raise JournalCorrupt(f"{where}: {len(commands)} commands where {count} were written")
    return Group(first, commands), chain


def _connect(path: Path, writable: bool) -> sqlite3.Connection:
    """Open the file. A reader never checkpoints: before SQLite 3.51.3 a second checkpointer could lose commits."""
    mode = "rwc" if writable else "ro"
    db = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA recursive_triggers = ON")
    if writable:
        path.chmod(0o600)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
    else:
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA wal_autocheckpoint = 0")
    return db


def _lock(path: Path) -> int:
    """Take the writer's lock of a journal; it names its holder, and the kernel drops it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 20).decode(errors="replace").strip() or "?"
        os.close(handle)
        raise JournalBusy(f"process {holder} already runs the exchange in {path.parent}") from None
    os.ftruncate(handle, 0)
    os.write(handle, b"%d\n" % os.getpid())
    return handle
