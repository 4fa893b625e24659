"""Four eyes: what one operator proposes and another approves is done once, whatever happens in between.

A proposal, its approval and its end are each durable before the next step. What was approved is asked of the engine as
one command: money by a transfer whose key is the proposal's, so that asking again gives the first outcome; a band by
setting it, which twice is the same as once. Approved proposals are carried out one after another, and those that a
crash left open before the server opens.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.checks import fault_of
from engine.commands import CASH, Command, Leg, LegKind, SetBand, Transfer
from engine.events import Event, Rejected, Repeated
from gateway.access.people import set_post
from gateway.access.posts import May, permissions_of
from gateway.access.tables import approvals
from gateway.errors import Problem
from gateway.store import Identity, Store, as_json
from ledger.accounts import BANK
from ledger.operator_log import Head, append

Submit: TypeAlias = Callable[..., Awaitable[list[Event]]]  # commands in, their events out once they are durable
DIRECTORS_MIN = 2  # until so many may approve posts, posts are given without approval: somebody has to be the first


class Kind(StrEnum):
    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    BAND = "band"
    POST = "post"


class State(StrEnum):
    PROPOSED = "proposed"
    REJECTED = "rejected"
    APPROVED = "approved"  # and not yet carried out
    DONE = "done"
    REFUSED = "refused"  # by the engine


PROPOSING = {Kind.DEPOSIT: May.MONEY, Kind.WITHDRAW: May.MONEY, Kind.BAND: May.BANDS, Kind.POST: May.POSTS}
APPROVING = {
    Kind.DEPOSIT: May.MONEY_APPROVE,
    Kind.WITHDRAW: May.MONEY_APPROVE,
    Kind.BAND: May.BANDS_APPROVE,
    Kind.POST: May.POSTS_APPROVE,
}


class Approval(NamedTuple):
    """`eyes` 4 takes a second person; `seq` and `code` say which command ended it, and how it was refused."""

    id: int
    key: str
    kind: str
    detail: str
    reason: str
    maker: str
    made_ts: int
    state: str
    checker: str
    answer: str
    checked_ts: int
    eyes: int
    code: str
    seq: int

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.detail)
        return found

    @property
    def command(self) -> Command | None:
        """What the engine is asked; None for what it has nothing to do with."""
        facts = self.facts
        match self.kind:
            case Kind.DEPOSIT:
                leg = Leg(LegKind.TRANSFER, BANK, facts["acct"], CASH, facts["amount"])
                return Transfer(0, self.key, (leg,))
            case Kind.WITHDRAW:
                leg = Leg(LegKind.TRANSFER, facts["acct"], BANK, CASH, facts["amount"])
                return Transfer(0, self.key, (leg,))
            case Kind.BAND:
                return SetBand(0, facts["sym"], facts["up_bp"], facts["down_bp"], facts["ref"], facts["when"])
        return None


class Approvals:
    def __init__(self, store: Store, submit: Submit, clock: Callable[[], int], four_eyes: bool) -> None:
        self._store = store
        self._submit = submit
        self._clock = clock
        self._four_eyes = four_eyes
        self._turn = asyncio.Lock()

    @property
    def four_eyes(self) -> bool:
        return self._four_eyes

    async def propose(self, who: Identity, kind: Kind, facts: Mapping[str, Any], reason: str) -> Approval:
        """Write down what is wanted; where one operator may decide alone, it is done at once. Raises Problem."""
        eyes = 4 if self._four_eyes and not (kind is Kind.POST and self._directors() < DIRECTORS_MIN) else 2
        if eyes == 4 and not who.person:
            raise Problem("FOUR_EYES", msg="this takes two people, and a key that is nobody's own is none: log in")
        key = f"{kind}:{secrets.token_hex(12)}"
        state = State.PROPOSED if eyes == 4 else State.APPROVED
        made = Approval(
            0, key, kind, as_json(facts), reason, who.actor, self._clock(), state, "", "", 0, eyes, "", 0
        )  # fmt: skip
        if made.command is not None and (fault := fault_of(made.command)):
            raise Problem("MALFORMED", field=fault.rpartition("legs: ")[2].partition(":")[0], msg=fault)
        async with self._store.shop.begin() as db:
            last = await db.scalar(select(approvals.c.id).order_by(approvals.c.id.desc()).limit(1))
            made = made._replace(id=(last or 0) + 1)
            await db.execute(insert(approvals).values(made._asdict()))
            head = await self._note(db, made, who.actor, "propose", reason)
        await self._store.log.keep(head)
        return await self._carry_out(made.id) if eyes == 2 else made

    async def decide(self, who: Identity, number: int, approve: bool, reason: str) -> Approval:
        """Approve or reject somebody else's proposal. Raises Problem."""
        found = await self.get(number)
        if APPROVING[Kind(found.kind)] not in who.may:
            raise Problem("FORBIDDEN", msg=f"your post does not allow this: {APPROVING[Kind(found.kind)]}")
        if not who.person:
            raise Problem("FOUR_EYES", msg="two people decide this, and a key that is nobody's own is none: log in")
        if found.maker == who.actor:
            raise Problem("SAME_PERSON")
        state = State.APPROVED if approve else State.REJECTED
        decided = {"state": state, "checker": who.actor, "answer": reason, "checked_ts": self._clock()}
        is_open = (approvals.c.id == number) & (approvals.c.state == State.PROPOSED)
        try:
            async with self._store.shop.begin() as db:
                if not (await db.execute(update(approvals).where(is_open).values(decided))).rowcount:
                    raise Problem("WRONG_STATE")
                head = await self._note(db, found, who.actor, "approve" if approve else "reject", reason)
        except IntegrityError as error:
            raise Problem("SAME_PERSON") from error
        await self._store.log.keep(head)
        return await self._carry_out(number) if approve else await self.get(number)

    async def resume(self) -> int:
        """Carry out what was approved and is not done, in order; return how much that was."""
        found = await self.list(State.APPROVED)
        for approval in found:
            await self._carry_out(approval.id)
        return len(found)

    async def get(self, number: int) -> Approval:
        """Raises Problem."""
        async with self._store.shop.connect() as db:
            row = (await db.execute(select(approvals).where(approvals.c.id == number))).one_or_none()
        if row is None:
            raise Problem("UNKNOWN_APPROVAL")
        return Approval._make(row)

    async def list(self, state: str = "", limit: int = 1_000) -> Sequence[Approval]:
        """The oldest first; all of them without a state."""
        query = select(approvals).order_by(approvals.c.id).limit(limit)
        async with self._store.shop.connect() as db:
            found = await db.execute(query.where(approvals.c.state == state) if state else query)
        return [Approval._make(row) for row in found]

    async def _carry_out(self, number: int) -> Approval:
        """Do what was approved, and close it with what came of it."""
        async with self._turn:
            found = await self.get(number)
            if found.state != State.APPROVED:
                return found
            seq, code = 0, ""
            if found.command is not None:
                seq, code = _outcome(await self._submit(found.command))
            done = found._replace(state=State.REFUSED if code else State.DONE, seq=seq, code=code)
            async with self._store.shop.begin() as db:
                changed = {"state": done.state, "seq": seq, "code": code}
                await db.execute(update(approvals).where(approvals.c.id == number).values(changed))
                if done.kind == Kind.POST:
                    await set_post(db, done.facts["person"], done.facts["post"])
                head = await self._note(db, done, done.checker or done.maker, done.state, code)
            await self._store.log.keep(head)
            if done.kind == Kind.POST:
                await self._store.load()
            return done

    async def _note(self, db: AsyncConnection, about: Approval, actor: str, action: str, reason: str) -> Head:
        detail = as_json({"id": about.id, "kind": about.kind, **about.facts, "seq": about.seq})
        return await append(db, self._clock(), actor, action, reason, detail)

    def _directors(self) -> int:
        return sum(May.POSTS_APPROVE in permissions_of(one.post) for one in self._store.people.values())


def _outcome(events: Sequence[Event]) -> tuple[int, str]:
    """The command that did it, and its refusal's code or ""."""
    match events[0]:
        case Rejected(seq=seq, code=code):
            return seq, code
        case Repeated(first=seq):
            return seq, ""
        case event:
            return event.seq, ""
