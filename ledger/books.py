"""The double-entry books in memory: events in, the rows that they add or change out.

Knows no database. The projector writes the rows; the auditor keeps a second set of books from the journal and compares.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.events import Accepted, Amended, Cancelled, Event, Traded, Triggered
from engine.exchange import Exchange
from ledger.accounts import Account, Kind, avail, hold
from ledger.days import day_of
from ledger.entries import Entry, residual
from ledger.errors import Overdrawn, ProjectorFault, UnbalancedEntry
from ledger.rules import (
    OrderRow,
    TradeRow,
    entry_of,
    order_accepted,
    order_amended,
    order_cancelled,
    order_traded,
    trade_row,
)

Row = tuple[Any, ...]


@dataclass(slots=True)
class Rows:
    """What a batch of events adds or changes, each row in the order of its table's columns."""

    accounts: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    postings: list[Row] = field(default_factory=list)
    trades: list[TradeRow] = field(default_factory=list)
    days: list[Row] = field(default_factory=list)
    closings: list[Row] = field(default_factory=list)
    balances: list[Row] = field(default_factory=list)  # as they stand after the batch, by account id
    orders: list[OrderRow] = field(default_factory=list)  # as they stand after the batch, by oid


class Today(NamedTuple):
    """How far the books came with the day that is not over: its number, and the ids of the accounts that it moved."""

    day: int = 0
    moved: frozenset[int] = frozenset()
    closing_last: int = 0


class Books:
    """The chart of accounts, every balance and every open order as of command `seq`.

    Invariant: for each asset the balances sum to zero, and only contra accounts are negative. Ids are dense from 1 and
    depend on the events alone, so two sets of books of one journal are equal row by row.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.entry_last = 0
        self.posting_last = 0
        self.closing_last = 0
        self.day = 0
        self._moved_today: set[int] = set()
        self.open_orders: dict[int, OrderRow] = {}
        self._ids: dict[Account, int] = {}
        self._accounts: list[Account] = []  # by id - 1
        self._amounts: list[int] = []  # by id - 1

    def load(
        self,
        seq: int,
        entry_last: int,
        posting_last: int,
        balances: Iterable[tuple[Account, int]],
        open_orders: Iterable[OrderRow],
        today: Today,
    ) -> None:
        """Take up books that were kept before, accounts in the order of their ids."""
        self.seq, self.entry_last, self.posting_last = seq, entry_last, posting_last
        for account, amount in balances:
            self._open(account)
            self._amounts[-1] = amount
        self.open_orders = {order.oid: order for order in open_orders}
        self.day, self._moved_today, self.closing_last = today.day, set(today.moved), today.closing_last

    def balances(self) -> dict[Account, int]:
        return dict(zip(self._accounts, self._amounts, strict=True))

    def post(self, events: Sequence[Event]) -> Rows:
        """Book events and return what changed. Those of commands up to `seq` are in the books and are passed over.

        Raises ProjectorFault when a command is missing, UnbalancedEntry, Overdrawn; the books are then void.
        """
        rows = Rows()
        booked = seq = self.seq
        moved: dict[int, int] = {}
        orders: dict[int, OrderRow] = {}
        for event in events:
            if event.seq <= booked:
                continue
            if not seq <= event.seq <= seq + 1:
                raise ProjectorFault(f"events of command {event.seq} came after those of {seq}")
            seq = event.seq
            entry = entry_of(event)
            if entry is not None:
                if (day := day_of(entry.ts)) > self.day:
                    self._close_day(rows, moved)
                    self.day = day
                self._enter(entry, rows, moved)
            match event:
                case Accepted():
                    orders[event.oid] = self.open_orders[event.oid] = order_accepted(event)
                case Traded():
                    rows.trades.append(trade_row(event))
                    for oid, fee, left in (
                        (event.buy_oid, event.buy_fee, event.buy_open),
                        (event.sell_oid, event.sell_fee, event.sell_open),
                    ):
                        order = order_traded(self.open_orders[oid], event, fee, left)
                        orders[oid] = self.open_orders[oid] = order
                        if not left:
                            del self.open_orders[oid]
                case Amended():
                    amended = order_amended(self.open_orders[event.oid], event)
                    orders[event.oid] = self.open_orders[event.oid] = amended
                case Triggered():
                    entered = self.open_orders[event.oid]._replace(px=event.px, ts_last=event.ts)
                    orders[event.oid] = self.open_orders[event.oid] = entered
                case Cancelled():
                    orders[event.oid] = order_cancelled(self.open_orders.pop(event.oid), event)
        self._require_balance(moved, events)
        self._settle(moved, rows)
        rows.orders += [orders[oid] for oid in sorted(orders)]
        self.seq = seq
        return rows

    def _enter(self, entry: Entry, rows: Rows, moved: dict[int, int]) -> None:
        self.entry_last += 1
        rows.entries.append((self.entry_last, *entry[:5]))
        for account, amount in entry.postings:
            number = self._ids.get(account)
            if number is None:
                number = self._open(account)
                rows.accounts.append((number, *account))
            self.posting_last += 1
            rows.postings.append((self.posting_last, self.entry_last, number, amount))
            moved[number] = moved.get(number, 0) + amount
            self._moved_today.add(number)

    def _close_day(self, rows: Rows, moved: Mapping[int, int]) -> None:
        """Keep where the day ended, before the first entry of another one: the clock never goes back in the books."""
        if not self._moved_today:
            return
        rows.days.append((self.day, self.entry_last, self.posting_last))
        for number in sorted(self._moved_today):
            self.closing_last += 1
            rows.closings.append(
                (self.closing_last, self.day, number, self._amounts[number - 1] + moved.get(number, 0))
            )
        self._moved_today.clear()

    def _open(self, account: Account) -> int:
        self._accounts.append(account)
        self._amounts.append(0)
        self._ids[account] = number = len(self._accounts)
        return number

    def _require_balance(self, moved: Mapping[int, int], events: Sequence[Event]) -> None:
        """Raise UnbalancedEntry when a batch creates or destroys anything. One sum a batch is cheap."""
        out_by: Counter[str] = Counter()
        for number, amount in moved.items():
            out_by[self._accounts[number - 1].asset] += amount
        if any(out_by.values()):
            entry = next((entry for entry in map(entry_of, events) if entry and residual(entry)), None)
            raise UnbalancedEntry(entry, {asset: amount for asset, amount in out_by.items() if amount})

    def _settle(self, moved: Mapping[int, int], rows: Rows) -> None:
        """Bring the balances to where the batch leaves them."""
        for number in sorted(moved):
            account = self._accounts[number - 1]
            amount = self._amounts[number - 1] = self._amounts[number - 1] + moved[number]
            if amount < 0 and not account.is_contra:
                raise Overdrawn(account.name, amount)
            rows.balances.append((number, int(account.is_contra), amount))


def differences(exchange: Exchange, balances: Mapping[Account, int]) -> list[str]:
    """Return where engine and ledger disagree on what is free or held, each with how far the ledger is off."""
    engine: dict[Account, int] = {}
    for acct in exchange.accounts():
        for asset, (free, held) in exchange.balances(acct).items():
            engine[avail(acct, asset)] = free
            engine[hold(acct, asset)] = held
    ledger = {account: amount for account, amount in balances.items() if account.kind is not Kind.SOURCE}
    return [
        f"{account.name}: engine {engine.get(account, 0)}, ledger {ledger.get(account, 0)}"
        f" ({ledger.get(account, 0) - engine.get(account, 0):+d})"
        for account in sorted(engine.keys() | ledger.keys())
        if engine.get(account, 0) != ledger.get(account, 0)
    ]
