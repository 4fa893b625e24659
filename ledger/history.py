"""Does the ledger's history follow from the journal? Twin books are kept from one and compared with the other."""

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import Any, NamedTuple

from engine.exchange import Exchange
from ledger.books import Books, Row, Rows
from ledger.databases import Connection, Databases, rows, stream
from ledger.errors import JournalCorrupt, LedgerError
from ledger.journal import JournalReader
from ledger.rules import OrderRow

APPENDED = ("accounts", "entries", "postings", "trades", "days", "closings")  # tables whose rows never change
HISTORY = "history follows from the journal"
ORDERS_MAX = 10_000  # asked for at a time


class Finding(NamedTuple):
    """One thing that is wrong: the check that says so, and what it saw, where."""

    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.message}"


class Twin:
    """An exchange and books that know the journal alone, at the same command, and how far the ledger was compared.

    It can go on from where it was: what was compared once never changes, by itself.
    """

    def __init__(self, databases: Databases) -> None:
        self._journal = databases.journal
        self.exchange = Exchange()
        self.books = Books()
        self.orders_done = 0
        self._compared = dict.fromkeys(APPENDED, -1)  # last id of each table
        self._differ: set[str] = set()  # tables told of

    @property
    def seq(self) -> int:
        return self.exchange.seq

    def follow(self, ledger: Connection, seq: int) -> Iterator[Finding]:
        """Verify the journal from here on, replay it to the ledger's command, and compare every row on the way.

        `ledger` is inside a transaction that sees it at command `seq`.
        """
        kept = {
            name: stream(ledger, f"SELECT * FROM {name} WHERE id > {last} ORDER BY id")  # noqa: S608
            for name, last in self._compared.items()
            if name not in self._differ
        }
        try:
            with JournalReader(self._journal) as journal:
                last_seq = journal.last_seq
                for first_seq, commands in journal.groups(after=self.seq):
                    if due := commands[: max(0, seq - self.seq)]:
                        yield from self._compare(ledger, kept, self.books.post(self.exchange.apply(due)))
                    if first_seq + len(commands) > min(last_seq, seq):
                        break  # what a running server appends meanwhile is the next audit's
        except JournalCorrupt as error:
            yield Finding("journal is intact", str(error))
            return
        except LedgerError as error:
            yield Finding("journal can be replayed", str(error))
            return
        if last_seq < seq:
            yield Finding("journal is intact", f"it ends at command {last_seq}, the ledger stands at {seq}")
            return
        for name, found in kept.items():
            if name not in self._differ and (row := next(found, None)):
                self._differ.add(name)
                yield _differs(name, None, row)
        still_open = list(self.books.open_orders.values())
        for at in range(0, len(still_open), ORDERS_MAX):
            yield from self._compare_orders(ledger, still_open[at : at + ORDERS_MAX])

    def _compare(self, ledger: Connection, kept: dict[str, Iterator[Any]], batch: Rows) -> Iterator[Finding]:
        """Compare the rows that a batch adds, and the orders that are done with it."""
        for name, found in kept.items():
            if name in self._differ:
                continue
            due: Sequence[Row] = getattr(batch, name)
            for expected, row in zip_longest(due, islice(found, len(due))):
                if expected != row:
                    self._differ.add(name)
                    yield _differs(name, expected, row)
                    break
            else:
                self._compared[name] = due[-1][0] if due else self._compared[name]
        done = [order for order in batch.orders if not order.open]
        self.orders_done += len(done)
        yield from self._compare_orders(ledger, done)

    def _compare_orders(self, ledger: Connection, due: Sequence[OrderRow]) -> Iterator[Finding]:
        if "orders" in self._differ or not due:
            return
        oids = ", ".join(str(order.oid) for order in due)
        found = {row[0]: row for row in rows(ledger, f"SELECT * FROM orders WHERE oid IN ({oids})")}  # noqa: S608
        for expected in due:
            if expected != found.get(expected.oid):
                self._differ.add("orders")
                yield _differs("orders", expected, found.get(expected.oid))
                return

    def count_orders(self, ledger: Connection) -> Iterator[Finding]:
        """Find orders that have no cause in the journal."""
        ((found,),) = rows(ledger, "SELECT count(*) FROM orders")
        expected = self.orders_done + len(self.books.open_orders)
        if found != expected and "orders" not in self._differ:
            yield Finding(HISTORY, f"orders: {expected} rows expected, {found} found")


def _differs(table: str, expected: Row | None, found: Row | None) -> Finding:
    def told(row: Row | None) -> str:
        return "no row" if row is None else str(tuple(row))

    return Finding(HISTORY, f"{table}: {told(expected)} expected, {told(found)} found")
