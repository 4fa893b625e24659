"""Copies of an exchange, made while it runs, and exchanges made from them.

A backup is a folder with the files of a data directory. Each database is copied in one read transaction, first those
that follow from the journal and the journal last: so none is ahead of it, and recovery brings them together. The
manifest, with the digest of every file, is written last; a folder without one is not a backup.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from errno import ENOTEMPTY
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ledger.databases import JOURNAL, LEDGER, SHOP, databases_of
from ledger.errors import LedgerError
from ledger.files import connect_reader, fsync_folder
from ledger.journal import JournalReader
from ledger.recovery import SNAPSHOTS, recover
from ledger.store import read_progress

FILES = [f"{schema}.sqlite" for schema in (SHOP, LEDGER, JOURNAL)]  # in the order in which they are copied
MANIFEST = "backup.json"
FORMAT = 1

T = TypeVar("T")


class Backup(NamedTuple):
    """What a backup holds: commands 1 to `commands`, of which `head` is the chain hash."""

    commands: int
    head: str
    files: dict[str, str]  # digest by path within the folder

    @classmethod
    def load(cls, folder: Path) -> "Backup":
        """Read the manifest. Raises LedgerError when there is none that this program understands."""
        try:
            found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
            if found.pop("format") != FORMAT:
                raise LedgerError(f"{folder} is a backup of another format; this program reads format {FORMAT}")
            return cls(**found)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise LedgerError(f"{folder} is not a whole backup: {MANIFEST} is missing or damaged") from error

    def save(self, folder: Path) -> None:
        with (folder / MANIFEST).open("w", encoding="utf-8") as file:
            json.dump({"format": FORMAT, **self._asdict()}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())


def back_up(data_dir: Path, folder: Path) -> Backup:
    """Copy an exchange, running or not, into a new or empty folder, for its owner alone.

    Raises OSError when the folder is not empty or cannot be written, LedgerError when a database cannot be read; and
    leaves no folder then.
    """
    return _appearing(folder, lambda draft: _fill(draft, data_dir))


def restore(folder: Path, data_dir: Path) -> Backup:
    """Make an exchange from a backup in a new or empty directory, and recover it: its books agree, or it is refused.

    Raises OSError when the directory is not empty or cannot be written, LedgerError when the backup is not whole; and
    leaves no directory then.
    """
    backup = Backup.load(folder)
    _appearing(data_dir, lambda draft: _revive(draft, folder, backup))
    return backup


def _appearing(folder: Path, fill: Callable[[Path], T]) -> T:
    """Fill a draft beside the folder, and give it the folder's name only when it is whole and durable."""
    if folder.exists() and any(folder.iterdir()):
        raise OSError(ENOTEMPTY, os.strerror(ENOTEMPTY), str(folder))
    draft = folder.with_name(f"{folder.name}.partial")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft.mkdir(mode=0o700)
    try:
        filled = fill(draft)
        fsync_folder(draft)
        draft.replace(folder)
    except BaseException:
        shutil.rmtree(draft)
        raise
    fsync_folder(folder.parent)
    return filled


def _fill(draft: Path, data_dir: Path) -> Backup:
    for name in FILES:
        if (data_dir / name).exists():
            _copy_database(data_dir / name, draft / name)
    for key in data_dir.glob("*.key"):
        _copy(key, draft / key.name)
    _copy_snapshot(data_dir, draft)
    with JournalReader(databases_of(draft).journal) as journal:
        commands, head = journal.last_seq, journal.head.hex()
    backup = Backup(commands, head, _digests(draft))
    backup.save(draft)
    return backup


def _revive(draft: Path, folder: Path, backup: Backup) -> None:
    found = _digests(folder)
    for name, digest in backup.files.items():
        if found.get(name) != digest:
            raise LedgerError(f"{folder} is not a whole backup: {name} is missing or damaged")
        _copy(folder / name, draft / name)
    books = recover(draft)
    books.projector.close()
    books.journal.close()


def _copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database as one transaction sees it, beside its writer. Raises LedgerError."""
    target.touch(mode=0o600)
    try:
        with closing(connect_reader(source)) as reader, closing(sqlite3.connect(target)) as writer:
            reader.backup(writer)
    except sqlite3.Error as error:
        raise LedgerError(f"{source} cannot be copied: {error}") from error


def _copy_snapshot(data_dir: Path, draft: Path) -> None:
    """Take along the newest snapshot that the copied ledger can use, if one stays for long enough."""
    with closing(connect_reader(draft / f"{LEDGER}.sqlite")) as ledger:
        projected_seq, _, _ = read_progress(ledger)
    seqs = [int(path.stem) for path in (data_dir / SNAPSHOTS).glob("*.snap") if path.stem.isdecimal()]
    for seq in sorted((seq for seq in seqs if seq <= projected_seq), reverse=True):
        with suppress(FileNotFoundError):  # the server has pruned it: a newer one came
            _copy(data_dir / SNAPSHOTS / f"{seq}.snap", draft / SNAPSHOTS / f"{seq}.snap")
            return


def _copy(source: Path, target: Path) -> None:
    """Copy a file, for its owner alone; durable when it returns."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    with source.open("rb") as read:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(read, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())


def _digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "blake2b").hexdigest()
