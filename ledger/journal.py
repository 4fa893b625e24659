"""The journal: every command, durable before it is applied.

One row a group: commands that were made durable by one commit. Each row carries the hash of its payload and a chain
hash over all that came before, so a changed, moved or missing row is found and named. Rows are never changed.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from struct import Struct
from typing import Any, NamedTuple, Self

import msgspec

from engine.codec import Malformed, from_record, to_record
from engine.commands import Command
from ledger.databases import JOURNAL, Connection, Location, connect, driver_errors, exists, rows, told
from ledger.errors import JournalCorrupt, JournalFault, LedgerError
from ledger.groups import FORMAT, Row, open_groups

GENESIS = bytes(32)
READ_GROUPS_MAX = 256  # fetched at a time: no long read transaction keeps the writer from checkpointing
unpack = msgspec.msgpack.Decoder(tuple[tuple[Any, ...], ...]).decode
PLACE = Struct(">qqq")  # first_seq, count, ts

READ = f"SELECT * FROM groups WHERE first_seq >= ? ORDER BY first_seq LIMIT {READ_GROUPS_MAX}"  # noqa: S608


class Group(NamedTuple):
    """Commands made durable together; the first one has number `first_seq`."""

    first_seq: int
    commands: list[Command]


def payload_digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=32).digest()


def chain_digest(before: bytes, first_seq: int, count: int, ts: int, payload_hash: bytes) -> bytes:
    return blake2b(before + PLACE.pack(first_seq, count, ts) + payload_hash, digest_size=32).digest()


class JournalReader:
    """A journal opened beside its writer, if there is one."""

    def __init__(self, location: Location) -> None:
        """Raises JournalCorrupt, or LedgerError when there is none or its format is unknown."""
        require_journal(location)
        self._open(location)

    def _open(self, location: Location) -> None:
        try:
            self._db = self._connect(location)
        except driver_errors() as error:
            raise JournalCorrupt(told(location), f"not a journal ({error})", 0) from error
        try:
            found = self._rows("SELECT format FROM meta")
            if found != [(FORMAT,)]:
                what = found[0][0] if found else "none"
                raise LedgerError(f"{told(location)}: journal format {what}; this program reads format {FORMAT}")
        except BaseException:
            self.close()
            raise

    def _connect(self, location: Location) -> Connection:
        return connect(location, JOURNAL)

    @property
    def last_seq(self) -> int:
        """The number of the last durable command, 0 when there is none."""
        return self._tail()[0]

    @property
    def head(self) -> bytes:
        """The chain hash of the last group: it stands for every command so far."""
        return self._tail()[1]

    def head_at(self, seq: int) -> bytes:
        """The chain hash of the group that a command is in, for command 0 the one before all groups."""
        found = self._rows("SELECT chain_hash FROM groups WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1", seq)
        return bytes(found[0][0]) if found else GENESIS

    def groups(self, after: int = 0) -> Iterator[Group]:
        """Yield the commands after number `after`, group by group, each verified before it is given out.

        The first group may begin in the middle of its row. Raises JournalCorrupt; what was given out before is good.
        """
        good, chain, first_seq = self._link_before(after)
        while found := self._rows(READ, first_seq, good=good):
            for row in map(Row._make, found):
                commands = _verified(row, good, chain)
                if unread := commands[max(0, after - good) :]:
                    yield Group(max(row.first_seq, after + 1), unread)
                good += len(commands)
                chain = row.chain_hash
            first_seq = good + 1

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tail(self) -> tuple[int, bytes]:
        """The number of the last command and the chain hash there."""
        last = self._rows("SELECT first_seq + count - 1, chain_hash FROM groups ORDER BY first_seq DESC LIMIT 1")
        return last[0] if last else (0, GENESIS)

    def _link_before(self, after: int) -> tuple[int, bytes, int]:
        """Where to begin so as to read past `after`: the command and chain hash before that row, its first_seq."""
        found = self._rows(
            "SELECT first_seq, count, chain_hash FROM groups WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 2",
            after + 1,
        )
        if len(found) < 2:
            return 0, GENESIS, 0
        first_seq, count, chain = found[1]
        return first_seq + count - 1, chain, found[0][0]

    def _rows(self, query: str, *values: int, good: int = 0) -> list[Any]:
        try:
            return rows(self._db, query, *values)
        except driver_errors() as error:
            raise JournalCorrupt(f"after command {good}", f"the database cannot be read ({error})", good) from error


class Journal(JournalReader):
    """The writing side. Blocking; one thread at a time.

    Invariant: commands 1 to `last_seq` are durable, and the table holds no other command that anyone was told of.
    """

    def __init__(self, location: Location, *, create: bool = True) -> None:
        """Open the journal, or begin one. Raises DataInUse, JournalCorrupt or LedgerError."""
        if not create:
            require_journal(location)
        self._open(location)
        try:
            self._last_seq, self._chain = self._tail()
            for _ in self.groups(after=self._last_seq):  # verifies the last row: all that follows builds on it
                raise AssertionError("there is nothing after the last command")
        except BaseException:
            self.close()
            raise
        self._pack = msgspec.msgpack.Encoder().encode
        self._fault: JournalFault | None = None

    def _connect(self, location: Location) -> Connection:
        self._groups = open_groups(location)
        return self._groups.db

    @property
    def last_seq(self) -> int:
        """The number of the last durable command, 0 when there is none."""
        return self._last_seq

    def append(self, commands: Sequence[Command]) -> int:
        """Make the commands durable as one group, and return the number of the first.

        Raises JournalFault when the commit fails. Whether the group is durable is then unknown, unless another writer
        has taken over, and every later call raises at once: an fsync that failed once may succeed on the second try
        without having written anything.
        """
        if self._fault:
            raise JournalFault(f"closed by an earlier fault: {self._fault}")
        if not commands:
            raise ValueError("a group has at least one command")
        first_seq, count, ts = self._last_seq + 1, len(commands), commands[-1].ts
        payload = self._pack([to_record(command) for command in commands])
        payload_hash = payload_digest(payload)
        chain = chain_digest(self._chain, first_seq, count, ts, payload_hash)
        try:
            self._groups.add(Row(first_seq, count, ts, payload, payload_hash, chain))
        except JournalFault as fault:
            self._fault = fault
            raise
        except driver_errors() as error:
            self._fault = JournalFault(f"commands {first_seq} to {first_seq + count - 1}: outcome unknown: {error}")
            raise self._fault from error
        self._last_seq += count
        self._chain = chain
        return first_seq

    def close(self) -> None:
        self._groups.close()


def require_journal(location: Location) -> None:
    """Raise LedgerError when nothing was ever written there."""
    if not exists(location, JOURNAL):
        raise LedgerError(f"the journal of {told(location)} does not exist")


def _verified(row: Row, good: int, chain: bytes) -> list[Command]:
    """Return the commands of a row that must follow command `good`. Raises JournalCorrupt."""
    first_seq, count, ts, payload, payload_hash, chain_hash = row

    def corrupt(why: str) -> JournalCorrupt:
        return JournalCorrupt(f"group of command {first_seq}", why, good)

    if first_seq != good + 1:
        raise corrupt(f"command {good + 1} is missing")
    if payload_digest(payload) != payload_hash:
        raise corrupt("its payload does not match its hash")
    if chain_digest(chain, first_seq, count, ts, payload_hash) != chain_hash:
        raise corrupt("its chain hash does not follow from the group before it")
    try:
        commands = [from_record(record) for record in unpack(payload)]
    except (msgspec.DecodeError, Malformed) as error:
        raise corrupt(f"its payload cannot be read ({error})") from error
    if len(commands) != count:
        raise corrupt(f"it has {len(commands)} commands, not {count}")
    return commands
