"""Entries: balanced sets of postings. Bottles are an asset like cash, so one entry can move both."""

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from ledger.accounts import Account


class EntryKind(StrEnum):
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    HOLD = "hold"
    RELEASE = "release"
    TRADE = "trade"
    TRANSFER = "transfer"
    OFFER = "offer"
    SUBSCRIPTION = "subscription"
    ALLOTMENT = "allotment"


class Posting(NamedTuple):
    """One signed line: + into the account, - out of it; never 0."""

    account: Account
    amount: int


class Entry(NamedTuple):
    """What one event moved.

    `ref` is the order of a hold or release, the number of a trade, else 0; `key` is a transfer's, or the offering.
    """

    seq: int
    ts: int
    kind: EntryKind
    ref: int
    key: str
    postings: tuple[Posting, ...]


def residual(entry: Entry) -> dict[str, int]:
    """Return what each asset is out by; empty when the entry balances."""
    sums: Counter[str] = Counter()
    for account, amount in entry.postings:
        sums[account.asset] += amount
    return {asset: amount for asset, amount in sums.items() if amount}
