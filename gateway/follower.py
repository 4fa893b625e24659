"""Beside the server that takes commands: applies what its journal gains, and refuses commands itself."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import islice

from engine.commands import Command
from engine.events import Event
from engine.exchange import Exchange
from gateway.config import FOLLOW_S, PROJECTED_TIMEOUT_S
from gateway.errors import Problem
from ledger.journal import Group, JournalReader
from ledger.store import LedgerReader

GROUPS_MAX = 64  # applied before others have a turn

log = logging.getLogger(__name__)


class Follower:
    """Stands where the sequencer stands in a server that leads; what it shows is durable, and a moment old.

    `on_events` sees all events in order; `on_fault` is called once, when the journal can no longer be followed.
    """

    def __init__(
        self,
        journal: JournalReader,
        exchange: Exchange,
        reader: LedgerReader,
        on_events: Callable[[Sequence[Event]], None],
        on_fault: Callable[[BaseException], None],
    ) -> None:
        self.exchange = exchange
        self.is_open = True
        self.projected_seq = exchange.seq
        self._journal = journal
        self._reader = reader
        self._on_events = on_events
        self._on_fault = on_fault
        self._progress = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def step(self) -> bool:
        """Apply what the journal has gained, or some of it; False when there was nothing. Raises LedgerError."""
        groups = await asyncio.to_thread(self._read)
        for group in groups:
            self._on_events(self.exchange.apply(group.commands))
        return bool(groups)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="follower")

    def submit(self, *_commands: Command) -> "asyncio.Future[list[Event]]":
        """Raises Problem FOLLOWER."""
        raise Problem("FOLLOWER")

    async def projected(self) -> None:
        """Wait until the other server has booked what is applied here. Raises Problem BUSY when that takes too long."""
        seq = self.exchange.seq
        try:
            async with asyncio.timeout(PROJECTED_TIMEOUT_S), self._progress:
                await self._progress.wait_for(lambda: self.projected_seq >= seq)
        except TimeoutError:
            raise Problem("BUSY") from None

    async def stop(self) -> None:
        self.is_open = False
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self.is_open:
                if not await self.step():
                    await asyncio.sleep(FOLLOW_S)
                self.projected_seq = await self._reader.projected_seq()
                async with self._progress:
                    self._progress.notify_all()
        except Exception as error:
            log.exception("the journal cannot be followed any more")
            self.is_open = False
            self._on_fault(error)

    def _read(self) -> list[Group]:
        if self._journal.last_seq <= self.exchange.seq:
            return []
        return list(islice(self._journal.groups(after=self.exchange.seq), GROUPS_MAX))
