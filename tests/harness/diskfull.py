"""diskfull: the journal's file system fills up under load; nothing is acknowledged after that, and a restart recovers.

On a small tmpfs where one may be mounted, which takes root; elsewhere the process may not write a file beyond its size.
"""

import asyncio
import contextlib
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.client import Client
from ledger.audit import audit
from ledger.databases import databases_of
from ledger.journal import JournalReader
from tests.harness.breach import require
from tests.harness.server import START_S, Load, Process, trader_of

TMPFS = "16m"
FILLER = "filler"


def prove(cycles: int, seed: int) -> str:
    """Raise Breach when something acknowledged is missing, or the server does not say what happened and stop."""
    acked = 0
    how = ""
    for _ in range(cycles):
        with TemporaryDirectory(prefix="cellarbook-full-") as folder, _small(Path(folder)) as mounted:
            how = "tmpfs" if mounted else "file size limit"
            acked += asyncio.run(_fill(Path(folder) / "data", mounted))
    return f"{cycles} full disks ({how}), {acked} acknowledged, 0 lost"


@contextlib.contextmanager
def _small(folder: Path) -> Iterator[bool]:
    """A small file system at a folder, if we may; says whether."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


async def _fill(data: Path, mounted: bool) -> int:
    server = await Process.start(data)
    credentials = await trader_of(server.url, data)
    async with Client(server.url, credentials) as client:
        load = Load(await client.connect())
        running = asyncio.create_task(load.run())
        await asyncio.wait_for(load.under_way.wait(), START_S)
        if mounted:
            with contextlib.suppress(OSError), (data.parent / FILLER).open("wb") as filler:
                while True:
                    filler.write(bytes(1 << 16))
                    filler.flush()
        else:
            size = (data / "journal.sqlite-wal").stat().st_size
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, size))
        await running
        _, errors = await asyncio.wait_for(server.process.communicate(), START_S)
    require(server.process.returncode == 1, f"exit code {server.process.returncode}")
    said = [line for line in errors.decode().splitlines() if line.startswith("cellarbook: stopped:")]
    require(len(said) == 1, f"it said {errors.decode()!r}")
    (data.parent / FILLER).unlink(missing_ok=True)
    server = await Process.start(data)
    await server.end(15)
    with JournalReader(databases_of(data).journal) as journal:
        last = journal.last_seq
    lost = [ack for ack in load.acks if ack.seq > last]
    require(not lost, f"{len(lost)} acknowledged commands are not in the journal")
    require(not audit(data).findings, "the audit found differences")
    return len(load.acks)
