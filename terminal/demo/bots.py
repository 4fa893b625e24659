"""The demo's traders as a process: the crowd's decisions, sent over one socket for each account.

`python -m terminal.demo.bots URL DATA SEED`. Decisions come from the seed, their pace from another stream of the same
seed. A refused order is nothing to stop for; a lost server is.
"""

import asyncio
import contextlib
import itertools
import logging
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random

from gateway.client import Client, ClientError, Credentials, GatewayDown, Stream
from gateway.wire import Exec, Instrument, OrderCancel, OrderNew, Request
from marketplace import catalog
from terminal.demo.crowd import Action, Cancel, Crowd, Limits, Line, Order
from terminal.demo.personas import persona_of
from terminal.demo.setup import COLLECTORS, MAKERS, bot_key

DECISIONS_PER_S = 7  # with the cancels of older quotes some twelve requests a second
FOLLOW_EVERY = 40  # decisions between two looks at the bands
IN_FLIGHT_MAX = 200
WARM_UP = 200  # decisions without a pause, so that every line has a few trades to show at once

log = logging.getLogger(__name__)


class Trader:
    """One account's socket. Knows which of its orders may be open, to spare the exchange the others' cancels."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.open: set[str] = set()

    async def follow(self) -> None:
        async for frame in self.stream:
            if isinstance(frame, Exec) and frame.lvs == 0:
                self.open.discard(frame.cid)

    async def act(self, action: Action) -> None:
        """Send one action and wait for its answer. Raises GatewayDown."""
        if isinstance(action, Cancel) and action.cid not in self.open:
            return
        if isinstance(action, Order):
            self.open.add(action.cid)  # before it is sent, since the exchange may tell of its end before its ack
        try:
            await self.stream.request(request_of(action))
        except GatewayDown:
            raise
        except ClientError as error:
            self.open.discard(action.cid)
            log.debug("%s: %s", action, error)


def request_of(action: Action) -> Request:
    if isinstance(action, Cancel):
        return OrderCancel(cid=action.cid)
    return OrderNew(
        sym=action.sym, side="B" if action.side == "B" else "S", px=action.px, qty=action.qty,
        tif="IOC" if action.tif == "IOC" else "GTC", cid=action.cid,
    )  # fmt: skip


async def trade(url: str, data: Path, seed: int) -> None:
    """Trade until the server is gone. Raises GatewayDown."""
    async with contextlib.AsyncExitStack() as stack:
        public = await stack.enter_async_context(Client(url))
        traders: dict[int, Trader] = {}
        for acct in (*MAKERS, *COLLECTORS):
            client = await stack.enter_async_context(Client(url, Credentials.load(bot_key(data, acct))))
            await client.cancel_all()  # what an earlier run left
            stream = await stack.enter_async_context(await client.connect())
            await stream.subscribe(["exec"])
            trader = traders[acct] = Trader(stream)
            stack.callback(asyncio.create_task(trader.follow()).cancel)
        crowd = crowd_of(seed, await public.instruments())
        await send(crowd.opening(), traders)
        pace = Random(f"{seed} pace")  # noqa: S311 - a game, no secret
        for decision in itertools.count(1):
            for action in crowd.decide():
                await traders[action.acct].act(action)
            if decision % FOLLOW_EVERY == 0:
                await send(crowd.follow(limits_of(await public.instruments())), traders)
            if decision > WARM_UP:
                await asyncio.sleep(pace.expovariate(DECISIONS_PER_S))


def crowd_of(seed: int, instruments: Iterable[Instrument]) -> Crowd:
    """The crowd on the market as it stands: fair prices start where the last trades were."""
    histories = catalog.prices()
    lines = [
        Line(it.sym, persona_of(seed, histories[it.sym]), limits, it.last / it.ref - 1 if it.last else 0.0)
        for it, limits in zip(instruments, limits_of(instruments).values(), strict=True)
        if it.sym in histories
    ]
    return Crowd(seed, f"{time.time_ns():x}", lines, MAKERS, COLLECTORS)


def limits_of(instruments: Iterable[Instrument]) -> dict[str, Limits]:
    return {it.sym: Limits(it.tick, it.lo, it.hi, it.ref) for it in instruments}


async def send(actions: Iterable[Action], traders: dict[int, Trader]) -> None:
    """Send many actions at once."""
    waiting = list(actions)
    for first in range(0, len(waiting), IN_FLIGHT_MAX):
        batch = waiting[first : first + IN_FLIGHT_MAX]
        await asyncio.gather(*(traders[action.acct].act(action) for action in batch))


def main() -> int:
    url, data, seed = sys.argv[1:]
    try:
        asyncio.run(trade(url, Path(data), int(seed)))
    except ClientError as error:
        print(f"cellarbook: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
