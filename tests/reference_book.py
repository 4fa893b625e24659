"""The slow, obvious twin of `engine.exchange`: dictionaries, lists and one `SortedDict` a side.

Written from RULES, not from the kernel, and used by the differential tests: same commands, same events.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from sortedcontainers import SortedDict

from engine.commands import (
    CASH,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    List,
    Phase,
    Place,
    SetBand,
    SetPhase,
    Side,
    TimeInForce,
    Withdraw,
)
from engine.events import (
    Accepted,
    BandChanged,
    Cancelled,
    Deposited,
    Event,
    Listed,
    PhaseChanged,
    Rejected,
    Traded,
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
    proceeds: int = 0
    held: int = 0


class Line:
    def __init__(self, listing: List) -> None:
        self.listing = listing
        self.phase: str = Phase.CONTINUOUS
        self.ref = listing.ref
        self.lo, self.hi = band(listing, listing.ref, listing.up_bp, listing.down_bp)
        self.sides: dict[str, SortedDict] = {Side.BUY: SortedDict(lambda px: -px), Side.SELL: SortedDict()}

    def resting(self) -> list[Order]:
        return [order for side in self.sides.values() for queue in side.values() for order in queue]


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
        self.events: list[Event] = []

    def apply(self, commands: list[Command]) -> list[Event]:
        self.events = []
        for command in commands:
            self.seq += 1
            self.ts = max(self.ts, command.ts)
            self.one(command)
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
                line = self.lines[command.sym] = Line(command)
                self.say(Listed, command.sym, command.tick, command.lot, command.min_qty, command.max_qty)
                self.say(BandChanged, command.sym, line.lo, line.hi, line.ref)
            case Deposit():
                if command.asset != CASH and command.asset not in self.lines:
                    return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
                self.add(command.acct, command.asset, command.amount)
                self.say(Deposited, command.acct, command.asset, command.amount)
            case Withdraw():
                if command.asset != CASH and command.asset not in self.lines:
                    return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
                if self.free.get((command.acct, command.asset), 0) < command.amount:
                    cash = command.asset == CASH
                    return self.refuse(command, Reject.INSUFFICIENT_FUNDS if cash else Reject.INSUFFICIENT_BOTTLES)
                self.add(command.acct, command.asset, -command.amount)
                self.say(Withdrawn, command.acct, command.asset, command.amount)
            case SetPhase():
                if command.sym not in self.lines:
                    return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
                self.lines[command.sym].phase = command.phase
                self.say(PhaseChanged, command.sym, command.phase)
            case SetBand():
                self.set_band(command)
            case Place():
                self.place(command)
            case Cancel():
                order = self.orders.get((command.acct, command.cid))
                if order is None or order.left == 0:
                    return self.refuse(command, Reject.UNKNOWN_ORDER)
                self.cancel(order, Reason.USER)
            case CancelAll():
                if command.sym and command.sym not in self.lines:
                    return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
                mine = [
                    order
                    for order in self.orders.values()
                    if order.left and order.acct == command.acct and command.sym in ("", order.sym)
                ]
                if not mine:
                    return self.refuse(command, Reject.UNKNOWN_ORDER)
                for order in mine:
                    self.cancel(order, Reason.USER)

    def add(self, acct: int, asset: str, free: int, held: int = 0) -> None:
        self.free[acct, asset] = self.free.get((acct, asset), 0) + free
        self.held[acct, asset] = self.held.get((acct, asset), 0) + held

    def set_band(self, command: SetBand) -> None:
        line = self.lines.get(command.sym)
        if line is None:
            return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
        if not command.ref and not line.ref and command.up_bp != -1:
            return self.refuse(command, Reject.MALFORMED)
        line.ref = command.ref or line.ref
        line.lo, line.hi = band(line.listing, line.ref, command.up_bp, command.down_bp)
        self.say(BandChanged, command.sym, line.lo, line.hi, line.ref)
        for order in sorted(line.resting(), key=lambda order: order.oid):
            if not line.lo <= order.px <= line.hi:
                self.cancel(order, Reason.BAND_CHANGED)

    def needs(self, order: Order) -> int:
        """What an order must hold for its open quantity."""
        if order.side == Side.SELL or order.left == 0:
            return order.left
        rules = self.lines[order.sym].listing
        notional = order.left * order.px
        fee = ceil(Fraction(order.fee_base + notional * max(rules.maker_bp, rules.taker_bp), 10_000))
        return notional + max(rules.min_fee, fee) - order.fees

    def cancel(self, order: Order, reason: Reason) -> None:
        left, order.left = order.left, 0
        queue = self.lines[order.sym].sides[order.side].get(order.px, [])
        if order in queue:
            queue.remove(order)
            if not queue:
                del self.lines[order.sym].sides[order.side][order.px]
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
        if (command.acct, command.cid) in self.orders:
            return self.refuse(command, Reject.DUPLICATE_ID)
        line = self.lines.get(command.sym)
        if line is None:
            return self.refuse(command, Reject.UNKNOWN_INSTRUMENT)
        rules = line.listing
        if line.phase == Phase.HALTED:
            return self.refuse(command, Reject.HALTED)
        if line.phase != Phase.CONTINUOUS:
            return self.refuse(command, Reject.PHASE_CLOSED)
        if command.px % rules.tick:
            return self.refuse(command, Reject.OFF_TICK, tick=rules.tick)
        if not line.lo <= command.px <= line.hi:
            return self.refuse(command, Reject.PRICE_OUT_OF_BAND, lo=line.lo, hi=line.hi)
        if command.qty % rules.lot:
            return self.refuse(command, Reject.OFF_LOT, lot=rules.lot)
        if command.qty < rules.min_qty:
            return self.refuse(command, Reject.BELOW_MIN_QTY, min_qty=rules.min_qty)
        max_qty = min(rules.max_qty or HUGE, HUGE // line.hi)
        if command.qty > max_qty:
            return self.refuse(command, Reject.ABOVE_MAX_QTY, max_qty=max_qty)
        asset = CASH if command.side == Side.BUY else command.sym
        if command.side == Side.BUY and rules.max_holding:
            mine = (command.acct, command.sym)
            owned = self.free.get(mine, 0) + self.held.get(mine, 0)
            wanted = sum(o.left for o in line.resting() if o.acct == command.acct and o.side == Side.BUY)
            if owned + wanted + command.qty > rules.max_holding:
                return self.refuse(command, Reject.ABOVE_POSITION_LIMIT, max_holding=rules.max_holding)
        order = Order(
            self.oid + 1, command.acct, command.cid, command.sym, command.side, command.px, command.qty, command.qty
        )
        order.held = self.needs(order)
        free = self.free.get((command.acct, asset), 0)
        if free < order.held:
            cash = command.side == Side.BUY
            return self.refuse(command, Reject.INSUFFICIENT_FUNDS if cash else Reject.INSUFFICIENT_BOTTLES, free=free)

        self.oid += 1
        self.orders[command.acct, command.cid] = order
        self.add(command.acct, asset, -order.held, order.held)
        self.say(
            Accepted,
            order.acct,
            order.cid,
            order.oid,
            order.sym,
            order.side,
            order.px,
            order.qty,
            command.tif,
            order.held,
        )
        if not self.match(order, line):
            self.cancel(order, Reason.SELF_TRADE)
        elif order.left and command.tif == TimeInForce.IOC:
            self.cancel(order, Reason.IOC)
        elif order.left:
            line.sides[order.side].setdefault(order.px, []).append(order)

    def match(self, order: Order, line: Line) -> bool:
        other = line.sides[Side.SELL if order.side == Side.BUY else Side.BUY]
        while order.left and other:
            px, queue = other.peekitem(0)
            if px > order.px if order.side == Side.BUY else px < order.px:
                break
            if line.listing.stp != "none" and queue[0].acct == order.acct:
                return False
            self.trade(order, queue[0], px)
            if queue[0].left == 0:
                queue.pop(0)
            if not queue:
                del other[px]
        return True

    def trade(self, taker: Order, maker: Order, px: int) -> None:
        rules = self.lines[taker.sym].listing
        qty = min(taker.left, maker.left)
        buy, sell = (taker, maker) if taker.side == Side.BUY else (maker, taker)
        taker.left -= qty
        maker.left -= qty
        fees: dict[str, int] = {}
        for order, rate in ((taker, rules.taker_bp), (maker, rules.maker_bp)):
            order.fee_base += qty * px * rate
            order.proceeds += qty * px
            due = max(rules.min_fee, ceil(Fraction(order.fee_base, 10_000)))
            if order is sell:
                due = min(due, order.proceeds)
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
        self.trade_id += 1
        self.say(
            Traded, self.trade_id, buy.sym, px, qty, buy.acct, buy.cid, buy.oid, buy.left, fees[Side.BUY],
            release, sell.acct, sell.cid, sell.oid, sell.left, fees[Side.SELL], taker.side,
        )  # fmt: skip
