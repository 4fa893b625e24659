"""pgkill: all of PostgreSQL under a busy server, killed at random moments; what was acknowledged is in its journal.

All processes of the database server die at once, as in a power cut of its machine. Our server has to stop with one line
and exit code 1, and everything has to be there when both are started again.
"""

import asyncio
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import psutil

from tests.harness.breach import require
from tests.harness.kill9 import require_kept, under_load
from tests.harness.server import START_S, Process
from tests.postgresql import PostgreSQL


def prove(cycles: int, seed: int) -> str:
    """Raise Breach when an acknowledged command is missing or changed, or when the books differ."""
    rng = Random(seed)
    acked = 0
    with PostgreSQL() as database, TemporaryDirectory(prefix="cellarbook-pgkill-") as folder:

        async def strike(server: Process) -> None:
            _kill_tree(database.pid)
            _, errors = await asyncio.wait_for(server.process.communicate(), START_S)
            code, said = server.process.returncode, errors.decode()
            require(code == 1, f"the server ended with {code}: {said}")
            require(sum(line.startswith("cellarbook: stopped: ") for line in said.splitlines()) == 1, said)

        for cycle in range(cycles):
            acks = asyncio.run(under_load(Path(folder), f"k{cycle}", rng.uniform(0.05, 0.6), strike, database.url))
            database.start()
            require_kept(Path(folder), acks, database.url)
            acked += len(acks)
            print(f"cycle {cycle + 1}: {len(acks)} acknowledged, all kept", flush=True)
    return f"{cycles} cycles, {acked} acknowledged, 0 lost"


def _kill_tree(pid: int) -> None:
    postmaster = psutil.Process(pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes)
