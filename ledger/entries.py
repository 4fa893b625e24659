"""Entries: balanced sets of postings. Bottles are an asset like cash, and one entry may move both."""

from collections import Counter
from typing import NamedTuple

from ledger.accounts import Account
from ledger.faults import UnbalancedEntry


class Posting(NamedTuple):
    """One signed line: + into the account, - out of it, in fen or bottles."""

    account: Account
    amount: int


class Entry(NamedTuple):
    """All that one event moved."""

    seq: int
    ts: int
    kind: str
    postings: tuple[Posting, ...]


def residual(entry: Entry) -> dict[str, int]:
    """Return what each asset is out by; empty when the entry balances."""
    sums: Counter[str] = Counter()
    for account, amount in entry.postings:
        sums[account.asset] += amount
    return {asset: amount for asset, amount in sums.items() if amount}


def balanced(seq: int, ts: int, kind: str, *lines: tuple[Account, int]) -> Entry:
    """Return the entry of these lines, one posting an account, none of zero. Raises UnbalancedEntry."""
    sums: Counter[Account] = Counter()
    for account, amount in lines:
        sums[account] += amount
    entry = Entry(seq, ts, kind, tuple(Posting(account, amount) for account, amount in sums.items() if amount))
    if out := residual(entry):
        raise UnbalancedEntry(f"{kind} of command {seq} is out by {out}")
    return entry
