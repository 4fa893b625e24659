"""Pickups that are sent: under way, delivered, or lost and made good.

A bottle stays its owner's until it is delivered: what was shipped stands on the road, and is still held. A lost one is
decided by two people: it turned up, the owner gets bottles back, or cash.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.codes import AMOUNT_MAX
from engine.commands import CASH, Leg, LegKind
from engine.reject import Reject
from ledger.accounts import LOSS
from ledger.accounts import warehouse as account_of
from ledger.custody import tables
from ledger.custody.hauls import ROAD
from ledger.custody.intents import Gain, Intent, Intents
from ledger.custody.pickup import PickupState, at_warehouse, fee_legs
from ledger.custody.refusals import CustodyReject, Refusal
from ledger.custody.stock import BottleState, By, Why, add, are_texts, mark, move
from ledger.shop import Shop

REASON_MAX = 1_000  # characters

_b, _pickups, _claims = tables.bottles.c, tables.pickups, tables.claims


class ClaimState(StrEnum):
    OPEN = "open"
    SETTLING = "settling"
    SETTLED = "settled"


class Remedy(StrEnum):
    FOUND = "found"  # the shipment goes on
    BOTTLES = "bottles"  # the owner has its bottles again, and the house owes them
    CASH = "cash"


class Claim(NamedTuple):
    id: int
    pickup: int
    reason: str
    state: str
    remedy: str
    amount_fen: int
    opened_by: str
    opened_ts: int
    decided_by: str
    decided_ts: int


class Shipment(NamedTuple):
    pickup: int
    carrier: str
    tracking: str
    actor: str
    ts: int


class Shipping:
    """The way to the owner."""

    def __init__(self, shop: Shop, intents: Intents) -> None:
        self._shop = shop
        self._intents = intents
        intents.on("shipment", self._shipped)
        intents.on("delivery", self._delivered)
        intents.on("claim", self._settled)

    async def ship(self, by: By, pickup: int, carrier: str, tracking: str) -> Refusal | None:
        """Hand a ready pickup to a carrier. The fee is taken now."""
        if not are_texts(carrier, tracking):
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            row = await at_warehouse(db, by, pickup, PickupState.READY)
            if isinstance(row, CustodyReject):
                return row
            if not row.address:
                return CustodyReject.WRONG_STATE
            await db.execute(
                insert(tables.shipments).values(
                    pickup=pickup, carrier=carrier, tracking=tracking, actor=by.name, ts=by.ts
                )
            )
            store, asset, qty = row.warehouse, row.asset, row.qty
            legs = [Leg(LegKind.TRANSFER, account_of(ROAD), account_of(store), asset, qty), *fee_legs(row)]
            gains = [Gain(store, asset, -qty), Gain(ROAD, asset, qty)]
            intent = await self._wait(db, Why(by, "shipment", pickup), legs, gains)
            await mark(db, (_b.pickup == pickup) & (_b.state == BottleState.PICKED), intent.id)
        return await self._intents.settle(intent)

    async def delivered(self, by: By, pickup: int) -> Refusal | None:
        """The carrier says that it arrived: the bottles are gone."""
        async with self._shop.begin() as db:
            row = await at_warehouse(db, by, pickup, PickupState.SHIPPED)
            if isinstance(row, CustodyReject):
                return row
            legs = [Leg(LegKind.CAPTURE, to=account_of(ROAD), hold=row.hold)]
            intent = await self._wait(db, Why(by, "delivery", pickup), legs, [Gain(ROAD, row.asset, -row.qty)])
            await mark(db, (_b.pickup == pickup) & (_b.state == BottleState.SHIPPED), intent.id)
        return await self._intents.settle(intent)

    async def lose(self, by: By, pickup: int, reason: str) -> int | Refusal:
        """Report a shipment as lost and return the claim's number."""
        if not 0 < len(reason) <= REASON_MAX:
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            row = await at_warehouse(db, by, pickup, PickupState.SHIPPED)
            if isinstance(row, CustodyReject):
                return row
            await _set(db, pickup, PickupState.LOST)
            return await add(
                db, _claims, pickup=pickup, reason=reason, state=ClaimState.OPEN, remedy="", amount_fen=0,
                opened_by=by.name, opened_ts=by.ts, decided_by="", decided_ts=0,
            )  # fmt: skip

    async def decide(self, by: By, number: int, remedy: Remedy, amount_fen: int = 0) -> Refusal | None:
        """Settle a claim. Not for whoever opened it; `amount_fen` is for cash."""
        if (remedy == Remedy.CASH) != (0 < amount_fen <= AMOUNT_MAX):
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            found = (await db.execute(select(_claims).where(_claims.c.id == number))).one_or_none()
            if found is None:
                return CustodyReject.UNKNOWN_CLAIM
            if found.state != ClaimState.OPEN:
                return CustodyReject.WRONG_STATE
            if found.opened_by == by.name:
                return CustodyReject.SAME_PERSON
            is_found = remedy == Remedy.FOUND
            decided = {
                "state": ClaimState.SETTLED if is_found else ClaimState.SETTLING,
                "remedy": remedy,
                "amount_fen": amount_fen,
                "decided_by": by.name,
                "decided_ts": by.ts,
            }
            await db.execute(update(_claims).where(_claims.c.id == number).values(decided))
            if is_found:
                await _set(db, found.pickup, PickupState.SHIPPED)
                return None
            row = (await db.execute(select(_pickups).where(_pickups.c.id == found.pickup))).one()
            legs = _remedy_legs(row, remedy, amount_fen)
            intent = await self._intents.add(db, Why(by, "claim", number), legs, [Gain(ROAD, row.asset, -row.qty)])
            await mark(db, (_b.pickup == row.id) & (_b.state == BottleState.SHIPPED), intent.id)
        return await self._intents.settle(intent)

    async def claims(self) -> list[Claim]:
        """The claims that wait for a decision."""
        async with self._shop.connect() as db:
            rows = await db.execute(select(_claims).where(_claims.c.state == ClaimState.OPEN).order_by(_claims.c.id))
            return [Claim._make(row) for row in rows]

    async def shipment(self, pickup: int) -> Shipment | CustodyReject:
        async with self._shop.connect() as db:
            found = await db.execute(select(tables.shipments).where(tables.shipments.c.pickup == pickup))
            row = found.one_or_none()
            return CustodyReject.UNKNOWN_PICKUP if row is None else Shipment._make(row)

    async def _wait(self, db: AsyncConnection, why: Why, legs: list[Leg], gains: list[Gain]) -> Intent:
        await _set(db, why.ref, PickupState.WAITING)
        return await self._intents.add(db, why, legs, gains)

    async def _shipped(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        if not done:
            await db.execute(tables.shipments.delete().where(tables.shipments.c.pickup == intent.ref))
            await _set(db, intent.ref, PickupState.READY)
            return
        await move(db, intent.why, _b.intent == intent.id, state=BottleState.SHIPPED, bin=None)
        await _set(db, intent.ref, PickupState.SHIPPED, fee_hold="", left_ts=intent.ts)

    async def _delivered(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        if not done:
            await _set(db, intent.ref, PickupState.SHIPPED)
            return
        await move(db, intent.why, _b.intent == intent.id, state=BottleState.OUT)
        await _set(db, intent.ref, PickupState.RELEASED, released=_pickups.c.qty)

    async def _settled(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        state = ClaimState.SETTLED if done else ClaimState.OPEN
        await db.execute(update(_claims).where(_claims.c.id == intent.ref).values(state=state))
        if done:
            decided = (await db.execute(select(_claims).where(_claims.c.id == intent.ref))).one()
            await move(db, intent.why, _b.intent == intent.id, state=BottleState.MISSING)
            await _set(db, decided.pickup, PickupState.COMPENSATED)


def _remedy_legs(row: Row[Any], remedy: Remedy, amount_fen: int) -> list[Leg]:
    """Either way the road owes the bottles no more: the house does, or the owner was paid for them."""
    road = account_of(ROAD)
    if remedy == Remedy.BOTTLES:
        return [Leg(LegKind.TRANSFER, LOSS, road, row.asset, row.qty), Leg(LegKind.RELEASE, hold=row.hold)]
    return [
        Leg(LegKind.CAPTURE, to=road, hold=row.hold),
        Leg(LegKind.TRANSFER, LOSS, row.acct, CASH, amount_fen),
    ]


async def _set(db: AsyncConnection, pickup: int, state: PickupState, **values: object) -> None:
    await db.execute(update(_pickups).where(_pickups.c.id == pickup).values(state=state, **values))
