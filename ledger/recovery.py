"""From databases and snapshots to an exchange that is open for business."""

import gc
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engine.events import Event
from engine.exchange import Exchange
from ledger.books import differences
from ledger.databases import databases_of
from ledger.errors import RecoveryRefused
from ledger.journal import Journal
from ledger.snapshots import Snapshots
from ledger.store import BATCH_EVENTS_MAX, Projector

SNAPSHOTS = "snapshots"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recovered:
    """Journal, exchange and ledger, all at the same command. The projector is not started yet."""

    journal: Journal
    exchange: Exchange
    projector: Projector
    snapshots: Snapshots


def recover(data_dir: Path, url: str | None = None) -> Recovered:
    """Open an exchange, or begin one, and bring engine and ledger to the journal's end.

    Its databases are files of the data directory, or those of the URL; the right to write them is held until they are
    closed. Raises LedgerError, and then nothing stays open: DataInUse, JournalCorrupt, ProjectorFault, or
    RecoveryRefused when journal and ledger do not belong together.
    """
    databases = databases_of(data_dir, url)
    data_dir.mkdir(parents=True, exist_ok=True)
    with _collector_paused(), ExitStack() as opened:
        journal = Journal(databases.journal)
        opened.callback(journal.close)
        projector = Projector(databases.ledger)
        opened.callback(projector.close)
        if projector.projected_seq > journal.last_seq:
            raise RecoveryRefused(
                f"the ledger stands at command {projector.projected_seq}, the journal ends at {journal.last_seq}: "
                "the journal has lost its end, or these are files of two exchanges"
            )
        snapshots = Snapshots(data_dir / SNAPSHOTS)
        exchange = snapshots.newest(seq_max=projector.projected_seq) or Exchange()
        log.info("recovery: from command %d to %d", exchange.seq, journal.last_seq)
        _replay(journal, exchange, projector)
        _require_sound(exchange, projector)
        opened.pop_all()
    return Recovered(journal, exchange, projector, snapshots)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the collector from walking, again and again, through a state that only grows: a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _replay(journal: Journal, exchange: Exchange, projector: Projector) -> None:
    """Apply what the journal has beyond the exchange, and project what the ledger has not."""
    events: list[Event] = []
    for group in journal.groups(after=exchange.seq):
        events += exchange.apply(group.commands)
        if len(events) >= BATCH_EVENTS_MAX:
            projector.project(events)
            events.clear()
    if events:
        projector.project(events)


def _require_sound(exchange: Exchange, projector: Projector) -> None:
    try:
        exchange.check()
    except AssertionError as error:
        raise RecoveryRefused(f"the exchange is not sound after command {exchange.seq}: {error}") from error
    if found := differences(exchange, projector.books.balances()):
        raise RecoveryRefused(
            f"engine and ledger differ after command {exchange.seq}, in {len(found)} accounts: "
            + "; ".join(islice(found, 5))
        )
