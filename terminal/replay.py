"""Send a recorded order flow through the whole stack, and add up what came of it.

The orders are spread over accounts, each with a socket of its own. A socket keeps order and two do not, so requests go
out in bursts of one account, and a burst starts when all answers to the one before are in. Accounts take turns by
stretches of the file, which keeps bursts long. The engine thus sees the rows in exactly their order.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from engine.balances import SUPPLY_MAX
from engine.codes import AMOUNT_MAX
from engine.commands import CASH
from gateway.client import Client, ClientError, Credentials, GatewayDown, Stream
from gateway.wire import Ack, Exec, OrderCancel, OrderNew
from terminal.recording import Cancel, Place, Recording

ACCOUNTS = 8
BURST_MAX = 500  # requests in flight; the server takes 1,024 of a socket
BUSY_S = 0.2  # before a busy server is asked again
FILLS_S = 30  # to wait for the last fills after the last answer


class ReplayFault(Exception):
    """The replay cannot go on, or its result would not be the recording's; the message says why."""


@dataclass(slots=True)
class Totals:
    """What came of a replay. `quantity` in the recording's units, `notional` in its cents times units."""

    sent: int = 0
    accepted: int = 0
    cancelled: int = 0
    done_before: int = 0  # cancels of orders that had traded away
    rejects: Counter[str] = field(default_factory=Counter)
    trades: int = 0
    quantity: int = 0
    notional: int = 0
    seconds: float = 0.0
    acks: dict[str, Ack] = field(default_factory=dict)  # of the accepted orders, by cid

    @property
    def taken(self) -> int:
        """The quantity that orders took from the book when they came in, by their acks: all that ever trades."""
        return sum(ack.cum for ack in self.acks.values())


@dataclass(frozen=True, slots=True)
class Venue:
    """Where one replay trades: an instrument and accounts that nobody else uses."""

    sym: str
    accts: list[int]


def turns(recording: Recording, accounts: int = ACCOUNTS) -> Iterator[tuple[int, list[Place | Cancel]]]:
    """Yield (place of the account, steps) bursts in the recording's order. A cancel goes with its order's account."""
    owners: dict[str, int] = {}
    burst: list[Place | Cancel] = []
    speaker = 0
    for step in recording.steps:
        if isinstance(step, Place):
            owners[step.cid] = len(owners) * accounts // recording.created
        if owners[step.cid] != speaker or len(burst) == BURST_MAX:
            if burst:
                yield speaker, burst
            speaker, burst = owners[step.cid], []
        burst.append(step)
    if burst:
        yield speaker, burst


def cover(recording: Recording, accounts: int = ACCOUNTS) -> tuple[list[int], list[int]]:
    """Return the cash and the quantity that each account needs if all its orders fill and none is cancelled.

    Raises ReplayFault when the exchange does not hold that much of one asset.
    """
    cash, quantity = [0] * accounts, [0] * accounts
    for account, burst in turns(recording, accounts):
        for step in burst:
            if isinstance(step, Place) and step.side == "B":
                cash[account] += step.px * step.qty
            elif isinstance(step, Place):
                quantity[account] += step.qty
    if max(sum(cash), sum(quantity)) > SUPPLY_MAX:
        raise ReplayFault(f"all orders together are worth more than an exchange holds of one asset, {SUPPLY_MAX}")
    return cash, quantity


async def open_market(operator: Client, recording: Recording) -> Venue:
    """List a fresh instrument and give fresh accounts ample cover, in one durable step."""
    cash, quantity = cover(recording)
    taken = {instrument.sym for instrument in await operator.instruments()}
    number = next(number for number in count(1) if f"REPLAY-{number}" not in taken)
    venue = Venue(f"REPLAY-{number}", [number * 1_000_000 + place for place in range(1, ACCOUNTS + 1)])
    commands: list[dict[str, Any]] = [
        {"op": "list", "sym": venue.sym, "up_bp": -1, "max_px": recording.px_max, "stp": "none"}
    ]
    for place, acct in enumerate(venue.accts):
        commands += deposits(acct, CASH, cash[place])
        commands += deposits(acct, venue.sym, quantity[place])
    for event in await operator.admin(commands):
        if event["event"] == "rejected":
            raise ReplayFault(f"the exchange refused to open the market: {event['code']}")
    return venue


