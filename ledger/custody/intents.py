"""What the engine is asked to move: written down first, then asked, then closed with its answer.

An intent, and all that its flow needs to go on, is durable before its transfer is sent. The transfer's key is the
intent's, so sending it again after a crash gives the first outcome: `resume` closes whatever was left open.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.checks import fault_of
from engine.commands import Leg, Transfer
from engine.events import Event, Rejected, Repeated, Transferred
from engine.reject import Reject
from ledger.custody import tables
from ledger.custody.stock import By, Why, add, mark
from ledger.shop import Shop

Submit: TypeAlias = Callable[..., Awaitable[list[Event]]]  # commands in, their events out once they are durable


class IntentState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"


class Gain(NamedTuple):
    """By how many bottles of an asset a transfer changes what stands in a warehouse; 0 is the road."""

    warehouse: int
    asset: str
    qty: int


class Intent(NamedTuple):
    """`ref` is the flow's own row; `seq` and `code` say which command decided it, and how, once it is not pending."""

    id: int
    key: str
    flow: str
    ref: int
    legs: str
    stock: str
    actor: str
    ts: int
    state: str
    code: str
    seq: int

    @property
    def why(self) -> Why:
        return Why(By(self.actor, self.ts), self.flow, self.ref)

    @property
    def transfer(self) -> Transfer:
        return Transfer(0, self.key, tuple(Leg(*leg) for leg in json.loads(self.legs)))

    @property
    def gains(self) -> list[Gain]:
        return [Gain(*gain) for gain in json.loads(self.stock)]


After: TypeAlias = Callable[[AsyncConnection, Intent, bool], Awaitable[None]]
"""What a flow does when its transfer was made or refused, in the transaction that closes the intent."""


def unique(flow: str, ref: int) -> str:
    """A name that was never used: a shop restored from a backup gives its numbers to other rows."""
    return f"{flow}:{ref}:{secrets.token_hex(6)}"


class Intents:
    """Every transfer that the cellar asks for. Each flow says once, with `on`, what it does with the answer."""

    def __init__(self, shop: Shop, submit: Submit) -> None:
        self.submit = submit
        self._shop = shop
        self._after: dict[str, After] = {}

    def on(self, flow: str, after: After) -> None:
        self._after[flow] = after

    async def add(self, db: AsyncConnection, why: Why, legs: Sequence[Leg], gains: Sequence[Gain] = ()) -> Intent:
        """Write an intent down, in the transaction that checked and reserved all that it needs.

        Raises ValueError for a transfer that the engine would not even read: it could never be settled.
        """
        key = unique(why.flow, why.ref)
        if fault := fault_of(Transfer(0, key, tuple(legs))):
            raise ValueError(f"{why.flow} {why.ref}: {fault}")
        row = {
            "key": key,
            "flow": why.flow,
            "ref": why.ref,
            "legs": json.dumps(legs),
            "stock": json.dumps(gains),
            "actor": why.by.name,
            "ts": why.by.ts,
            "state": IntentState.PENDING,
            "code": "",
            "seq": 0,
        }
        return Intent(await add(db, tables.intents, **row), *row.values())  # type: ignore[arg-type]

    async def settle(self, intent: Intent) -> Reject | None:
        """Ask the engine, close the intent with the answer, and return it when it is a refusal."""
        seq, code = _outcome(await self.submit(intent.transfer))
        c = tables.intents.c
        closing = update(tables.intents).where(c.id == intent.id, c.state == IntentState.PENDING)
        state = IntentState.REFUSED if code else IntentState.DONE
        async with self._shop.begin() as db:
            closed = await db.execute(closing.values(state=state, code=code, seq=seq))
            if closed.rowcount:  # else it was resumed meanwhile
                await self._after[intent.flow](db, intent, not code)
                await mark(db, tables.bottles.c.intent == intent.id, None)
        return Reject(code) if code else None

    async def resume(self) -> int:
        """Settle whatever is open, in order, and return how many there were: at start, and after a fault."""
        async with self._shop.connect() as db:
            found = await pending(db)
        for intent in found:
            await self.settle(intent)
        return len(found)


async def pending(db: AsyncConnection) -> list[Intent]:
    query = select(tables.intents).where(tables.intents.c.state == IntentState.PENDING).order_by(tables.intents.c.id)
    return [Intent._make(row) for row in await db.execute(query)]


async def made_after(db: AsyncConnection, seq: int) -> list[Intent]:
    """The intents that commands after `seq` made."""
    c = tables.intents.c
    query = select(tables.intents).where(c.state == IntentState.DONE, c.seq > seq)
    return [Intent._make(row) for row in await db.execute(query)]


async def is_pending(db: AsyncConnection, flow: str, ref: int) -> bool:
    c = tables.intents.c
    found = await db.scalar(select(c.id).where(c.flow == flow, c.ref == ref, c.state == IntentState.PENDING))
    return found is not None


def _outcome(events: Sequence[Event]) -> tuple[int, str]:
    """The command that decided a transfer, and its refusal's code or "". Other events may stand around it."""
    for event in events:
        match event:
            case Transferred(seq=seq) | Repeated(first=seq):
                return seq, ""
            case Rejected(seq=seq, code=code):
                return seq, code
    raise ValueError(f"no answer to a transfer in {events}")
