"""What the cellar does by itself: compare the books with the serials, end old pickups, close and prove the days."""

import asyncio
import logging
from collections.abc import Callable
from datetime import date, timedelta

from engine.exchange import Exchange
from gateway.config import CELLAR_S
from gateway.errors import Problem
from ledger.custody.service import Custody
from ledger.custody.stock import By
from ledger.custody.storage import holdings
from ledger.days import date_of, day_of
from ledger.errors import LedgerError
from ledger.proof.publishing import Proofs

NAME = "cellarman"

log = logging.getLogger(__name__)


class Cellarman:
    """Goes round every few seconds. What a busy moment kept from being done is done on the next round."""

    def __init__(self, custody: Custody, proofs: Proofs, exchange: Exchange, clock: Callable[[], int]) -> None:
        """`clock` gives nanoseconds."""
        self._custody = custody
        self._proofs = proofs
        self._exchange = exchange
        self._clock = clock
        self._billed = False  # all that accrued to the end of the last month that was closed

    async def run(self) -> None:
        while True:
            await asyncio.sleep(CELLAR_S)
            try:
                await self.go_round()
            except Problem as problem:
                log.warning("the cellar waits: %s", problem)

    async def go_round(self) -> None:
        """Do all that is due. Raises Problem when the exchange takes no commands now."""
        now = self._clock()
        await self._custody.resume()
        for difference in await self._custody.check(self._exchange, now):
            log.error("ledger and serials differ: %s", difference)
        await self._custody.pickups.expire(By(NAME, now))
        await self._close_days(now)
        await self._prove(date_of(day_of(now) - 1), now)

    async def _close_days(self, now: int) -> None:
        """Accrue every day that has ended, and bill when a month has.

        A day on which no server ran is charged for what was held when one ran again: nothing had moved in between.
        """
        billing, today = self._custody.billing, date_of(day_of(now))
        last = await billing.last_day() or today - timedelta(days=2)
        while last + timedelta(days=1) < today:
            last += timedelta(days=1)
            await billing.accrue(last, holdings(self._exchange))
            self._billed = False
        if not self._billed:
            month_end = (last + timedelta(days=1)).replace(day=1) - timedelta(days=1)
            await billing.bill(By(NAME, now), month_end)
            self._billed = True

    async def _prove(self, yesterday: date, now: int) -> None:
        """Publish yesterday's proof, once all of it is in the books."""
        try:
            await self._proofs.publish(yesterday, now)
        except LedgerError as error:
            log.warning("the proof of custody waits: %s", error)
