"""A day that is over, as the house sees it: what traded, who has what, and what is payable to whom.

All of it follows from rows that never change, so asking again gives the same.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.balances import FEES
from ledger.accounts import BANK, DELIVERED, LOSS, PROVIDER, ROAD, WAREHOUSES, Kind
from ledger.days import date_of
from ledger.errors import LedgerError
from ledger.statements import Standing, amounts_before, end_of, last_command, open_day
from ledger.tables import accounts, entries, postings, trades

PARTIES = {
    FEES: "fees",
    BANK: "bank",
    PROVIDER: "payment provider",
    LOSS: "losses",
    DELIVERED: "delivered",
    ROAD: "road",
}


class Traded(NamedTuple):
    """An instrument's day. Prices, turnover and fees in fen; each trade counts once."""

    sym: str
    trades: int
    volume: int
    turnover: int
    open: int
    high: int
    low: int
    close: int
    fees: int


class Turnover(NamedTuple):
    """What an account bought and sold on a day, in fen, and the fees that it paid."""

    acct: int
    bought: int
    sold: int
    fees: int


class Holding(NamedTuple):
    acct: int
    asset: str
    free: int
    held: int


class Close(NamedTuple):
    day: int
    instruments: list[Traded]  # those that traded, by symbol
    turnover: list[Turnover]  # by account
    holdings: list[Holding]  # of clients at the day's end, by account and asset, without empty ones


class Payable(NamedTuple):
    """What moved between the clients and one party in one way: `came` to the party, `went` from it.

    `first` and `last` are the postings between which all of it stands.
    """

    party: str
    asset: str
    kind: str
    flow: str  # of a transfer: what its key begins with
    came: int
    went: int
    postings: int
    first: int
    last: int


async def close(db: AsyncConnection, day: int) -> Close:
    """The day's close; see `require_over`."""
    after, until = await end_of(db, day - 1), await end_of(db, day)
    made = (entries.c.id > after.entry, entries.c.id <= until.entry, entries.c.kind == "trade")
    first, last = (await db.execute(select(func.min(entries.c.ref), func.max(entries.c.ref)).where(*made))).one()
    by_sym: dict[str, Traded] = {}
    by_acct: dict[int, Turnover] = defaultdict(lambda: Turnover(0, 0, 0, 0))
    if first is not None:
        c = trades.c
        columns = (c.sym, c.px, c.qty, c.buy_acct, c.buy_fee, c.sell_acct, c.sell_fee)
        for sym, px, qty, buyer, buy_fee, seller, sell_fee in await db.execute(
            select(*columns).where(c.id.between(first, last)).order_by(c.id)
        ):
            fees, notional = buy_fee + sell_fee, px * qty
            was = by_sym.get(sym, Traded(sym, 0, 0, 0, px, px, px, px, 0))
            by_sym[sym] = Traded(
                sym, was.trades + 1, was.volume + qty, was.turnover + notional, was.open, max(was.high, px),
                min(was.low, px), px, was.fees + fees,
            )  # fmt: skip
            _, bought, sold, paid = by_acct[buyer]
            by_acct[buyer] = Turnover(buyer, bought + notional, sold, paid + buy_fee)
            _, bought, sold, paid = by_acct[seller]
            by_acct[seller] = Turnover(seller, bought, sold + notional, paid + sell_fee)
    return Close(
        day,
        [by_sym[sym] for sym in sorted(by_sym)],
        [by_acct[acct] for acct in sorted(by_acct)],
        await _holdings(db, await amounts_before(db, day + 1)),
    )


async def _holdings(db: AsyncConnection, amounts: Mapping[int, int]) -> list[Holding]:
    c = accounts.c
    found: dict[tuple[int, str], Standing] = defaultdict(lambda: Standing(0, 0))
    for number, kind, acct, asset in await db.execute(select(c.id, c.kind, c.acct, c.asset).where(c.acct >= 0)):
        free, held = found[acct, asset]
        amount = amounts.get(number, 0)
        found[acct, asset] = Standing(amount, held) if kind == Kind.AVAIL else Standing(free, amount)
    return [Holding(acct, asset, *found[acct, asset]) for acct, asset in sorted(found) if any(found[acct, asset])]


async def settlement(db: AsyncConnection, day: int) -> list[Payable]:
    """What a day made payable, party by party; see `require_over`."""
    after, until = await end_of(db, day - 1), await end_of(db, day)
    a, p, e = accounts.c, postings.c, entries.c
    found = (
        select(a.acct, a.asset, e.kind, e.key, p.amount, p.id)
        .select_from(postings.join(accounts, a.id == p.account_id).join(entries, e.id == p.entry_id))
        .where(p.id > after.posting, p.id <= until.posting, (a.acct < 0) | a.acct.is_(None))
        .order_by(p.id)
    )
    sums: dict[tuple[str, str, str, str], Payable] = {}
    for acct, asset, kind, key, amount, number in await db.execute(found):
        flow = key.partition(":")[0] if ":" in key else ""
        place = (party_of(acct), asset, kind, flow)
        was = sums.get(place, Payable(*place, 0, 0, 0, number, number))
        sums[place] = was._replace(
            came=was.came + max(amount, 0), went=was.went + max(-amount, 0), postings=was.postings + 1, last=number
        )
    return [sums[place] for place in sorted(sums)]


def party_of(acct: int | None) -> str:
    """Who an account that is no client's stands for. Deposits come from, and withdrawals go to, the outside."""
    if acct is None:
        return "outside"
    return PARTIES.get(acct) or (f"warehouse {WAREHOUSES - acct}" if acct < WAREHOUSES else f"account {acct}")


async def require_over(db: AsyncConnection, day: int, today: int, durable_seq: int) -> None:
    """Raise LedgerError unless nothing can be added to a day: it is before today, and all of it is in the books.

    `durable_seq` is the last command in the journal, read before this transaction began.
    """
    if day >= today:
        raise LedgerError(f"{date_of(day)} is not over yet")
    if day >= await open_day(db) and await last_command(db) < durable_seq:
        raise LedgerError(f"the books are not at the end of {date_of(day)} yet; ask again in a moment")
