"""Beside the server that leads: the same state a moment later, reads and feed, and no commands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Server, serving
from gateway.client import Client, ClientError
from gateway.config import Config
from gateway.wire import Book
from ledger.databases import JOURNAL
from ledger.errors import BadDatabase, DataInUse, LedgerError
from tests.gateway.house import SYM, House, house, order
from tests.ledger.history import change

WAIT_S = 20


@pytest.fixture
async def leader(tmp_path: Path, postgresql_url: str) -> AsyncIterator[House]:
    async with house(tmp_path / "leader", database=postgresql_url) as running:
        yield running


def beside(leader: House, name: str = "follower") -> Config:
    """How to follow a server, with a data directory beside its own."""
    config = leader.server.config
    return Config(data=config.data.parent / name, database=config.database, follow=True, port=0)


@asynccontextmanager
async def following(leader: House, name: str = "follower") -> AsyncIterator[Server]:
    async with serving(beside(leader, name)) as server:
        yield server


async def state(leader: House, server: Server) -> dict[str, Any]:
    assert leader.operator.credentials is not None
    async with Client(server.url, leader.operator.credentials) as operator:
        return await operator.state()


async def caught_up(leader: House, follower: Server) -> dict[str, Any]:
    """The follower's state, once it stands where its leader does."""
    async with asyncio.timeout(WAIT_S):
        while True:
            found = await state(leader, follower)
            if found["seq"] == leader.market.exchange.seq:
                return found


async def test_follower_has_the_state_of_its_leader_from_before_it_came_and_after(leader: House) -> None:
    buyer, seller = await leader.client(1), await leader.client(2)
    await seller.place(order("S 5@268000", "before"))
    async with following(leader) as follower:
        for number in range(20):
            await buyer.place(order("B 1@268000", f"b{number}"))

        found = await caught_up(leader, follower)
    assert leader.market.exchange.state_hash() == found["hash"]
    assert found["follows"]
    assert not (await state(leader, leader.server))["follows"]


async def test_follower_that_comes_back_takes_up_what_it_missed(leader: House) -> None:
    client = await leader.client(1)
    async with following(leader):
        await client.place(order("B 1@268000", "first"))
    await client.place(order("B 1@268000", "second"))

    async with following(leader) as follower:
        assert leader.market.exchange.state_hash() == (await state(leader, follower))["hash"]


async def test_follower_refuses_commands_and_names_the_reason(leader: House) -> None:
    client = await leader.client(1)
    await client.place(order("B 1@268000", "mine"))
    async with following(leader) as follower, Client(follower.url, client.credentials) as there:
        await caught_up(leader, follower)
        with pytest.raises(ClientError, match="takes no commands") as new:
            await there.place(order("B 1@268000", "more"))
        with pytest.raises(ClientError, match="takes no commands"):
            await there.cancel("mine")
        async with await there.connect() as stream:
            with pytest.raises(ClientError, match="takes no commands"):
                await stream.place(order("B 1@268000", "even more"))
        async with Client(follower.url, leader.operator.credentials) as operator:
            with pytest.raises(ClientError, match="takes no commands"):
                await operator.admin([{"op": "deposit", "acct": 1, "asset": "CNY", "amount": 1}])
            with pytest.raises(ClientError, match="takes no commands"):
                await operator.create_key(1, ["read"])

    assert ("FOLLOWER", 9003) == (new.value.name, new.value.fault.code)
    assert ["mine"] == [found.cid for found in await client.orders("all")]


async def test_follower_answers_from_engine_and_books(leader: House) -> None:
    buyer, seller = await leader.client(1), await leader.client(2)
    async with following(leader) as follower, Client(follower.url, buyer.credentials) as there:
        await seller.place(order("S 2@268000"))
        await buyer.place(order("B 2@268000", "done"))
        await buyer.place(order("B 3@267000", "open"))
        await caught_up(leader, follower)

        assert await buyer.balances() == await there.balances()
        assert await buyer.order("done") == await there.order("done")
        assert ["open", "done"] == [found.cid for found in await there.orders("all")]
        assert [(267_000, 3)] == [tuple(level) for level in (await there.book(SYM)).b]
        assert (await leader.operator.trades(SYM)).d == (await there.trades(SYM)).d


async def test_follower_shows_the_trades_of_before_it_came_once(leader: House) -> None:
    buyer, seller = await leader.client(1), await leader.client(2)
    await seller.place(order("S 9@268000"))
    for _ in range(5):
        await buyer.place(order("B 1@268000"))

    async with following(leader) as follower, Client(follower.url) as there:
        assert (await leader.operator.trades(SYM)).d == (await there.trades(SYM)).d


async def test_follower_streams_what_its_leader_does(leader: House) -> None:
    client = await leader.client(1)
    async with following(leader) as follower, Client(follower.url) as watcher, asyncio.timeout(WAIT_S):
        books = (frame async for frame in watcher.stream(["book"], [SYM]) if isinstance(frame, Book))
        await anext(books)
        await client.place(order("B 4@268000"))

        assert [(268_000, 4)] == [tuple(level) for level in (await anext(books)).b]
        await books.aclose()


async def test_key_made_on_the_leader_works_on_the_follower_soon(leader: House) -> None:
    async with following(leader) as follower:
        client = await leader.client(1)
        async with Client(follower.url, client.credentials) as there, asyncio.timeout(WAIT_S):
            while (await leader.call(client.credentials, "GET", "/api/v1/balances", at=follower.url))[0] == 401:
                pass
            assert await client.balances() == await there.balances()


async def test_journal_that_was_tampered_with_is_not_followed(leader: House, postgresql_url: str) -> None:
    client = await leader.client(1)
    async with following(leader) as follower:
        last = (await caught_up(leader, follower))["seq"]
        forge = f"UPDATE groups SET chain_hash = payload_hash WHERE first_seq + count - 1 = {last}"
        await asyncio.to_thread(change, postgresql_url, JOURNAL, forge)
        await client.place(order("B 1@268000"))
        async with asyncio.timeout(WAIT_S):
            await follower.stopping.wait()

    assert "its chain hash does not follow" in str(follower.fault)


async def test_two_servers_do_not_share_a_data_directory(leader: House) -> None:
    async with following(leader):
        with pytest.raises(DataInUse, match="follower is in use"):
            async with following(leader):
                pass


async def test_only_a_shared_database_is_followed(tmp_path: Path, postgresql_url: str) -> None:
    with pytest.raises(BadDatabase, match="PostgreSQL"):
        async with serving(Config(data=tmp_path, follow=True, port=0)):
            pass
    with pytest.raises(LedgerError, match="does not exist"):
        async with serving(Config(data=tmp_path, database=postgresql_url, follow=True, port=0)):
            pass
