"""Stocktaking: a bin is counted by one person, and what differs is decided by another.

A missing bottle costs no holder anything: the books owe it from the account of losses instead of the warehouse, until
it is found or replaced.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.commands import Leg, LegKind
from engine.reject import Reject
from ledger.accounts import LOSS
from ledger.accounts import warehouse as account_of
from ledger.custody import tables
from ledger.custody.intents import Gain, Intent, Intents
from ledger.custody.refusals import CustodyReject, Refusal
from ledger.custody.stock import (
    IN_STORE,
    SERIALS_MAX,
    Bottle,
    BottleState,
    By,
    Why,
    add,
    are_texts,
    bin_of,
    bottles_where,
    is_one_of,
    is_staff,
    mark,
    move,
)
from ledger.shop import Shop

_b, _counts, _lines = tables.bottles.c, tables.counts, tables.count_lines


class CountState(StrEnum):
    OPEN = "open"
    POSTING = "posting"
    AGREED = "agreed"  # posted, or there was nothing to post
    REJECTED = "rejected"


class Difference(StrEnum):
    MISSING = "missing"  # the books have it in this bin
    FOUND = "found"  # it was missing
    MISPLACED = "misplaced"  # the books have it in another bin of this warehouse
    STRANGE = "strange"  # not of this warehouse's stock: nothing is posted, an advice or a haul has to explain it


class Line(NamedTuple):
    serial: str
    finding: str


class Count(NamedTuple):
    id: int
    warehouse: int
    bin: str
    state: str
    counted_by: str
    counted_ts: int
    decided_by: str
    lines: list[Line]


class Counts:
    """Stocktakes."""

    def __init__(self, shop: Shop, intents: Intents) -> None:
        self._shop = shop
        self._intents = intents
        intents.on("count", self._posted)

    async def take(self, by: By, warehouse: int, bin_code: str, serials: Sequence[str]) -> int | Refusal:
        """Note every serial that stands in a bin and return the count's number. It is agreed when nothing differs."""
        if len(serials) > SERIALS_MAX or len(set(serials)) < len(serials) or not are_texts(*serials):
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            if not await is_staff(db, by.name, warehouse):
                return CustodyReject.NOT_STAFF
            place = await bin_of(db, warehouse, bin_code)
            if not place:
                return CustodyReject.UNKNOWN_BIN
            if await db.scalar(select(_b.id).where(_b.bin == place, _b.intent.is_not(None)).limit(1)):
                return CustodyReject.IN_PROGRESS
            lines = await _compare(db, warehouse, place, serials)
            count = await add(
                db, _counts, bin=place, state=CountState.OPEN if lines else CountState.AGREED, counted_by=by.name,
                counted_ts=by.ts, decided_by="", decided_ts=0,
            )  # fmt: skip
            if lines:
                await db.execute(insert(_lines), [{"count": count, **line._asdict()} for line in lines])
        return count

    async def agree(self, by: By, count: int) -> Refusal | None:
        """Post the differences, if they still are what was counted. Not for whoever counted.

        A bottle that is kept for a pickup or a lien cannot be written off: exchange it there first.
        """
        async with self._shop.begin() as db:
            found = await _open(db, by, count)
            if isinstance(found, CustodyReject):
                return found
            warehouse = found.warehouse
            lines = await _lines_of(db, count)
            named: dict[str, list[Bottle]] = {}
            for kind in (Difference.MISSING, Difference.FOUND, Difference.MISPLACED):
                serials = [line.serial for line in lines if line.finding == kind]
                named[kind] = await bottles_where(db, _b.serial.in_(serials), _b.intent.is_(None))
                if len(named[kind]) < len(serials) or not all(_still(kind, b, found) for b in named[kind]):
                    return CustodyReject.COUNT_STALE
            await self._decide(db, by, count, CountState.POSTING)
            why, place = Why(by, "count", count), await bin_of(db, warehouse, found.bin)
            await move(db, why, is_one_of(named[Difference.MISPLACED]), bin=place)
            legs, gains = _postings(warehouse, named[Difference.MISSING], named[Difference.FOUND])
            if not legs:
                await self._decide(db, by, count, CountState.AGREED)
                return None
            intent = await self._intents.add(db, why, legs, gains)
            await mark(db, is_one_of([*named[Difference.MISSING], *named[Difference.FOUND]]), intent.id)
        return await self._intents.settle(intent)

    async def reject(self, by: By, count: int) -> Refusal | None:
        """Leave the books as they are: count again."""
        async with self._shop.begin() as db:
            found = await _open(db, by, count)
            if isinstance(found, CustodyReject):
                return found
            await self._decide(db, by, count, CountState.REJECTED)
        return None

    async def get(self, count: int) -> Count | CustodyReject:
        async with self._shop.connect() as db:
            return await _count(db, count)

    @staticmethod
    async def _decide(db: AsyncConnection, by: By, count: int, state: CountState) -> None:
        decided = {"state": state, "decided_by": by.name, "decided_ts": by.ts}
        await db.execute(update(_counts).where(_counts.c.id == count).values(decided))

    async def _posted(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        state = CountState.AGREED if done else CountState.OPEN
        await db.execute(update(_counts).where(_counts.c.id == intent.ref).values(state=state))
        if not done:
            return
        place = (await db.execute(select(tables.bins).join(_counts).where(_counts.c.id == intent.ref))).one()
        here = _b.intent == intent.id
        found = here & (_b.state == BottleState.MISSING)
        stored = await bottles_where(db, found)
        await move(db, intent.why, here & (_b.state == BottleState.STORED), state=BottleState.MISSING, bin=None)
        place_now = {"warehouse": place.warehouse, "bin": place.id, "pickup": None}
        await move(db, intent.why, is_one_of(stored), state=BottleState.STORED, **place_now)


async def _compare(db: AsyncConnection, warehouse: int, place: int, serials: Sequence[str]) -> list[Line]:
    """What differs between a bin's books and what stands in it."""
    expected = {bottle.serial for bottle in await bottles_where(db, _b.bin == place, _b.state.in_(IN_STORE))}
    extra = {bottle.serial: bottle for bottle in await bottles_where(db, _b.serial.in_(serials))}

    def finding(serial: str) -> Difference:
        match extra.get(serial):
            case Bottle(state=BottleState.MISSING):
                return Difference.FOUND
            case Bottle(warehouse=where, state=state) if where == warehouse and state in IN_STORE:
                return Difference.MISPLACED
        return Difference.STRANGE

    missing = [Line(serial, Difference.MISSING) for serial in sorted(expected.difference(serials))]
    return [*missing, *(Line(serial, finding(serial)) for serial in serials if serial not in expected)]


def _still(kind: Difference, bottle: Bottle, count: Count) -> bool:
    """Whether a bottle is as it was when it was counted."""
    match kind:
        case Difference.MISSING:
            return (bottle.warehouse, bottle.bin, bottle.state) == (count.warehouse, count.bin, BottleState.STORED)
        case Difference.FOUND:
            return bottle.state == BottleState.MISSING
        case _:
            return bottle.warehouse == count.warehouse and bottle.state in IN_STORE


def _postings(warehouse: int, missing: Sequence[Bottle], found: Sequence[Bottle]) -> tuple[list[Leg], list[Gain]]:
    """What is missing is owed by the account of losses, what is found by the warehouse again."""
    here = account_of(warehouse)
    legs: list[Leg] = []
    gains: list[Gain] = []
    for asset, qty in sorted(Counter(bottle.asset for bottle in missing).items()):
        legs.append(Leg(LegKind.TRANSFER, LOSS, here, asset, qty))
        gains.append(Gain(warehouse, asset, -qty))
    for asset, qty in sorted(Counter(bottle.asset for bottle in found).items()):
        legs.append(Leg(LegKind.TRANSFER, here, LOSS, asset, qty))
        gains.append(Gain(warehouse, asset, qty))
    return legs, gains


async def _lines_of(db: AsyncConnection, count: int) -> list[Line]:
    query = select(_lines.c.serial, _lines.c.finding).where(_lines.c.count == count).order_by(_lines.c.serial)
    return [Line(*row) for row in await db.execute(query)]


async def _count(db: AsyncConnection, number: int) -> Count | CustodyReject:
    c, bins = _counts.c, tables.bins.c
    query = select(c.id, bins.warehouse, bins.code, c.state, c.counted_by, c.counted_ts, c.decided_by)
    row = (await db.execute(query.select_from(_counts.join(tables.bins)).where(c.id == number))).one_or_none()
    return CustodyReject.UNKNOWN_COUNT if row is None else Count(*row, await _lines_of(db, number))


async def _open(db: AsyncConnection, by: By, number: int) -> Count | CustodyReject:
    """A count that waits for a decision, for somebody else than who counted."""
    found = await _count(db, number)
    if isinstance(found, CustodyReject):
        return found
    if found.state != CountState.OPEN:
        return CustodyReject.WRONG_STATE
    return CustodyReject.SAME_PERSON if found.counted_by == by.name else found
