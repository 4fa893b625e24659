"""restore: a backup made under load is restored, holds all that was acknowledged before it began, and audits clean."""

import asyncio
import signal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from gateway.client import Client
from ledger.audit import audit
from ledger.backup import back_up, restore
from tests.harness.breach import require
from tests.harness.server import START_S, Load, Process, trader_of
from tests.ledger.history import opened


def prove(cycles: int, seed: int) -> str:
    """Raise Breach when a backup cannot be restored, or lacks something."""
    held = 0
    for cycle in range(cycles):
        with TemporaryDirectory(prefix="cellarbook-restore-") as folder:
            held += asyncio.run(_backed_up(Path(folder), Random(f"{seed} {cycle}").uniform(0, 1)))
    return f"{cycles} backups under load, {held} commands restored, audit ok"


async def _backed_up(folder: Path, after_s: float) -> int:
    """Back up an exchange under load after a while, restore the backup; return how many commands it has."""
    server = await Process.start(folder / "data")
    credentials = await trader_of(server.url, folder / "data")
    async with Client(server.url, credentials) as client:
        load = Load(await client.connect())
        running = asyncio.create_task(load.run())
        await asyncio.wait_for(load.under_way.wait(), START_S)
        await asyncio.sleep(after_s)
        before = list(load.acks)
        made = await asyncio.to_thread(back_up, folder / "data", folder / "backup")
        acked = len(load.acks)
        await asyncio.sleep(0.1)
        code, errors = await server.end(signal.SIGTERM)
        require(code == 0, f"the server ended with {code}: {errors}")
        await running
    require(len(load.acks) > acked > len(before), "the exchange stood still while it was backed up")
    require(made.commands >= max(ack.seq for ack in before), f"the backup ends at command {made.commands}")
    restore(folder / "backup", folder / "restored")
    require((report := audit(folder / "restored")).ok, str(report))
    with opened(folder / "restored") as books:
        last_seq = books.exchange.seq
    require(last_seq == made.commands, f"{made.commands} commands were backed up, {last_seq} restored")
    return last_seq
