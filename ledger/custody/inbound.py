"""What comes in: advised, received, inspected, booked. Only what is booked exists in the ledger."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.commands import AddAsset, Leg, LegKind
from engine.reject import Reject
from ledger.accounts import LOSS
from ledger.accounts import warehouse as account_of
from ledger.custody import tables
from ledger.custody.intents import Gain, Intent, Intents
from ledger.custody.refusals import CustodyReject, Refusal
from ledger.custody.stock import (
    SERIALS_MAX,
    BottleState,
    By,
    Owner,
    Why,
    add,
    are_texts,
    bin_of,
    bottles_where,
    by_serials,
    is_one_of,
    is_staff,
    mark,
    move,
)
from ledger.shop import Shop

TWIN = "/NR"  # not for resale
DIGEST = re.compile(r"[0-9a-f]{64}")
PHOTOS_MAX = 32
DEFECTS_MAX = 1_000  # characters
UNBOOKED = frozenset({BottleState.RECEIVED, BottleState.PASSED, BottleState.QUARANTINED})

_b = tables.bottles.c


class Grade(StrEnum):
    MINT = "mint"
    FINE = "fine"
    FAIR = "fair"
    POOR = "poor"  # not good enough to be one of many that are alike


class Goods(NamedTuple):
    """What a lot is: all its bottles are alike. Cross-border retail imports may not be resold (RULES §1)."""

    lot: str
    sym: str
    vintage: str
    owner: Owner
    resale_forbidden: bool = False

    @property
    def asset(self) -> str:
        """What its bottles are in the ledger; those that may not be resold are an asset of their own, never traded."""
        return self.sym + TWIN if self.resale_forbidden else self.sym


class Finding(NamedTuple):
    """What an inspection saw. `photos` are SHA-256 digests, in hex."""

    grade: Grade
    seal_intact: bool
    defects: str = ""
    photos: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        return self.seal_intact and self.grade != Grade.POOR


class Advice(NamedTuple):
    """An advice and how far it came: of `qty` bottles so many arrived and were booked; the last two wait."""

    id: int
    acct: int
    warehouse: int
    lot: str
    asset: str
    qty: int
    received: int
    booked: int
    passed: int
    quarantined: int


class Inbound:
    """The way in."""

    def __init__(self, shop: Shop, intents: Intents) -> None:
        self._shop = shop
        self._intents = intents
        intents.on("booking", self._booked)

    async def advise(self, by: By, acct: int, warehouse: int, goods: Goods, qty: int) -> int | Refusal:
        """Announce bottles that an account is to have, and return the advice's number.

        The account of losses may have them too: that replaces what was lost. A lot's second advice brings more of the
        same goods. Goods that may not be resold are admitted to the engine.
        """
        if not are_texts(goods.lot, goods.asset, goods.vintage) or not 0 < qty <= SERIALS_MAX:
            return Reject.MALFORMED
        if acct < 0 and acct != LOSS:
            return Reject.MALFORMED
        if goods.resale_forbidden:
            await self._intents.submit(AddAsset(0, goods.asset))  # refused when it is there already
        lots = tables.lots
        values = {
            "code": goods.lot,
            "sym": goods.sym,
            "vintage": goods.vintage,
            "asset": goods.asset,
            "owner": goods.owner,
        }
        async with self._shop.begin() as db:
            if not await db.scalar(select(tables.warehouses.c.id).where(tables.warehouses.c.id == warehouse)):
                return CustodyReject.UNKNOWN_WAREHOUSE
            known = (await db.execute(select(lots).where(lots.c.code == goods.lot))).mappings().one_or_none()
            if known and values.items() - known.items():
                return CustodyReject.DUPLICATE_CODE
            lot = known["id"] if known else await add(db, lots, **values, since=0)
            return await add(
                db,
                tables.advices,
                lot=lot,
                acct=acct,
                warehouse=warehouse,
                qty=qty,
                received=0,
                booked=0,
                actor=by.name,
                ts=by.ts,
            )

    async def receive(self, by: By, advice: int, serials: Sequence[str]) -> Refusal | None:
        """Take delivery: the serials are in the house, and no part of the ledger. One that left before may return."""
        if not 0 < len(serials) <= SERIALS_MAX or len(set(serials)) < len(serials) or not are_texts(*serials):
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            row = await _advice(db, by, advice)
            if isinstance(row, CustodyReject):
                return row
            if row.received + len(serials) > row.qty:
                return CustodyReject.ABOVE_ADVISED
            known = await bottles_where(db, _b.serial.in_(serials))
            if any(bottle.state != BottleState.OUT for bottle in known):
                return CustodyReject.DUPLICATE_SERIAL
            fresh = {
                "lot": row.lot,
                "advice": advice,
                "warehouse": row.warehouse,
                "bin": None,
                "state": BottleState.RECEIVED,
                "pickup": None,
            }
            back = {bottle.serial for bottle in known}
            new = [{"serial": serial, **fresh} for serial in serials if serial not in back]
            if new:
                await db.execute(insert(tables.bottles), new)
            received = tables.advices.c.received + len(serials)
            await db.execute(update(tables.advices).where(tables.advices.c.id == advice).values(received=received))
            await move(db, Why(by, "receipt", advice), _b.serial.in_(serials), **fresh)
        return None

    async def inspect(self, by: By, serials: Sequence[str], finding: Finding) -> bool | Refusal:
        """Note what bottles are like, all the same, and return whether they pass.

        Those that do not are quarantined, and may be seen again.
        """
        photos = finding.photos
        if len(photos) > PHOTOS_MAX or len(finding.defects) > DEFECTS_MAX or not all(map(DIGEST.fullmatch, photos)):
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            bottles = await by_serials(db, serials)
            if isinstance(bottles, Refusal):
                return bottles
            for warehouse in {bottle.warehouse for bottle in bottles}:
                if not await is_staff(db, by.name, warehouse):
                    return CustodyReject.NOT_STAFF
            if any(bottle.state not in UNBOOKED for bottle in bottles):
                return CustodyReject.WRONG_STATE
            seen = {
                "grade": finding.grade, "seal_intact": int(finding.seal_intact), "defects": finding.defects,
                "photos": "\n".join(photos), "passed": int(finding.passes), "actor": by.name, "ts": by.ts,
            }  # fmt: skip
            await db.execute(insert(tables.inspections), [{"bottle": bottle.id, **seen} for bottle in bottles])
            state = BottleState.PASSED if finding.passes else BottleState.QUARANTINED
            await move(db, Why(by, "inspection", 0), is_one_of(bottles), state=state)
        return finding.passes

    async def send_back(self, by: By, serial: str) -> Refusal | None:
        """Return a bottle that is not booked to whoever sent it."""
        async with self._shop.begin() as db:
            found = await by_serials(db, [serial])
            if isinstance(found, Refusal):
                return found
            (bottle,) = found
            if not await is_staff(db, by.name, bottle.warehouse):
                return CustodyReject.NOT_STAFF
            if bottle.state not in UNBOOKED:
                return CustodyReject.WRONG_STATE
            await move(db, Why(by, "return", bottle.id), _b.id == bottle.id, state=BottleState.OUT)
        return None

    async def book(self, by: By, advice: int, into: str) -> int | Refusal:
        """Book what passed into a bin: the bottles come into being. Returns how many."""
        async with self._shop.begin() as db:
            row = await _advice(db, by, advice)
            if isinstance(row, CustodyReject):
                return row
            target = await bin_of(db, row.warehouse, into)
            if not target:
                return CustodyReject.UNKNOWN_BIN
            passed = await bottles_where(
                db, _b.advice == advice, _b.state == BottleState.PASSED, _b.intent.is_(None)
            )  # fmt: skip
            if not passed:
                return CustodyReject.WRONG_STATE
            booking = await add(db, tables.bookings, advice=advice, bin=target, actor=by.name, ts=by.ts)
            asset, qty = passed[0].asset, len(passed)
            leg = Leg(LegKind.TRANSFER, account_of(row.warehouse), row.acct, asset, qty)
            intent = await self._intents.add(db, Why(by, "booking", booking), [leg], [Gain(row.warehouse, asset, qty)])
            await mark(db, is_one_of(passed), intent.id)
        return await self._intents.settle(intent) or qty

    async def advice(self, number: int) -> Advice | CustodyReject:
        """An advice and how far it came."""
        found = await self._advices(tables.advices.c.id == number)
        return found[0] if found else CustodyReject.UNKNOWN_ADVICE

    async def expected(self) -> list[Advice]:
        """The advices that are not wholly booked, oldest first."""
        return await self._advices(tables.advices.c.booked < tables.advices.c.qty)

    async def _advices(self, *where: ColumnElement[bool]) -> list[Advice]:
        a, lot = tables.advices, tables.lots
        waits = (
            select(func.count()).where(_b.advice == a.c.id, _b.state == state).scalar_subquery()
            for state in (BottleState.PASSED, BottleState.QUARANTINED)
        )
        query = select(
            a.c.id, a.c.acct, a.c.warehouse, lot.c.code, lot.c.asset, a.c.qty, a.c.received, a.c.booked, *waits
        ).select_from(a.join(lot))  # fmt: skip
        async with self._shop.connect() as db:
            rows = await db.execute(query.where(*where).order_by(a.c.id))
            return [Advice._make(row) for row in rows]

    async def _booked(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        if not done:
            return
        bookings, advices, lots = tables.bookings.c, tables.advices.c, tables.lots.c
        here = _b.intent == intent.id
        booking = (await db.execute(select(bookings.bin, bookings.advice).where(bookings.id == intent.ref))).one()
        await move(db, intent.why, here, state=BottleState.STORED, bin=booking.bin)
        booked = advices.booked + intent.gains[0].qty
        await db.execute(update(tables.advices).where(advices.id == booking.advice).values(booked=booked))
        lot = select(advices.lot).where(advices.id == booking.advice).scalar_subquery()
        await db.execute(update(tables.lots).where(lots.id == lot, lots.since == 0).values(since=intent.ts))


async def _advice(db: AsyncConnection, by: By, number: int) -> Row[tuple[Any, ...]] | CustodyReject:
    """The advice, for staff of the warehouse that it goes to."""
    found = (await db.execute(select(tables.advices).where(tables.advices.c.id == number))).one_or_none()
    if found is None:
        return CustodyReject.UNKNOWN_ADVICE
    return found if await is_staff(db, by.name, found.warehouse) else CustodyReject.NOT_STAFF
