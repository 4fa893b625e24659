"""sim: seeded random commands through journal, exchange and ledger, with faults between them; all holds after each.

A fault is a commit that fails, a crash after a commit that nobody was told of, a restart out of nothing; and the ledger
is always some way behind. One seed gives one history: the figure ends with a digest of all its states.
"""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from engine.commands import Command
from engine.events import Event
from engine.exchange import Exchange
from ledger.audit import audit
from ledger.books import differences
from ledger.errors import JournalFault
from ledger.recovery import recover
from tests.harness.breach import require
from tests.harness.replay import groups
from tests.ledger.history import close
from tests.simulation.flow import flow

ERA = 100_000  # commands of one exchange
LATE_EVENTS_MAX = 5_000  # that the ledger may be behind


def prove(commands: int, seed: int) -> str:
    """Raise Breach when engine, books and journal part ways, or when something durable is gone."""
    digest = blake2b(digest_size=8)
    faults = 0
    for first in range(0, commands, ERA):
        with TemporaryDirectory(prefix="cellarbook-sim-") as folder:
            era = Era(Random(f"{seed} {first}"), Path(folder))
            try:
                era.run(min(ERA, commands - first))
            finally:
                era.stop()
            require((report := audit(era.data)).ok, str(report))
        faults += era.faults
        digest.update(era.expected.state_hash().encode())
    return f"{commands} commands, {faults} faults, history {digest.hexdigest()}"


class Era:
    """One exchange under faults, beside one that never knew any: `expected`."""

    def __init__(self, rng: Random, data: Path) -> None:
        self.data = data
        self.expected = Exchange()
        self.faults = 0
        self._rng = rng
        self._books = recover(data)
        self._late: list[Event] = []  # what the ledger was not given yet

    def run(self, count: int) -> None:
        commands = list(flow(self._rng.randrange(1 << 32), count))[:count]
        for group in groups(self._rng, commands):
            chance = self._rng.random()
            if chance < 0.005:
                self._fail(group)
            elif chance < 0.01:
                self._crash(group)
                continue  # its commands are in the journal
            elif chance < 0.015:
                self._restart()
            self._books.journal.append(group)
            self._apply(group)
            self._examine()
        self._project()
        self._examine()

    def stop(self) -> None:
        close(self._books)

    def _apply(self, group: Sequence[Command]) -> None:
        self._late += self._books.exchange.apply(group)
        self.expected.apply(group)
        if self._rng.random() < 0.3 or len(self._late) > LATE_EVENTS_MAX:
            self._project()
        if self._rng.random() < 0.01:
            self._books.snapshots.write(self._books.exchange)

    def _project(self) -> None:
        self._books.projector.project(self._late)
        self._late = []

    def _examine(self) -> None:
        exchange, projector = self._books.exchange, self._books.projector
        exchange.check()
        require(exchange.seq == self.expected.seq, f"at command {exchange.seq}, expected {self.expected.seq}")
        if not self._late:
            found = differences(exchange, projector.books.balances())
            require(not found, f"engine and ledger differ after command {exchange.seq}: {found[:3]}")

    def _fail(self, group: Sequence[Command]) -> None:
        """A commit fails: the journal refuses everything from then on, and after a restart the commands are not there.

        Their clients know no more than that the outcome is unknown, and send them again.
        """
        self._books.journal._db.close()
        for _ in range(2):
            try:
                self._books.journal.append(group)
            except JournalFault:
                continue
            require(False, f"a commit on a closed file succeeded after command {self.expected.seq}")
        self._restart()

    def _crash(self, group: Sequence[Command]) -> None:
        """The server is gone between a commit and what would follow: the commands count, although nobody knows it."""
        self._books.journal.append(group)
        self.expected.apply(group)
        self._restart()

    def _restart(self) -> None:
        self.faults += 1
        self._late = []
        self.stop()
        self._books = recover(self.data)
        live, expected = self._books.exchange, self.expected
        require(live.seq == expected.seq, f"recovered at command {live.seq}, expected {expected.seq}")
        require(live.state_hash() == expected.state_hash(), f"another state after command {live.seq}")
