"""Recovery: the same exchange and the same books as before, or a clear refusal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.commands import Command
from engine.events import Event
from engine.exchange import Exchange
from ledger.audit import audit
from ledger.errors import DataInUse, JournalCorrupt, LedgerError, RecoveryRefused
from ledger.recovery import recover
from tests.ledger.history import close, history, kept, opened, tamper, tamper_journal, trade


def state_at(count: int) -> str:
    exchange = Exchange()
    exchange.apply(history(count))
    return exchange.state_hash()


def test_empty_directory_begins_an_exchange(tmp_path: Path) -> None:
    with opened(tmp_path / "new" / "exchange") as books:
        assert (0, 0, 0) == (books.journal.last_seq, books.exchange.seq, books.projector.projected_seq)


def test_what_accounts_did_is_for_the_owner_of_the_files_alone(tmp_path: Path) -> None:
    with opened(kept(tmp_path)) as books:
        trade(books, history(320)[310:])
        found = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}

    assert {"journal.sqlite", "journal.sqlite-wal", "ledger.sqlite", "ledger.sqlite-wal", "snapshots"} <= found.keys()
    assert ["journal.sqlite.lock"] == [name for name, others in found.items() if others]  # holds a process id


def test_recovered_exchange_is_the_one_that_stopped(tmp_path: Path, database_url: str | None) -> None:
    with opened(kept(tmp_path, url=database_url), database_url) as books:
        assert state_at(300) == books.exchange.state_hash()
        assert books.journal.last_seq == books.exchange.seq == books.projector.projected_seq


def test_snapshot_saves_the_replay_of_what_was_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(kept(tmp_path)) as books:
        books.snapshots.write(books.exchange)
        trade(books, history(400)[310:])
    replayed: list[int] = []
    apply = Exchange.apply

    def counting(self: Exchange, commands: list[Command]) -> list[Event]:
        replayed.append(len(commands))
        return apply(self, commands)

    monkeypatch.setattr(Exchange, "apply", counting)
    with opened(tmp_path) as books:
        assert books.exchange.seq - 310 == sum(replayed)


@pytest.mark.parametrize("behind", [0, 1, 155])
def test_ledger_that_is_behind_catches_up(tmp_path: Path, database_url: str | None, behind: int) -> None:
    with opened(tmp_path, database_url) as books:
        commands = history()
        for at, command in enumerate(commands):
            books.journal.append([command])
            events = books.exchange.apply([command])
            if at < len(commands) - behind:
                books.projector.project(events)
        books.snapshots.write(books.exchange)  # ahead of the ledger: of no use yet

    with opened(tmp_path, database_url) as books:
        assert books.journal.last_seq == books.projector.projected_seq
    assert audit(tmp_path, database_url).ok


def test_second_exchange_on_the_same_directory_is_refused(tmp_path: Path, database_url: str | None) -> None:
    with (
        opened(kept(tmp_path, url=database_url), database_url),
        pytest.raises(DataInUse, match=f"process {os.getpid()}"),
    ):
        recover(tmp_path, database_url)


def test_ledger_ahead_of_its_journal_is_refused(tmp_path: Path, database_url: str | None) -> None:
    tamper_journal(kept(tmp_path, url=database_url), "DELETE FROM groups WHERE first_seq > 200", url=database_url)

    with pytest.raises(RecoveryRefused, match="the ledger stands at command 310, the journal ends at 200"):
        recover(tmp_path, database_url)


def test_gap_in_the_journal_is_refused(tmp_path: Path, database_url: str | None) -> None:
    tamper_journal(kept(tmp_path, url=database_url), "DELETE FROM groups WHERE first_seq = 201", url=database_url)

    with pytest.raises(JournalCorrupt, match="command 201 is missing; the last good command is 200"):
        recover(tmp_path, database_url)


def test_books_that_differ_from_the_engine_are_refused(tmp_path: Path, database_url: str | None) -> None:
    tamper(
        kept(tmp_path, url=database_url),
        "UPDATE balances SET amount = amount + 7 WHERE account_id = 2",
        url=database_url,
    )

    with pytest.raises(RecoveryRefused, match=r"avail:1:CNY: engine \d+, ledger \d+ \(\+7\)"):
        recover(tmp_path, database_url)


@pytest.mark.parametrize("statement", ["DELETE FROM progress", "UPDATE accounts SET kind = 'odd' WHERE id = 5"])
def test_ledger_that_makes_no_sense_is_refused(tmp_path: Path, database_url: str | None, statement: str) -> None:
    tamper(kept(tmp_path, url=database_url), statement, url=database_url)

    with pytest.raises(LedgerError, match="cannot be read"):
        recover(tmp_path, database_url)


def test_ledger_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (kept(tmp_path) / "ledger.sqlite").write_bytes(b"no database" * 500)

    with pytest.raises(LedgerError, match="cannot be read: file is not a database"):
        recover(tmp_path)


def test_refusal_leaves_nothing_open(tmp_path: Path, database_url: str | None) -> None:
    tamper_journal(kept(tmp_path, url=database_url), "DELETE FROM groups WHERE first_seq = 201", url=database_url)
    with pytest.raises(LedgerError):
        recover(tmp_path, database_url)

    with pytest.raises(JournalCorrupt):  # and not DataInUse
        recover(tmp_path, database_url)


SERVER = """
import sys
from pathlib import Path
from ledger.recovery import recover
from tests.ledger.history import history
books = recover(Path(sys.argv[1]), *sys.argv[2:])
books.projector.start()
for command in history(100_000)[books.exchange.seq:]:
    books.journal.append([command])
    events = books.exchange.apply([command])
    books.projector.offer(books.exchange.seq, events)
    print(books.exchange.seq, books.exchange.state_hash() if books.exchange.seq % 50 == 0 else "", flush=True)
"""


def test_killed_server_comes_back_with_all_that_it_told(tmp_path: Path, database_url: str | None) -> None:
    told: dict[int, str] = {}
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, str(tmp_path), *filter(None, [database_url])],
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdout is not None
            for _ in range(130):
                seq, _, state = server.stdout.readline().strip().partition(" ")
                told[int(seq)] = state
            server.send_signal(signal.SIGKILL)

        books = recover(tmp_path, database_url)
        expected = Exchange()
        expected.apply(history(100_000)[: books.exchange.seq])
        assert max(told) <= books.exchange.seq == books.projector.projected_seq
        assert expected.state_hash() == books.exchange.state_hash()
        close(books)
        assert audit(tmp_path, database_url).ok
