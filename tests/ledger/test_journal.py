"""The journal: durable, immutable, one writer, and every damage found and named."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.commands import Command, Deposit
from ledger import postgresql
from ledger.databases import JOURNAL, Databases, Location, connect, driver_errors, exists, rows
from ledger.errors import DataInUse, JournalCorrupt, JournalFault, LedgerError
from ledger.groups import ServerGroups
from ledger.journal import Journal, JournalReader, chain_digest, payload_digest
from tests.ledger.history import change, grouped, history

COMMANDS = history(41)  # 51 commands
GROUPS = grouped(COMMANDS)


@pytest.fixture
def path(databases: Databases) -> Location:
    return databases.journal


@pytest.fixture
def written(path: Location) -> Location:
    with Journal(path) as journal:
        for group in GROUPS:
            journal.append(group)
    return path


def read(path: Location, after: int = 0) -> list[Command]:
    with JournalReader(path) as journal:
        return [command for group in journal.groups(after) for command in group.commands]


def flip(path: Location, column: str, first_seq: int, at: int) -> None:
    """Flip one bit of a stored value."""
    with closing(connect(path, JOURNAL)) as db:
        ((value,),) = rows(db, f"SELECT {column} FROM groups WHERE first_seq = ?", first_seq)
    changed = bytearray(value)
    changed[at] ^= 1
    change(path, JOURNAL, f"UPDATE groups SET {column} = ? WHERE first_seq = {first_seq}", bytes(changed))


def test_commands_come_back_as_they_were_appended(written: Location) -> None:
    assert COMMANDS == read(written)


def test_appending_numbers_commands_from_one(path: Location) -> None:
    with Journal(path) as journal:
        assert [1, 4, 6] == [journal.append(COMMANDS[:3]), journal.append(COMMANDS[3:5]), journal.append(COMMANDS[5:6])]
        assert 6 == journal.last_seq


def test_reopened_journal_goes_on_where_it_stood(written: Location) -> None:
    with Journal(written) as journal:
        assert len(COMMANDS) + 1 == journal.append([Deposit(9, 1, "CNY", 1)])

    assert [*COMMANDS, Deposit(9, 1, "CNY", 1)] == read(written)


@pytest.mark.parametrize("after", [0, 1, 9, 10, 11, 25, 50, 51, 99])
def test_reading_starts_after_any_command_even_inside_a_group(written: Location, after: int) -> None:
    with JournalReader(written) as journal:
        groups = list(journal.groups(after))

    assert COMMANDS[after:] == [command for group in groups for command in group.commands]
    assert (groups[0].first_seq if groups else after + 1) == after + 1


def test_long_journal_is_read_in_portions(path: Location) -> None:
    with Journal(path) as journal:
        for command in history(600):
            journal.append([command])

    assert history(600) == read(path)


def test_second_writer_is_refused_with_the_first_ones_pid(written: Location) -> None:
    with Journal(written), pytest.raises(DataInUse, match=f"in use by process {os.getpid()}[ ;]"):
        Journal(written)

    Journal(written).close()  # free again


def test_readers_see_what_is_durable_beside_the_writer(path: Location) -> None:
    with Journal(path) as journal, JournalReader(path) as reader:
        journal.append(COMMANDS[:7])

        assert 7 == reader.last_seq
        assert COMMANDS[:7] == [command for group in reader.groups() for command in group.commands]


def test_reader_cannot_write(written: Location) -> None:
    with JournalReader(written) as reader, pytest.raises(driver_errors(), match=r"read-?only"):
        reader._db.execute(
            "INSERT INTO groups SELECT first_seq + 100, count, ts, payload, payload, payload FROM groups"
        )


@pytest.mark.parametrize("statement", ["UPDATE groups SET ts = 0", "DELETE FROM groups WHERE first_seq = 1"])
def test_groups_stay_as_they_were_written(written: Location, statement: str) -> None:
    with Journal(written) as journal, pytest.raises(driver_errors(), match="immutable"):
        journal._db.execute(statement)


def test_groups_are_not_replaced_either(tmp_path: Path) -> None:
    statement = (
        "INSERT OR REPLACE INTO groups SELECT first_seq, count, 0, payload, payload_hash, chain_hash FROM groups"
    )
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.append(COMMANDS)
        with pytest.raises(sqlite3.IntegrityError, match="immutable"):
            journal._db.execute(statement)


def test_groups_are_not_truncated_either(postgresql_url: str) -> None:
    with Journal(postgresql_url) as journal, pytest.raises(psycopg.Error, match="immutable"):
        journal._db.execute("TRUNCATE groups")


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("payload", "its payload does not match its hash"),
        ("payload_hash", "its payload does not match its hash"),
        ("chain_hash", "its chain hash does not follow"),
    ],
)
@pytest.mark.parametrize("at", [0, 13, -1])
def test_flipped_byte_is_found_and_named(written: Location, column: str, why: str, at: int) -> None:
    flip(written, column, first_seq=21, at=at)

    with pytest.raises(JournalCorrupt, match=f"group of command 21: {why}") as fault:
        read(written)
    assert 20 == fault.value.seq_good


@pytest.mark.parametrize(
    ("statement", "named", "good"),
    [
        ("DELETE FROM groups WHERE first_seq = 31", "command 31 is missing", 30),
        ("DELETE FROM groups WHERE first_seq = 1", "command 1 is missing", 0),
        ("UPDATE groups SET ts = ts + 1 WHERE first_seq = 11", "group of command 11: its chain hash", 10),
        ("UPDATE groups SET count = 9 WHERE first_seq = 11", "group of command 11: its chain hash", 10),
    ],
)
def test_missing_or_changed_row_is_found_and_named(written: Location, statement: str, named: str, good: int) -> None:
    change(written, JOURNAL, statement)

    with pytest.raises(JournalCorrupt, match=named) as fault:
        read(written)
    assert good == fault.value.seq_good


def test_row_rewritten_with_fitting_hashes_is_found_at_the_next_one(written: Location) -> None:
    with closing(connect(written, JOURNAL)) as db:
        found = rows(db, "SELECT * FROM groups WHERE first_seq IN (11, 21) ORDER BY first_seq")
    (*_, before), (first_seq, count, ts, payload, _, _) = found
    forged = payload.replace(b"MT", b"XX")
    chain = chain_digest(before, first_seq, count, ts, payload_digest(forged))
    change(
        written,
        JOURNAL,
        "UPDATE groups SET payload = ?, payload_hash = ?, chain_hash = ? WHERE first_seq = 21",
        *(forged, payload_digest(forged), chain),
    )

    with pytest.raises(JournalCorrupt, match="group of command 31: its chain hash does not follow") as fault:
        read(written)
    assert 30 == fault.value.seq_good


def test_journal_with_a_damaged_last_row_is_not_opened_for_writing(written: Location) -> None:
    flip(written, "payload", first_seq=51, at=3)

    with pytest.raises(JournalCorrupt, match="group of command 51"):
        Journal(written)
    with pytest.raises(JournalCorrupt):  # and the lock was given back
        Journal(written)


def test_other_format_is_refused(written: Location) -> None:
    change(written, JOURNAL, "UPDATE meta SET format = 2")

    with pytest.raises(LedgerError, match="journal format 2; this program reads format 1"):
        Journal(written)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + bytes(4080)])
def test_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.sqlite").write_bytes(content)

    with pytest.raises(JournalCorrupt):
        Journal(tmp_path / "journal.sqlite")


def test_missing_journal_is_not_made_unless_asked(path: Location) -> None:
    with pytest.raises(LedgerError, match="does not exist"):
        Journal(path, create=False)
    with pytest.raises(LedgerError, match="does not exist"):
        JournalReader(path)
    assert not exists(path, JOURNAL)


def test_failed_commit_closes_the_journal_for_good(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.append(COMMANDS)
        (pages,) = journal._db.execute("PRAGMA page_count").fetchone() or (0,)
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalFault, match="commands 52 to 1051: outcome unknown: database or disk is full"):
            journal.append([Deposit(0, 1, "CNY", 1)] * 1000)
        journal._db.execute("PRAGMA max_page_count = 1000000")

        with pytest.raises(JournalFault, match="closed by an earlier fault"):
            journal.append([Deposit(0, 1, "CNY", 1)])
        assert 51 == journal.last_seq

    assert COMMANDS == read(tmp_path / "journal.sqlite")


def test_lost_connection_closes_the_journal_for_good(postgresql_url: str) -> None:
    with Journal(postgresql_url) as journal:
        journal.append(COMMANDS)
        end_session(postgresql_url, journal)

        with pytest.raises(JournalFault, match="commands 52 to 52: outcome unknown"):
            journal.append([Deposit(0, 1, "CNY", 1)])
        with pytest.raises(JournalFault, match="closed by an earlier fault"):
            journal.append([Deposit(0, 1, "CNY", 1)])

    assert COMMANDS == read(postgresql_url)


APPENDER = """
import sys
from pathlib import Path
from engine.commands import Deposit
from ledger.journal import Journal
place = sys.argv[1]
journal = Journal(place if "://" in place else Path(place))
while True:
    seq = journal.append([Deposit(0, 1, "CNY", 1 + journal.last_seq + n) for n in range(7)])
    print(seq + 6, flush=True)
