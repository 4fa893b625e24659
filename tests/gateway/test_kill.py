"""A real server process, killed under load: what was acknowledged is there after the next start."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from gateway.client import Client
from ledger.audit import audit
from tests.harness.server import START_S, Load, Process, trader_of


async def test_every_acknowledged_order_outlives_a_kill_under_load(tmp_path: Path, database_url: str | None) -> None:
    server = await Process.start(tmp_path, database_url)
    credentials = await trader_of(server.url, tmp_path)
    async with Client(server.url, credentials) as client, await client.connect() as stream:
        load = Load(stream)
        running = asyncio.create_task(load.run())
        await asyncio.wait_for(load.under_way.wait(), START_S)
        code, _ = await server.end(signal.SIGKILL)
        await running
    assert -signal.SIGKILL == code

    server = await Process.start(tmp_path, database_url)
    async with Client(server.url, credentials) as client:
        found = [await client.order(cid) for cid in load.acked]
    assert [(ack.cid, ack.oid) for ack in load.acked.values()] == [(order.cid, order.oid) for order in found]
    assert (0, "") == await server.end(signal.SIGTERM)
    assert [] == audit(tmp_path, database_url).findings
    assert not (tmp_path / "server.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
async def test_a_failed_commit_ends_the_server_with_one_line_and_nothing_acknowledged_after_it(tmp_path: Path) -> None:
    """The file may not grow any more, as on a full disk."""
    import resource

    server = await Process.start(tmp_path)
    credentials = await trader_of(server.url, tmp_path)
    async with Client(server.url, credentials) as client, await client.connect() as stream:
        size = (tmp_path / "journal.sqlite-wal").stat().st_size
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, size))
        load = Load(stream)
        await load.run()
        _, errors = await asyncio.wait_for(server.process.communicate(), START_S)

    assert 1 == server.process.returncode
    assert 1 == sum(line.startswith(b"cellarbook: stopped:") for line in errors.splitlines())
    server = await Process.start(tmp_path)
    async with Client(server.url, credentials) as client:
        for cid, ack in load.acked.items():
            assert ack.oid == (await client.order(cid)).oid
    assert 0 == (await server.end(signal.SIGINT))[0]
