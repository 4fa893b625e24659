"""The journal: durable, immutable, one writer, and every damage found and named."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.commands import Command, Deposit
from ledger.errors import DataInUse, JournalCorrupt, JournalFault, LedgerError
from ledger.journal import Journal, JournalReader, chain_digest, payload_digest
from tests.ledger.history import grouped, history, tamper

COMMANDS = history(41)  # 51 commands
GROUPS = grouped(COMMANDS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def written(path: Path) -> Path:
    with Journal(path) as journal:
        for group in GROUPS:
            journal.append(group)
    return path


def read(path: Path, after: int = 0) -> list[Command]:
    with JournalReader(path) as journal:
        return [command for group in journal.groups(after) for command in group.commands]


def flip(path: Path, column: str, first_seq: int, at: int) -> None:
    """Flip one bit of a stored value."""
    with closing(sqlite3.connect(path)) as db:
        (value,) = db.execute(f"SELECT {column} FROM groups WHERE first_seq = ?", (first_seq,)).fetchone()
    changed = bytearray(value)
    changed[at] ^= 1
    tamper(
        path.parent, f"UPDATE groups SET {column} = x'{changed.hex()}' WHERE first_seq = {first_seq}", file=path.name
    )


def test_commands_come_back_as_they_were_appended(written: Path) -> None:
    assert COMMANDS == read(written)


def test_appending_numbers_commands_from_one(path: Path) -> None:
    with Journal(path) as journal:
        assert [1, 4, 6] == [journal.append(COMMANDS[:3]), journal.append(COMMANDS[3:5]), journal.append(COMMANDS[5:6])]
        assert 6 == journal.last_seq


def test_reopened_journal_goes_on_where_it_stood(written: Path) -> None:
    with Journal(written) as journal:
        assert len(COMMANDS) + 1 == journal.append([Deposit(9, 1, "CNY", 1)])

    assert [*COMMANDS, Deposit(9, 1, "CNY", 1)] == read(written)


@pytest.mark.parametrize("after", [0, 1, 9, 10, 11, 25, 50, 51, 99])
def test_reading_starts_after_any_command_even_inside_a_group(written: Path, after: int) -> None:
    with JournalReader(written) as journal:
        groups = list(journal.groups(after))

    assert COMMANDS[after:] == [command for group in groups for command in group.commands]
    assert (groups[0].first_seq if groups else after + 1) == after + 1


def test_long_journal_is_read_in_portions(path: Path) -> None:
    with Journal(path) as journal:
        for command in history(600):
            journal.append([command])

    assert history(600) == read(path)


def test_second_writer_is_refused_with_the_first_ones_pid(written: Path) -> None:
    with Journal(written), pytest.raises(DataInUse, match=f"in use by process {os.getpid()}"):
        Journal(written)

    Journal(written).close()  # free again


def test_readers_see_what_is_durable_beside_the_writer(path: Path) -> None:
    with Journal(path) as journal, JournalReader(path) as reader:
        journal.append(COMMANDS[:7])

        assert 7 == reader.last_seq
        assert COMMANDS[:7] == [command for group in reader.groups() for command in group.commands]


def test_reader_cannot_write(written: Path) -> None:
    with JournalReader(written) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._db.execute("INSERT INTO groups SELECT first_seq + 100, count, ts, payload, x'', x'' FROM groups")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE groups SET ts = 0",
        "DELETE FROM groups WHERE first_seq = 1",
        "INSERT OR REPLACE INTO groups SELECT first_seq, count, 0, payload, payload_hash, chain_hash FROM groups",
    ],
)
def test_groups_stay_as_they_were_written(written: Path, statement: str) -> None:
    with Journal(written) as journal, pytest.raises(sqlite3.IntegrityError, match="immutable"):
        journal._db.execute(statement)


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("payload", "its payload does not match its hash"),
        ("payload_hash", "its payload does not match its hash"),
        ("chain_hash", "its chain hash does not follow"),
    ],
)
@pytest.mark.parametrize("at", [0, 13, -1])
def test_flipped_byte_is_found_and_named(written: Path, column: str, why: str, at: int) -> None:
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
def test_missing_or_changed_row_is_found_and_named(written: Path, statement: str, named: str, good: int) -> None:
    tamper(written.parent, statement, file=written.name)

    with pytest.raises(JournalCorrupt, match=named) as fault:
        read(written)
    assert good == fault.value.seq_good


def test_row_rewritten_with_fitting_hashes_is_found_at_the_next_one(written: Path) -> None:
    with closing(sqlite3.connect(written)) as db:
        rows = db.execute("SELECT * FROM groups WHERE first_seq IN (11, 21) ORDER BY first_seq").fetchall()
    (*_, before), (first_seq, count, ts, payload, _, _) = rows
    forged = payload_digest(payload.replace(b"MT", b"XX"))
    chain = chain_digest(before, first_seq, count, ts, forged)
    tamper(
        written.parent,
        f"UPDATE groups SET payload = x'{payload.replace(b'MT', b'XX').hex()}', payload_hash = x'{forged.hex()}', "
        f"chain_hash = x'{chain.hex()}' WHERE first_seq = 21",
        file=written.name,
    )

    with pytest.raises(JournalCorrupt, match="group of command 31: its chain hash does not follow") as fault:
        read(written)
    assert 30 == fault.value.seq_good


def test_journal_with_a_damaged_last_row_is_not_opened_for_writing(written: Path) -> None:
    flip(written, "payload", first_seq=51, at=3)

    with pytest.raises(JournalCorrupt, match="group of command 51"):
        Journal(written)
    with pytest.raises(JournalCorrupt):  # and the lock was given back
        Journal(written)


def test_other_format_is_refused(written: Path) -> None:
    tamper(written.parent, "UPDATE meta SET format = 2", file=written.name)

    with pytest.raises(LedgerError, match="journal format 2; this program reads format 1"):
        Journal(written)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + bytes(4080)])
def test_file_that_is_no_journal_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(JournalCorrupt):
        Journal(path)


def test_missing_journal_is_not_made_unless_asked(path: Path) -> None:
    with pytest.raises(LedgerError, match="does not exist"):
        Journal(path, create=False)
    with pytest.raises(LedgerError, match="does not exist"):
        JournalReader(path)
    assert not path.exists()


def test_failed_commit_closes_the_journal_for_good(written: Path) -> None:
    with Journal(written) as journal:
        (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalFault, match="commands 52 to 1051: outcome unknown: database or disk is full"):
            journal.append([Deposit(0, 1, "CNY", 1)] * 1000)
        journal._db.execute("PRAGMA max_page_count = 1000000")

        with pytest.raises(JournalFault, match="closed by an earlier fault"):
            journal.append([Deposit(0, 1, "CNY", 1)])
        assert 51 == journal.last_seq

    assert COMMANDS == read(written)


APPENDER = """
import sys
from pathlib import Path
from engine.commands import Deposit
from ledger.journal import Journal
journal = Journal(Path(sys.argv[1]))
while True:
    seq = journal.append([Deposit(0, 1, "CNY", 1 + journal.last_seq + n) for n in range(7)])
    print(seq + 6, flush=True)
"""


def test_every_append_that_returned_outlives_sigkill(path: Path) -> None:
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
