"""The auditor: replays the journal and compares everything with everything.

Works on a stopped exchange and beside a running one: the ledger is read in one transaction, and the journal is replayed
to exactly the command at which that ledger stands.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path
from typing import NamedTuple

from engine.exchange import Exchange
from ledger.accounts import Account
from ledger.books import Books, Row, Rows, differences
from ledger.databases import (
    JOURNAL,
    LEDGER,
    Connection,
    Location,
    begin_reading,
    connect,
    databases_of,
    driver_errors,
    exists,
    rows,
    stream,
    told,
)
from ledger.errors import JournalCorrupt, LedgerError
from ledger.journal import JournalReader
from ledger.rules import OrderRow
from ledger.store import read_balances, read_progress

APPENDED = ("accounts", "entries", "postings", "trades", "days", "closings")  # tables whose rows never change
HISTORY = "history follows from the journal"
ORDERS_MAX = 10_000  # asked for at a time
FINDINGS_MAX = 20  # told of one check; a ledger that is out everywhere needs no longer list


class Finding(NamedTuple):
    """One thing that is wrong: the check that says so, and what it saw, where."""

    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.message}"


class Report(NamedTuple):
    """What was compared, and all that differs."""

    findings: list[Finding]
    counts: dict[str, int]

    @property
    def ok(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        """Lines for people; the last one is `audit: ok` or says how much is wrong."""
        counts = ", ".join(f"{count:,} {what}" for what, count in self.counts.items())
        verdict = "ok" if self.ok else f"{len(self.findings)} findings"
        return "\n".join([f"audited {counts}", *map(str, self.findings), f"audit: {verdict}"])


@dataclass
class Evidence:
    """One consistent view: the ledger inside a read transaction, the exchange and twin books replayed to it."""

    ledger: Connection
    seq: int  # the command at which the ledger stands
    balances: dict[Account, int]
    exchange: Exchange = field(default_factory=Exchange)
    twin: Books = field(default_factory=Books)


def audit(data_dir: Path, url: str | None = None) -> Report:
    """Run every check on the exchange of a data directory, or of a URL. Raises LedgerError when there is none."""
    databases = databases_of(data_dir, url)
    for location, name in ((databases.journal, JOURNAL), (databases.ledger, LEDGER)):
        if not exists(location, name):
            raise LedgerError(f"no exchange in {data_dir if url is None else told(url)}: its {name} is missing")
    counts: dict[str, int] = {}
    findings: list[Finding] = []
    try:
        with closing(connect(databases.ledger, LEDGER)) as ledger:
            begin_reading(ledger)
            seq, _, _ = read_progress(ledger)
            counts["commands"] = seq
            for name in (*APPENDED, "orders"):
                ((counts[name],),) = rows(ledger, f"SELECT count(*) FROM {name}")  # noqa: S608
            evidence = Evidence(ledger, seq, dict(read_balances(ledger)))
            findings += islice(replay(evidence, databases.journal), FINDINGS_MAX)
            replayed = evidence.exchange.seq == seq
            for check in (*LEDGER_CHECKS, *(ENGINE_CHECKS if replayed else ())):
                name = check.__name__.replace("_", " ")
                findings += [Finding(name, message) for message in islice(check(evidence), FINDINGS_MAX)]
    except driver_errors(ValueError) as error:
        findings.append(Finding("ledger can be read", str(error)))
    return Report(findings, counts)


# ------------------------------------------------------------------------------------------------------ the replay


def replay(evidence: Evidence, location: Location) -> Iterator[Finding]:
    """Verify the whole journal, replay it to the ledger's command, and compare every row with what it ought to be."""
    history = History(evidence.ledger)
    try:
        with JournalReader(location) as journal:
            last_seq = journal.last_seq
            for first_seq, commands in journal.groups():
                due = commands[: max(0, evidence.seq - evidence.exchange.seq)]
                if due:
                    yield from history.compare(evidence.twin.post(evidence.exchange.apply(due)))
                if first_seq + len(commands) > last_seq:
                    break  # what a running server appends meanwhile is the next audit's
    except JournalCorrupt as error:
        yield Finding("journal is intact", str(error))
        return
    except LedgerError as error:
        yield Finding("journal can be replayed", str(error))
        return
    if last_seq < evidence.seq:
        yield Finding("journal is intact", f"it ends at command {last_seq}, the ledger stands at {evidence.seq}")
        return
    yield from history.compare_rest(evidence.twin)


