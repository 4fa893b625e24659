"""Snapshots: the exchange's whole state at one command, so that recovery replays only what came after.

A file is a MessagePack stream, a header and then the records of `Exchange.snapshot`, and ends with the digest of all
that. It appears under its name only when it is complete and durable. Losing one costs time, never truth.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import msgpack

from engine.exchange import Exchange
from engine.snapshot import digest_of
from ledger.files import fsync_folder

MAGIC = "cellarbook snapshot"
FORMAT = 1
DIGEST_SIZE = 32
CHUNK = 1 << 20

log = logging.getLogger(__name__)


class Snapshots:
    """The snapshots of one exchange, `<seq>.snap` in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def seqs(self) -> list[int]:
        """The commands at which there are snapshots, ascending, whether they are sound or not."""
        return sorted(int(path.stem) for path in self.folder.glob("*.snap") if path.stem.isdecimal())

    def path(self, seq: int) -> Path:
        return self.folder / f"{seq}.snap"

    def write(self, exchange: Exchange) -> Path:
        """Write the exchange's state; durable when it returns. O(state)."""
        return self.write_records(list(exchange.snapshot()))

    def write_records(self, records: Sequence[Sequence[Any]]) -> Path:
        """Write a state that was taken as the records of `Exchange.snapshot`; may run beside the exchange.

        Raises OSError, and leaves nothing behind.
        """
        seq = records[0][2]
        path = self.path(seq)
        draft = path.with_suffix(".tmp")
        try:
            with draft.open("wb", buffering=CHUNK) as file:
                _pack(file, [(MAGIC, FORMAT, seq, digest_of(records)), *records])
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        fsync_folder(self.folder)
        return path

    def newest(self, seq_max: int) -> Exchange | None:
        """Return the exchange of the newest sound snapshot at or before a command, None when there is none.

        A damaged one is logged and passed over.
        """
        for seq in reversed(self.seqs()):
            if seq <= seq_max:
                try:
                    return self.load(seq)
                except (ValueError, KeyError, TypeError, IndexError, OSError) as error:
                    log.warning("snapshot %s is passed over: %s", self.path(seq), error)
        return None

    def load(self, seq: int) -> Exchange:
        """Return the exchange of one snapshot. Raises ValueError when it is damaged or of an unknown format."""
        path = self.path(seq)
        _verify_digest(path)
        records = _records(path)
        magic, version, header_seq, state_hash = next(records)
        if (magic, version) != (MAGIC, FORMAT):
            raise ValueError(f"format {version}, this program reads {FORMAT}")
        exchange = Exchange.restore(records)
        if (exchange.seq, header_seq) != (seq, seq):
            raise ValueError(f"holds command {exchange.seq}")
        if exchange.state_hash() != state_hash:
            raise ValueError("restores to another state hash")
        return exchange

    def prune(self, keep: int) -> None:
        """Delete all but the newest `keep`, and drafts that a crash left."""
        for seq in self.seqs()[:-keep]:
            self.path(seq).unlink()
        for draft in self.folder.glob("*.tmp"):
            draft.unlink()


def _pack(file: BinaryIO, records: Sequence[Sequence[Any]]) -> None:
    pack = msgpack.Packer().pack
    digest = blake2b(digest_size=DIGEST_SIZE)
    for record in records:
        packed = pack(record)
        digest.update(packed)
        file.write(packed)
    file.write(digest.digest())
    file.flush()
    os.fsync(file.fileno())


def _verify_digest(path: Path) -> None:
    digest = blake2b(digest_size=DIGEST_SIZE)
    left = path.stat().st_size - DIGEST_SIZE
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(left, CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
        if file.read() != digest.digest():
            raise ValueError("damaged or cut short")


def _records(path: Path) -> Iterator[Any]:
    """Yield the MessagePack records of a file whose digest was verified."""
    unpacker = msgpack.Unpacker(use_list=False)
    left = path.stat().st_size - DIGEST_SIZE
    with path.open("rb") as file:
        while left:
            chunk = file.read(min(left, CHUNK))
            left -= len(chunk)
            unpacker.feed(chunk)
            yield from unpacker
