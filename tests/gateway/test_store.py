"""The gateway's tables of the shop: made by migrations, in old shops too, and kept."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from gateway.store import Store
from ledger.databases import SHOP, Databases, engine_arguments
from ledger.shop import Shop, metadata


async def test_migrations_make_exactly_the_tables(databases: Databases) -> None:
    await (await Shop.open(databases.shop)).close()
    engine = create_engine(**engine_arguments(databases.shop, SHOP))
    with engine.connect() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()


async def test_shop_from_before_there_were_migrations_keeps_its_keys(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.sqlite")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE api_keys (key TEXT PRIMARY KEY, secret BLOB, acct BIGINT, scopes TEXT)"))
        connection.execute(text("INSERT INTO api_keys VALUES ('k1', CAST('s' AS BLOB), 7, 'read trade')"))
    engine.dispose()

    shop = await Shop.open(tmp_path / "shop.sqlite")
    store = Store(shop)
    await store.load()
    found = store.identity("k1")
    await shop.close()

    assert found is not None
    assert (b"s", 7, frozenset({"read", "trade"})) == (found.secret, found.acct, found.scopes)


async def test_key_of_another_server_is_known_after_loading(databases: Databases) -> None:
    shop = await Shop.open(databases.shop)
    here, there = Store(shop), Store(shop)
    key = await there.create_key(7, ["read"])
    assert here.identity(key.key) is None

    await here.load()
    assert there.identity(key.key) == here.identity(key.key)
    await shop.close()


@pytest.mark.parametrize("scopes", [["read"], ["trade", "read"]])
async def test_only_an_admins_key_is_an_admins(databases: Databases, scopes: list[str]) -> None:
    shop = await Shop.open(databases.shop)
    store = Store(shop)
    await store.create_key(1, scopes)
    assert not store.has_admin()

    await store.create_key(0, [*scopes, "admin"])
    assert store.has_admin()
    await shop.close()
