"""kill9: the real server under load, killed at random moments; whatever it acknowledged is in the journal.

Each acknowledgement carries the number of its command. After each kill the journal must have that very command under
that number, the server must start again by itself, and the books must agree.
"""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from engine.commands import Cancel, Place
from gateway.client import Client, Credentials
from gateway.wire import Ack
from ledger.audit import audit
from ledger.databases import databases_of
from ledger.journal import JournalReader
from tests.harness.breach import require
from tests.harness.server import Load, Process, trader_of

CYCLES_A_DATA_DIR = 20  # then a new one, so that audits stay short
STREAMS = 4
START_KILLED, START_KILLED_S = 0.2, 1.5  # share of cycles in which a server is killed that may still recover, and when


def prove(cycles: int, seed: int) -> str:
    """Raise Breach when an acknowledged command is missing or changed, or when the books differ."""
    rng = Random(seed)
    acked = 0
    for first in range(0, cycles, CYCLES_A_DATA_DIR):
        with TemporaryDirectory(prefix="cellarbook-kill9-") as folder:
            for cycle in range(first, min(cycles, first + CYCLES_A_DATA_DIR)):
                if rng.random() < START_KILLED:
                    asyncio.run(_kill_at_start(Path(folder), rng.uniform(0, START_KILLED_S)))
                acks = asyncio.run(under_load(Path(folder), f"k{cycle}", rng.uniform(0.05, 0.6), _kill))
                require_kept(Path(folder), acks)
                acked += len(acks)
                print(f"cycle {cycle + 1}: {len(acks)} acknowledged, all kept", flush=True)
    return f"{cycles} cycles, {acked} acknowledged, 0 lost"


async def _kill_at_start(data: Path, after_s: float) -> None:
    server = await Process.launch(data)
    await asyncio.sleep(after_s)
    await server.end(signal.SIGKILL)


async def _kill(server: Process) -> None:
    code, errors = await server.end(signal.SIGKILL)
    require(code == -signal.SIGKILL, f"the server ended by itself: {errors}")


async def under_load(
    data: Path,
    prefix: str,
    after_s: float,
    strike: Callable[[Process], Awaitable[None]],
    database: str | None = None,
) -> list[Ack]:
    """Start the server, keep it busy, strike after a while so that it ends; return all that it acknowledged."""
    server = await Process.start(data, database)
    credentials = await _credentials(server, data)
    async with Client(server.url, credentials) as client:
        loads = [Load(await client.connect(), prefix=f"{prefix}-{number}-") for number in range(STREAMS)]
        running = [asyncio.create_task(load.run()) for load in loads]
        await asyncio.wait_for(loads[0].under_way.wait(), 30)
        await asyncio.sleep(after_s)
        await strike(server)
        await asyncio.gather(*running)
        return [ack for load in loads for ack in load.acks]


async def _credentials(server: Process, data: Path) -> Credentials:
    """The trader's key, made in the first cycle and kept beside the data."""
    path = data / "trader.key"
    if not path.exists():
        trader = await trader_of(server.url, data)
        path.write_text(json.dumps({"key": trader.key, "secret": trader.secret.hex()}))
    return Credentials.load(path)


def require_kept(data: Path, acks: list[Ack], database: str | None = None) -> None:
    """Raise Breach when an acknowledged command is missing or changed, or when the books differ."""
    with JournalReader(databases_of(data, database).journal) as journal:
        first = min((ack.seq for ack in acks), default=1)
        kept = {
            group.first_seq + at: command
            for group in journal.groups(after=first - 1)
            for at, command in enumerate(group.commands)
        }
    for ack in acks:
        command = kept.get(ack.seq)
        same = isinstance(command, Place if ack.op == "order.new" else Cancel) and command.cid == ack.cid
        require(same, f"command {ack.seq}, acknowledged as {ack.op} of {ack.cid}, is {command} in the journal")
    findings = audit(data, database).findings
    require(not findings, "; ".join(map(str, findings)))
