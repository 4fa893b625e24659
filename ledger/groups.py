"""The journal's table, and the exclusive right to add to it: a file of SQLite, or a schema of PostgreSQL.

Knows nothing of what a row says. Rows are never changed, and each begins where the one before it ends.
"""

import os
import socket
from contextlib import ExitStack, closing
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ledger import postgresql
from ledger.databases import JOURNAL, Connection, Location, told
from ledger.errors import BadDatabase, DataInUse, JournalFault
from ledger.files import WriterLock, connect_writer, fsync_folder

if TYPE_CHECKING:
    import psycopg

FORMAT = 1

SQLITE = """
BEGIN;
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL) STRICT;
CREATE TABLE groups (
    first_seq INTEGER PRIMARY KEY,
    count INTEGER NOT NULL CHECK (count > 0),
    ts INTEGER NOT NULL,
    payload BLOB NOT NULL,
    payload_hash BLOB NOT NULL,
    chain_hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER groups_no_update BEFORE UPDATE ON groups BEGIN SELECT RAISE(ABORT, 'the journal is immutable'); END;
CREATE TRIGGER groups_no_delete BEFORE DELETE ON groups BEGIN SELECT RAISE(ABORT, 'the journal is immutable'); END;
INSERT INTO meta VALUES (1, {format});
COMMIT;
"""
POSTGRESQL = """
CREATE TABLE meta (id int PRIMARY KEY CHECK (id = 1), format int NOT NULL);
CREATE TABLE owner (
    id int PRIMARY KEY CHECK (id = 1),
    term bigint NOT NULL,
    pid int NOT NULL,
    host text NOT NULL,
    since timestamptz NOT NULL
);
CREATE TABLE groups (
    first_seq bigint PRIMARY KEY,
    count bigint NOT NULL CHECK (count > 0),
    ts bigint NOT NULL,
    payload bytea NOT NULL,
    payload_hash bytea NOT NULL,
    chain_hash bytea NOT NULL
);
ALTER TABLE groups ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the journal is immutable'; END
$$;
CREATE TRIGGER groups_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON groups EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_gap() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE next bigint := coalesce((SELECT first_seq + count FROM groups ORDER BY first_seq DESC LIMIT 1), 1);
    BEGIN
        IF NEW.first_seq <> next THEN
            RAISE EXCEPTION 'the next command is %', next;
        END IF;
        RETURN NEW;
    END
$$;
CREATE TRIGGER groups_follow BEFORE INSERT ON groups FOR EACH ROW EXECUTE FUNCTION refuse_gap();
INSERT INTO meta VALUES (1, {format});
"""
TAKE_OVER = b"""
INSERT INTO owner VALUES (1, 1, %s, %s, now())
ON CONFLICT (id) DO UPDATE SET term = owner.term + 1, pid = excluded.pid, host = excluded.host, since = excluded.since
RETURNING term
"""
ADD = b"INSERT INTO groups SELECT %b, %b, %b, %b, %b, %b FROM owner WHERE term = %b"


class Row(NamedTuple):
    """One commit: `size` commands from number `first_seq`, packed, with the hashes that tie it to the row before."""

    first_seq: int
    size: int
    ts: int
    payload: bytes
    payload_hash: bytes
    chain_hash: bytes


class Groups(Protocol):
    """The writing side of the table; nobody else has one while it is open."""

    @property
    def db(self) -> Connection: ...

    def add(self, row: Row) -> None:
        """Make a row durable. Raises one of `driver_errors`, or JournalFault when another writer has taken over."""

    def close(self) -> None: ...


def open_groups(location: Location) -> Groups:
    """Open the table for writing, or make it. Raises DataInUse, BadDatabase, NoDatabase, or one of `driver_errors`."""
    return FileGroups(location) if isinstance(location, Path) else ServerGroups(location)


class FileGroups:
    """On SQLite the lock of a file beside the database keeps other writers out."""

    def __init__(self, path: Path) -> None:
        with ExitStack() as opened:
            opened.enter_context(closing(WriterLock(path.with_name(f"{path.name}.lock"))))
            path.touch(mode=0o600)  # for its owner alone, as are the files that SQLite makes beside it
            self.db = opened.enter_context(closing(connect_writer(path, synchronous="FULL")))
            if not self.db.execute("SELECT 1 FROM sqlite_schema").fetchone():
                self.db.executescript(SQLITE.format(format=FORMAT))
                fsync_folder(path.parent)
            self._opened = opened.pop_all()

    def add(self, row: Row) -> None:
        self.db.execute("INSERT INTO groups VALUES (?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        self._opened.close()


class ServerGroups:
    """On PostgreSQL an advisory lock of the session keeps other writers out, and a term those that lost theirs.

    A writer whose session ended has no lock and may not know it. Every takeover begins a new term, and a row is only
    added in its writer's own; were two to add at the same time, both would begin at one number, which is unique.
    """

    def __init__(self, url: str) -> None:
        self.db = postgresql.connect(url, JOURNAL)
        try:
            if not postgresql.claim(self.db, JOURNAL):
                pid, where = self._owner()
                raise DataInUse(told(url), pid, where)
            _require_durable(self.db)
            with self.db.transaction():
                self.db.execute("CREATE SCHEMA IF NOT EXISTS journal")
                if not self._has_table("meta"):
                    self.db.execute(POSTGRESQL.format(format=FORMAT).encode())
                self._term = self.db.execute(TAKE_OVER, (os.getpid(), socket.gethostname())).fetchall()[0][0]
        except BaseException:
            self.db.close()
            raise

    def add(self, row: Row) -> None:
        if not self.db.execute(ADD, (*row, self._term)).rowcount:
            pid, where = self._owner()
            last_seq = row.first_seq + row.size - 1
            raise JournalFault(f"commands {row.first_seq} to {last_seq}: refused: process {pid}{where} has taken over")

    def close(self) -> None:
        self.db.close()

    def _owner(self) -> tuple[int | None, str]:
        """The pid of who writes the journal, and on which host since when."""
        if not self._has_table("owner"):
            return None, ""
        pid, host, since = self.db.execute("SELECT pid, host, since FROM owner").fetchone() or (None, "", None)
        return pid, f" on {host} since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if since else ""

    def _has_table(self, name: str) -> bool:
        return self.db.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,)


def _require_durable(db: "psycopg.Connection[Any]") -> None:
    """Have every commit wait for the disk. Raises BadDatabase when the server would not."""
    if db.execute("SHOW fsync").fetchone() == ("off",):
        raise BadDatabase("the database server runs with fsync off: nothing would be durable")
    if db.execute("SHOW synchronous_commit").fetchone() == ("off",):
        db.execute("SET synchronous_commit = on")
