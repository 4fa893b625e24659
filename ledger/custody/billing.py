"""Storage fees: accrued every day, billed every month, owed when there is no cash.

A bill that cannot be paid is a debt. A debtor places no orders and takes no bottles away; its bottles are never sold.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.balances import FEES
from engine.commands import CASH, Leg, LegKind
from engine.reject import Reject
from ledger.custody import tables
from ledger.custody.intents import Intent, Intents
from ledger.custody.refusals import CustodyReject, Refusal
from ledger.custody.stock import By, Why, add
from ledger.custody.storage import Layer, aged, charged, to_bill
from ledger.custody.terms import terms_of
from ledger.shop import Shop

_accruals, _bills, _layers = tables.accruals, tables.bills, tables.layers


class BillState(StrEnum):
    WAITING = "waiting"
    PAID = "paid"
    UNPAID = "unpaid"


class Bill(NamedTuple):
    """For all storage up to `day`, less the bills before."""

    id: int
    acct: int
    day: int
    fen: int
    state: str
    ts: int


class Billing:
    """Accruals, bills and debts."""

    def __init__(self, shop: Shop, intents: Intents) -> None:
        self._shop = shop
        self._intents = intents
        self._debts: dict[int, int] = {}
        intents.on("storage", self._billed)

    def in_debt(self, acct: int) -> int:
        """What an account owes, in fen. Not a read of the database: every order asks."""
        return self._debts.get(acct, 0)

    async def load_debts(self) -> None:
        c = _bills.c
        owed = select(c.acct, func.sum(c.fen)).where(c.state == BillState.UNPAID).group_by(c.acct)
        async with self._shop.connect() as db:
            self._debts = {acct: int(fen) for acct, fen in await db.execute(owed)}

    async def last_day(self) -> date | None:
        """The last day that was accrued."""
        async with self._shop.connect() as db:
            last = await db.scalar(select(func.max(tables.accrued_days.c.day)))
        return None if last is None else date.fromordinal(last)

    async def accrue(self, day: date, held: Mapping[tuple[int, str], int]) -> Refusal | None:
        """Charge a day for what each account held of each asset at its end. Once a day, and no day left out.

        Only bottles count: assets of lots. A re-run is refused and changes nothing.
        """
        number = day.toordinal()
        async with self._shop.begin() as db:
            last = await db.scalar(select(func.max(tables.accrued_days.c.day)))
            if last is not None and number != last + 1:
                return CustodyReject.DAY_DONE if number <= last else CustodyReject.DAY_MISSING
            await db.execute(insert(tables.accrued_days).values(day=number))
            terms = {asset: await terms_of(db, asset) for asset in await db.scalars(select(tables.lots.c.asset))}
            before: dict[tuple[int, str], list[Layer]] = defaultdict(list)
            for acct, asset, since, qty in await db.execute(select(_layers)):
                before[acct, asset].append(Layer(since, qty))
            changed: dict[tuple[int, str], list[Layer]] = {}
            rows = []
            for account in sorted(before.keys() | {key for key in held if key[1] in terms}):
                acct, asset = account
                after = aged(before[account], held.get(account, 0), number)
                if after != sorted(before[account]):
                    changed[account] = after
                if not after:
                    continue
                due = charged(after, number, terms[asset].free_days)
                rows.append(
                    {
                        "day": number,
                        "acct": acct,
                        "asset": asset,
                        "qty": sum(layer.qty for layer in after),
                        "charged": due,
                        "millifen": due * terms[asset].storage_millifen,
                    }
                )
            if rows:
                await db.execute(insert(_accruals), rows)
            if changed:
                await _write_layers(db, changed)
        return None

    async def bill(self, by: By, day: date) -> list[Bill]:
        """Bill every account for what accrued up to a day, and take the cash. Billing again makes no second bill."""
        number = day.toordinal()
        accrued = select(_accruals.c.acct, func.sum(_accruals.c.millifen)).where(_accruals.c.day <= number)
        billed = select(_bills.c.acct, func.sum(_bills.c.fen)).group_by(_bills.c.acct)
        intents = []
        async with self._shop.begin() as db:
            before = {acct: int(fen) for acct, fen in await db.execute(billed)}
            for acct, millifen in (await db.execute(accrued.group_by(_accruals.c.acct))).all():
                fen = to_bill(int(millifen), before.get(acct, 0))
                if fen > 0:
                    bill = await add(db, _bills, acct=acct, day=number, fen=fen, state=BillState.WAITING, ts=by.ts)
                    intents.append(await self._ask(db, by, bill, acct, fen))
        for intent in intents:
            await self._intents.settle(intent)
        await self.load_debts()
        return await self.bills_of_day(day)

    async def collect(self, by: By, acct: int) -> Refusal | None:
        """Try again to take what an account owes, oldest bill first, as far as its cash goes."""
        async with self._shop.begin() as db:
            owed = await _bills_where(db, acct=acct, state=BillState.UNPAID)
            if not owed:
                return CustodyReject.UNKNOWN_BILL
            intents = [await self._ask(db, by, bill.id, acct, bill.fen) for bill in owed]
            await db.execute(
                update(_bills).where(_bills.c.id.in_([bill.id for bill in owed])).values(state=BillState.WAITING)
            )
        refusals: list[Reject | None] = [await self._intents.settle(intent) for intent in intents]
        await self.load_debts()
        return next(filter(None, refusals), None)

    async def bills(self, acct: int) -> list[Bill]:
        async with self._shop.connect() as db:
            return await _bills_where(db, acct=acct)

    async def bills_of_day(self, day: date) -> list[Bill]:
        async with self._shop.connect() as db:
            return await _bills_where(db, day=day.toordinal())

    async def _ask(self, db: AsyncConnection, by: By, bill: int, acct: int, fen: int) -> Intent:
        leg = Leg(LegKind.TRANSFER, acct, FEES, CASH, fen)
        return await self._intents.add(db, Why(by, "storage", bill), [leg])

    async def _billed(self, db: AsyncConnection, intent: Intent, done: bool) -> None:
        state = BillState.PAID if done else BillState.UNPAID
        await db.execute(update(_bills).where(_bills.c.id == intent.ref).values(state=state))


class Storage(NamedTuple):
    """What storage came to for an account in some days, and what it owes of all its bills."""

    accrued_millifen: int
    billed_fen: int
    owed_fen: int


async def storage_of(db: AsyncConnection, acct: int, first: date, last: date) -> Storage:
    accrued = select(func.sum(_accruals.c.millifen)).where(
        _accruals.c.acct == acct, _accruals.c.day.between(first.toordinal(), last.toordinal())
    )
    billed = select(func.sum(_bills.c.fen)).where(
        _bills.c.acct == acct, _bills.c.day.between(first.toordinal(), last.toordinal())
    )
    return Storage(int(await db.scalar(accrued) or 0), int(await db.scalar(billed) or 0), await debt_of(db, acct))


async def debt_of(db: AsyncConnection, acct: int) -> int:
    c = _bills.c
    owed = await db.scalar(select(func.sum(c.fen)).where(c.acct == acct, c.state == BillState.UNPAID))
    return int(owed or 0)


async def _write_layers(db: AsyncConnection, changed: Mapping[tuple[int, str], list[Layer]]) -> None:
    c = _layers.c
    stale = _layers.delete().where(c.acct == bindparam("of_acct"), c.asset == bindparam("of_asset"))
    await db.execute(stale, [{"of_acct": acct, "of_asset": asset} for acct, asset in changed])
    rows = [
        {"acct": acct, "asset": asset, **layer._asdict()}
        for (acct, asset), layers in changed.items()
        for layer in layers
    ]
    if rows:
        await db.execute(insert(_layers), rows)


async def _bills_where(db: AsyncConnection, **equal: object) -> list[Bill]:
    where = [_bills.c[name] == value for name, value in equal.items()]
    rows = await db.execute(select(_bills).where(*where).order_by(_bills.c.acct, _bills.c.day))
    return [Bill._make(row) for row in rows]
