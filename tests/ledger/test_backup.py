"""Backups: whole or absent, online, and an exchange restored from one is the exchange."""

import json
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from ledger.audit import audit
from ledger.backup import MANIFEST, Backup, back_up, restore
from ledger.errors import LedgerError
from ledger.journal import JournalReader
from tests.ledger.history import history, kept, opened, tamper, trade


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An exchange of 310 commands that was stopped, with a snapshot of the last one and an operator's key."""
    with opened(kept(tmp_path / "exchange")) as books:
        books.snapshots.write(books.exchange)
    (tmp_path / "exchange" / "operator.key").write_text("{}")
    return tmp_path / "exchange"


def state_of(data: Path) -> tuple[int, str]:
    with opened(data) as books:
        return books.exchange.seq, books.exchange.state_hash()


def test_restored_exchange_is_the_one_backed_up(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path / "backup")
    assert made == restore(tmp_path / "backup", tmp_path / "restored")

    assert state_of(data) == state_of(tmp_path / "restored")
    assert "{}" == (tmp_path / "restored" / "operator.key").read_text()
    assert (tmp_path / "restored" / "snapshots" / "310.snap").is_file()
    assert audit(tmp_path / "restored").ok


def test_backup_says_which_journal_it_holds(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path / "backup")

    with JournalReader(data / "journal.sqlite") as journal:
        assert (310, journal.head.hex()) == (made.commands, made.head)
    assert made == Backup.load(tmp_path / "backup")


def test_backup_beside_the_writer_holds_what_was_durable_when_it_began(data: Path, tmp_path: Path) -> None:
    with opened(data) as books:
        trade(books, history(320)[310:])
        made = back_up(data, tmp_path / "backup")
        trade(books, history(340)[330:])

    restore(tmp_path / "backup", tmp_path / "restored")
    assert made.commands == state_of(tmp_path / "restored")[0] < state_of(data)[0]


def test_ledger_of_a_backup_is_never_ahead_of_its_journal(data: Path, tmp_path: Path) -> None:
    """The books follow every group at once here, so that a ledger copied after the journal would be ahead."""
    with opened(data) as books:
        trading = Thread(target=trade, args=(books, history(4_000)[310:]))
        trading.start()
        made = [back_up(data, tmp_path / f"backup-{number}") for number in range(6)]
        trading.join()

    assert 310 < made[-1].commands
    for number in range(6):
        assert made[number] == restore(tmp_path / f"backup-{number}", tmp_path / f"restored-{number}")


def test_backup_is_for_its_owner_alone(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "backup")
    folder = tmp_path / "backup"

    found = {path: path.stat().st_mode & 0o077 for path in (folder, *folder.rglob("*"))}
    assert {folder / MANIFEST} == {path for path, others in found.items() if others}  # digests, no secrets


def test_snapshot_that_the_copied_ledger_is_behind_stays(data: Path, tmp_path: Path) -> None:
    (data / "snapshots" / "310.snap").rename(data / "snapshots" / "311.snap")

    assert not any(name.startswith("snapshots") for name in back_up(data, tmp_path / "backup").files)


@pytest.mark.parametrize("place", ["backup", "restored"])
def test_folder_with_something_in_it_is_refused_and_left_alone(data: Path, tmp_path: Path, place: str) -> None:
    back_up(data, tmp_path / "sound")
    (tmp_path / place).mkdir()
    (tmp_path / place / "letter").write_text("dear")

    with pytest.raises(OSError, match="Directory not empty"):
        back_up(data, tmp_path / place) if place == "backup" else restore(tmp_path / "sound", tmp_path / place)
    assert ["letter"] == [path.name for path in (tmp_path / place).iterdir()]


@pytest.mark.parametrize("name", ["journal.sqlite", "ledger.sqlite", "operator.key", "snapshots/310.snap"])
def test_flipped_byte_or_missing_file_is_named_and_nothing_is_restored(data: Path, tmp_path: Path, name: str) -> None:
    back_up(data, tmp_path / "backup")
    path = tmp_path / "backup" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    for damage in (partial(path.write_bytes, content), path.unlink):
        damage()

        with pytest.raises(LedgerError, match=f"is not a whole backup: {name} is missing or damaged"):
            restore(tmp_path / "backup", tmp_path / "restored")
        assert {"exchange", "backup"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("manifest", ["", "[]", "{}", json.dumps({"format": 1}), json.dumps({"format": 2})])
def test_folder_without_a_manifest_of_this_format_is_no_backup(data: Path, tmp_path: Path, manifest: str) -> None:
    back_up(data, tmp_path / "backup")
    (tmp_path / "backup" / MANIFEST).write_text(manifest)

    with pytest.raises(LedgerError, match=r"is not a whole backup|of another format; this program reads format 1"):
        restore(tmp_path / "backup", tmp_path / "restored")


def test_file_that_the_manifest_names_outside_the_backup_is_not_taken(data: Path, tmp_path: Path) -> None:
    made = back_up(data, tmp_path / "backup")
    made.files["../exchange/operator.key"] = made.files["operator.key"]
    made.save(tmp_path / "backup")

    with pytest.raises(LedgerError, match=r"\.\./exchange/operator\.key is missing or damaged"):
        restore(tmp_path / "backup", tmp_path / "restored")


def test_exchange_that_cannot_be_read_is_not_backed_up(data: Path, tmp_path: Path) -> None:
    (data / "ledger.sqlite").write_bytes(b"no database" * 500)

    with pytest.raises(LedgerError, match=r"ledger\.sqlite cannot be copied: file is not a database"):
        back_up(data, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    assert not (tmp_path / "backup.partial").exists()


def test_backup_whose_books_disagree_is_not_restored(data: Path, tmp_path: Path) -> None:
    tamper(data, "UPDATE balances SET amount = amount + 7 WHERE account_id = 2")
    back_up(data, tmp_path / "backup")

    with pytest.raises(LedgerError, match="engine and ledger differ"):
        restore(tmp_path / "backup", tmp_path / "restored")
    assert not (tmp_path / "restored").exists()
