"""The auditor: replays the journal and compares everything with everything.

Works on the files of a stopped exchange and beside a running one: the books are read in one transaction, and the
journal is replayed to exactly the command at which they stood.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from engine.exchange import Exchange
from ledger.accounts import avail, hold, source
from ledger.faults import LedgerError
from ledger.journal import Journal
from ledger.recovery import JOURNAL, LEDGER


class Report(NamedTuple):
    """What was checked and what differs. `findings` is empty when all is well."""

    seq: int  # the command up to which everything was compared
    entries: int
    trades: int
    state_hash: str
    findings: list[str]


Balances = dict[tuple[int, str, str], int]


class Evidence(NamedTuple):
    """One consistent view: the books' connection inside a read transaction, and the exchange replayed to it."""

    books: sqlite3.Connection
    exchange: Exchange
    balances: Balances


def audit(data: Path) -> Report:
    """Check everything in a data directory. Raises LedgerError when there is nothing to audit there."""
    for name in (JOURNAL, LEDGER):
        if not (data / name).is_file():
            raise LedgerError(f"no exchange in {data}: {name} is missing")
    findings: list[str] = []
    exchange = Exchange()
    with closing(sqlite3.connect(f"file:{data / LEDGER}?mode=ro", uri=True, isolation_level=None)) as books:
        books.execute("PRAGMA query_only = ON")
        books.execute("BEGIN")
        try:
            (seq,) = books.execute("SELECT projected_seq FROM progress").fetchone()
            rows = books.execute(
                "SELECT a.acct, a.asset, a.kind, b.amount FROM balances b JOIN accounts a ON a.id = b.account_id"
            )
            balances = {(acct, asset, kind): amount for acct, asset, kind, amount in rows}
            findings += _replay(data / JOURNAL, exchange, seq)
            evidence = Evidence(books, exchange, balances)
            for check in CHECKS:
                findings += check(evidence)
            (entries,) = books.execute("SELECT count(*) FROM entries").fetchone()
            (trades,) = books.execute("SELECT count(*) FROM trades").fetchone()
        except sqlite3.DatabaseError as error:
            return Report(exchange.seq, 0, 0, "", [*findings, f"books unreadable: {error}"])
    return Report(seq, entries, trades, exchange.state_hash(), findings)


def _replay(path: Path, exchange: Exchange, seq: int) -> Iterator[str]:
    """Follow the whole chain, and bring the exchange to command `seq`."""
    try:
        journal = Journal(path, writable=False)
    except LedgerError as error:
        yield str(error)
        return
    with closing(journal):
        if journal.last_seq < seq:
            yield f"the books stand at command {seq}, the journal ends at {journal.last_seq}"
        try:
            for group in journal.groups():
                if exchange.seq < seq:
                    exchange.apply(group.commands[: seq - exchange.seq])
        except LedgerError as error:
            yield str(error)


def engine_is_sound(evidence: Evidence) -> Iterator[str]:
    """No negative balance, holds equal what orders need, no crossed book, nothing created or lost."""
    try:
        evidence.exchange.check()
    except AssertionError as error:
        yield f"engine: {error}"


def entries_balance(evidence: Evidence) -> Iterator[str]:
    """Every entry's postings add up to zero for each asset."""
    query = """
        SELECT p.entry_id, e.seq, a.asset, sum(p.amount) FROM postings p
        JOIN accounts a ON a.id = p.account_id LEFT JOIN entries e ON e.id = p.entry_id
        GROUP BY p.entry_id, a.asset HAVING sum(p.amount) <> 0 LIMIT 20
    """
    for entry, seq, asset, amount in evidence.books.execute(query):
        yield f"entry {entry} of command {seq} is out by {amount} {asset}"


def balances_are_sums_of_postings(evidence: Evidence) -> Iterator[str]:
    query = """
        SELECT a.acct, a.asset, a.kind, coalesce(b.amount, 0), coalesce(sum(p.amount), 0) FROM accounts a
        LEFT JOIN balances b ON b.account_id = a.id LEFT JOIN postings p ON p.account_id = a.id
        GROUP BY a.id HAVING coalesce(b.amount, 0) <> coalesce(sum(p.amount), 0) LIMIT 20
    """
    for acct, asset, kind, balance, total in evidence.books.execute(query):
        yield f"account {acct} {asset} {kind}: balance {balance}, its postings add up to {total}"


def assets_sum_to_zero(evidence: Evidence) -> Iterator[str]:
    totals: dict[str, int] = {}
    for (_, asset, _), amount in evidence.balances.items():
        totals[asset] = totals.get(asset, 0) + amount
    for asset, total in totals.items():
        if total:
            yield f"{asset}: all balances together are {total}, not 0"


def ledger_equals_engine(evidence: Evidence) -> Iterator[str]:
    """What the engine says is free and held, the books say too; and nothing else is in the books."""
    expected: Balances = {}
    supply: dict[str, int] = {}
    for acct in evidence.exchange.accounts():
        for asset, (free, held) in evidence.exchange.balances(acct).items():
            expected[avail(acct, asset)] = free
            expected[hold(acct, asset)] = held
            supply[asset] = supply.get(asset, 0) + free + held
    expected |= {source(asset): -amount for asset, amount in supply.items()}
    for key in sorted(expected.keys() | evidence.balances.keys()):
        engine, books = expected.get(key, 0), evidence.balances.get(key, 0)
        if engine != books:
            acct, asset, kind = key
            yield f"account {acct} {asset} {kind}: engine has {engine}, the books {books} ({books - engine:+d})"


CHECKS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    engine_is_sound,
    entries_balance,
    balances_are_sums_of_postings,
    assets_sum_to_zero,
    ledger_equals_engine,
)
