"""A server on its databases: one at a time, back as it was, and stopped when its database is gone."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from gateway.app import serving
from gateway.client import Client, ClientError
from gateway.config import Config
from ledger.errors import DataInUse
from tests import postgresql
from tests.gateway.house import house, order


async def test_a_second_server_is_refused_and_told_of_the_first(tmp_path: Path, database_url: str | None) -> None:
    async with house(tmp_path / "first", database=database_url):
        second = tmp_path / ("first" if database_url is None else "second")
        with pytest.raises(DataInUse, match=r"is in use by process \d+( on .* since .*)?; stop that one first"):
            async with serving(Config(data=second, database=database_url, port=0)):
                pass


async def test_server_on_postgresql_comes_back_as_it_was(tmp_path: Path, postgresql_url: str) -> None:
    async with house(tmp_path, database=postgresql_url) as exchange:
        client = await exchange.client(1)
        await client.place(order("B 4@268000", "mine"))
        credentials, expected = client.credentials, exchange.market.exchange.state_hash()

    async with house(tmp_path, database=postgresql_url) as exchange:
        assert expected == exchange.market.exchange.state_hash()
        async with Client(exchange.server.url, credentials) as client:
            assert "open" == (await client.order("mine")).st


async def test_server_that_loses_its_database_acknowledges_nothing_more_and_stops(
    tmp_path: Path, postgresql_url: str
) -> None:
    async with house(tmp_path, database=postgresql_url) as exchange:
        client = await exchange.client(1)
        await client.place(order("B 4@268000", "before"))
        await asyncio.to_thread(end_sessions, postgresql_url)

        with pytest.raises(ClientError, match="nobody knows whether this happened"):
            await client.place(order("B 4@268000", "after"))
        async with asyncio.timeout(10):
            await exchange.server.stopping.wait()
        assert "outcome unknown" in str(exchange.server.fault)

    async with house(tmp_path, database=postgresql_url) as exchange:
        assert ["before"] == [found.cid for found in exchange.market.exchange.orders(1)]


def end_sessions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(postgresql.END_OTHERS.encode())
