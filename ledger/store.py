"""The ledger database: the projector that alone writes it, and asynchronous reads beside it."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, Select, or_, select

from engine.balances import Balance
from engine.events import Event
from ledger import tables
from ledger.accounts import Account, Kind
from ledger.books import Books, Today
from ledger.databases import LEDGER, Connection, Location, driver_errors, reading_engine, rows, told
from ledger.days import day_of
from ledger.errors import LedgerError, ProjectorFault
from ledger.rules import OrderRow, TradeRow
from ledger.writer import open_writer

QUEUE_EVENTS_MAX = 200_000
BATCH_EVENTS_MAX = 20_000  # in one transaction, give or take a group

log = logging.getLogger(__name__)


READ_BALANCES = """
SELECT a.kind, a.acct, a.asset, coalesce(b.amount, 0)
FROM accounts a LEFT JOIN balances b ON b.account_id = a.id ORDER BY a.id
"""
READ_PROGRESS = """
SELECT projected_seq, (SELECT coalesce(max(id), 0) FROM entries), (SELECT coalesce(max(id), 0) FROM postings)
FROM progress
"""
READ_TODAY = """
SELECT (SELECT coalesce(max(id), 0) FROM closings),
       (SELECT coalesce(max(ts), 0) FROM entries WHERE id > (SELECT coalesce(max(entry_last), 0) FROM days))
