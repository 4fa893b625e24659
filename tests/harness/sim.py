"""sim: seeded random commands of all kinds through journal, engine and ledger, with crashes between any two steps.

A crash forgets what was in memory after the commit, after the engine, or after the books; recovery must bring all three
to the journal's end. After every group the books say what the engine says; at the end the journal alone gives the same
hash.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from engine.commands import Command
from engine.exchange import Exchange
from ledger.audit import audit
from ledger.books import differences
from ledger.recovery import Recovered, recover
from tests.harness.breach import require
from tests.simulation.flow import flow

GROUP_MAX = 100
CRASH_EVERY = 60  # groups, on average
CHECK_EVERY = 20


def prove(commands: int, seed: int) -> str:
    """Raise Breach when engine, books and journal part ways."""
    rng = Random(seed)
    crashes = applied = 0
    with TemporaryDirectory(prefix="cellarbook-sim-") as folder:
        data = Path(folder)
        found = recover(data)
        for number, group in enumerate(_groups(flow(seed, commands), rng)):
            applied += len(group)
            crash = rng.randrange(3) if rng.random() < 1 / CRASH_EVERY else None
            found.journal.append(group)
            if crash != 0:
                events = found.exchange.apply(group)
                if crash != 1:
                    found.projector.project(events)
            if rng.random() < 1 / (2 * CRASH_EVERY):
                found.snapshots.write(found.exchange) if crash is None else None
            if crash is not None:
                crashes += 1
                found = _crashed(found, data)
            require(found.exchange.seq == applied, f"{applied} commands are durable, {found.exchange.seq} came back")
            off = differences(found.exchange, found.projector.books.balances())
            require(not off, "; ".join(off[:3]))
            if number % CHECK_EVERY == 0:
                found.exchange.check()
        twin = Exchange()
        for part in found.journal.groups():
            twin.apply(part.commands)
        require(twin.state_hash() == found.exchange.state_hash(), "the journal alone gives another hash")
        _close(found)
        findings = audit(data).findings
        require(not findings, "; ".join(map(str, findings)))
        return f"{applied} commands, {crashes} crashes, hash {twin.state_hash()[:16]}"


def _groups(commands: Iterator[Command], rng: Random) -> Iterator[list[Command]]:
    while group := list(islice(commands, rng.randint(1, GROUP_MAX))):
        yield group


def _crashed(found: Recovered, data: Path) -> Recovered:
    _close(found)
    return recover(data)


def _close(found: Recovered) -> None:
    found.journal.close()
    found.projector.close()