def deposits(acct: int, asset: str, amount: int) -> list[dict[str, Any]]:
    """Deposits that add up to an amount, each within the engine's bounds."""
    pieces = [AMOUNT_MAX] * (amount // AMOUNT_MAX) + [amount % AMOUNT_MAX]
    return [{"op": "deposit", "acct": acct, "asset": asset, "amount": piece} for piece in pieces if piece]


class Replay:
    """One run of a recording. `totals` is true at any moment, also when the run breaks off."""

    def __init__(self, operator: Client, recording: Recording, progress: Callable[[int], None] = lambda sent: None):
        self.operator = operator
        self.recording = recording
        self.progress = progress
        self.totals = Totals()
        self._filled = asyncio.Event()

    async def run(self) -> Totals:
        """Open a market, send everything, wait for the last fill. Raises ClientError, ReplayFault."""
        venue = await open_market(self.operator, self.recording)
        async with contextlib.AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(self._socket(acct)) for acct in venue.accts]
            start = time.perf_counter()
            for account, burst in turns(self.recording):
                await self._send(streams[account], venue.sym, burst)
            self.totals.seconds = time.perf_counter() - start
            await self._last_fills()
        return self.totals

    @contextlib.asynccontextmanager
    async def _socket(self, acct: int) -> AsyncIterator[Stream]:
        """An account's socket, whose fills are counted as long as it is open."""
        key = await self.operator.create_key(acct, ["read", "trade"])
        credentials = Credentials(key.key, bytes.fromhex(key.secret))
        async with Client(self.operator.url, credentials) as client, await client.connect() as stream:
            await stream.subscribe(["exec"])
            reading = asyncio.create_task(self._read(stream))
            try:
                yield stream
            finally:
                reading.cancel()

    async def _read(self, stream: Stream) -> None:
        """Count the fills of the orders that took; each trade has one."""
        async for frame in stream:
            if isinstance(frame, Exec) and frame.role == "taker":
                self.totals.trades += 1
                self.totals.quantity += frame.qty
                self.totals.notional += frame.px * frame.qty
                self._filled.set()

    async def _send(self, stream: Stream, sym: str, burst: list[Place | Cancel]) -> None:
        """Send a burst and take all its answers; what a busy server turned away goes again, still in order."""
        while burst:
            futures, lost = [], None
            for step in burst:
                try:
                    futures.append(await stream.send(request_of(step, sym)))
                except GatewayDown as error:
                    lost = error
                    break
            answers = await asyncio.gather(*futures, return_exceptions=True)
            waiting: list[Place | Cancel] = []
            for step, answer in zip(burst, answers, strict=False):
                if isinstance(answer, ClientError) and answer.name == "BUSY":
                    waiting.append(step)
                elif waiting:
                    raise ReplayFault("the server was too busy for an order and took a later one")
                else:
                    self._count(step, answer)
            if lost is not None:
                raise lost
            if waiting:
                await asyncio.sleep(BUSY_S)
            burst = waiting
        self.progress(self.totals.sent)

    def _count(self, step: Place | Cancel, answer: object) -> None:
        totals = self.totals
        if isinstance(answer, Ack):
            if isinstance(step, Place):
                totals.accepted += 1
                totals.acks[step.cid] = answer
            else:
                totals.cancelled += 1
        elif isinstance(answer, ClientError) and answer.fault.code:
            if isinstance(step, Cancel) and answer.name == "UNKNOWN_ORDER":
                totals.done_before += 1
            else:
                totals.rejects[answer.name] += 1
        else:
            assert isinstance(answer, BaseException)
            raise answer
        totals.sent += 1

    async def _last_fills(self) -> None:
        """Wait until the fills add up to what the acks say was taken."""
        taken = self.totals.taken
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FILLS_S):
                while self.totals.quantity < taken:
                    self._filled.clear()
                    await self._filled.wait()
        if self.totals.quantity != taken:
            raise ReplayFault(f"the fills add up to {self.totals.quantity}, the answers to {taken}")


def request_of(step: Place | Cancel, sym: str) -> OrderNew | OrderCancel:
    if isinstance(step, Cancel):
        return OrderCancel(cid=step.cid)
    return OrderNew(sym=sym, side="B" if step.side == "B" else "S", px=step.px, qty=step.qty, cid=step.cid)


def report(recording: Recording, totals: Totals) -> Iterator[str]:
    """The lines of the result; every amount an integer."""
    yield f"rows: {recording.rows}"
    yield f"orders: {recording.created}"
    yield f"cancels: {recording.deleted}"
    yield f"changed, ignored: {recording.changed}"
    yield f"deleted but never created, ignored: {recording.unknown}"
    yield f"seconds: {totals.seconds:.1f}"
    yield f"orders/s: {round(totals.sent / totals.seconds) if totals.seconds else 0}"
    yield f"accepted: {totals.accepted}"
    yield f"cancelled: {totals.cancelled}"
    yield f"already done: {totals.done_before}"
    yield f"rejected: {totals.rejects.total()}"
    for code, times in totals.rejects.most_common():
        yield f"rejected {code}: {times}"
    yield f"trades: {totals.trades}"
    yield f"quantity: {totals.quantity}"
    yield f"notional: {totals.notional}"
