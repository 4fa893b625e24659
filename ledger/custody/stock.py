"""Bottles and where they stand: warehouses and bins, queries, and the one way in which a bottle changes.

A serial has no owner: a holder owns a quantity of an asset, and its bottles stand in the warehouses. What the engine
owes each warehouse is compared with what stands here by `reconciliation`.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reject import Reject
from ledger.custody import tables
from ledger.custody.refusals import CustodyReject, Refusal
from ledger.shop import Shop

TEXT_MAX = 64  # characters, as in the engine
SERIALS_MAX = 4_000  # bottles in one request


class By(NamedTuple):
    """Who does something, and when."""

    name: str
    ts: int


class Owner(StrEnum):
    """Whose goods a lot is 货主, for the people who walk past it; what anybody owns is in the ledger."""

    HOUSE = "house"
    SUPPLIER = "supplier"
    MEMBER = "member"


class BottleState(StrEnum):
    RECEIVED = "received"  # here, and no part of the ledger yet
    PASSED = "passed"
    QUARANTINED = "quarantined"
    STORED = "stored"
    RESERVED = "reserved"  # for a pickup
    PICKED = "picked"
    LIENED = "liened"
    MOVING = "moving"  # between two warehouses
    SHIPPED = "shipped"
    MISSING = "missing"
    OUT = "out"


IN_STORE = frozenset({BottleState.STORED, BottleState.RESERVED, BottleState.PICKED, BottleState.LIENED})
ON_THE_ROAD = frozenset({BottleState.MOVING, BottleState.SHIPPED})


class Bottle(NamedTuple):
    """`bin` is empty outside the bins; `pickup` 0 when the bottle belongs to none."""

    id: int
    serial: str
    lot: str
    sym: str
    vintage: str
    asset: str
    owner: str
    warehouse: int
    bin: str
    state: str
    pickup: int


class StockLine(NamedTuple):
    """Bottles that are alike and stand together."""

    warehouse: int
    bin: str
    asset: str
    lot: str
    vintage: str
    owner: str
    state: str
    qty: int


class Warehouse(NamedTuple):
    id: int
    code: str
    name: str
    region: str


class Bin(NamedTuple):
    id: int
    code: str


class Move(NamedTuple):
    """How a bottle stood after a step; `flow` and `ref` say which, the latter 0 when the flow has no number."""

    ts: int
    actor: str
    flow: str
    ref: int
    state: str
    warehouse: int
    bin: str


class Why(NamedTuple):
    """What a change of bottles is part of."""

    by: By
    flow: str
    ref: int


_bottles, _lots, _bins, _moves = tables.bottles, tables.lots, tables.bins, tables.moves
_BIN = func.coalesce(_bins.c.code, "")
_JOINED = _bottles.join(_lots).outerjoin(_bins, _bins.c.id == _bottles.c.bin)


class Filter(NamedTuple):
    """Which bottles; what is left empty does not matter."""

    serial: str = ""
    lot: str = ""
    sym: str = ""
    asset: str = ""
    vintage: str = ""
    owner: str = ""
    warehouse: int = 0
    bin: str = ""
    state: str = ""

    def where(self) -> list[ColumnElement[bool]]:
        columns = (
            _bottles.c.serial, _lots.c.code, _lots.c.sym, _lots.c.asset, _lots.c.vintage, _lots.c.owner,
            _bottles.c.warehouse, _bins.c.code, _bottles.c.state,
        )  # fmt: skip
        return [column == value for column, value in zip(columns, self, strict=True) if value]


class Stock:
    """Warehouses, their bins and staff, and what stands where."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def add_warehouse(self, code: str, name: str, region: str) -> int | Refusal:
        """Open a warehouse and return its number, which also names its account in the ledger."""
        if not are_texts(code, name, region):
            return Reject.MALFORMED
        warehouses = tables.warehouses
        async with self._shop.begin() as db:
            if await db.scalar(select(warehouses.c.id).where(warehouses.c.code == code)):
                return CustodyReject.DUPLICATE_CODE
            return await add(db, warehouses, code=code, name=name, region=region)

    async def warehouses(self) -> list[Warehouse]:
        c = tables.warehouses.c
        async with self._shop.connect() as db:
            rows = await db.execute(select(c.id, c.code, c.name, c.region).order_by(c.id))
            return [Warehouse(*row) for row in rows]

    async def bins(self, warehouse: int) -> list[Bin]:
        async with self._shop.connect() as db:
            rows = await db.execute(
                select(_bins.c.id, _bins.c.code).where(_bins.c.warehouse == warehouse).order_by(_bins.c.code)
            )
            return [Bin(*row) for row in rows]

    async def add_bin(self, warehouse: int, code: str) -> int | Refusal:
        if not are_texts(code):
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            if not await db.scalar(select(tables.warehouses.c.id).where(tables.warehouses.c.id == warehouse)):
                return CustodyReject.UNKNOWN_WAREHOUSE
            if await bin_of(db, warehouse, code):
                return CustodyReject.DUPLICATE_CODE
            return await add(db, _bins, warehouse=warehouse, code=code)

    async def assign(self, name: str, warehouse: int) -> Refusal | None:
        """Make somebody staff of a warehouse: the only ones who handle its bottles."""
        if not are_texts(name):
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            if not await db.scalar(select(tables.warehouses.c.id).where(tables.warehouses.c.id == warehouse)):
                return CustodyReject.UNKNOWN_WAREHOUSE
            if not await is_staff(db, name, warehouse):
                await db.execute(insert(tables.staff).values(name=name, warehouse=warehouse))
        return None

    async def dismiss(self, name: str, warehouse: int) -> None:
        staff = tables.staff.c
        async with self._shop.begin() as db:
            await db.execute(tables.staff.delete().where(staff.name == name, staff.warehouse == warehouse))

    async def shelve(self, by: By, warehouse: int, serials: Sequence[str], into: str) -> Refusal | None:
        """Put stored bottles into another bin of their warehouse."""
        async with self._shop.begin() as db:
            if not await is_staff(db, by.name, warehouse):
                return CustodyReject.NOT_STAFF
            target = await bin_of(db, warehouse, into)
            if not target:
                return CustodyReject.UNKNOWN_BIN
            found = await by_serials(db, serials)
            if isinstance(found, Refusal):
                return found
            if any(bottle.warehouse != warehouse or bottle.state not in IN_STORE for bottle in found):
                return CustodyReject.NOT_IN_STORE
            await move(db, Why(by, "shelve", target), is_one_of(found), bin=target)
        return None

    async def find(self, which: Filter, limit: int = 100) -> list[Bottle]:
        async with self._shop.connect() as db:
            return await bottles_where(db, *which.where(), limit=limit)

    async def lines(self, which: Filter) -> list[StockLine]:
        """The stock by warehouse, bin, lot and state, in that order."""
        c = _lots.c
        alike = (_bottles.c.warehouse, _BIN, c.asset, c.code, c.vintage, c.owner, _bottles.c.state)
        query = select(*alike, func.count()).select_from(_JOINED).where(*which.where()).group_by(*alike)
        async with self._shop.connect() as db:
            rows = (await db.execute(query)).all()
        return sorted(StockLine(*row) for row in rows)

    async def history(self, serial: str) -> list[Move]:
        """Every step of a bottle, from its arrival on."""
        c = _moves.c
        query = (
            select(c.ts, c.actor, c.flow, c.ref, c.state, c.warehouse, _BIN)
            .select_from(_moves.join(_bottles, _bottles.c.id == c.bottle).outerjoin(_bins, _bins.c.id == c.bin))
            .where(_bottles.c.serial == serial)
            .order_by(c.id)
        )
        async with self._shop.connect() as db:
            return [Move(*row) for row in await db.execute(query)]


