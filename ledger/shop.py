"""The shop database: what trading does not need, such as keys, the cellar and the catalogue, in tables of their owners.

Owners attach their tables to `metadata` and add a migration to the shop's chain, `ledger/migrations/shop_versions`.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Self

import aiosqlite
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.databases import SHOP, Location, reading_engine, writing_engine
from ledger.migrations import migrate

metadata = MetaData()


class Shop:
    """Transactions of the shop: those that write act one after another, those that read see one view throughout.

    A second `begin` inside the block of the first waits for ever.
    """

    def __init__(self, location: Location) -> None:
        """A shop that exists already and has the newest schema."""
        self._writer = writing_engine(location, SHOP)
        self._reader = reading_engine(location, SHOP)

    @classmethod
    async def open(cls, location: Location) -> Self:
        """Open the shop, creating or migrating it. Raises LedgerError when that cannot be done."""
        await asyncio.to_thread(migrate, location, SHOP)
        return cls(location)

    def begin(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that may write: durable when the block ends, undone when it raises."""
        return self._writer.begin()

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that reads."""
        return self._reader.connect()

    async def scrub(self) -> None:
        """Take what was deleted out of SQLite's write-ahead log, unless somebody reads just now; outside `begin`.

        In the file itself nothing is left of it when `PRAGMA secure_delete` was on.
        """
        async with self._writer.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if isinstance(driver, aiosqlite.Connection):
                await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()
