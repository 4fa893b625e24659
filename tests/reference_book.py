"""The slow, obvious twin of `engine.exchange`: dictionaries, lists and one `SortedDict` a side.

Written from RULES, not from the kernel, and used by the differential tests: same commands, same events.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from hashlib import sha256
from math import ceil, floor

from sortedcontainers import SortedDict

from engine.allotment import digest_of, draw, pro_rata
from engine.commands import (
    CALLS,
    CASH,
    LOCKED,
    AddAsset,
    Allot,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    Group,
    Leg,
    List,
    Method,
    Offer,
    OrderType,
    Phase,
    Place,
    Recall,
    Roll,
    SelfTrade,
    SetBand,
    SetFees,
    SetPhase,
    Side,
    Subscribe,
    TimeInForce,
    Transfer,
    When,
    Withdraw,
)
from engine.events import (
    Accepted,
    Allotted,
    Amended,
    AssetAdded,
    BandChanged,
    BandPlanned,
    Cancelled,
    Deposited,
    Event,
    FeesChanged,
    Grouped,
    Indicated,
    Listed,
    Offered,
    OfferingEnded,
    PhaseChanged,
    Rejected,
    Repeated,
    Rolled,
    Subscribed,
    Traded,
    Transferred,
    Triggered,
    Uncrossed,
    Withdrawn,
)
from engine.reject import Reason, Reject

FEES = -1
HUGE = 2**53


@dataclass
class Order:
    oid: int
    acct: int
    cid: str
    sym: str
    side: str
    px: int
    qty: int
    left: int
    fee_base: int = 0
    fees: int = 0
    held: int = 0
    tif: str = TimeInForce.GTC
    expire_ts: int = 0
    post: bool = False
    display: int = 0  # 0: all of it shows
    shown: int = 0  # of an iceberg: what is left of its slice
    market: bool = False
    stop: bool = False  # waits for its trigger
    trigger: int = 0

    @property
    def visible(self) -> int:
        return min(self.shown, self.left) if self.display else self.left


class Line:
    def __init__(self, listing: List) -> None:
        self.listing = listing
        self.phase: str = Phase.CONTINUOUS
        self.ref = listing.ref
        self.up_bp, self.down_bp = listing.up_bp, listing.down_bp
        self.fees = (listing.maker_bp, listing.taker_bp, listing.min_fee)
        self.day = self.auction = 0
        self.planned: tuple[int, int, int] | None = None
        self.close = 0
        self.called = False
        self.indicated = (0, 0, 0)
        self.waiting: list[Order] = []  # market orders in a call
        self.stops: list[Order] = []
        self.elected: list[Order] = []
        self.last = 0
        self.lo, self.hi = band(listing, listing.ref, *self.band_today())
        self.sides: dict[str, SortedDict] = {Side.BUY: SortedDict(lambda px: -px), Side.SELL: SortedDict()}

    def band_today(self) -> tuple[int, int]:
        rules = self.listing
        early = self.day < rules.first_days
        return (rules.first_up_bp, rules.first_down_bp) if early else (self.up_bp, self.down_bp)

    def guard(self) -> Callable[[int], bool]:
        """Whether a trade at a price is made, by the ranges as they are now."""
        rules = self.listing
        bases = ((self.close or self.ref, rules.dyn_bp), (self.auction or self.ref, rules.static_bp))

        def within(px: int) -> bool:
            return all(not bp or abs(px - base) * 10_000 <= base * bp for base, bp in bases)

        return within

    def resting(self) -> list[Order]:
        booked = [order for side in self.sides.values() for queue in side.values() for order in queue]
        return booked + self.waiting


def band(listing: List, ref: int, up_bp: int, down_bp: int) -> tuple[int, int]:
    tick = listing.tick
    if up_bp == -1:
        return tick, listing.max_px // tick * tick

    def bound(bp: int) -> int:
        exact = Fraction(ref * (10_000 + bp), 10_000 * tick)
        return floor(exact + Fraction(1, 2)) * tick

    lo, hi = bound(-down_bp), bound(up_bp)
    return max(tick, lo - tick if lo == ref else lo), hi + tick if hi == ref else hi


class ReferenceExchange:
    def __init__(self) -> None:
        self.seq = self.ts = self.oid = self.trade_id = 0
        self.lines: dict[str, Line] = {}
        self.free: dict[tuple[int, str], int] = {}
        self.held: dict[tuple[int, str], int] = {}
        self.orders: dict[tuple[int, str], Order] = {}
        self.groups: dict[int, int] = {}
        self.assets: set[str] = set()  # that are not traded
        self.locks: dict[tuple[int, str], dict[int, int]] = {}  # (acct, sym) -> {day: bottles}
        self.holds: dict[str, tuple[int, str, int]] = {}
        self.outcomes: dict[str, tuple[tuple[Leg, ...], int, Reject | None]] = {}
        self.offers: dict[str, Offer] = {}
        self.wanted: dict[str, dict[int, int]] = {}  # of the offerings that have not ended
        self.events: list[Event] = []

    def apply(self, commands: list[Command]) -> list[Event]:
        self.events = []
        for command in commands:
            self.seq += 1
            self.ts = max(self.ts, command.ts)
            due = [o for o in self.orders.values() if o.left and o.expire_ts and o.expire_ts <= self.ts]
            for order in sorted(due, key=lambda o: (o.expire_ts, o.oid)):
                self.cancel(order, Reason.EXPIRED)
                self.indicate(self.lines[order.sym])
            before = len(self.events)
            self.one(command)
            for key in self.locks:
                self.trim(key)
            if not isinstance(self.events[-1], Rejected):
                for line in self.lines.values():
                    self.enter_elected(line)
            for sym in dict.fromkeys(getattr(event, "sym", "") for event in self.events[before:]):
                if sym and not isinstance(self.events[-1], Rejected):
                    self.indicate(self.lines[sym])
        return self.events

    def say(self, kind: type, *fields: object) -> None:
        self.events.append(kind(self.seq, self.ts, *fields))

    def refuse(self, command: Command, code: Reject, **detail: int) -> None:
        self.say(Rejected, getattr(command, "acct", 0), getattr(command, "cid", ""), code, detail)

    def one(self, command: Command) -> None:
        match command:
            case List():
                if command.sym in self.lines:
                    return self.refuse(command, Reject.DUPLICATE_ID)
                if command.sym in self.assets:
                    return self.refuse(command, Reject.DUPLICATE_ID)
                line = self.lines[command.sym] = Line(command)
                self.say(Listed, command.sym, command.tick, command.lot, command.min_qty, command.max_qty)
                self.say(BandChanged, command.sym, line.lo, line.hi, line.ref)
            case AddAsset():
                if self.knows(command.asset):
                    return self.refuse(command, Reject.DUPLICATE_ID)
                self.assets.add(command.asset)
                self.say(AssetAdded, command.asset)
            case Deposit():
                if not self.knows(command.asset):
                    return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
                self.add(command.acct, command.asset, command.amount)
                self.say(Deposited, command.acct, command.asset, command.amount)
            case Withdraw():
                if not self.knows(command.asset):
                    return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
                if self.free.get((command.acct, command.asset), 0) < command.amount:
                    cash = command.asset == CASH
                    return self.refuse(command, Reject.INSUFFICIENT_FUNDS if cash else Reject.INSUFFICIENT_BOTTLES)
                self.add(command.acct, command.asset, -command.amount)
                self.say(Withdrawn, command.acct, command.asset, command.amount)
            case SetPhase():
                if command.sym not in self.lines:
                    return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
                self.set_phase(self.lines[command.sym], command.phase)
            case SetBand():
                self.set_band(command)
            case Place():
                self.place(command)
            case Cancel():
                order = self.orders.get((command.acct, command.cid))
                if order is None or order.left == 0:
                    return self.refuse(command, Reject.UNKNOWN_ORDER)
                if self.lines[order.sym].phase in LOCKED:
                    return self.refuse(command, Reject.PHASE_CLOSED)
                self.cancel(order, Reason.USER)
            case CancelAll():
                if command.sym and command.sym not in self.lines:
                    return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
                mine = [
                    order
                    for order in self.orders.values()
                    if order.left
                    and order.acct == command.acct
                    and command.sym in ("", order.sym)
                    and command.side in ("", order.side)
                ]
                if not mine:
                    return self.refuse(command, Reject.UNKNOWN_ORDER)
                free = [order for order in mine if self.lines[order.sym].phase not in LOCKED]
                if not free:
                    return self.refuse(command, Reject.PHASE_CLOSED)
                for order in free:
                    self.cancel(order, Reason.USER)

            case Amend():
                self.amend(command)
            case Group():
                if not any(acct == command.acct for acct, _ in self.free):
                    return self.refuse(command, Reject.MALFORMED)
                self.groups[command.acct] = command.group
                self.say(Grouped, command.acct, command.group)
            case Roll():
                self.roll(command)
            case SetFees():
                self.set_fees(command)
            case Transfer():
                self.transfer(command)
            case Offer():
                self.offer(command)
            case Subscribe():
                self.subscribe(command)
            case Allot():
                self.end(command, command.offering, command.seed)
            case Recall():
                self.end(command, command.offering, "")

    def knows(self, asset: str) -> bool:
        return asset == CASH or asset in self.lines or asset in self.assets

    def locked(self, acct: int, sym: str) -> int:
        return sum(self.locks.get((acct, sym), {}).values())

    def trim(self, key: tuple[int, str]) -> None:
        """Of bottles that left, those that were not locked left first, then the oldest."""
        days = self.locks[key]
        more = sum(days.values()) - self.free.get(key, 0) - self.held.get(key, 0)
        for day in sorted(days):
            gone = max(0, min(more, days[day]))
            days[day] -= gone
            more -= gone

    def set_fees(self, command: SetFees) -> None:
        line = self.lines.get(command.sym)
        if line is None:
            return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
        line.fees = (command.maker_bp, command.taker_bp, command.min_fee)
        self.say(FeesChanged, command.sym, *line.fees)
        buys = [order for order in line.resting() + line.stops if order.side == Side.BUY]
        for order in sorted(buys, key=lambda order: order.oid):
            more = self.needs(order) - order.held
            if more > self.free[order.acct, CASH]:
                self.cancel(order, Reason.FEES_CHANGED)
            elif more:
                order.held += more
                self.add(order.acct, CASH, -more, more)
                self.say(
                    Amended, order.acct, order.cid, order.oid, order.sym, order.side, order.px, order.px, order.left,
                    order.qty - order.left, Reason.FEES_CHANGED, -more,
                )  # fmt: skip

    def transfer(self, command: Transfer) -> None:
        if command.key in self.outcomes:
            legs, first, code = self.outcomes[command.key]
            if legs != command.legs:
                return self.refuse(command, Reject.DUPLICATE_ID)
            return self.refuse(command, code) if code else self.say(Repeated, command.key, first)
        if not all(self.knows(leg.asset) for leg in command.legs if leg.asset):
            return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
        before = dict(self.free), dict(self.held), dict(self.holds)
        made: list[Leg] = []
        for leg in command.legs:
            if code := self.make(leg, made):
                self.free, self.held, self.holds = before
                self.outcomes[command.key] = command.legs, self.seq, code
                return self.refuse(command, code)
        self.outcomes[command.key] = command.legs, self.seq, None
        self.say(Transferred, command.key, tuple(made))

    def make(self, leg: Leg, made: list[Leg]) -> Reject | None:
        if leg.asset:
            if leg.kind == "hold" and leg.hold in self.holds:
                return Reject.DUPLICATE_ID
            if leg.acct >= FEES and self.free.get((leg.acct, leg.asset), 0) < leg.amount:
                return Reject.INSUFFICIENT_FUNDS if leg.asset == CASH else Reject.INSUFFICIENT_BOTTLES
            self.add(leg.acct, leg.asset, -leg.amount, leg.amount if leg.kind == "hold" else 0)
            if leg.kind == "hold":
                self.holds[leg.hold] = leg.acct, leg.asset, leg.amount
            else:
                self.add(leg.to, leg.asset, leg.amount)
            made.append(leg)
            return None
        acct, asset, left = self.holds.get(leg.hold, (0, "", 0))
        if not left:
            return Reject.UNKNOWN_HOLD
        amount = leg.amount or left
        if amount > left:
            return Reject.ABOVE_HOLD
        self.holds[leg.hold] = acct, asset, left - amount
        self.add(acct, asset, 0, -amount)
        self.add(leg.to if leg.kind == "capture" else acct, asset, amount)
        made.append(leg._replace(acct=acct, asset=asset, amount=amount))
        return None

    def offer(self, command: Offer) -> None:
        if command.offering in self.offers:
            return self.refuse(command, Reject.DUPLICATE_ID)
        if not self.knows(command.sym) or command.sym == CASH:
            return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
        if command.closes and command.closes <= self.ts:
            return self.refuse(command, Reject.TOO_LATE)
        if self.free.get((command.acct, command.sym), 0) < command.qty:
            return self.refuse(command, Reject.INSUFFICIENT_BOTTLES)
        self.add(command.acct, command.sym, -command.qty, command.qty)
        self.offers[command.offering], self.wanted[command.offering] = command, {}
        self.say(
            Offered, command.offering, command.acct, command.sym, command.px, command.qty, command.opens,
            command.closes, command.commit,
        )  # fmt: skip

    def subscribe(self, command: Subscribe) -> None:
        terms = self.offers.get(command.offering)
        if terms is None:
            return self.refuse(command, Reject.UNKNOWN_OFFERING)
        wanted = self.wanted.get(command.offering)
        if wanted is None or self.ts < terms.opens or (terms.closes and self.ts >= terms.closes):
            return self.refuse(command, Reject.OFFERING_CLOSED)
        if command.acct == terms.acct:
            return self.refuse(command, Reject.MALFORMED)
        if command.acct in wanted and terms.final:
            return self.refuse(command, Reject.OFFERING_CLOSED)
        if command.qty == 0 and command.acct not in wanted:
            return self.refuse(command, Reject.UNKNOWN_ORDER)
        if command.qty % terms.unit:
            return self.refuse(command, Reject.OFF_UNIT, unit=terms.unit)
        if 0 < command.qty < terms.min_qty:
            return self.refuse(command, Reject.BELOW_MIN_SUBSCRIPTION, min_qty=terms.min_qty)
        most = min(terms.max_qty or HUGE, HUGE // terms.px)
        if command.qty > most:
            return self.refuse(command, Reject.ABOVE_MAX_SUBSCRIPTION, max_qty=most)
        more = (command.qty - wanted.get(command.acct, 0)) * terms.px
        if more > self.free.get((command.acct, CASH), 0):
            return self.refuse(command, Reject.INSUFFICIENT_FUNDS)
        self.add(command.acct, CASH, -more, more)
        wanted.pop(command.acct, None)
        if command.qty:
            wanted[command.acct] = command.qty
        self.say(Subscribed, command.acct, command.offering, command.qty, more)

    def end(self, command: Allot | Recall, offering: str, seed: str) -> None:
        terms = self.offers.get(offering)
        if terms is None:
            return self.refuse(command, Reject.UNKNOWN_OFFERING)
        if offering not in self.wanted or (seed and self.ts < max(terms.opens, terms.closes)):
            return self.refuse(command, Reject.OFFERING_CLOSED)
        if seed and sha256(seed.encode()).hexdigest() != terms.commit:
            return self.refuse(command, Reject.WRONG_SEED)
        wanted = self.wanted.pop(offering)
        given = [0] * len(wanted)
        if seed:  # tests/engine/test_allotment.py holds these two functions to slow ones of their own
            rule = partial(draw, unit=terms.unit)
            if terms.method == Method.PRO_RATA:
                rule = partial(pro_rata, minimum=terms.min_qty, step=terms.step or terms.unit)
            given = rule(list(wanted.values()), terms.qty, seed=seed, digest=digest_of(wanted.items()))
        for (acct, qty), got in zip(wanted.items(), given, strict=True):
            self.add(acct, CASH, (qty - got) * terms.px, -qty * terms.px)
            self.add(acct, terms.sym, got)
            self.add(terms.acct, CASH, got * terms.px)
            self.say(
                Allotted, acct, offering, terms.sym, terms.acct, got, got * terms.px, (qty - got) * terms.px
            )  # fmt: skip
        sold = sum(given)
        self.add(terms.acct, terms.sym, terms.qty - sold, -terms.qty)
        digest = digest_of(wanted.items())
        self.say(OfferingEnded, offering, terms.acct, terms.sym, sold, terms.qty - sold, digest, seed)

    def add(self, acct: int, asset: str, free: int, held: int = 0) -> None:
        self.free[acct, asset] = self.free.get((acct, asset), 0) + free
        self.held[acct, asset] = self.held.get((acct, asset), 0) + held

    def set_band(self, command: SetBand) -> None:
        line = self.lines.get(command.sym)
        if line is None:
            return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
        if not command.ref and not line.ref and command.up_bp != -1:
            return self.refuse(command, Reject.MALFORMED)
        if command.when == When.ROLL:
            line.planned = (command.up_bp, command.down_bp, command.ref)
            return self.say(BandPlanned, command.sym, *line.planned)
        line.ref = command.ref or line.ref
        line.up_bp, line.down_bp = command.up_bp, command.down_bp
        before = (line.lo, line.hi)
        line.lo, line.hi = band(line.listing, line.ref, command.up_bp, command.down_bp)
        self.move_band(line, before)

    def move_band(self, line: Line, before: tuple[int, int]) -> None:
        self.say(BandChanged, line.listing.sym, line.lo, line.hi, line.ref)
        moved = before != (line.lo, line.hi)
        for order in sorted(line.resting(), key=lambda order: order.oid):
            if not line.lo <= order.px <= line.hi or (moved and order.market):
                self.cancel(order, Reason.BAND_CHANGED)

    def set_phase(self, line: Line, phase: str) -> None:
        if line.called and phase in (Phase.CONTINUOUS, Phase.CLOSED, Phase.BREAK):
            self.uncross(line)
        line.called = line.called or phase in CALLS
        line.phase = phase
        self.say(PhaseChanged, line.listing.sym, phase)

    def equilibrium(self, line: Line) -> tuple[int, int, int]:
        """RULES §6, tick by tick."""
        orders = line.resting()
        limits = [order.px for order in orders if not order.market]

        def at(px: int) -> tuple[int, int]:
            demand = sum(o.left for o in orders if o.side == Side.BUY and (o.market or o.px >= px))
            supply = sum(o.left for o in orders if o.side == Side.SELL and (o.market or o.px <= px))
            return demand, supply

        ticks = range(min(limits), max(limits) + 1, line.listing.tick) if limits else [line.ref]
        table = {px: at(px) for px in ticks}
        most = max(min(both) for both in table.values())
        if most == 0:
            return 0, 0, 0
        found = {px: d - s for px, (d, s) in table.items() if min(d, s) == most}
        least = min(abs(surplus) for surplus in found.values())
        found = {px: surplus for px, surplus in found.items() if abs(surplus) == least}
        if all(surplus > 0 for surplus in found.values()):
            px = max(found)
        elif all(surplus < 0 for surplus in found.values()):
            px = min(found)
        else:
            px = min(found, key=lambda px: (abs(px - line.ref), -px))
        return px, most, found[px]

    def indicate(self, line: Line) -> None:
        if line.phase in CALLS and (found := self.equilibrium(line)) != line.indicated:
            line.indicated = found
            self.say(Indicated, line.listing.sym, *found)

    def uncross(self, line: Line) -> None:
        found = self.equilibrium(line)
        self.say(Uncrossed, line.listing.sym, *found)

        def queue(side: str) -> list[Order]:
            """Market orders, then by price, then time, as far as the price reaches."""
            markets = [order for order in line.waiting if order.side == side]
            return markets + [
                order
                for px, level in line.sides[side].items()
                if (px >= found[0] if side == Side.BUY else px <= found[0])
                for order in level
            ]

        buys, sells = queue(Side.BUY), queue(Side.SELL)
        while found[1] and buys and sells:
            self.trade(buys[0], sells[0], found[0], min(buys[0].left, sells[0].left), uncross=True)
            for side in (buys, sells):
                if side[0].left == 0:
                    self.leave(side.pop(0), line)
        for side_ in Side:
            for order in [order for order in line.waiting if order.side == side_]:
                self.cancel(order, Reason.MARKET)
        for order in line.resting():
            order.shown = min(order.display, order.left)
        line.called, line.indicated = False, (0, 0, 0)
        line.auction = found[0] or line.auction

    def elect(self, line: Line, px: int) -> None:
        """The stops that a trade at this price reaches: buys from the lowest trigger, sells from the highest, entry."""
        buys = [o for o in line.stops if o.side == Side.BUY and o.trigger <= px]
        sells = [o for o in line.stops if o.side == Side.SELL and o.trigger >= px]
        found = sorted(buys, key=lambda o: (o.trigger, o.oid)) + sorted(sells, key=lambda o: (-o.trigger, o.oid))
        line.elected += [order for order in found if order not in line.elected]

    def enter_elected(self, line: Line) -> None:
        while line.elected and line.phase == Phase.CONTINUOUS:
            order = line.elected.pop(0)
            line.stops.remove(order)
            order.stop = False
            market = order.market
            order.market = False
            release = 0
            if market:
                order.px = line.lo if order.side == Side.SELL else min(line.hi, order.px)
                kept = self.needs(order)
                release = order.held - kept
                order.held = kept
                self.add(order.acct, CASH if order.side == Side.BUY else order.sym, release, -release)
            self.say(Triggered, order.acct, order.cid, order.oid, order.sym, order.side, order.px, order.left, release)
            if not line.lo <= order.px <= line.hi:
                self.cancel(order, Reason.BAND_CHANGED)
            elif order.tif == TimeInForce.FOK and self.fillable(order.acct, line, order.side, order.px) < order.left:
                self.cancel(order, Reason.IOC)
            else:
                self.enter(order, line, market=market)

    def leave(self, order: Order, line: Line) -> None:
        """Take an order out of wherever it stands."""
        if order in line.stops:
            line.stops.remove(order)
            if order in line.elected:
                line.elected.remove(order)
        elif order in line.waiting:
            line.waiting.remove(order)
        elif order in line.sides[order.side].get(order.px, []):
            line.sides[order.side][order.px].remove(order)
            if not line.sides[order.side][order.px]:
                del line.sides[order.side][order.px]

    def roll(self, command: Roll) -> None:
        line = self.lines.get(command.sym)
        if line is None:
            return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
        close = line.close or line.ref
        line.day += 1
        up_bp, down_bp, ref = line.planned or (*line.band_today(), 0)
        if line.planned:
            line.up_bp, line.down_bp, line.planned = up_bp, down_bp, None
        self.say(Rolled, command.sym, close)
        line.close = line.auction = 0
        for key, days in self.locks.items():
            if key[1] == command.sym:
                self.locks[key] = {day: qty for day, qty in days.items() if day > line.day}
        for order in sorted(line.resting() + line.stops, key=lambda order: order.oid):
            if order.tif == TimeInForce.DAY:
                self.cancel(order, Reason.EXPIRED)
        before = (line.lo, line.hi)
        if ref or close or up_bp == -1:
            line.ref = ref or close
            line.lo, line.hi = band(line.listing, line.ref, up_bp, down_bp)
        self.move_band(line, before)

    def amend(self, command: Amend) -> None:
        order = self.orders.get((command.acct, command.cid))
        if order is None or order.left == 0:
            return self.refuse(command, Reject.UNKNOWN_ORDER)
        line = self.lines[order.sym]
        rules = line.listing
        px, qty = command.px or order.px, command.qty or order.qty
        left = qty - (order.qty - order.left)
        keeps = px == order.px and left <= order.left
        if order.stop and order.market and command.px:
            return self.refuse(command, Reject.MALFORMED)
        if (order.market and not order.stop) or line.phase in LOCKED:
            return self.refuse(command, Reject.PHASE_CLOSED)
        if not keeps and line.phase not in (Phase.CONTINUOUS, Phase.OPENING_CALL, Phase.VOLATILITY_CALL):
            halted = line.phase == Phase.HALTED
            return self.refuse(command, Reject.HALTED if halted else Reject.PHASE_CLOSED)
        if px % rules.tick:
            return self.refuse(command, Reject.OFF_TICK, tick=rules.tick)
        if px == order.px and left == order.left:
            return self.say_amended(order, order.px, 0)
        if px != order.px and not line.lo <= px <= line.hi:
            return self.refuse(command, Reject.PRICE_OUT_OF_BAND, lo=line.lo, hi=line.hi)
        if qty % rules.lot:
            return self.refuse(command, Reject.OFF_LOT, lot=rules.lot)
        if left <= 0:
            return self.refuse(command, Reject.BELOW_FILLED)
        if qty < rules.min_qty:
            return self.refuse(command, Reject.BELOW_MIN_QTY, min_qty=rules.min_qty)
        max_qty = min(rules.max_qty or HUGE, HUGE // line.hi)
        if qty > max_qty:
            return self.refuse(command, Reject.ABOVE_MAX_QTY, max_qty=max_qty)
        more = left - order.left
        if (
            order.side == Side.BUY
            and rules.max_holding
            and more > 0
            and self.wants(order.acct, line) + more > rules.max_holding
        ):
            return self.refuse(command, Reject.ABOVE_POSITION_LIMIT, max_holding=rules.max_holding)
        asset = CASH if order.side == Side.BUY else order.sym
        before = (order.px, order.left, order.qty)
        order.px, order.left = px, left
        delta = self.needs(order) - order.held
        order.px, order.left, order.qty = before
        free = self.free.get((order.acct, asset), 0)
        if delta > max(0, free - self.locked(order.acct, asset)):
            return self.refuse_cover(command, asset)
        if line.phase == Phase.CONTINUOUS and not keeps and order.post and self.crosses(line, order.side, px):
            return self.refuse(command, Reject.WOULD_CROSS)

        queue = line.sides[order.side].get(order.px, [])
        if not keeps and not order.stop:
            queue.remove(order)
            if not queue:
                del line.sides[order.side][order.px]
        order.px, order.left, order.qty = px, left, qty
        if order.display:
            order.shown = min(order.shown if keeps else order.display, left)
        order.held += delta
        self.add(order.acct, asset, -delta, delta)
        self.say(
            Amended,
            order.acct,
            order.cid,
            order.oid,
            order.sym,
            order.side,
            px,
            before[0],
            left,
            qty - left,
            Reason.USER,
            -delta,
        )
        if not keeps and not order.stop:
            self.enter(order, line, amended=True)

    def refuse_cover(self, command: Place | Amend, asset: str) -> None:
        locked = {"locked": self.locked(command.acct, asset)} if self.locked(command.acct, asset) else {}
        code = Reject.INSUFFICIENT_FUNDS if asset == CASH else Reject.INSUFFICIENT_BOTTLES
        self.refuse(command, code, free=self.free.get((command.acct, asset), 0), **locked)

    def say_amended(self, order: Order, px_before: int, release: int) -> None:
        self.say(
            Amended, order.acct, order.cid, order.oid, order.sym, order.side, order.px, px_before, order.left,
            order.qty - order.left, Reason.USER, release,
        )  # fmt: skip

    def crosses(self, line: Line, side: str, px: int) -> bool:
        other = line.sides[Side.SELL if side == Side.BUY else Side.BUY]
        if not other:
            return False
        best: int = other.peekitem(0)[0]
        return best <= px if side == Side.BUY else best >= px

    def wants(self, acct: int, line: Line) -> int:
        """Bottles that an account has or has open buys for."""
        mine = (acct, line.listing.sym)
        owned = self.free.get(mine, 0) + self.held.get(mine, 0)
        wanting = line.resting() + line.stops
        return owned + sum(o.left for o in wanting if o.acct == acct and o.side == Side.BUY)

    def fillable(self, acct: int, line: Line, side: str, px: int) -> int:
        """How much an order could trade at once, with self-trade prevention and within the volatility ranges."""
        total, within = 0, line.guard()
        for level, queue in line.sides[Side.SELL if side == Side.BUY else Side.BUY].items():
            if level > px if side == Side.BUY else level < px:
                break
            hidden = 0
            for order in queue:
                if line.listing.stp == SelfTrade.NONE or self.group(order.acct) != self.group(acct):
                    if not within(level):
                        return total
                    total += order.visible
                    hidden += order.left - order.visible
                elif line.listing.stp != SelfTrade.OLDEST:
                    return total
            total += hidden
        return total

    def group(self, acct: int) -> tuple[str, int]:
        group = self.groups.get(acct, 0)
        return ("group", group) if group else ("account", acct)

    def book(self, sym: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        sides = self.lines[sym].sides
        bids, asks = ([(px, sum(o.visible for o in queue)) for px, queue in sides[s].items()] for s in Side)
        return bids, asks

    def needs(self, order: Order) -> int:
        """What an order must hold for its open quantity."""
        if order.side == Side.SELL or order.left == 0:
            return order.left
        maker_bp, taker_bp, minimum = self.lines[order.sym].fees
        notional = order.left * order.px
        fee = ceil(Fraction(order.fee_base + notional * max(maker_bp, taker_bp), 10_000))
        return notional + max(minimum, fee, order.fees) - order.fees

    def cancel(self, order: Order, reason: Reason) -> None:
        left, order.left = order.left, 0
        self.leave(order, self.lines[order.sym])
        self.add(order.acct, CASH if order.side == Side.BUY else order.sym, order.held, -order.held)
        self.say(
            Cancelled,
            order.acct,
            order.cid,
            order.oid,
            order.sym,
            order.side,
            order.px,
            left,
            reason,
            order.held,
            order.qty - left,
        )

    def place(self, command: Place) -> None:
        stop = command.type in (OrderType.STOP, OrderType.STOP_LIMIT)
        market = command.type in (OrderType.MARKET, OrderType.STOP)
        if stop != (command.stop_px > 0) or (stop and (command.post or command.display)):
            return self.refuse(command, Reject.MALFORMED)
        if (not market and not command.px) or (command.tif == TimeInForce.GTD) != (command.expire_ts > 0):
            return self.refuse(command, Reject.MALFORMED)
        if command.qty == 0 or command.display > command.qty:
            return self.refuse(command, Reject.MALFORMED)
        if (command.acct, command.cid) in self.orders:
            return self.refuse(command, Reject.DUPLICATE_ID)
        line = self.lines.get(command.sym)
        if line is None:
            return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
        rules = line.listing
        buying = command.side == Side.BUY
        px = (line.hi if buying else line.lo) if market else command.px
        display = 0 if market or command.tif in (TimeInForce.IOC, TimeInForce.FOK) else command.display
        if line.phase == Phase.HALTED:
            return self.refuse(command, Reject.HALTED)
        ends = command.tif in (TimeInForce.IOC, TimeInForce.FOK)
        if line.phase not in (Phase.CONTINUOUS, *CALLS) or (line.phase in CALLS and (ends or command.post)):
            return self.refuse(command, Reject.PHASE_CLOSED)
        if command.expire_ts and command.expire_ts <= self.ts:
            return self.refuse(command, Reject.TOO_LATE)
        if px % rules.tick or command.stop_px % rules.tick:
            return self.refuse(command, Reject.OFF_TICK, tick=rules.tick)
        if not line.lo <= px <= line.hi:
            return self.refuse(command, Reject.PRICE_OUT_OF_BAND, lo=line.lo, hi=line.hi)
        if command.qty % rules.lot or display % rules.lot:
            return self.refuse(command, Reject.OFF_LOT, lot=rules.lot)
        if command.qty < rules.min_qty:
            return self.refuse(command, Reject.BELOW_MIN_QTY, min_qty=rules.min_qty)
        max_qty = min(rules.max_qty or HUGE, HUGE // line.hi)
        if command.qty > max_qty:
            return self.refuse(command, Reject.ABOVE_MAX_QTY, max_qty=max_qty)
        if buying and rules.max_holding and self.wants(command.acct, line) + command.qty > rules.max_holding:
            return self.refuse(command, Reject.ABOVE_POSITION_LIMIT, max_holding=rules.max_holding)
        order = Order(
            self.oid + 1, command.acct, command.cid, command.sym, command.side, px, command.qty, command.qty,
            tif=command.tif, expire_ts=command.expire_ts, post=command.post,
            display=display if display < command.qty else 0,
        )  # fmt: skip
        order.held = self.needs(order)
        asset = CASH if buying else command.sym
        if self.free.get((command.acct, asset), 0) - self.locked(command.acct, asset) < order.held:
            return self.refuse_cover(command, asset)
        if command.post and self.crosses(line, command.side, px):
            return self.refuse(command, Reject.WOULD_CROSS)
        if (
            not stop
            and command.tif == TimeInForce.FOK
            and self.fillable(command.acct, line, command.side, px) < command.qty
        ):
            return self.refuse(command, Reject.NOT_FILLABLE)

        self.oid += 1
        self.orders[command.acct, command.cid] = order
        self.add(command.acct, asset, -order.held, order.held)
        self.say(
            Accepted, order.acct, order.cid, order.oid, order.sym, order.side, order.px, order.qty,
            command.tif, order.held,
        )  # fmt: skip
        if stop:
            order.stop, order.market, order.trigger = True, market, command.stop_px
            line.stops.append(order)
            reached = line.last >= order.trigger if buying else line.last <= order.trigger
            if line.last and reached:
                line.elected.append(order)
        elif market and line.phase in CALLS:
            order.market = True
            line.waiting.append(order)
        else:
            self.enter(order, line, market=market)

    def enter(self, order: Order, line: Line, *, market: bool = False, amended: bool = False) -> None:
        """Match an order and rest what is left, or cancel it."""
        ends = {TimeInForce.IOC: Reason.IOC, TimeInForce.FOK: Reason.IOC}.get(TimeInForce(order.tif))
        ended = self.match(order, line) if line.phase == Phase.CONTINUOUS else ""
        if ended == "prevented":
            if order.left:
                self.cancel(order, Reason.SELF_TRADE)
        elif order.left and (ends or market):
            self.cancel(order, ends or Reason.MARKET)
        elif order.left:
            order.shown = min(order.display, order.left)
            line.sides[order.side].setdefault(order.px, []).append(order)
        if ended == "interrupted":
            line.phase, line.called = Phase.VOLATILITY_CALL, True
            self.say(PhaseChanged, line.listing.sym, line.phase)

    def match(self, order: Order, line: Line) -> str:
        """Trade an order as far as it goes; what ended it before its end: "prevented", "interrupted" or nothing."""
        within = line.guard()
        other = line.sides[Side.SELL if order.side == Side.BUY else Side.BUY]
        while order.left and other:
            px, queue = other.peekitem(0)
            if px > order.px if order.side == Side.BUY else px < order.px:
                break
            resting = queue[0]
            if line.listing.stp != SelfTrade.NONE and self.group(resting.acct) == self.group(order.acct):
                if not self.prevent(order, resting, line):
                    return "prevented"
                continue
            if not within(px):
                return "interrupted"
            sliced = resting.visible
            traded = min(order.left, sliced)
            self.trade(order, resting, px, traded)
            if resting.left == 0:
                queue.pop(0)
            elif resting.display:
                resting.shown = sliced - traded
                if resting.shown == 0:  # the next slice goes to the back of the queue
                    resting.shown = min(resting.display, resting.left)
                    queue.append(queue.pop(0))
            if not queue:
                del other[px]
        return ""

    def prevent(self, order: Order, resting: Order, line: Line) -> bool:
        """Self-trade prevention by the instrument's mode; whether the incoming order goes on."""
        mode = line.listing.stp
        if mode == SelfTrade.DECREMENT:
            qty = min(order.left, resting.left)
            for one in (resting, order):
                self.shrink(one, qty)
            if not resting.left:
                queue = line.sides[resting.side][resting.px]
                queue.remove(resting)
                if not queue:
                    del line.sides[resting.side][resting.px]
            return True
        if mode != SelfTrade.NEWEST:
            self.cancel(resting, Reason.SELF_TRADE)
        return mode == SelfTrade.OLDEST

    def shrink(self, order: Order, qty: int) -> None:
        order.left -= qty
        order.qty -= qty
        order.shown = min(order.shown, order.left)
        release = order.held - self.needs(order)
        order.held -= release
        self.add(order.acct, CASH if order.side == Side.BUY else order.sym, release, -release)
        filled = order.qty - order.left
        if order.left:
            self.say(
                Amended, order.acct, order.cid, order.oid, order.sym, order.side, order.px, order.px, order.left,
                filled, Reason.SELF_TRADE, release,
            )  # fmt: skip
        else:
            self.say(
                Cancelled, order.acct, order.cid, order.oid, order.sym, order.side, order.px, 0, Reason.SELF_TRADE,
                release, filled,
            )  # fmt: skip

    def trade(self, taker: Order, maker: Order, px: int, qty: int, *, uncross: bool = False) -> None:
        line = self.lines[taker.sym]
        maker_bp, taker_bp, minimum = line.fees
        self.lines[taker.sym].close = self.lines[taker.sym].last = px
        self.elect(self.lines[taker.sym], px)
        buy, sell = (taker, maker) if taker.side == Side.BUY else (maker, taker)
        taker.left -= qty
        maker.left -= qty
        fees: dict[str, int] = {}
        for order, rate in ((taker, maker_bp if uncross else taker_bp), (maker, maker_bp)):
            order.fee_base += qty * px * rate
            due = max(minimum, order.fees, ceil(Fraction(order.fee_base, 10_000)))
            if order is sell:
                due = min(due, order.fees + qty * px)
            fees[order.side] = due - order.fees
            order.fees = due
        kept = self.needs(buy)
        release = buy.held - kept - qty * px - fees[Side.BUY]
        self.add(buy.acct, CASH, release, kept - buy.held)
        self.add(buy.acct, buy.sym, qty)
        self.add(sell.acct, CASH, qty * px - fees[Side.SELL])
        self.add(sell.acct, sell.sym, 0, -qty)
        self.add(FEES, CASH, sum(fees.values()))
        buy.held = kept
        sell.held -= qty
        if line.listing.resale_lock_days:
            days = self.locks.setdefault((buy.acct, buy.sym), {})
            until = line.day + line.listing.resale_lock_days
            days[until] = days.get(until, 0) + qty
        self.trade_id += 1
        self.say(
            Traded, self.trade_id, buy.sym, px, qty, buy.acct, buy.cid, buy.oid, buy.left, fees[Side.BUY],
            release, sell.acct, sell.cid, sell.oid, sell.left, fees[Side.SELL], "" if uncross else taker.side,
        )  # fmt: skip
