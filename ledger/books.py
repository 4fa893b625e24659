"""The books in the writer's memory: which account has which number, what it holds, and the rows that events become."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects import sqlite

from engine.events import Accepted, Cancelled, Event, Traded
from ledger import tables
from ledger.accounts import CONTRA, Account
from ledger.rules import entry_of

DIALECT = sqlite.dialect(paramstyle="qmark")
INSERT = {table.name: str(insert(table).compile(dialect=DIALECT)) for table in tables.metadata.sorted_tables}
SET_BALANCE = "INSERT INTO balances VALUES (?, ?, ?) ON CONFLICT (account_id) DO UPDATE SET amount = excluded.amount"
FILL_ORDER = "UPDATE orders SET filled = filled + ?, open = ?, fee = fee + ? WHERE oid = ?"
CLOSE_ORDER = "UPDATE orders SET open = 0, reason = ? WHERE oid = ?"

Row = tuple[Any, ...]


class Books:
    """Numbers and balances of every account as of the last command in the books."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.projected_seq: int
        (self.projected_seq,) = db.execute("SELECT projected_seq FROM progress").fetchone()
        self._ids = {Account(*key): number for number, *key in db.execute("SELECT id, acct, asset, kind FROM accounts")}
        self._balances: dict[int, int] = dict(db.execute("SELECT account_id, amount FROM balances"))
        (self._entry_last,) = db.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()
        (self._posting_last,) = db.execute("SELECT coalesce(max(id), 0) FROM postings").fetchone()

    def rows(self, events: Sequence[Event]) -> list[tuple[str, list[Row]]]:
        """Return the statements, with their rows, that put these events into the books.

        Balances are written once, as they stand at the end. Raises UnbalancedEntry.
        """
        accounts: list[Row] = []
        entries: list[Row] = []
        postings: list[Row] = []
        touched: dict[int, int] = {}  # account number -> whether it is a contra account
        for event in events:
            entry = entry_of(event)
            if entry is None or not entry.postings:
                continue
            self._entry_last += 1
            entries.append((self._entry_last, entry.seq, entry.ts, entry.kind))
            for account, amount in entry.postings:
                number = self._ids.get(account)
                if number is None:
                    number = self._ids[account] = len(self._ids) + 1
                    accounts.append((number, *account))
                self._posting_last += 1
                postings.append((self._posting_last, self._entry_last, number, amount))
                self._balances[number] = self._balances.get(number, 0) + amount
                touched[number] = int(account.kind in CONTRA)
        final = [(number, self._balances[number], contra) for number, contra in sorted(touched.items())]
        return [
            (INSERT["accounts"], accounts),
            (INSERT["entries"], entries),
            (INSERT["postings"], postings),
            (SET_BALANCE, final),
            *history(events),
        ]


def history(events: Sequence[Event]) -> list[tuple[str, list[Row]]]:
    """Return the rows of the orders and trades among the events."""
    orders: list[Row] = []
    trades: list[Row] = []
    fills: list[Row] = []
    closes: list[Row] = []
    for event in events:
        match event:
            case Accepted(seq, ts, acct, cid, oid, sym, side, px, qty, tif, _):
                orders.append((oid, acct, cid, sym, side, px, qty, tif, 0, qty, 0, "", seq, ts))
            case Traded():
                trades.append(
                    (
                        event.trade_id, event.seq, event.ts, event.sym, event.px, event.qty, event.buy_acct,
                        event.buy_oid, event.buy_fee, event.sell_acct, event.sell_oid, event.sell_fee, event.aggressor,
                    )
                )  # fmt: skip
                fills.append((event.qty, event.buy_open, event.buy_fee, event.buy_oid))
                fills.append((event.qty, event.sell_open, event.sell_fee, event.sell_oid))
            case Cancelled():
                closes.append((event.reason, event.oid))
    return [(INSERT["orders"], orders), (INSERT["trades"], trades), (FILL_ORDER, fills), (CLOSE_ORDER, closes)]
