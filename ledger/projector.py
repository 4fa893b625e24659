"""The projector: keeps the books from the exchange's events, exactly once.

One thread, one connection, one transaction a batch. The rows and `projected_seq`, the number of the last command that
is in the books, move together; so after a crash the events of a replay are taken up where the books stand.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine

from engine.events import Event
from ledger.books import Books
from ledger.faults import LedgerError, ProjectionFault
from ledger.migrations import upgrade

QUEUE_MAX = 4_096  # groups waiting
BATCH_MAX = 20_000  # events in one transaction


class Offer(NamedTuple):
    """Events up to a command number, or a caller who waits until all before is in the books."""

    last_seq: int
    events: Sequence[Event]
    done: Future[None] | None = None


class Projector:
    """Writes the ledger database. Call `start`, then `offer` in order; `stop` finishes what was offered.

    A fault stops the projection; it is raised by the next `offer` or `drain`, and told to `on_fault` at once.
    """

    def __init__(self, path: Path, on_fault: Callable[[LedgerError], object] | None = None) -> None:
        self.path = path
        self.on_fault = on_fault
        self.fault: LedgerError | None = None
        self._offers: queue.Queue[Offer | None] = queue.Queue(QUEUE_MAX)
        self._thread: threading.Thread | None = None
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            upgrade(connection)
        engine.dispose()
        path.chmod(0o600)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        # The journal is the durable truth: books that a power cut takes back are projected again from it.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA recursive_triggers = ON")
        self._books = Books(self._db)

    # --------------------------------------------------------------------------------------------- from outside

    @property
    def projected_seq(self) -> int:
        """The number of the last command in the books."""
        return self._books.projected_seq

    @property
    def backlog(self) -> int:
        """Groups waiting, of at most QUEUE_MAX."""
        return self._offers.qsize()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)
        self._thread.start()

    def offer(self, last_seq: int, events: Sequence[Event]) -> None:
        """Hand over the events of all commands up to `last_seq`. Blocks while the queue is full."""
        self._check()
        self._offers.put(Offer(last_seq, events))

    def drained(self) -> Future[None]:
        """A future that is done when everything offered so far is in the books."""
        self._check()
        done: Future[None] = Future()
        self._offers.put(Offer(0, (), done))
        return done

    def stop(self) -> None:
        """Finish what was offered and close the database."""
        if self._thread is not None:
            self._offers.put(None)
            self._thread.join()
            self._thread = None
        self._db.close()

    def _check(self) -> None:
        if self.fault is not None:
            raise self.fault

    # ----------------------------------------------------------------------------------------------- the thread

    def _run(self) -> None:
        while (offer := self._offers.get()) is not None:
            events: list[Event] = []
            waiting: list[Future[None]] = []
            last_seq = 0
            while True:
                events += offer.events
                last_seq = max(last_seq, offer.last_seq)
                if offer.done is not None:
                    waiting.append(offer.done)
                if len(events) >= BATCH_MAX or self._offers.empty():
                    break
                following = self._offers.get()
                if following is None:
                    self._offers.put(None)
                    break
                offer = following
            try:
                self._check()
                self.project(last_seq, events)
            except (LedgerError, sqlite3.Error) as error:
                self._fail(error)
            for done in waiting:
                if self.fault is None:
                    done.set_result(None)
                else:
                    done.set_exception(self.fault)

    def _fail(self, error: Exception) -> None:
        if self.fault is None:
            self.fault = error if isinstance(error, LedgerError) else ProjectionFault(f"the books: {error}")
            if self.on_fault is not None:
                self.on_fault(self.fault)

    # -------------------------------------------------------------------------------------------------- the work

    def project(self, last_seq: int, events: Sequence[Event]) -> None:
        """Put the events of commands above `projected_seq`, up to `last_seq`, into the books, in one transaction.

        Raises UnbalancedEntry or sqlite3.Error, and then nothing of the batch is there.
        """
        if last_seq <= self.projected_seq:
            return
        try:
            statements = self._books.rows([event for event in events if event.seq > self.projected_seq])
            self._db.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                self._db.executemany(statement, rows)
            self._db.execute("UPDATE progress SET projected_seq = ?", (last_seq,))
            self._db.execute("COMMIT")
        except (LedgerError, sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._books = Books(self._db)
            raise
        self._books.projected_seq = last_seq
