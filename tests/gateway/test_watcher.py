"""The auditor beside a real server: it follows, costs no order, and stops an exchange whose books were changed."""

import asyncio
from pathlib import Path

import pytest

from gateway.app import serving
from gateway.config import Config
from gateway.watcher import AuditFound, Watcher
from ledger.errors import LedgerError
from tests.gateway.house import house, order
from tests.ledger.history import kept, tamper

PATIENCE_S = 60


async def test_it_follows_what_is_traded(tmp_path: Path, database_url: str | None) -> None:
    async with house(tmp_path, database=database_url, audit_s=0.05) as exchange:
        buyer, seller = await exchange.client(1), await exchange.client(2)
        for number in range(20):
            await seller.place(order(f"S 1@{268_000 + 100 * number}"))
            await buyer.place(order(f"B 1@{268_000 + 100 * number}"))
        async with asyncio.timeout(PATIENCE_S):
            while exchange.market.watcher.seq < exchange.market.exchange.seq:  # noqa: ASYNC110 - another process's word
                await asyncio.sleep(0.01)

        assert (await exchange.operator.state())["audited_seq"] == exchange.market.exchange.seq
        assert exchange.server.fault is None


async def test_books_that_were_changed_stop_the_exchange_and_say_where(tmp_path: Path) -> None:
    tamper(kept(tmp_path), "UPDATE entries SET kind = 'gift' WHERE id = 17")
    async with serving(Config(data=tmp_path, port=0, audit_s=0.05)) as server, asyncio.timeout(PATIENCE_S):
        await server.stopping.wait()

        assert isinstance(server.fault, AuditFound)
        assert "audit: history follows from the journal: entries: (17, " in str(server.fault)


async def test_auditor_that_cannot_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"the auditor ended: .*ledger\.sqlite cannot be read"):
        await Watcher(Config(data=tmp_path, audit_s=1)).run()