"""


def test_every_append_that_returned_outlives_sigkill(path: Location) -> None:
    told = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True
        ) as appender:
            assert appender.stdout is not None
            for _ in range(40):
                told = int(appender.stdout.readline())
            appender.send_signal(signal.SIGKILL)
            told = max([told, *map(int, appender.stdout.read().split())])

        found = read(path)
        assert told <= len(found)
        assert [Deposit(0, 1, "CNY", number) for number in range(1, len(found) + 1)] == found


# ------------------------------------------------------------------------- two writers, one of which does not know


def end_session(url: str, journal: Journal) -> None:
    """Have the server end a writer's session, and its lock with it, as when it finds the writer's host gone."""
    with psycopg.connect(url) as db:
        db.execute("SELECT pg_terminate_backend(%s, 5000)", (session_of(journal).info.backend_pid,))


def session_of(journal: Journal) -> "psycopg.Connection[Any]":
    assert isinstance(journal._db, psycopg.Connection)
    return journal._db


def lose_lock(url: str, journal: Journal) -> None:
    session_of(journal).execute("SELECT pg_advisory_unlock_all()")


def reconnect(url: str, journal: Journal) -> None:
    assert isinstance(journal._groups, ServerGroups)
    end_session(url, journal)
    journal._groups.close()
    journal._groups.db = journal._db = postgresql.connect(url, JOURNAL)


@pytest.mark.parametrize("lose", [lose_lock, reconnect])
@pytest.mark.parametrize("appended", [0, 1, 3])
def test_writer_that_lost_its_lock_is_refused_once_another_took_over(
    postgresql_url: str, lose: Callable[[str, Journal], None], appended: int
) -> None:
    with Journal(postgresql_url) as stale:
        stale.append(COMMANDS[:10])
        lose(postgresql_url, stale)
        with Journal(postgresql_url) as successor:
            for command in COMMANDS[10 : 10 + appended]:
                successor.append([command])

            with pytest.raises(
                JournalFault, match=f"commands 11 to 12: refused: process {os.getpid()} on .* has taken"
            ):
                stale.append(COMMANDS[20:22])
            successor.append(COMMANDS[10 + appended : 20])

    assert COMMANDS[:20] == read(postgresql_url)


def test_two_rows_never_begin_at_one_number_even_in_one_term(postgresql_url: str) -> None:
    with Journal(postgresql_url) as stale:
        stale.append(COMMANDS[:10])
        lose_lock(postgresql_url, stale)
        with Journal(postgresql_url) as successor:
            successor.append(COMMANDS[10:20])
            stale._groups._term = successor._groups._term  # type: ignore[attr-defined]

            with pytest.raises(JournalFault, match="the next command is 21"):
                stale.append(COMMANDS[20:22])

    assert COMMANDS[:20] == read(postgresql_url)


def test_writers_that_add_at_the_same_moment_are_told_apart_by_the_database(postgresql_url: str) -> None:
    """The second waits for the first, whose number it also took, and fails when that one is durable."""
    with Journal(postgresql_url) as journal, closing(postgresql.connect(postgresql_url, JOURNAL)) as other:
        journal.append(COMMANDS[:10])
        add = "INSERT INTO groups SELECT 11, 1, 0, payload, payload, payload FROM groups"
        with ThreadPoolExecutor(1) as pool:
            with session_of(journal).transaction():
                session_of(journal).execute(add.encode())
                waiting = pool.submit(other.execute, add.encode())
                while not waiting.done() and not is_blocked(postgresql_url):
                    time.sleep(0.005)
            with pytest.raises(psycopg.errors.UniqueViolation):
                waiting.result()


def is_blocked(url: str) -> bool:
    with psycopg.connect(url) as db:
        return bool(db.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'transactionid'").fetchone())


def test_commits_wait_for_the_disk_whatever_the_database_says(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as db:
        name = db.info.dbname
        db.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off'.encode())

    with Journal(postgresql_url) as journal:
        assert ("on",) == session_of(journal).execute("SHOW synchronous_commit").fetchone()
