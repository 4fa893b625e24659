"""Offerings 申购: an issuer's bottles at a fixed price, subscribed to in a window, allotted by a verifiable rule.

The bottles are held when the offering is announced and the money in full when it is subscribed to, so nothing is
promised that is not there. RULES §8.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.allotment import commitment, digest_of, draw, pro_rata
from engine.codes import AMOUNT_MAX
from engine.commands import CASH, Allot, Method, Offer, Recall, Subscribe
from engine.core import Core
from engine.events import Allotted, Event, Offered, OfferingEnded, Subscribed
from engine.reject import Reject


@dataclass(slots=True)
class Offering:
    """What is offered, and who subscribed to how much, by the time of the subscription or its last change."""

    terms: Offer
    wanted: dict[int, int] = field(default_factory=dict)
    ended: bool = False

    def takes(self, ts: int) -> bool:
        """Whether the window is open."""
        return not self.ended and self.terms.opens <= ts and (not self.terms.closes or ts < self.terms.closes)


class Offerings:
    """Every offering ever announced."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.balances = core.balances
        self.all: dict[str, Offering] = {}

    def announce(self, command: Offer, events: list[Event]) -> Reject | None:
        if command.offering in self.all:
            return Reject.DUPLICATE_ID
        if command.sym not in self.balances.assets:
            return Reject.UNKNOWN_INSTRUMENT
        if not is_valid(command):
            return Reject.MALFORMED
        if command.closes and command.closes <= self.core.ts:
            return Reject.TOO_LATE
        if self.balances.get(command.acct, command.sym).free < command.qty:
            return Reject.INSUFFICIENT_BOTTLES
        self.balances.move(command.acct, command.sym, -command.qty, command.qty)
        self.all[command.offering] = Offering(command)
        events.append(
            Offered(
                self.core.seq, self.core.ts, command.offering, command.acct, command.sym, command.px, command.qty,
                command.opens, command.closes, command.commit,
            )
        )  # fmt: skip
        return None

    def subscribe(self, command: Subscribe, events: list[Event]) -> Reject | None:
        offering = self.all.get(command.offering)
        if offering is None:
            return Reject.UNKNOWN_OFFERING
        terms, before = offering.terms, offering.wanted.get(command.acct, 0)
        if not offering.takes(self.core.ts):
            return Reject.OFFERING_CLOSED
        if command.acct < 0 or command.acct == terms.acct:
            return Reject.MALFORMED
        if before and terms.final:
            return Reject.OFFERING_CLOSED
        if command.qty == 0 and not before:
            return Reject.UNKNOWN_ORDER
        if command.qty % terms.unit:
            return Reject.OFF_UNIT
        if 0 < command.qty < terms.min_qty:
            return Reject.BELOW_MIN_SUBSCRIPTION
        if command.qty > self._most(terms):
            return Reject.ABOVE_MAX_SUBSCRIPTION
        hold = (command.qty - before) * terms.px
        if hold > self.balances.get(command.acct, CASH).free:
            return Reject.INSUFFICIENT_FUNDS
        self.balances.move(command.acct, CASH, -hold, hold)
        offering.wanted.pop(command.acct, None)
        if command.qty:
            offering.wanted[command.acct] = command.qty
        events.append(Subscribed(self.core.seq, self.core.ts, command.acct, command.offering, command.qty, hold))
        return None

    @staticmethod
    def _most(terms: Offer) -> int:
        """The largest subscription: the offering's limit, and never one whose cost would not fit."""
        fits = AMOUNT_MAX // terms.px
        return min(terms.max_qty, fits) if terms.max_qty else fits

    def limit(self, offering: str, code: Reject) -> dict[str, int]:
        """The limit that a refused subscription met."""
        if offering not in self.all:
            return {}
        terms = self.all[offering].terms
        match code:
            case Reject.OFF_UNIT:
                return {"unit": terms.unit}
            case Reject.BELOW_MIN_SUBSCRIPTION:
                return {"min_qty": terms.min_qty}
            case Reject.ABOVE_MAX_SUBSCRIPTION:
                return {"max_qty": self._most(terms)}
            case _:
                return {}

    def allot(self, command: Allot, events: list[Event]) -> Reject | None:
        offering = self.all.get(command.offering)
        if offering is None:
            return Reject.UNKNOWN_OFFERING
        if offering.ended or self.core.ts < max(offering.terms.closes, offering.terms.opens):
            return Reject.OFFERING_CLOSED
        if commitment(command.seed) != offering.terms.commit:
            return Reject.WRONG_SEED
        self._end(offering, allotment_of(offering, command.seed), command.seed, events)
        return None

    def recall(self, command: Recall, events: list[Event]) -> Reject | None:
        offering = self.all.get(command.offering)
        if offering is None:
            return Reject.UNKNOWN_OFFERING
        if offering.ended:
            return Reject.OFFERING_CLOSED
        self._end(offering, [0] * len(offering.wanted), "", events)
        return None

    def _end(self, offering: Offering, given: Sequence[int], seed: str, events: list[Event]) -> None:
        """Swap cash and bottles for what is given, and release the rest of both."""
        seq, ts, terms = self.core.seq, self.core.ts, offering.terms
        for (acct, wanted), qty in zip(offering.wanted.items(), given, strict=True):
            paid = qty * terms.px
            refund = wanted * terms.px - paid
            self.balances.move(acct, CASH, refund, -wanted * terms.px)
            if qty:
                self.balances.move(acct, terms.sym, qty)
            events.append(Allotted(seq, ts, acct, terms.offering, terms.sym, terms.acct, qty, paid, refund))
        sold = sum(given)
        self.balances.move(terms.acct, CASH, sold * terms.px)
        self.balances.move(terms.acct, terms.sym, terms.qty - sold, -terms.qty)
        offering.ended = True
        events.append(
            OfferingEnded(
                seq, ts, terms.offering, terms.acct, terms.sym, sold, terms.qty - sold,
                digest_of(offering.wanted.items()), seed,
            )
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------- state as data

    def records(self) -> Iterator[tuple[Any, ...]]:
        for offering in self.all.values():
            yield "offering", tuple(offering.terms), offering.ended, tuple(offering.wanted.items())

    def load(self, terms: Sequence[Any], ended: bool, wanted: Sequence[tuple[int, int]]) -> None:
        """Take up an offering of a snapshot."""
        offer = Offer(*terms)
        self.all[offer.offering] = Offering(offer, dict(wanted), ended)


def allotment_of(offering: Offering, seed: str) -> list[int]:
    """What each subscription gets, in their order."""
    terms, wanted = offering.terms, list(offering.wanted.values())
    digest = digest_of(offering.wanted.items())
    if terms.method == Method.DRAW:
        return draw(wanted, terms.qty, terms.unit, seed, digest)
    return pro_rata(wanted, terms.qty, terms.min_qty, terms.step or terms.unit, seed, digest)


def is_valid(terms: Offer) -> bool:
    """Whether an offering's numbers make sense together."""
    step = terms.step or terms.unit
    return (
        terms.acct >= 0
        and terms.px > 0
        and terms.qty > 0
        and terms.min_qty % terms.unit == 0
        and terms.unit % step == 0
        and (terms.max_qty == 0 or terms.max_qty >= terms.min_qty)
        and (terms.closes == 0 or terms.closes > terms.opens)
        and terms.px * terms.qty <= AMOUNT_MAX
        and terms.px * terms.min_qty <= AMOUNT_MAX
        and len(terms.commit) == 64
        and set(terms.commit) <= set("0123456789abcdef")
    )