# ----------------------------------------------------------------------------- what the flows do in their transactions


def are_texts(*texts: str) -> bool:
    """Whether each is 1 to 64 printable characters without space around them."""
    return all(0 < len(text) <= TEXT_MAX and text.isprintable() and text == text.strip() for text in texts)


async def add(db: AsyncConnection, table: Table, **values: object) -> int:
    """Insert a row and return its id."""
    made = await db.scalar(insert(table).values(**values).returning(table.c.id))
    assert isinstance(made, int)
    return made


async def is_staff(db: AsyncConnection, name: str, warehouse: int) -> bool:
    c = tables.staff.c
    found = await db.scalar(select(func.count()).where(c.name == name, c.warehouse == warehouse))
    return bool(found)


async def bin_of(db: AsyncConnection, warehouse: int, code: str) -> int | None:
    return await db.scalar(select(_bins.c.id).where(_bins.c.warehouse == warehouse, _bins.c.code == code))


def select_bottles(*where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Bottles with their lots, those of the oldest lot first."""
    b, c = _bottles.c, _lots.c
    query: Select[*tuple[Any, ...]] = select(
        b.id, b.serial, c.code, c.sym, c.vintage, c.asset, c.owner, b.warehouse, _BIN, b.state,
        func.coalesce(b.pickup, 0),
    )  # fmt: skip
    return query.select_from(_JOINED).where(*where).order_by(c.since, c.id, b.id)


async def bottles_where(db: AsyncConnection, *where: ColumnElement[bool], limit: int | None = None) -> list[Bottle]:
    return [Bottle._make(row) for row in await db.execute(select_bottles(*where).limit(limit))]


def is_one_of(bottles: Sequence[Bottle]) -> ColumnElement[bool]:
    return _bottles.c.id.in_([bottle.id for bottle in bottles])


async def by_serials(db: AsyncConnection, serials: Sequence[str]) -> list[Bottle] | Refusal:
    """The bottles of these serials, if each is known, named once, and no transfer of it is under way."""
    if not 0 < len(serials) <= SERIALS_MAX or len(set(serials)) < len(serials):
        return Reject.MALFORMED
    named = _bottles.c.serial.in_(serials)
    found = await bottles_where(db, named)
    if len(found) < len(serials):
        return CustodyReject.UNKNOWN_SERIAL
    if await db.scalar(select(func.count()).where(named, _bottles.c.intent.is_not(None))):
        return CustodyReject.IN_PROGRESS
    return found


async def free_bottles(db: AsyncConnection, asset: str, warehouse: int, qty: int) -> list[Bottle]:
    """Up to `qty` stored bottles of an asset that nothing is planned with, those of the oldest lot first."""
    b = _bottles.c
    return await bottles_where(
        db,
        _lots.c.asset == asset,
        b.warehouse == warehouse,
        b.state == BottleState.STORED,
        b.intent.is_(None),
        limit=qty,
    )


async def mark(db: AsyncConnection, which: ColumnElement[bool], intent: int | None) -> None:
    """Keep bottles for a transfer under way, or for none any more."""
    await db.execute(update(_bottles).where(which).values(intent=intent))


async def move(db: AsyncConnection, why: Why, which: ColumnElement[bool], **to: int | str | None) -> None:
    """Change bottles' state, place or pickup, and write down how they stand then."""

    def then(name: str) -> ColumnElement[Any]:
        column = _bottles.c[name]
        return literal(to[name], column.type) if name in to else column

    told = (literal(why.by.ts, tables.INT), literal(why.by.name), literal(why.flow), literal(why.ref, tables.INT))
    stands = select(_bottles.c.id, *told, then("state"), then("warehouse"), then("bin")).where(which)
    names = ["bottle", "ts", "actor", "flow", "ref", "state", "warehouse", "bin"]
    await db.execute(insert(_moves).from_select(names, stands.order_by(_bottles.c.id)))
    await db.execute(update(_bottles).where(which).values(**to))
