"""The auditor: replays the journal and compares everything with everything.

Works on a stopped exchange and beside a running one: the ledger is read in one transaction, and the journal is replayed
to exactly the command at which that ledger stands. `audit` does all of it; `Auditor` goes on from where it was.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError

from engine.exchange import Exchange
from ledger.accounts import Account
from ledger.books import differences
from ledger.custody.reconciliation import reconcile
from ledger.databases import (
    JOURNAL,
    LEDGER,
    SHOP,
    Connection,
    Databases,
    Location,
    begin_reading,
    connect,
    databases_of,
    driver_errors,
    exists,
    rows,
    told,
)
from ledger.errors import LedgerError
from ledger.history import APPENDED, Finding, Twin
from ledger.shop import Shop
from ledger.store import read_balances, read_progress

FINDINGS_MAX = 20  # told of one check; a ledger that is out everywhere needs no longer list


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
    """One consistent view: the ledger inside a read transaction, and the exchange replayed to it."""

    ledger: Connection
    seq: int  # the command at which the ledger stands
    balances: dict[Account, int]
    exchange: Exchange


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
            twin = Twin(databases)
            findings += islice(twin.follow(ledger, seq), FINDINGS_MAX)
            replayed = twin.seq == seq
            if replayed:
                findings += twin.count_orders(ledger)
            evidence = Evidence(ledger, seq, dict(read_balances(ledger)), twin.exchange)
            findings += run(evidence, (*LEDGER_CHECKS, *(ENGINE_CHECKS if replayed else ())))
            if exists(databases.shop, SHOP):
                findings += serials_follow_from_the_ledger(databases.shop, evidence)
    except driver_errors(ValueError) as error:
        findings.append(Finding("ledger can be read", str(error)))
    return Report(findings, counts)


def serials_follow_from_the_ledger(shop: Location, evidence: Evidence) -> list[Finding]:
    """Each warehouse has the bottles that the ledger says it owes."""
    with ThreadPoolExecutor(1) as beside:  # whoever asks may have an event loop of its own
        differences = beside.submit(asyncio.run, _serials(shop, evidence)).result()
    return [Finding("serials follow from the ledger", message) for message in differences[:FINDINGS_MAX]]


async def _serials(location: Location, evidence: Evidence) -> list[str]:
    shop = Shop(location)
    try:
        return await reconcile(shop, evidence.balances, evidence.seq)
    except DBAPIError as error:
        return [f"{told(location)} cannot be read: {error.orig}"]
    finally:
        await shop.close()


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


def run(evidence: Evidence, checks: Sequence[Check]) -> list[Finding]:
    return [
        Finding(check.__name__.replace("_", " "), message)
        for check in checks
        for message in islice(check(evidence), FINDINGS_MAX)
    ]


LEDGER_CHECKS: tuple[Check, ...] = (
    file_is_sound,
    assets_sum_to_zero,
    no_customer_is_overdrawn,
    entries_balance,
    balances_are_sums_of_postings,
)
ENGINE_CHECKS: tuple[Check, ...] = (engine_equals_ledger, books_are_uncrossed, engine_is_sound)
NEW_CHECKS: tuple[Check, ...] = (
    assets_sum_to_zero, no_customer_is_overdrawn, engine_equals_ledger, books_are_uncrossed,
)  # fmt: skip


class Auditor:
    """Audits an exchange again and again, each time what is new, and all balances.

    Rows that were compared do not change by themselves; `audit` compares them all again.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._twin = Twin(databases)

    @property
    def seq(self) -> int:
        """The command up to which all was compared."""
        return self._twin.seq

    def go_on(self) -> list[Finding]:
        """Compare what came since the last time. Raises LedgerError when the exchange cannot be read."""
        try:
            with closing(connect(self._databases.ledger, LEDGER)) as ledger:
                begin_reading(ledger)
                seq, _, _ = read_progress(ledger)
                found = list(islice(self._twin.follow(ledger, seq), FINDINGS_MAX))
                evidence = Evidence(ledger, seq, dict(read_balances(ledger)), self._twin.exchange)
                return found + (run(evidence, NEW_CHECKS) if self._twin.seq == seq else [])
        except driver_errors(ValueError) as error:
            raise LedgerError(f"{told(self._databases.ledger)} cannot be read: {error}") from error
