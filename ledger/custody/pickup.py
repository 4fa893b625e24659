"""Pickup 提货: bottles held, serials picked, released against a one-time code, gone.

The serials are reserved in the transaction that writes the request down, before the engine is asked to hold the
bottles. While a transfer is under way a pickup is `WAITING`, and nothing else is done to it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.balances import FEES
from engine.commands import CASH, Leg, LegKind
from engine.reject import Reject
from ledger.accounts import LOSS
from ledger.accounts import warehouse as account_of
from ledger.custody import codes, tables
from ledger.custody.billing import debt_of
from ledger.custody.intents import Gain, Intent, Intents, unique
from ledger.custody.refusals import CustodyReject, Refusal
from ledger.custody.stock import (
    SERIALS_MAX,
    Bottle,
    BottleState,
    By,
    Why,
    add,
    are_texts,
    bottles_where,
    by_serials,
    free_bottles,
    is_one_of,
    is_staff,
    mark,
    move,
)
from ledger.custody.terms import DAY_NS, Terms, terms_of
from ledger.shop import Shop

TRIES_MAX = 5

_b, _pickups = tables.bottles.c, tables.pickups


class PickupState(StrEnum):
    WAITING = "waiting"  # for the engine's answer
    REFUSED = "refused"
    HELD = "held"
    READY = "ready"
    SHIPPED = "shipped"
    LOST = "lost"  # a claim decides
    RELEASED = "released"
    COMPENSATED = "compensated"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Pickup(NamedTuple):
    """What its owner and the warehouse may know. Times that have not come are 0; `address` is an opaque reference."""

    id: int
    acct: int
    asset: str
    warehouse: int
    qty: int
    released: int
    address: str
    state: str
    fee_fen: int
    late_paid_fen: int
    due_ts: int
    requested_ts: int
    ready_ts: int
    expires_ts: int
    left_ts: int


class Task(NamedTuple):
    """A pickup to be picked, with its bottles by bin."""

    pickup: Pickup
    bottles: list[Bottle]


class Pickups:
    """Every pickup from request to release; `shipping` goes on with those that are sent."""

    def __init__(self, shop: Shop, intents: Intents) -> None:
        self._shop = shop
        self._intents = intents
        intents.on("pickup", self._held)
        intents.on("late", self._compensated)
        intents.on("release", self._released)
        intents.on("cancel", self._ended)
        intents.on("expiry", self._ended)

    # ------------------------------------------------------------------------------------------------ its owner

    async def request(
        self, ts: int, acct: int, asset: str, qty: int, warehouse: int, serials: Sequence[str] = (), address: str = ""
    ) -> int | Refusal:
        """Ask for bottles of a warehouse, certain ones or those of the oldest lot, to collect or to be sent.

        Returns the pickup's number. The bottles and the fee are held from then on.
        """
        if acct < 0 or not 0 < qty <= SERIALS_MAX or not are_texts(asset) or (address and not are_texts(address)):
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            terms = await terms_of(db, asset)
            if qty < terms.pickup_min:
                return CustodyReject.BELOW_MIN_PICKUP
            if terms.pickup_max and qty > terms.pickup_max:
                return CustodyReject.ABOVE_MAX_PICKUP
            if await debt_of(db, acct):
                return CustodyReject.IN_DEBT
            bottles = await _chosen(db, asset, qty, warehouse, serials)
            if isinstance(bottles, Refusal):
                return bottles
            pickup = await add(
                db, _pickups, **_requested(ts, acct, asset, qty, warehouse, address, bool(serials), terms)
            )
            hold, fee_hold = unique("pickup", pickup), unique("fee", pickup) if terms.pickup_fee_fen else ""
            await _set(db, pickup, hold=hold, fee_hold=fee_hold)
            legs = [Leg(LegKind.HOLD, acct, asset=asset, amount=qty, hold=hold)]
            if fee_hold:
                legs.append(Leg(LegKind.HOLD, acct, asset=CASH, amount=terms.pickup_fee_fen, hold=fee_hold))
            why = Why(_owner(acct, ts), "pickup", pickup)
            intent = await self._intents.add(db, why, legs)
            await move(db, why, is_one_of(bottles), state=BottleState.RESERVED, pickup=pickup)
            await mark(db, is_one_of(bottles), intent.id)
        return await self._intents.settle(intent) or pickup

    async def issue_code(self, ts: int, acct: int, pickup: int) -> codes.Slip | Refusal:
        """Give the owner a code for what is ready. The one before is void, and so are the tries at it."""
        async with self._shop.begin() as db:
            row = await _of_owner(db, acct, pickup)
            if isinstance(row, CustodyReject):
                return row
            if row.state != PickupState.READY or row.address:
                return CustodyReject.WRONG_STATE
            if _is_over(row, ts):
                return Reject.TOO_LATE
            slip = codes.new_slip(pickup)
            await _set(db, pickup, code_digest=codes.digest(pickup, slip.code), tries=0)
        return slip

    async def cancel(self, ts: int, acct: int, pickup: int) -> Refusal | None:
        """Call off what has not left: bottles and fee are free again."""
        async with self._shop.begin() as db:
            row = await _of_owner(db, acct, pickup)
            if isinstance(row, CustodyReject):
                return row
            intent = await self._end(db, Why(_owner(acct, ts), "cancel", pickup), row)
            if isinstance(intent, CustodyReject):
                return intent
        return await self._intents.settle(intent)

    async def of(self, acct: int) -> list[Pickup]:
        """The account's pickups, newest first."""
        return await self._pickups(_pickups.c.acct == acct)

    # ------------------------------------------------------------------------------------------- the warehouse

    async def tasks(self, warehouse: int) -> list[Task]:
        """What is to be picked, oldest request first."""
        c = _pickups.c
        found = await self._pickups(c.warehouse == warehouse, c.state == PickupState.HELD)
        async with self._shop.connect() as db:
            tasks = [Task(pickup, await bottles_where(db, _b.pickup == pickup.id)) for pickup in reversed(found)]
        return [task._replace(bottles=sorted(task.bottles, key=lambda b: (b.bin, b.serial))) for task in tasks]

    async def pick(self, by: By, pickup: int, serials: Sequence[str]) -> Refusal | None:
        """Have all bottles of a pickup at hand, by their scanned serials: it is ready.

        Unless the owner chose them, others that are alike may take a bottle's place. Lateness is paid at once.
        """
        async with self._shop.begin() as db:
            row = await at_warehouse(db, by, pickup, PickupState.HELD)
            if isinstance(row, CustodyReject):
                return row
            bottles = await by_serials(db, serials)
            if isinstance(bottles, Refusal):
                return bottles
            if len(bottles) != row.qty or not all(_fits(bottle, row) for bottle in bottles):
                return CustodyReject.WRONG_SERIALS
            why = Why(by, "pick", pickup)
            await move(db, why, is_one_of(bottles), state=BottleState.PICKED, pickup=pickup)
            exchanged = (_b.pickup == pickup) & (_b.state == BottleState.RESERVED)
            await move(db, why, exchanged, state=BottleState.STORED, pickup=None)
            expires_ts = by.ts + row.keep_days * DAY_NS if row.keep_days else 0
            await _set(db, pickup, state=PickupState.READY, ready_ts=by.ts, expires_ts=expires_ts)
            due_fen = Terms(late_fen=row.late_fen, late_days_max=row.late_days_max).late(row.due_ts, by.ts, row.qty)
            if not due_fen:
                return None
            leg = Leg(LegKind.TRANSFER, LOSS, row.acct, CASH, due_fen)
            intent = await self._intents.add(db, Why(by, "late", pickup), [leg])
        return await self._intents.settle(intent)

    async def release(
        self, by: By, pickup: int, code: str, identity: str, serials: Sequence[str] = ()
    ) -> int | Refusal:
        """Hand out what is ready, all or only these serials, and return how many bottles left.

        `identity` says how the bearer's identity was checked. The code is used up; what stays needs a new one. A wrong
        code is remembered: after five, this one opens nothing any more.
        """
        if not are_texts(identity):
            return CustodyReject.IDENTITY_UNCHECKED
        async with self._shop.begin() as db:
            row = await at_warehouse(db, by, pickup, PickupState.READY)
            if isinstance(row, CustodyReject):
                return row
            if _is_over(row, by.ts):
                return Reject.TOO_LATE
            if not row.code_digest:
                return CustodyReject.NO_CODE
            if row.tries >= TRIES_MAX:
                return CustodyReject.CODE_LOCKED
            if not codes.matches(pickup, code, row.code_digest):
                await _set(db, pickup, tries=row.tries + 1)
                return CustodyReject.WRONG_CODE
            picked = await bottles_where(db, _b.pickup == pickup, _b.state == BottleState.PICKED)
            handed = [bottle for bottle in picked if not serials or bottle.serial in serials]
            if serials and len(handed) != len(serials):
                return CustodyReject.WRONG_SERIALS
            qty, store = len(handed), row.warehouse
            await _set(db, pickup, state=PickupState.WAITING, code_digest="")
            release = await add(
                db, tables.releases, pickup=pickup, qty=qty, identity=identity, actor=by.name, ts=by.ts
            )  # fmt: skip
            legs = [Leg(LegKind.CAPTURE, to=account_of(store), amount=qty, hold=row.hold), *fee_legs(row)]
            why = Why(by, "release", release)
            intent = await self._intents.add(db, why, legs, [Gain(store, row.asset, -qty)])
            await mark(db, is_one_of(handed), intent.id)
        return await self._intents.settle(intent) or qty

    async def expire(self, by: By) -> int:
        """End what was not collected in time, and return how many there were. The fee is kept, the bottles go back."""
        c = _pickups.c
        overdue = select(_pickups).where(c.state == PickupState.READY, c.expires_ts.between(1, by.ts)).order_by(c.id)
        async with self._shop.begin() as db:
            rows = (await db.execute(overdue)).all()
            ending = [await self._end(db, Why(by, "expiry", row.id), row) for row in rows]
        intents = [intent for intent in ending if isinstance(intent, Intent)]
        for intent in intents:
            await self._intents.settle(intent)
        return len(intents)

    # ------------------------------------------------------------------------------------- the engine's answers

    async def _end(self, db: AsyncConnection, why: Why, row: Row[Any]) -> Intent | CustodyReject:
        if row.state == PickupState.WAITING:
            return CustodyReject.IN_PROGRESS
        if row.state not in (PickupState.HELD, PickupState.READY):
            return CustodyReject.WRONG_STATE
        await _set(db, row.id, state=PickupState.WAITING, code_digest="")
        legs = [Leg(LegKind.RELEASE, hold=row.hold)]
        if why.flow == "expiry":
            legs += fee_legs(row)
        elif row.fee_hold:
            legs.append(Leg(LegKind.RELEASE, hold=row.fee_hold))
        intent = await self._intents.add(db, why, legs)
        await mark(db, (_b.pickup == row.id) & _b.state.in_([BottleState.RESERVED, BottleState.PICKED]), intent.id)
        return intent

    async def _held(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        await _set(db, intent.ref, state=PickupState.HELD if done else PickupState.REFUSED)
        if not done:
            await move(db, intent.why, _b.intent == intent.id, state=BottleState.STORED, pickup=None)

    async def _compensated(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        if done:
            await _set(db, intent.ref, late_paid_fen=intent.transfer.legs[0].amount)

    async def _released(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        number = select(tables.releases.c.pickup).where(tables.releases.c.id == intent.ref).scalar_subquery()
        row = (await db.execute(select(_pickups).where(_pickups.c.id == number))).one()
        if not done:
            await _set(db, row.id, state=PickupState.READY)
            return
        await move(db, intent.why, _b.intent == intent.id, state=BottleState.OUT, bin=None)
        released = row.released - intent.gains[0].qty
        is_all = released == row.qty
        await _set(
            db, row.id, released=released, fee_hold="", left_ts=intent.ts if is_all else 0,
            state=PickupState.RELEASED if is_all else PickupState.READY,
        )  # fmt: skip

    async def _ended(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        row = (await db.execute(select(_pickups).where(_pickups.c.id == intent.ref))).one()
        if not done:
            await _set(db, row.id, state=PickupState.READY if row.ready_ts else PickupState.HELD)
            return
        await move(db, intent.why, _b.intent == intent.id, state=BottleState.STORED, pickup=None)
        await _set(db, row.id, state=PickupState.CANCELLED if intent.flow == "cancel" else PickupState.EXPIRED)

    async def _pickups(self, *where: ColumnElement[bool]) -> list[Pickup]:
        columns = [_pickups.c[name] for name in Pickup._fields]
        async with self._shop.connect() as db:
            rows = await db.execute(select(*columns).where(*where).order_by(_pickups.c.id.desc()))
            return [Pickup._make(row) for row in rows]


# ------------------------------------------------------------------------------------- what shipping needs as well


async def at_warehouse(db: AsyncConnection, by: By, number: int, state: PickupState) -> Row[Any] | CustodyReject:
    """A pickup in a certain state, for staff of its warehouse."""
    row = (await db.execute(select(_pickups).where(_pickups.c.id == number))).one_or_none()
    if row is None:
        return CustodyReject.UNKNOWN_PICKUP
    if not await is_staff(db, by.name, row.warehouse):
        return CustodyReject.NOT_STAFF
    if row.state == PickupState.WAITING:
        return CustodyReject.IN_PROGRESS
    return row if row.state == state else CustodyReject.WRONG_STATE


def fee_legs(row: Row[Any]) -> list[Leg]:
    """What takes a pickup's fee, if that is still held."""
    return [Leg(LegKind.CAPTURE, to=FEES, hold=row.fee_hold)] if row.fee_hold else []


async def _set(db: AsyncConnection, pickup: int, **values: object) -> None:
    await db.execute(update(_pickups).where(_pickups.c.id == pickup).values(**values))


def _owner(acct: int, ts: int) -> By:
    return By(f"account {acct}", ts)


def _is_over(row: Row[Any], ts: int) -> bool:
    return bool(row.expires_ts) and ts >= row.expires_ts


async def _of_owner(db: AsyncConnection, acct: int, number: int) -> Row[Any] | CustodyReject:
    """A pickup of this account; another's is as good as none."""
    mine = select(_pickups).where(_pickups.c.id == number, _pickups.c.acct == acct)
    return (await db.execute(mine)).one_or_none() or CustodyReject.UNKNOWN_PICKUP


async def _chosen(
    db: AsyncConnection, asset: str, qty: int, warehouse: int, serials: Sequence[str]
) -> list[Bottle] | Refusal:
    """The bottles of a request: those that the owner wants, or those of the oldest lots."""
    if not serials:
        found = await free_bottles(db, asset, warehouse, qty)
        return found if len(found) == qty else CustodyReject.SHORT_IN_WAREHOUSE
    if len(serials) != qty:
        return CustodyReject.WRONG_SERIALS
    named = await by_serials(db, serials)
    if isinstance(named, Refusal):
        return named
    fits = all((b.asset, b.warehouse, b.state) == (asset, warehouse, BottleState.STORED) for b in named)
    return named if fits else CustodyReject.NOT_IN_STORE


def _fits(bottle: Bottle, row: Row[Any]) -> bool:
    """Whether a bottle may be picked for a pickup."""
    if (bottle.pickup, bottle.state) == (row.id, BottleState.RESERVED):
        return True
    alike = (row.asset, row.warehouse, BottleState.STORED)
    return not row.chosen and (bottle.asset, bottle.warehouse, bottle.state) == alike


def _requested(
    ts: int, acct: int, asset: str, qty: int, warehouse: int, address: str, chosen: bool, terms: Terms
) -> dict[str, object]:
    """A new pickup's row, with the terms that it keeps whatever becomes of them."""
    return {
        "acct": acct, "asset": asset, "warehouse": warehouse, "qty": qty, "released": 0, "chosen": int(chosen),
        "address": address, "state": PickupState.WAITING, "hold": "", "fee_hold": "", "code_digest": "", "tries": 0,
        "fee_fen": terms.pickup_fee_fen, "late_fen": terms.late_fen, "late_days_max": terms.late_days_max,
        "late_paid_fen": 0, "keep_days": terms.keep_days, "due_ts": ts + terms.ready_days * DAY_NS,
        "requested_ts": ts, "ready_ts": 0, "expires_ts": 0, "left_ts": 0,
    }  # fmt: skip
