"""replay: a snapshot file taken at any command, and the journal behind it, give the state of the live run."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from engine.commands import Command
from engine.exchange import Exchange
from ledger.databases import databases_of
from ledger.journal import Journal, JournalReader
from ledger.snapshots import Snapshots
from tests.harness.breach import require
from tests.simulation.flow import flow

COMMANDS, CUTS_MAX = 4_000, 20  # of one history


def prove(cuts: int, seed: int) -> str:
    """Raise Breach when a state that was restored is another, or goes on to another."""
    for first in range(0, cuts, CUTS_MAX):
        with TemporaryDirectory(prefix="cellarbook-replay-") as folder:
            _replay(Random(f"{seed} {first}"), Path(folder), min(CUTS_MAX, cuts - first))
    return f"{cuts} cuts, every hash that of the live run"


def _replay(rng: Random, folder: Path, cuts: int) -> None:
    snapshots = Snapshots(folder / "snapshots")
    location = databases_of(folder).journal
    commands = list(flow(rng.randrange(1 << 32), COMMANDS))
    with Journal(location) as journal:
        for group in groups(rng, commands):
            journal.append(group)
    live = Exchange()
    hashes = {}
    for cut in sorted(rng.sample(range(1, len(commands)), cuts)):
        live.apply(commands[live.seq : cut])
        hashes[cut] = live.state_hash()
        snapshots.write(live)
    live.apply(commands[live.seq :])
    for cut, expected in hashes.items():
        exchange = snapshots.load(cut)
        require(exchange.state_hash() == expected, f"the snapshot of command {cut} restores to another state")
        with JournalReader(location) as journal:
            for _, tail in journal.groups(after=cut):
                exchange.apply(tail)
        require(exchange.state_hash() == live.state_hash(), f"the replay from command {cut} ends in another state")
        exchange.check()


def groups(rng: Random, commands: Sequence[Command]) -> list[Sequence[Command]]:
    """Cut commands into groups of 1 to 100."""
    found = []
    at = 0
    while at < len(commands):
        size = rng.randint(1, 100)
        found.append(commands[at : at + size])
        at += size
    return found
