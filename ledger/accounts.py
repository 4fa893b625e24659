"""The chart of accounts: where value can sit.

Every account of the exchange has, for each asset, what is free (`avail`) and what its orders hold (`hold`). What
enters or leaves the exchange comes from and goes to a contra account: the bank for cash, the warehouse for bottles.
Those alone may be negative: minus their balance is what the exchange answers for.
"""

from typing import NamedTuple

from engine.commands import CASH

VENUE = 0  # owner of the contra accounts
AVAIL, HOLD, BANK, WAREHOUSE = "avail", "hold", "bank", "warehouse"
CONTRA = (BANK, WAREHOUSE)


class Account(NamedTuple):
    acct: int
    asset: str
    kind: str


def avail(acct: int, asset: str) -> Account:
    return Account(acct, asset, AVAIL)


def hold(acct: int, asset: str) -> Account:
    return Account(acct, asset, HOLD)


def source(asset: str) -> Account:
    """Where an asset comes from and goes to."""
    return Account(VENUE, asset, BANK if asset == CASH else WAREHOUSE)
