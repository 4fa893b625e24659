"""Ledger bottles = serials in store, for every warehouse and asset.

What a warehouse owes is read first, at some command; then the serials, with what the transfers decided later changed
taken out again. A transfer that waits for its answer may count or not, so there is a range while it does.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.commands import CASH, Phase, SetPhase
from engine.exchange import Exchange
from ledger.accounts import WAREHOUSES, Account, Kind
from ledger.custody import tables
from ledger.custody.hauls import ROAD
from ledger.custody.intents import made_after, pending
from ledger.custody.stock import IN_STORE, ON_THE_ROAD, By, add
from ledger.shop import Shop

Place: TypeAlias = tuple[int, str]  # a warehouse, or 0 for the road, and an asset

SEQ_LAST = 1 << 62


class Difference(NamedTuple):
    """A place where the ledger has `ledger` bottles, and from `low` to `high` serials are."""

    warehouse: int
    asset: str
    ledger: int
    low: int
    high: int

    def __str__(self) -> str:
        place = f"warehouse {self.warehouse}" if self.warehouse else "the road"
        serials = str(self.low) if self.low == self.high else f"{self.low} to {self.high}"
        return f"{self.asset} in {place}: ledger {self.ledger}, serials {serials}"


def owed_by(balances: Mapping[Account, int]) -> dict[Place, int]:
    """The bottles that ought to stand in each place, by the ledger's balances."""
    return {
        (WAREHOUSES - account.acct, account.asset): -amount
        for account, amount in balances.items()
        if account.kind is Kind.AVAIL and account.acct is not None and account.acct <= WAREHOUSES
    }


def owed_now(exchange: Exchange) -> dict[Place, int]:
    """The same by the engine's balances."""
    return {
        (WAREHOUSES - acct, asset): -balance.free
        for acct in exchange.accounts()
        if acct <= WAREHOUSES
        for asset, balance in exchange.balances(acct).items()
        if asset != CASH
    }


async def differences(db: AsyncConnection, owed: Mapping[Place, int], seq: int = SEQ_LAST) -> list[Difference]:
    """Where serials and ledger differ, when the ledger stood at command `seq` before this transaction began."""
    low: dict[Place, int] = defaultdict(int)
    b, asset = tables.bottles.c, tables.lots.c.asset
    stands = select(b.warehouse, b.state, asset, func.count()).select_from(tables.bottles.join(tables.lots))
    counted = stands.where(b.state.in_(IN_STORE | ON_THE_ROAD)).group_by(b.warehouse, b.state, asset)
    for warehouse, state, name, qty in await db.execute(counted):
        low[ROAD if state in ON_THE_ROAD else warehouse, name] += qty
    for intent in await made_after(db, seq):
        for gain in intent.gains:
            low[gain.warehouse, gain.asset] -= gain.qty
    high = low.copy()
    for intent in await pending(db):
        for gain in intent.gains:
            (high if gain.qty > 0 else low)[gain.warehouse, gain.asset] += gain.qty
    return [
        Difference(*place, owed.get(place, 0), low[place], high[place])
        for place in sorted({*low, *high, *owed})
        if not low[place] <= owed.get(place, 0) <= high[place]
    ]


async def reconcile(shop: Shop, balances: Mapping[Account, int], seq: int = SEQ_LAST) -> list[str]:
    """What an auditor has to say of the serials, one line a difference: of the ledger's balances at command `seq`."""
    async with shop.connect() as db:
        return [str(difference) for difference in await differences(db, owed_by(balances), seq)]


def halts(found: Iterable[Difference], exchange: Exchange) -> list[SetPhase]:
    """The commands that stop trading in what differs."""
    syms = {difference.asset for difference in found} & exchange.instruments.keys()
    return [SetPhase(0, sym, Phase.HALTED) for sym in sorted(syms)]


class Alarm(NamedTuple):
    """A difference that somebody has to explain; `cleared_by` is empty until then."""

    id: int
    warehouse: int
    asset: str
    ledger: int
    serials: int
    ts: int
    cleared_by: str
    cleared_ts: int


_alarms = tables.alarms


async def untold(db: AsyncConnection, found: Iterable[Difference]) -> list[Difference]:
    """The differences that no open alarm tells of."""
    told = {(alarm.warehouse, alarm.asset, alarm.ledger, alarm.serials) for alarm in await open_alarms(db)}
    return [one for one in found if (one.warehouse, one.asset, one.ledger, one.low) not in told]


async def raise_alarms(db: AsyncConnection, found: Iterable[Difference], ts: int) -> None:
    for one in found:
        await add(
            db, _alarms, warehouse=one.warehouse, asset=one.asset, ledger=one.ledger, serials=one.low, ts=ts,
            cleared_by="", cleared_ts=0,
        )  # fmt: skip


async def open_alarms(db: AsyncConnection) -> list[Alarm]:
    rows = await db.execute(select(_alarms).where(_alarms.c.cleared_ts == 0).order_by(_alarms.c.id))
    return [Alarm._make(row) for row in rows]


async def clear_alarm(db: AsyncConnection, by: By, alarm: int) -> bool:
    is_open = (_alarms.c.id == alarm) & (_alarms.c.cleared_ts == 0)
    done = await db.execute(_alarms.update().where(is_open).values(cleared_by=by.name, cleared_ts=by.ts))
    return bool(done.rowcount)
