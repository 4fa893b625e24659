"""The cellar as a whole: what the gateway opens, and the auditor asks."""

from typing import Self

from engine.exchange import Exchange
from ledger.custody.billing import Billing
from ledger.custody.counts import Counts
from ledger.custody.hauls import Hauls
from ledger.custody.inbound import Inbound
from ledger.custody.intents import Intents, Submit
from ledger.custody.liens import Liens
from ledger.custody.pickup import Pickups
from ledger.custody.pickup_clock import PickupTimes, pickup_times
from ledger.custody.reconciliation import (
    Alarm,
    Difference,
    clear_alarm,
    differences,
    halts,
    open_alarms,
    owed_now,
    raise_alarms,
    untold,
)
from ledger.custody.refusals import CustodyReject, Refusal
from ledger.custody.shipping import Shipping
from ledger.custody.stock import By, Stock
from ledger.custody.terms import TermsBook
from ledger.shop import Shop


class Custody:
    """Every flow of the cellar, over one shop and one exchange.

    A flow either returns what it made, or a refusal as a value. When it raises, the outcome is unknown: `resume` finds
    it out.
    """

    def __init__(self, shop: Shop, submit: Submit) -> None:
        self._shop = shop
        self._intents = Intents(shop, submit)
        self.stock = Stock(shop)
        self.terms = TermsBook(shop)
        self.inbound = Inbound(shop, self._intents)
        self.hauls = Hauls(shop, self._intents)
        self.counts = Counts(shop, self._intents)
        self.liens = Liens(shop, self._intents)
        self.pickups = Pickups(shop, self._intents)
        self.shipping = Shipping(shop, self._intents)
        self.billing = Billing(shop, self._intents)

    @classmethod
    async def open(cls, shop: Shop, submit: Submit) -> Self:
        """Take up what was under way when the last process ended."""
        custody = cls(shop, submit)
        await custody.resume()
        return custody

    async def resume(self) -> int:
        """Settle every intent that was left open, and return how many there were."""
        count = await self._intents.resume()
        await self.billing.load_debts()
        return count

    def in_debt(self, acct: int) -> int:
        """What an account owes for storage, in fen: while it is above 0, the gateway takes no order of it."""
        return self.billing.in_debt(acct)

    async def pickup_times(self, since_ts: int, warehouse: int = 0) -> PickupTimes:
        return await pickup_times(self._shop, since_ts, warehouse)

    async def check(self, exchange: Exchange, ts: int) -> list[Difference]:
        """Compare the engine's bottles with the serials. A new difference is an alarm and halts its instrument."""
        owed, seq = owed_now(exchange), exchange.seq
        async with self._shop.connect() as db:
            found = await differences(db, owed, seq)
            new = await untold(db, found)
        if commands := halts(new, exchange):
            await self._intents.submit(*commands)
        if new:  # written down last: after a crash in between, trading is halted once more
            async with self._shop.begin() as db:
                await raise_alarms(db, new, ts)
        return found

    async def alarms(self) -> list[Alarm]:
        async with self._shop.connect() as db:
            return await open_alarms(db)

    async def clear_alarm(self, by: By, alarm: int) -> Refusal | None:
        """Close an alarm that was explained. Trading goes on when an operator says so."""
        async with self._shop.begin() as db:
            return None if await clear_alarm(db, by, alarm) else CustodyReject.UNKNOWN_ALARM
