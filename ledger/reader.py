"""Reads of the ledger database beside its writer: orders, fills and trades, newest first."""

from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Select, event, select
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.tables import orders, trades


class OrderRow(NamedTuple):
    """An order as the books have it; `open` 0 when it is done, `reason` why it was cancelled."""

    oid: int
    acct: int
    cid: str
    sym: str
    side: str
    px: int
    qty: int
    tif: str
    filled: int
    open: int
    fee: int
    reason: str
    seq: int
    ts: int


class TradeRow(NamedTuple):
    id: int
    seq: int
    ts: int
    sym: str
    px: int
    qty: int
    buy_acct: int
    buy_oid: int
    buy_fee: int
    sell_acct: int
    sell_oid: int
    sell_fee: int
    aggressor: str


class LedgerReader:
    """Asynchronous reads; they see what is projected, which follows the engine by a little."""

    def __init__(self, path: Path) -> None:
        self._engine = create_async_engine(f"sqlite+aiosqlite:///file:{path}?mode=ro&uri=true")

        @event.listens_for(self._engine.sync_engine, "connect")
        def read_only(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA wal_autocheckpoint = 0")

    async def close(self) -> None:
        await self._engine.dispose()

    async def orders(self, acct: int, limit: int = 100) -> list[OrderRow]:
        """The account's last orders, open and done."""
        query = select(orders).where(orders.c.acct == acct).order_by(orders.c.oid.desc()).limit(limit)
        return [OrderRow(*row) for row in await self._all(query)]

    async def order(self, acct: int, cid: str) -> OrderRow | None:
        found = await self._all(select(orders).where(orders.c.acct == acct, orders.c.cid == cid))
        return OrderRow(*found[0]) if found else None

    async def trades(self, sym: str, limit: int = 100) -> list[TradeRow]:
        """The instrument's last trades."""
        query = select(trades).where(trades.c.sym == sym).order_by(trades.c.id.desc()).limit(limit)
        return [TradeRow(*row) for row in await self._all(query)]

    async def trades_since(self, ts: int) -> list[TradeRow]:
        """Every trade from a time on, oldest first."""
        query = select(trades).where(trades.c.ts >= ts).order_by(trades.c.id)
        return [TradeRow(*row) for row in await self._all(query)]

    async def _all(self, query: Select[Any]) -> list[Any]:
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).all())
