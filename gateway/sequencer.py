"""The pipeline: durable, then applied, then visible. The one place where commands get their order.

Everything that queued up while the last group was committed is the next group, so groups grow with the load. A
failed commit ends it: nothing more is acknowledged, and the server stops so that a restart can recover.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from engine.checks import fault_of
from engine.commands import Command
from engine.events import Event
from engine.exchange import Exchange
from gateway.config import QUEUE_MAX
from gateway.errors import Problem
from ledger.journal import Journal
from ledger.store import Projector

log = logging.getLogger(__name__)


class Submission(NamedTuple):
    commands: Sequence[Command]
    done: "asyncio.Future[list[Event]]"


class Sequencer:
    """Takes commands and answers each submission with the events of its commands, once they are durable.

    Commands get their time here, from `clock`, and never an earlier one than the command before. `on_events` sees
    all events in order; `on_fault` is called once, when nothing more can be taken.
    """

    def __init__(
        self,
        journal: Journal,
        exchange: Exchange,
        projector: Projector,
        clock: Callable[[], int],
        on_events: Callable[[Sequence[Event]], None],
        on_fault: Callable[[BaseException], None],
    ) -> None:
        self.exchange = exchange
        self._journal = journal
        self._projector = projector
        self._clock = clock
        self._on_events = on_events
        self._on_fault = on_fault
        self._waiting: list[Submission] = []
        self._count = 0  # commands waiting
        self._wake = asyncio.Event()
        self._open = True
        self._task: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def projected_seq(self) -> int:
        return self._projector.projected_seq

    async def projected(self) -> None:
        """Wait until everything applied so far is in the books."""
        await self._projector.drain()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="sequencer")

    def submit(self, *commands: Command) -> "asyncio.Future[list[Event]]":
        """Queue commands as one atomic step: durable together, applied together.

        The future gives their events, or Problem OUTCOME_UNKNOWN when the commit failed. Raises Problem MALFORMED for
        what the journal could not hold, and BUSY when the queue or the books' backlog is full, or the exchange stops.
        """
        for command in commands:
            if fault := fault_of(command):
                raise Problem("MALFORMED", field=fault.partition(":")[0], msg=fault)
        if not self._open or self._count + len(commands) > QUEUE_MAX or self._projector.fullness >= 1:
            raise Problem("BUSY")
        done: asyncio.Future[list[Event]] = asyncio.get_running_loop().create_future()
        self._waiting.append(Submission(commands, done))
        self._count += len(commands)
        self._wake.set()
        return done

    async def stop(self) -> None:
        """Take nothing new, finish what is queued."""
        self._open = False
        self._wake.set()
        if self._task is not None:
            await self._task
        self._writer.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        group: list[Submission] = []
        try:
            while self._open or self._waiting:
                await self._wake.wait()
                self._wake.clear()
                group, self._waiting, self._count = self._waiting, [], 0
                if not group:
                    continue
                ts = max(self._clock(), self.exchange.ts)
                commands = [command._replace(ts=ts) for submission in group for command in submission.commands]
                await loop.run_in_executor(self._writer, self._journal.append, commands)
                events = self.exchange.apply(commands)
                self._release(group, events)
                self._on_events(events)
                self._projector.offer(self.exchange.seq, events)
        except Exception as error:  # whatever it is: what was asked may be durable, and nobody can be told more
            log.exception("the sequencer stops")
            self._open = False
            for submission in (*group, *self._waiting):
                if not submission.done.done():
                    submission.done.set_exception(Problem("OUTCOME_UNKNOWN"))
            self._on_fault(error)

    def _release(self, group: list[Submission], events: list[Event]) -> None:
        """Give each submission the events of its commands. Its client may be gone by now."""
        seq = self.exchange.seq - sum(len(submission.commands) for submission in group)
        at = 0
        for submission in group:
            seq += len(submission.commands)
            first = at
            while at < len(events) and events[at].seq <= seq:
                at += 1
            if not submission.done.done():
                submission.done.set_result(events[first:at])