"""
READ_MOVED = "SELECT DISTINCT account_id FROM postings WHERE id > (SELECT coalesce(max(posting_last), 0) FROM days)"
READ_OPEN_ORDERS = "SELECT * FROM orders WHERE open > 0"


def read_balances(db: Connection) -> list[tuple[Account, int]]:
    """Every account with its balance, in the order of the ids."""
    return [(Account(Kind(kind), acct, asset), amount) for kind, acct, asset, amount in rows(db, READ_BALANCES)]


def read_progress(db: Connection) -> tuple[int, int, int]:
    """The last command in the ledger, and its last entry and posting. Raises ValueError when it does not say."""
    found: list[tuple[int, int, int]] = rows(db, READ_PROGRESS)
    if not found:
        raise ValueError("it does not say how far it came")
    return found[0]


def read_today(db: Connection) -> Today:
    """What the ledger knows of the day that is not over."""
    ((closing_last, ts),) = rows(db, READ_TODAY)
    moved = frozenset(number for (number,) in rows(db, READ_MOVED))
    return Today(day_of(ts) if moved else 0, moved, closing_last)


class Projector:
    """Keeps the ledger from the exchange's events, exactly once, in a thread of its own.

    Rows and `projected_seq` move in one transaction.

    The queue is bounded by its caller: stop taking commands while `fullness` is 1 or more. A fault ends the thread. It
    is raised by every later `offer` and `drain`, and told to `on_fault` at once, in the projector's thread.
    """

    def __init__(self, location: Location) -> None:
        """Open the ledger, creating or migrating it. Raises LedgerError when that cannot be done."""
        self.on_fault: Callable[[ProjectorFault], object] | None = None
        try:
            self._writer = open_writer(location)
        except driver_errors() as error:
            raise LedgerError(f"{told(location)} cannot be opened: {error}") from error
        try:
            self.books = _load(self._writer.db)  # of the projector's thread, once it has started
        except driver_errors(ValueError) as error:
            self.close()
            raise LedgerError(f"{told(location)} cannot be read: {error}") from error
        self._projected_seq = self._offered_seq = self.books.seq
        self._fault: ProjectorFault | None = None
        self._thread: threading.Thread | None = None
        self._turn = threading.Condition()  # guards what follows
        self._queue: deque[Sequence[Event]] = deque()
        self._queued = 0  # events not yet projected
        self._stopping = False

    @property
    def projected_seq(self) -> int:
        """The number of the last command that is in the ledger."""
        return self._projected_seq

    @property
    def fullness(self) -> float:
        """Events that wait, as a share of what may wait; over 1 by at most what was offered last."""
        return self._queued / QUEUE_EVENTS_MAX

    def project(self, events: Sequence[Event]) -> None:
        """Write events at once, in this thread: for recovery, before `start`. Raises ProjectorFault, sticky."""
        try:
            booked = self.books.post(events)
            if self.books.seq > self._projected_seq:
                self._writer.write(booked, self._projected_seq, self.books.seq)
        except Exception as error:
            self._fault = ProjectorFault(f"the ledger stops after command {self._projected_seq}: {error}")
            raise self._fault from error
        self._projected_seq = self.books.seq

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)
        self._thread.start()

    def offer(self, last_seq: int, events: Sequence[Event]) -> None:
        """Queue the events of commands up to `last_seq`; never blocks. Raises the thread's ProjectorFault."""
        with self._turn:
            self._raise_fault()
            self._queue.append(events)
            self._queued += len(events)
            self._offered_seq = last_seq
            self._turn.notify_all()

    async def drain(self) -> None:
        """Wait until everything offered so far is in the ledger. Raises the thread's ProjectorFault."""
        seq = self._offered_seq
        await asyncio.to_thread(self._wait_for, seq)
        self._raise_fault()

    async def stop(self) -> None:
        """Project what is queued, unless there was a fault, end the thread and close the database."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        self.close()

    def close(self) -> None:
        """Close a projector that was never started."""
        self._writer.db.close()

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _wait_for(self, seq: int) -> None:
        with self._turn:
            self._turn.wait_for(lambda: self._fault is not None or self._projected_seq >= seq)

    def _run(self) -> None:
        try:
            while events := self._take():
                self.project(events)
                with self._turn:
                    self._queued -= len(events)
                    self._turn.notify_all()
        except ProjectorFault as fault:
            log.critical("%s", fault, exc_info=True)
            with self._turn:
                self._turn.notify_all()
            if self.on_fault is not None:
                self.on_fault(fault)

    def _take(self) -> list[Event]:
        """Wait for events and take all that are there, up to a batch; none means that it is time to stop."""
        events: list[Event] = []
        with self._turn:
            self._turn.wait_for(lambda: self._queue or self._stopping)
            while self._queue and len(events) < BATCH_EVENTS_MAX:
                events += self._queue.popleft()
        return events


def _load(db: Connection) -> Books:
    books = Books()
    seq, entry_last, posting_last = read_progress(db)
    open_orders = map(OrderRow._make, rows(db, READ_OPEN_ORDERS))
    books.load(seq, entry_last, posting_last, read_balances(db), open_orders, read_today(db))
    return books


class LedgerReader:
    """Asynchronous reads of the ledger: what is projected, which follows the engine by a little."""

    def __init__(self, location: Location) -> None:
        self._engine = reading_engine(location, LEDGER)

    async def close(self) -> None:
        await self._engine.dispose()

    async def projected_seq(self) -> int:
        """The number of the last command that is in the ledger."""
        (row,) = await self._rows(select(tables.progress.c.projected_seq))
        return int(row.projected_seq)

    async def orders(self, acct: int, *, is_open: bool | None = None, limit: int = 100) -> list[OrderRow]:
        """The account's orders, newest first: open ones, done ones, or both."""
        found = select(tables.orders).where(tables.orders.c.acct == acct)
        if is_open is not None:
            found = found.where(tables.orders.c.open > 0 if is_open else tables.orders.c.open == 0)
        rows = await self._rows(found.order_by(tables.orders.c.oid.desc()).limit(limit))
        return [OrderRow(*row) for row in rows]

    async def order(self, acct: int, cid: str) -> OrderRow | None:
        rows = await self._rows(select(tables.orders).where(tables.orders.c.acct == acct, tables.orders.c.cid == cid))
        return OrderRow(*rows[0]) if rows else None

    async def trades(self, sym: str, limit: int = 100) -> list[TradeRow]:
        """The instrument's trades, newest first."""
        c = tables.trades.c
        return [
            TradeRow(*row)
            for row in await self._rows(select(tables.trades).where(c.sym == sym).order_by(c.id.desc()).limit(limit))
        ]

    async def trades_since(self, ts: int) -> list[TradeRow]:
        """Every trade from a time on, oldest first."""
        c = tables.trades.c
        return [TradeRow(*row) for row in await self._rows(select(tables.trades).where(c.ts >= ts).order_by(c.id))]

    async def moves(self, sym: str, until_seq: int) -> list[tuple[int, int, int]]:
        """Time, price and quantity of every trade up to a command, oldest first."""
        c = tables.trades.c
        found = select(c.ts, c.px, c.qty).where(c.sym == sym, c.seq <= until_seq).order_by(c.id)
        return [(row.ts, row.px, row.qty) for row in await self._rows(found)]

    async def fills(self, oid: int) -> list[TradeRow]:
        """The trades of one order, oldest first."""
        c = tables.trades.c
        found = select(tables.trades).where(or_(c.buy_oid == oid, c.sell_oid == oid)).order_by(c.id)
        return [TradeRow(*row) for row in await self._rows(found)]

    async def balances(self, acct: int) -> dict[str, Balance]:
        """Free and held of each asset that the account ever had."""
        a, b = tables.accounts, tables.balances
        found: dict[str, Balance] = {}
        joined = select(a.c.asset, a.c.kind, b.c.amount).join(b, b.c.account_id == a.c.id).where(a.c.acct == acct)
        for asset, kind, amount in await self._rows(joined):
            free, held = found.get(asset, Balance(0, 0))
            found[asset] = Balance(amount, held) if kind == Kind.AVAIL else Balance(free, amount)
        return found

    async def _rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()
