"""Who has what: the kernel's balances by account and asset.

Cash is one asset, every instrument another, and `AddAsset` admits more that are never traded. Accounts from 0 up are
clients and FEES takes the fees: their free balances are never below zero. Accounts below FEES are the venue's contra
accounts, such as its bank; they stand for the world outside and may go below zero.
"""

from typing import NamedTuple

from engine import codes
from engine.commands import CASH
from engine.kernel import Kernel
from engine.reject import Reject

FEES = -1  # the account that fees are booked to
SUPPLY_MAX = 1 << 60  # of one asset over all accounts


class Balance(NamedTuple):
    free: int
    held: int


class Balances:
    """Every account's free and held amount of every asset."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.accts = [FEES, codes.NOBODY]  # by the kernel's index
        self.indexes = {FEES: codes.FEES}
        self.assets: dict[str, int] = {}  # the kernel's index of each but cash
        self.supply = {CASH: 0}  # what came in less what went out
        kernel.add_account()

    def add_asset(self, asset: str, index: int) -> None:
        self.assets[asset] = index
        self.supply[asset] = 0

    def index(self, acct: int) -> int:
        """The kernel's index of an account, of one that is always empty when it never was opened."""
        return self.indexes.get(acct, codes.NOBODY)

    def open(self, acct: int) -> int:
        """The kernel's index of an account, opened when it is new."""
        if acct not in self.indexes:
            self.indexes[acct] = self.kernel.add_account()
            self.accts.append(acct)
        return self.indexes[acct]

    def get(self, acct: int, asset: str) -> Balance:
        index = self.index(acct)
        if asset == CASH:
            return Balance(*self.kernel.cash(index))
        return Balance(*self.kernel.bottles(index, self.assets[asset]))

    def all(self, acct: int) -> dict[str, Balance]:
        """The account's cash, and every other asset that it has any of."""
        found = {CASH: self.get(acct, CASH)}
        for asset in self.assets:
            if any(balance := self.get(acct, asset)):
                found[asset] = balance
        return found

    def locked(self, acct: int, asset: str) -> int:
        """How many of the free bottles may not be sold yet."""
        return self.kernel.locked(self.index(acct), self.assets[asset]) if asset in self.assets else 0

    def issued(self, asset: str) -> int:
        """How much of an asset the accounts have that are not contra accounts."""
        outside = [acct for acct in self.indexes if acct < FEES]
        return self.supply[asset] - sum(sum(self.get(acct, asset)) for acct in outside)

    def move(self, acct: int, asset: str, free: int, held: int = 0) -> None:
        """Add to an account's balance, or take from it; that there is enough is the caller's to see."""
        if asset == CASH:
            self.kernel.add_cash(self.open(acct), free, held)
        else:
            self.kernel.add_bottles(self.open(acct), self.assets[asset], free, held)


def shortage(asset: str) -> Reject:
    """The refusal of whoever has not enough of an asset."""
    return Reject.INSUFFICIENT_FUNDS if asset == CASH else Reject.INSUFFICIENT_BOTTLES
