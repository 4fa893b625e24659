"""The shop: migrated when opened, one transaction after another, readers that cannot write."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.databases import Databases
from ledger.errors import LedgerError
from ledger.shop import Shop

NOTE = text("INSERT INTO api_keys (key, secret, acct, scopes) VALUES (:detail, '', 1, '')")
NOTES = text("SELECT key FROM api_keys ORDER BY key")


async def notes(shop: Shop) -> list[str]:
    async with shop.connect() as connection:
        return [detail for (detail,) in await connection.execute(NOTES)]


async def test_what_was_written_is_there_after_reopening(databases: Databases) -> None:
    shop = await Shop.open(databases.shop)
    async with shop.begin() as connection:
        await connection.execute(NOTE, {"detail": "kept"})
    await shop.close()

    shop = await Shop.open(databases.shop)
    assert ["kept"] == await notes(shop)
    await shop.close()


async def test_transaction_that_raises_is_undone(databases: Databases) -> None:
    shop = await Shop.open(databases.shop)

    async def fail() -> None:
        async with shop.begin() as connection:
            await connection.execute(NOTE, {"detail": "gone"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert [] == await notes(shop)
    await shop.close()


async def test_transactions_act_one_after_another(databases: Databases) -> None:
    """Each reads the last number and writes the next one; together they would write some twice."""
    shop = await Shop.open(databases.shop)

    async def add_next() -> None:
        async with shop.begin() as connection:
            found = (await connection.execute(text("SELECT count(*) FROM api_keys"))).scalar_one()
            await asyncio.sleep(0)
            await connection.execute(NOTE, {"detail": str(found)})

    await asyncio.gather(*(add_next() for _ in range(10)))

    assert [str(number) for number in range(10)] == await notes(shop)
    await shop.close()


async def test_reading_transaction_sees_one_view_throughout(databases: Databases) -> None:
    shop = await Shop.open(databases.shop)
    async with shop.connect() as reading:
        assert [] == (await reading.execute(NOTES)).all()
        async with shop.begin() as writing:
            await writing.execute(NOTE, {"detail": "meanwhile"})

        assert [] == (await reading.execute(NOTES)).all()
    assert ["meanwhile"] == await notes(shop)
    await shop.close()


async def test_reading_transaction_cannot_write(databases: Databases) -> None:
    shop = await Shop.open(databases.shop)
    async with shop.connect() as connection:
        with pytest.raises(DBAPIError, match=r"read-?only"):
            await connection.execute(NOTE, {"detail": "no"})
    await shop.close()


async def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.sqlite").write_bytes(b"no database" * 500)

    with pytest.raises(LedgerError, match="cannot be read"):
        await Shop.open(tmp_path / "shop.sqlite")


async def test_shop_is_for_the_owner_of_the_files_alone(tmp_path: Path) -> None:
    shop = await Shop.open(tmp_path / "shop.sqlite")
    async with shop.begin() as connection:
        await connection.execute(NOTE, {"detail": "private"})

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}  # noqa: ASYNC240
    assert dict.fromkeys(["shop.sqlite", "shop.sqlite-shm", "shop.sqlite-wal"], 0o600) == modes
    await shop.close()
