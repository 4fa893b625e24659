"""When the exchange's state is kept: after so many commands or so long, and when the server stops."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.exchange import Exchange
from gateway.config import SNAPSHOT_EVERY, SNAPSHOT_S, SNAPSHOTS_KEPT
from ledger.snapshots import Snapshots

CHECK_S = 1

log = logging.getLogger(__name__)


class Keeper:
    """Writes snapshots, one at a time: the state is taken on the loop, between two groups, and written in a thread.

    A snapshot only saves time, so one that cannot be written is logged, and due again after the next interval.
    """

    def __init__(self, exchange: Exchange, snapshots: Snapshots, clock: Callable[[], int]) -> None:
        """`clock` gives nanoseconds."""
        self._exchange = exchange
        self._snapshots = snapshots
        self._clock = clock
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        self._last_seq, self._last_ns = exchange.seq, clock()

    @property
    def is_due(self) -> bool:
        commands = self._exchange.seq - self._last_seq
        return commands >= SNAPSHOT_EVERY or (commands > 0 and self._clock() - self._last_ns >= SNAPSHOT_S * 10**9)

    async def run(self) -> None:
        """Keep the state whenever that is due, for ever."""
        while True:
            await asyncio.sleep(CHECK_S)
            if self.is_due:
                await self.keep()

    async def keep(self) -> None:
        """Keep the state as it is now, once what was begun before is written."""
        self._last_seq, self._last_ns = self._exchange.seq, self._clock()
        if self._exchange.seq:
            records = list(self._exchange.snapshot())
            await asyncio.get_running_loop().run_in_executor(self._writer, self._write, records)

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.to_thread(self._writer.shutdown)

    def _write(self, records: list[tuple[object, ...]]) -> None:
        try:
            self._snapshots.write_records(records)
            self._snapshots.prune(SNAPSHOTS_KEPT)
        except OSError as error:
            log.error("no snapshot of command %s: %s", records[0][2], error)
