"""An exchange that another server runs, seen from beside it: nothing is written, and no lock is taken."""

from contextlib import ExitStack, closing
from pathlib import Path

from engine.exchange import Exchange
from ledger.databases import LEDGER, connect, databases_of, driver_errors, told
from ledger.errors import LedgerError
from ledger.journal import JournalReader
from ledger.recovery import SNAPSHOTS
from ledger.snapshots import Snapshots
from ledger.store import read_progress


def follow(data_dir: Path, url: str) -> tuple[JournalReader, Exchange]:
    """Open the journal, and bring an engine to the command at which the ledger stands.

    What the journal has beyond it is the caller's to apply, as is all that will be appended. Raises LedgerError, and
    then nothing stays open.
    """
    databases = databases_of(data_dir, url)
    with ExitStack() as opened:
        journal = opened.enter_context(JournalReader(databases.journal))
        try:
            with closing(connect(databases.ledger, LEDGER)) as ledger:
                seq, _, _ = read_progress(ledger)
        except driver_errors(ValueError) as error:
            raise LedgerError(f"the ledger of {told(databases.ledger)} cannot be read: {error}") from error
        exchange = Snapshots(data_dir / SNAPSHOTS).newest(seq_max=seq) or Exchange()
        for group in journal.groups(after=exchange.seq):
            exchange.apply(group.commands[: seq - exchange.seq])
            if exchange.seq >= seq:
                break
        opened.pop_all()
    return journal, exchange
