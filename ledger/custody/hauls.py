"""Bottles from one warehouse to another: two transfers, and the road between them.

What left stands on the road in the ledger too, so both warehouses are right at every moment. No owner is touched.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.commands import Leg, LegKind
from ledger.accounts import warehouse as account_of
from ledger.custody import tables
from ledger.custody.intents import Gain, Intent, Intents
from ledger.custody.refusals import CustodyReject, Refusal
from ledger.custody.stock import (
    Bottle,
    BottleState,
    By,
    Why,
    add,
    bin_of,
    bottles_where,
    by_serials,
    is_one_of,
    is_staff,
    mark,
    move,
)
from ledger.shop import Shop

ROAD = 0

_b, _hauls, _loads = tables.bottles.c, tables.hauls, tables.haul_bottles


class HaulState(StrEnum):
    SENDING = "sending"
    SENT = "sent"
    ARRIVING = "arriving"
    ARRIVED = "arrived"
    REFUSED = "refused"


class Haul(NamedTuple):
    id: int
    origin: int
    target: int
    bin: int | None
    state: str
    sent_by: str
    sent_ts: int
    arrived_by: str
    arrived_ts: int


class Hauls:
    """The way between warehouses."""

    def __init__(self, shop: Shop, intents: Intents) -> None:
        self._shop = shop
        self._intents = intents
        intents.on("departure", self._departed)
        intents.on("arrival", self._arrived)

    async def send(self, by: By, origin: int, target: int, serials: Sequence[str]) -> int | Refusal:
        """Load stored bottles for another warehouse and return the haul's number."""
        async with self._shop.begin() as db:
            if not await is_staff(db, by.name, origin):
                return CustodyReject.NOT_STAFF
            if origin == target or not await db.scalar(
                select(tables.warehouses.c.id).where(tables.warehouses.c.id == target)
            ):
                return CustodyReject.UNKNOWN_WAREHOUSE
            load = await by_serials(db, serials)
            if isinstance(load, Refusal):
                return load
            if any(bottle.warehouse != origin or bottle.state != BottleState.STORED for bottle in load):
                return CustodyReject.NOT_IN_STORE
            haul = await add(
                db, _hauls, origin=origin, target=target, bin=None, state=HaulState.SENDING, sent_by=by.name,
                sent_ts=by.ts, arrived_by="", arrived_ts=0,
            )  # fmt: skip
            await db.execute(insert(_loads), [{"haul": haul, "bottle": bottle.id} for bottle in load])
            intent = await self._intents.add(db, Why(by, "departure", haul), *_step(load, origin, ROAD))
            await mark(db, is_one_of(load), intent.id)
        return await self._intents.settle(intent) or haul

    async def receive(self, by: By, haul: int, serials: Sequence[str], into: str) -> Refusal | None:
        """Unload all of a haul into a bin: what is short or strange is found out before anybody signs for it."""
        async with self._shop.begin() as db:
            row = (await db.execute(select(_hauls).where(_hauls.c.id == haul))).one_or_none()
            if row is None:
                return CustodyReject.UNKNOWN_HAUL
            if not await is_staff(db, by.name, row.target):
                return CustodyReject.NOT_STAFF
            if row.state != HaulState.SENT:
                return CustodyReject.WRONG_STATE
            target = await bin_of(db, row.target, into)
            if not target:
                return CustodyReject.UNKNOWN_BIN
            load = await bottles_where(db, _b.id.in_(select(_loads.c.bottle).where(_loads.c.haul == haul)))
            if sorted(serials) != sorted(bottle.serial for bottle in load):
                return CustodyReject.WRONG_SERIALS
            arriving = {"state": HaulState.ARRIVING, "bin": target, "arrived_by": by.name, "arrived_ts": by.ts}
            await db.execute(update(_hauls).where(_hauls.c.id == haul).values(arriving))
            intent = await self._intents.add(db, Why(by, "arrival", haul), *_step(load, ROAD, row.target))
            await mark(db, is_one_of(load), intent.id)
        return await self._intents.settle(intent)

    async def under_way(self) -> list[Haul]:
        async with self._shop.connect() as db:
            rows = await db.execute(select(_hauls).where(_hauls.c.state == HaulState.SENT).order_by(_hauls.c.id))
            return [Haul._make(row) for row in rows]

    async def _departed(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        state = HaulState.SENT if done else HaulState.REFUSED
        await db.execute(update(_hauls).where(_hauls.c.id == intent.ref).values(state=state))
        if done:
            await move(db, intent.why, _b.intent == intent.id, state=BottleState.MOVING, bin=None)

    async def _arrived(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        state = HaulState.ARRIVED if done else HaulState.SENT
        await db.execute(update(_hauls).where(_hauls.c.id == intent.ref).values(state=state))
        if done:
            haul = (await db.execute(select(_hauls).where(_hauls.c.id == intent.ref))).one()
            here = _b.intent == intent.id
            await move(db, intent.why, here, state=BottleState.STORED, warehouse=haul.target, bin=haul.bin)


def _step(load: Sequence[Bottle], origin: int, target: int) -> tuple[list[Leg], list[Gain]]:
    """The legs by which bottles leave one place for another, where the books owe them from then on."""
    sums = sorted(Counter(bottle.asset for bottle in load).items())
    legs = [Leg(LegKind.TRANSFER, account_of(target), account_of(origin), asset, qty) for asset, qty in sums]
    gains = [Gain(place, asset, sign * qty) for asset, qty in sums for place, sign in ((origin, -1), (target, 1))]
    return legs, gains
