"""The chart of accounts: where value sits.

Every engine account has two ledger accounts an asset: what is free (`avail`) and what its orders hold (`hold`). Fees
go to the engine's fee account like any other. Each asset has one contra account, `source`, that deposits come from and
withdrawals go to: the bank for cash, the warehouse for bottles. It alone may be negative, and minus its balance is what
the exchange owes its customers.

The engine's contra accounts, numbered below FEES, are the parts of the world outside that transfers name: they may be
negative too. `warehouse(n)` is one of them: minus its bottles are what stands in that warehouse.
"""

from enum import StrEnum
from typing import NamedTuple

from engine.balances import FEES


class Kind(StrEnum):
    AVAIL = "avail"
    HOLD = "hold"
    SOURCE = "source"


class Account(NamedTuple):
    """`acct` is the engine's number of the account, None for a contra account."""

    kind: Kind
    acct: int | None
    asset: str

    @property
    def name(self) -> str:
        """`avail:7:CNY`, `source:CNY`. The asset stands last, since a symbol may have a colon."""
        return f"{self.kind}:{self.asset}" if self.acct is None else f"{self.kind}:{self.acct}:{self.asset}"

    @property
    def is_contra(self) -> bool:
        return self.acct is None or self.acct < FEES


BANK = -2
PROVIDER = -3  # of payments
LOSS = -4
DELIVERED = -5
WAREHOUSES = -1000
ROAD = WAREHOUSES  # bottles between two warehouses, or on their way to their owner


def warehouse(number: int) -> int:
    """The engine's account for a warehouse, numbered from 1; 0 is the road."""
    return WAREHOUSES - number


def avail(acct: int, asset: str) -> Account:
    return Account(Kind.AVAIL, acct, asset)


def hold(acct: int, asset: str) -> Account:
    return Account(Kind.HOLD, acct, asset)


def source(asset: str) -> Account:
    return Account(Kind.SOURCE, None, asset)
