"""Liens: bottles in dispute stay where they are until a second operator lets go.

A lien is a hold of the engine, so what is under it cannot be sold or picked up. It gives nobody a right to the bottles:
there is no way to pledge or lend them.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.codes import AMOUNT_MAX
from engine.commands import Leg, LegKind
from engine.reject import Reject
from ledger.custody import tables
from ledger.custody.intents import Intent, Intents, unique
from ledger.custody.refusals import CustodyReject, Refusal
from ledger.custody.stock import BottleState, By, Why, add, are_texts, by_serials, is_one_of, mark, move
from ledger.shop import Shop

REASON_MAX = 1_000  # characters

_b, _liens, _liened = tables.bottles.c, tables.liens, tables.lien_bottles


class LienState(StrEnum):
    PLACING = "placing"
    PLACED = "placed"
    LIFTING = "lifting"
    LIFTED = "lifted"
    REFUSED = "refused"


class Lien(NamedTuple):
    id: int
    acct: int
    asset: str
    qty: int
    reason: str
    state: str
    hold: str
    placed_by: str
    placed_ts: int
    lifted_by: str
    lifted_ts: int


class Liens:
    """Every lien, placed and lifted."""

    def __init__(self, shop: Shop, intents: Intents) -> None:
        self._shop = shop
        self._intents = intents
        intents.on("lien", self._placed)
        intents.on("lift", self._lifted)

    async def place(
        self, by: By, acct: int, asset: str, qty: int, reason: str, serials: Sequence[str] = ()
    ) -> int | Refusal:
        """Hold an account's bottles and return the lien's number. Named serials are kept from pickups besides."""
        if acct < 0 or not are_texts(asset) or not 0 < qty <= AMOUNT_MAX:
            return Reject.MALFORMED
        if len(serials) > qty or not 0 < len(reason) <= REASON_MAX:
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            bottles = await by_serials(db, serials) if serials else []
            if isinstance(bottles, Refusal):
                return bottles
            if any(bottle.asset != asset or bottle.state != BottleState.STORED for bottle in bottles):
                return CustodyReject.NOT_IN_STORE
            lien = await add(
                db, _liens, acct=acct, asset=asset, qty=qty, reason=reason, state=LienState.PLACING, hold="",
                placed_by=by.name, placed_ts=by.ts, lifted_by="", lifted_ts=0,
            )  # fmt: skip
            hold = unique("lien", lien)
            await db.execute(update(_liens).where(_liens.c.id == lien).values(hold=hold))
            if bottles:
                await db.execute(insert(_liened), [{"lien": lien, "bottle": bottle.id} for bottle in bottles])
            leg = Leg(LegKind.HOLD, acct, asset=asset, amount=qty, hold=hold)
            intent = await self._intents.add(db, Why(by, "lien", lien), [leg])
            await mark(db, is_one_of(bottles), intent.id)
        return await self._intents.settle(intent) or lien

    async def lift(self, by: By, lien: int) -> Refusal | None:
        """Let go of the bottles. Not for whoever placed the lien."""
        async with self._shop.begin() as db:
            row = (await db.execute(select(_liens).where(_liens.c.id == lien))).one_or_none()
            if row is None:
                return CustodyReject.UNKNOWN_LIEN
            if row.state != LienState.PLACED:
                return CustodyReject.WRONG_STATE
            if row.placed_by == by.name:
                return CustodyReject.SAME_PERSON
            lifting = {"state": LienState.LIFTING, "lifted_by": by.name, "lifted_ts": by.ts}
            await db.execute(update(_liens).where(_liens.c.id == lien).values(lifting))
            intent = await self._intents.add(db, Why(by, "lift", lien), [Leg(LegKind.RELEASE, hold=row.hold)])
            await mark(db, _b.id.in_(select(_liened.c.bottle).where(_liened.c.lien == lien)), intent.id)
        return await self._intents.settle(intent)

    async def of(self, acct: int) -> list[Lien]:
        async with self._shop.connect() as db:
            rows = await db.execute(select(_liens).where(_liens.c.acct == acct).order_by(_liens.c.id))
            return [Lien._make(row) for row in rows]

    async def _placed(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        state = LienState.PLACED if done else LienState.REFUSED
        await db.execute(update(_liens).where(_liens.c.id == intent.ref).values(state=state))
        if done:
            await move(db, intent.why, _b.intent == intent.id, state=BottleState.LIENED)

    async def _lifted(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        state = LienState.LIFTED if done else LienState.PLACED
        await db.execute(update(_liens).where(_liens.c.id == intent.ref).values(state=state))
        if done:
            await move(db, intent.why, _b.intent == intent.id, state=BottleState.STORED)
