"""What an account had, what moved, what it has then: read from the books, which balance.

Days are those of `ledger.days`. Everything of one report is read in one transaction, so it is one moment's truth.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Kind
from ledger.days import day_of
from ledger.errors import LedgerError
from ledger.tables import accounts, balances, closings, days, entries, postings, progress


class Standing(NamedTuple):
    """What is free and what is held of an asset: fen of CNY, bottles of anything else."""

    free: int
    held: int


class Line(NamedTuple):
    """What one entry did to an asset of the account. `ref` is an order or a trade, `key` a transfer or an offering."""

    ts: int
    seq: int
    kind: str
    ref: int
    key: str
    free: int
    held: int
    after: Standing


class Section(NamedTuple):
    """One asset over the period: opening + lines = closing."""

    asset: str
    opening: Standing
    lines: list[Line]
    closing: Standing


class Statement(NamedTuple):
    acct: int
    first_day: int
    last_day: int
    seq: int  # the last command in the books
    sections: list[Section]  # of every asset that the account ever had, in the order of their names


class End(NamedTuple):
    """Where a day ended: the last entry and the last posting."""

    entry: int
    posting: int


async def last_command(db: AsyncConnection) -> int:
    return int(await db.scalar(select(progress.c.projected_seq)) or 0)


async def end_of(db: AsyncConnection, day: int) -> End:
    """Where a day ended, or the books end when it has not."""
    if day >= await open_day(db):
        entry, posting = (await db.execute(select(_last(entries), _last(postings)))).one()
        return End(entry, posting)
    c = days.c
    found = select(c.entry_last, c.posting_last).where(c.id <= day).order_by(c.id.desc()).limit(1)
    row = (await db.execute(found)).one_or_none()
    return End(*row) if row else End(0, 0)


async def open_day(db: AsyncConnection) -> int:
    """The day of the last entry: the one day that is in the books and may not be over."""
    closed = select(func.coalesce(func.max(days.c.entry_last), 0)).scalar_subquery()
    return day_of(await db.scalar(select(func.max(entries.c.ts)).where(entries.c.id > closed)) or 0)


async def amounts_before(db: AsyncConnection, day: int, numbers: Collection[int] | None = None) -> dict[int, int]:
    """What accounts stood at when a day began, of these ids or of all that had moved by then."""
    if day > await open_day(db):
        now = select(balances.c.account_id, balances.c.amount)
        found = now if numbers is None else now.where(balances.c.account_id.in_(numbers))
    else:
        c = closings.c
        newest = select(c.account_id, func.max(c.day).label("day")).where(c.day < day).group_by(c.account_id)
        if numbers is not None:
            newest = newest.where(c.account_id.in_(numbers))
        last = newest.subquery()
        found = select(c.account_id, c.amount).join(last, (c.account_id == last.c.account_id) & (c.day == last.c.day))
    return {number: int(amount) for number, amount in await db.execute(found)}


def _last(table: Table) -> ColumnElement[int]:
    return select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery()


async def statement(db: AsyncConnection, acct: int, first_day: int, last_day: int) -> Statement:
    """An account's statement of some days, the one that is not over included, as far as the books are.

    Raises LedgerError when the books do not add up.
    """
    after, until = await end_of(db, first_day - 1), await end_of(db, last_day)
    a, p, e = accounts.c, postings.c, entries.c
    mine = {
        number: (kind, asset)
        for number, kind, asset in await db.execute(select(a.id, a.kind, a.asset).where(a.acct == acct))
    }
    opening, closing = await amounts_before(db, first_day, mine), await amounts_before(db, last_day + 1, mine)
    moved: dict[str, list[Line]] = defaultdict(list)
    found = (
        select(p.entry_id, p.account_id, p.amount, e.ts, e.seq, e.kind, e.ref, e.key)
        .select_from(postings.join(entries, e.id == p.entry_id))
        .where(p.account_id.in_(mine), p.id > after.posting, p.id <= until.posting)
        .order_by(p.id)
    )
    last: dict[str, int] = {}
    for entry, number, amount, ts, seq, kind, ref, key in await db.execute(found):
        where, asset = mine[number]
        free, held = (amount, 0) if where == Kind.AVAIL else (0, amount)
        lines = moved[asset]
        if lines and last.get(asset) == entry:
            line = lines.pop()
            free, held = free + line.free, held + line.held
        lines.append(Line(ts, seq, kind, ref, key, free, held, Standing(0, 0)))
        last[asset] = entry
    sections = []
    for asset in sorted({asset for _, asset in mine.values()}):
        first, final = _both(mine, opening, asset), _both(mine, closing, asset)
        lines = _running(first, moved[asset])
        reached = lines[-1].after if lines else first
        if reached != final:
            raise LedgerError(f"account {acct}: {asset} comes to {tuple(reached)}, its balance says {tuple(final)}")
        sections.append(Section(asset, first, lines, final))
    return Statement(acct, first_day, last_day, await last_command(db), sections)


def _running(first: Standing, lines: Sequence[Line]) -> list[Line]:
    found = []
    for line in lines:
        first = Standing(first.free + line.free, first.held + line.held)
        found.append(line._replace(after=first))
    return found


def _both(mine: Mapping[int, tuple[str, str]], amounts: Mapping[int, int], asset: str) -> Standing:
    of = {kind: amounts.get(number, 0) for number, (kind, name) in mine.items() if name == asset}
    return Standing(of.get(Kind.AVAIL, 0), of.get(Kind.HOLD, 0))
