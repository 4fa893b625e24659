"""restore: backups made under load hold all that was acknowledged before they began; restored, they audit clean."""

import asyncio
import signal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from gateway.client import Client
from ledger.audit import audit
from ledger.backup import Backup, back_up, restore
from ledger.errors import LedgerError
from tests.harness.breach import Breach, require
from tests.harness.server import START_S, Load, Process, trader_of
from tests.ledger.history import opened

BETWEEN_S = 0.05
BACKUPS = 4  # in a row: each must fall well, whatever is written between two of its files


def prove(cycles: int, seed: int) -> str:
    """Raise Breach when a backup cannot be restored, or lacks something."""
    held = 0
    for cycle in range(cycles):
        with TemporaryDirectory(prefix="cellarbook-restore-") as name:
            folder = Path(name)
            made = asyncio.run(_back_up(folder, Random(f"{seed} {cycle}").uniform(0, 1)))
            held += sum(_restored(folder, number, backup) for number, backup in enumerate(made))
    return f"{cycles * BACKUPS} backups under load, {held} commands restored, audit ok"


async def _back_up(folder: Path, after_s: float) -> list[Backup]:
    """Back up an exchange that is under load since a while."""
    made = []
    server = await Process.start(folder / "data")
    credentials = await trader_of(server.url, folder / "data")
    async with Client(server.url, credentials) as client:
        load = Load(await client.connect())
        running = asyncio.create_task(load.run())
        await asyncio.wait_for(load.under_way.wait(), START_S)
        await asyncio.sleep(after_s)
        before = load.acks[-1].seq
        for number in range(BACKUPS):
            acked = load.acks[-1].seq
            made.append(await asyncio.to_thread(back_up, folder / "data", folder / f"backup-{number}"))
            require(made[-1].commands >= acked, f"the backup ends at command {made[-1].commands}, not {acked}")
            await asyncio.sleep(BETWEEN_S)  # in which the client hears what was acknowledged meanwhile
        require(load.acks[-1].seq > before, "the exchange stood still while it was backed up")
        code, errors = await server.end(signal.SIGTERM)
        require(code == 0, f"the server ended with {code}: {errors}")
        await running
    return made


def _restored(folder: Path, number: int, backup: Backup) -> int:
    """Restore a backup and audit it; return how many commands it has."""
    data = folder / f"restored-{number}"
    try:
        restore(folder / f"backup-{number}", data)
    except LedgerError as error:
        raise Breach(f"backup {number} cannot be restored: {error}") from error
    require((report := audit(data)).ok, str(report))
    with opened(data) as books:
        require(books.exchange.seq == backup.commands, f"{backup.commands} backed up, {books.exchange.seq} restored")
    return backup.commands
