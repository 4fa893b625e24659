"""From files to a running exchange: newest snapshot, the journal's tail, books caught up, everything checked."""

from pathlib import Path
from typing import NamedTuple

from engine.exchange import Exchange
from ledger import snapshots
from ledger.faults import JournalCorrupt
from ledger.journal import Journal
from ledger.projector import Projector

JOURNAL, LEDGER, SNAPSHOTS = "journal.sqlite", "ledger.sqlite", "snapshots"


class Recovered(NamedTuple):
    journal: Journal
    exchange: Exchange
    projector: Projector  # not started
    replayed: int  # commands taken from the journal


def recover(data: Path) -> Recovered:
    """Bring the exchange of a data directory back to its last durable command. A new directory gives an empty one.

    The snapshot is one from before the end of the books, so that the replay meets every event that they still lack.
    Raises LedgerError when files are damaged or disagree, AssertionError when the state that they give is not sound.
    """
    data.mkdir(parents=True, exist_ok=True)
    journal = Journal(data / JOURNAL)
    projector = Projector(data / LEDGER)
    if projector.projected_seq > journal.last_seq:
        raise JournalCorrupt(
            f"the books stand at command {projector.projected_seq}, the journal ends at {journal.last_seq}"
        )
    exchange = snapshots.load(data / SNAPSHOTS, projector.projected_seq)
    first = exchange.seq
    for group in journal.groups(first):
        events = exchange.apply(group.commands[first + 1 - group.first_seq if group.first_seq <= first else 0 :])
        projector.project(group.last_seq, events)
    exchange.check()
    return Recovered(journal, exchange, projector, exchange.seq - first)