class History:
    """Compares the ledger's rows with those of twin books, table by table, up to the first that differs in each."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._kept = {name: stream(db, f"SELECT * FROM {name} ORDER BY id") for name in APPENDED}  # noqa: S608
        self._orders_done = 0
        self._orders_differ = False

    def compare(self, batch: Rows) -> Iterator[Finding]:
        """Compare the rows that a batch adds, and the orders that are done with it."""
        for name in tuple(self._kept):
            yield from self._compare_rows(name, getattr(batch, name))
        done = [order for order in batch.orders if not order.open]
        self._orders_done += len(done)
        yield from self._compare_orders(done)

    def compare_rest(self, twin: Books) -> Iterator[Finding]:
        """Compare the orders that are open, and find rows that have no cause in the journal."""
        still_open = list(twin.open_orders.values())
        for at in range(0, len(still_open), ORDERS_MAX):
            yield from self._compare_orders(still_open[at : at + ORDERS_MAX])
        for name, kept in self._kept.items():
            if row := next(kept, None):
                yield _differs(name, None, row)
        ((found,),) = rows(self._db, "SELECT count(*) FROM orders")
        expected = self._orders_done + len(twin.open_orders)
        if found != expected and not self._orders_differ:
            yield Finding(HISTORY, f"orders: {expected} rows expected, {found} found")

    def _compare_rows(self, name: str, due: Sequence[Row]) -> Iterator[Finding]:
        found = list(islice(self._kept[name], len(due)))
        for expected, row in zip_longest(due, found):
            if expected != row:
                del self._kept[name]
                yield _differs(name, expected, row)
                return

    def _compare_orders(self, due: Sequence[OrderRow]) -> Iterator[Finding]:
        if self._orders_differ or not due:
            return
        oids = ", ".join(str(order.oid) for order in due)
        found = {row[0]: row for row in rows(self._db, f"SELECT * FROM orders WHERE oid IN ({oids})")}  # noqa: S608
        for expected in due:
            if expected != found.get(expected.oid):
                self._orders_differ = True
                yield _differs("orders", expected, found.get(expected.oid))
                return


def _differs(table: str, expected: Row | None, found: Row | None) -> Finding:
    def told(row: Row | None) -> str:
        return "no row" if row is None else str(tuple(row))

    return Finding(HISTORY, f"{table}: {told(expected)} expected, {told(found)} found")


# ------------------------------------------------------------------------------------------------------ the checks


def file_is_sound(evidence: Evidence) -> Iterator[str]:
    """SQLite can tell; PostgreSQL tells by failing to read, and every row is read."""
    if isinstance(evidence.ledger, sqlite3.Connection):
        for (message,) in rows(evidence.ledger, "PRAGMA quick_check"):
            if message != "ok":
                yield message


def assets_sum_to_zero(evidence: Evidence) -> Iterator[str]:
    totals: dict[str, int] = {}
    for account, amount in evidence.balances.items():
        totals[account.asset] = totals.get(account.asset, 0) + amount
    for asset, total in totals.items():
        if total:
            yield f"{asset}: out by {total}"


def no_customer_is_overdrawn(evidence: Evidence) -> Iterator[str]:
    for account, amount in evidence.balances.items():
        if amount < 0 and not account.is_contra:
            yield f"{account.name}: {amount}"


def entries_balance(evidence: Evidence) -> Iterator[str]:
    query = """
        SELECT p.entry_id, a.asset, sum(p.amount) FROM postings p LEFT JOIN accounts a ON a.id = p.account_id
        GROUP BY p.entry_id, a.asset HAVING sum(p.amount) <> 0 ORDER BY p.entry_id
    """
    for entry, asset, amount in rows(evidence.ledger, query):
        yield f"entry {entry}: out by {amount} {asset}"


def balances_are_sums_of_postings(evidence: Evidence) -> Iterator[str]:
    query = """
        SELECT * FROM (
            SELECT a.kind, a.acct, a.asset, coalesce(b.amount, 0) AS balance,
                   (SELECT coalesce(sum(amount), 0) FROM postings WHERE account_id = a.id) AS total
            FROM accounts a LEFT JOIN balances b ON b.account_id = a.id
        ) AS compared WHERE balance <> total
    """
    for kind, acct, asset, balance, total in rows(evidence.ledger, query):
        yield f"{Account(kind, acct, asset).name}: balance {balance}, its postings add up to {total}"


def engine_equals_ledger(evidence: Evidence) -> Iterator[str]:
    yield from differences(evidence.exchange, evidence.balances)


def books_are_uncrossed(evidence: Evidence) -> Iterator[str]:
    """A call collects orders that cross; anywhere else they would have traded."""
    for sym, it in evidence.exchange.instruments.items():
        bids, asks = evidence.exchange.book(sym, 1)
        if not it.called and bids and asks and bids[0][0] >= asks[0][0]:
            yield f"{sym}: bid {bids[0][0]}, ask {asks[0][0]}"


def engine_is_sound(evidence: Evidence) -> Iterator[str]:
    try:
        evidence.exchange.check()
    except AssertionError as error:
        yield str(error)


Check = Callable[[Evidence], Iterator[str]]
LEDGER_CHECKS: tuple[Check, ...] = (
    file_is_sound,
    assets_sum_to_zero,
    no_customer_is_overdrawn,
    entries_balance,
    balances_are_sums_of_postings,
)
ENGINE_CHECKS: tuple[Check, ...] = (engine_equals_ledger, books_are_uncrossed, engine_is_sound)
