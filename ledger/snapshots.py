"""Snapshots: the exchange's state at a command number, so that recovery replays only the journal's tail.

A file is a MessagePack stream: a header, the exchange's records, and the digest of all bytes before it. A snapshot is
an aid, never the truth: a damaged one is passed over for an older one, or for the whole journal.
"""

import logging
import os
from hashlib import blake2b
from pathlib import Path

import msgpack

from engine.exchange import Exchange

FORMAT_VERSION = 1
KEPT = 3
DIGEST = 32

log = logging.getLogger(__name__)


def write(directory: Path, exchange: Exchange) -> Path:
    """Write the exchange's state durably and prune the oldest; return the new file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{exchange.seq:016d}.snap"
    draft = path.with_suffix(".draft")
    digest = blake2b(digest_size=DIGEST)
    packer = msgpack.Packer()
    with draft.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        for record in (("header", FORMAT_VERSION, exchange.seq, exchange.state_hash()), *exchange.snapshot()):
            data = packer.pack(record)
            digest.update(data)
            file.write(data)
        file.write(digest.digest())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    for old in available(directory)[KEPT:]:
        old.unlink()
    return path


def available(directory: Path) -> list[Path]:
    """Every snapshot, newest first."""
    return sorted(directory.glob("*.snap"), reverse=True)


def load(directory: Path, seq_max: int) -> Exchange:
    """Rebuild the newest intact snapshot up to a command number; an empty exchange when there is none."""
    for path in available(directory):
        if int(path.stem) > seq_max:
            continue
        try:
            return read(path)
        except (ValueError, KeyError, TypeError, AssertionError, msgpack.UnpackException) as error:
            log.warning("snapshot %s passed over: %s", path.name, error)
    return Exchange()


def read(path: Path) -> Exchange:
    """Rebuild one snapshot. Raises ValueError when it is damaged or of another version."""
    data = path.read_bytes()
    body, digest = data[:-DIGEST], data[-DIGEST:]
    if blake2b(body, digest_size=DIGEST).digest() != digest:
        raise ValueError("its digest differs")
    unpacker = msgpack.Unpacker()
    unpacker.feed(body)
    kind, version, seq, state_hash = unpacker.unpack()
    if (kind, version) != ("header", FORMAT_VERSION):
        raise ValueError(f"format {version}, this program reads {FORMAT_VERSION}")
    exchange = Exchange.restore(unpacker)
    if (exchange.seq, exchange.state_hash()) != (seq, state_hash):
        raise ValueError("its state hash differs")
    return exchange
