"""Moves that are not trades: linked legs, all or nothing, each transfer once.

A transfer is planned on paper first, leg by leg on top of the balances as they are, and made only when every leg can
be. Its key is used for ever: a repetition gives the first outcome, done or refused, and moves nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from engine.balances import FEES, SUPPLY_MAX, shortage
from engine.commands import Leg, LegKind, Transfer
from engine.core import Core
from engine.events import Event, Repeated, Transferred
from engine.reject import Reject


class Hold(NamedTuple):
    """What an account has held for a purpose; `left` 0 when it is over."""

    acct: int
    asset: str
    left: int


class Outcome(NamedTuple):
    """What became of a transfer: the command that decided it, its refusal's code or "", and a digest of its legs."""

    seq: int
    code: str
    digest: str


@dataclass
class _Plan:
    """What the legs so far would change."""

    legs: list[Leg] = field(default_factory=list)
    moves: dict[tuple[int, str], list[int]] = field(default_factory=dict)  # (acct, asset) -> [free, held]
    holds: dict[str, Hold] = field(default_factory=dict)

    def move(self, acct: int, asset: str, free: int, held: int) -> None:
        found = self.moves.setdefault((acct, asset), [0, 0])
        found[0] += free
        found[1] += held


class Transfers:
    """Holds that are not orders', and the outcome of every transfer."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.balances = core.balances
        self.holds: dict[str, Hold] = {}
        self.outcomes: dict[str, Outcome] = {}

    def make(self, command: Transfer, events: list[Event]) -> Reject | None:
        """Make a transfer, or give the first outcome of its key again."""
        seq, ts = self.core.seq, self.core.ts
        digest = blake2b(json.dumps(command.legs).encode(), digest_size=8).hexdigest()
        before = self.outcomes.get(command.key)
        if before is not None and (before.digest != digest or before.code):
            return Reject(before.code) if before.digest == digest else Reject.DUPLICATE_ID
        if before is not None:
            events.append(Repeated(seq, ts, command.key, before.seq))
            return None
        for leg in command.legs:
            if leg.asset and leg.asset not in self.balances.supply:
                return Reject.UNKNOWN_INSTRUMENT
        plan = self._plan(command.legs)
        self.outcomes[command.key] = Outcome(seq, plan if isinstance(plan, Reject) else "", digest)
        if isinstance(plan, Reject):
            return plan
        for (acct, asset), (free, held) in plan.moves.items():
            self.balances.move(acct, asset, free, held)
        self.holds |= plan.holds
        events.append(Transferred(seq, ts, command.key, tuple(plan.legs)))
        return None

    def _plan(self, legs: tuple[Leg, ...]) -> _Plan | Reject:
        plan = _Plan()
        for leg in legs:
            if refusal := self._add(plan, leg):
                return refusal
        for acct, asset in plan.moves:
            if acct < FEES and self._issued(plan, asset) > SUPPLY_MAX:
                return Reject.MALFORMED
        return plan

    def _add(self, plan: _Plan, leg: Leg) -> Reject | None:
        """Add one leg to a plan, or say why it cannot be made."""
        if leg.kind in (LegKind.TRANSFER, LegKind.HOLD):
            hold, amount = Hold(leg.acct, leg.asset, leg.amount), leg.amount
            if leg.kind == LegKind.HOLD and (leg.hold in self.holds or leg.hold in plan.holds):
                return Reject.DUPLICATE_ID
            if leg.acct >= FEES and self.balances.get(leg.acct, leg.asset).free + self._planned(plan, leg) < amount:
                return shortage(leg.asset)
        else:
            found = plan.holds.get(leg.hold) or self.holds.get(leg.hold)
            if found is None or not found.left:
                return Reject.UNKNOWN_HOLD
            hold, amount = found, leg.amount or found.left
            if amount > hold.left:
                return Reject.ABOVE_HOLD
        acct, asset, left = hold
        match leg.kind:
            case LegKind.TRANSFER:
                plan.move(acct, asset, -amount, 0)
                plan.move(leg.to, asset, amount, 0)
            case LegKind.HOLD:
                plan.move(acct, asset, -amount, amount)
                plan.holds[leg.hold] = hold
            case LegKind.CAPTURE:
                plan.move(acct, asset, 0, -amount)
                plan.move(leg.to, asset, amount, 0)
                plan.holds[leg.hold] = Hold(acct, asset, left - amount)
            case LegKind.RELEASE:
                plan.move(acct, asset, amount, -amount)
                plan.holds[leg.hold] = Hold(acct, asset, left - amount)
        plan.legs.append(leg._replace(acct=acct, asset=asset, amount=amount))
        return None

    @staticmethod
    def _planned(plan: _Plan, leg: Leg) -> int:
        return plan.moves.get((leg.acct, leg.asset), (0, 0))[0]

    def _issued(self, plan: _Plan, asset: str) -> int:
        """What the accounts would have of an asset that are not contra accounts."""
        moves = (change for (acct, moved), change in plan.moves.items() if moved == asset and acct < FEES)
        return self.balances.issued(asset) - sum(map(sum, moves))

    # ------------------------------------------------------------------------------------------- state as data

    def records(self) -> Iterator[tuple[Any, ...]]:
        for name, hold in self.holds.items():
            yield "hold", name, *hold
        for key, outcome in self.outcomes.items():
            yield "transfer", key, *outcome
