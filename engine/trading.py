"""Orders: entered, amended, cancelled, triggered and expired."""

from engine import codes
from engine.commands import (
    CALLS,
    STOPS,
    Amend,
    Cancel,
    CancelAll,
    OrderType,
    Phase,
    Place,
    Side,
    TimeInForce,
)
from engine.core import Core
from engine.events import Accepted, Event, Triggered
from engine.orders import Lasting
from engine.reject import Reject
from engine.stops import Stop


class Trading:
    """What an account does with its orders, and what time and trades do with them."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def place(self, command: Place, events: list[Event]) -> Reject | None:
        _, acct, cid, sym, side, px, qty, tif, kind, post, display, expire_ts, stop_px = command
        how = codes.TIF_CODES[tif]
        if kind in (OrderType.MARKET, OrderType.STOP):
            px, how = 1, how | codes.MARKET
        if (kind in STOPS) != (stop_px > 0) or (kind in STOPS and (post or display)):
            return Reject.MALFORMED
        if acct < 0 or px == 0 or (tif == TimeInForce.GTD) != (expire_ts > 0) or display > qty:
            return Reject.MALFORMED
        if post:
            how |= codes.POST
        if how & codes.TIF_MASK or kind == OrderType.MARKET:
            display = 0
        if (acct, cid) in self.core.orders.oids:
            return Reject.DUPLICATE_ID
        it = self.core.instruments.get(sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        late = 0 < expire_ts <= self.core.ts
        if (late or stop_px % it.tick) and it.phase not in (*CALLS, Phase.CONTINUOUS):
            return Reject.HALTED if it.phase == Phase.HALTED else Reject.PHASE_CLOSED
        if late:
            return Reject.TOO_LATE
        if stop_px % it.tick:
            return Reject.OFF_TICK
        if kind in STOPS:
            how |= codes.HOW_STOP
        oid = self.core.orders.last + 1
        account = self.core.balances.index(acct)
        code = (
            self.core.kernel.place_iceberg(oid, account, it.index, codes.SIDE_CODES[side], px, qty, how, display)
            if display
            else self.core.kernel.place(oid, account, it.index, codes.SIDE_CODES[side], px, qty, how)
        )
        if code:
            return codes.REJECTS[code]
        self.core.orders.add(acct, cid, oid)
        if how & codes.MARKET:
            px = it.hi if side == Side.BUY else it.lo
        events.append(
            Accepted(self.core.seq, self.core.ts, acct, cid, oid, sym, side, px, qty, tif, self.core.kernel.hold)
        )
        if kind in STOPS:
            it.stops.add(Stop(oid, side, stop_px, how & ~codes.HOW_STOP), it.last)
            self.core.elected[sym] = None
        self.core.report(events)
        self.core.indicate(it, events)
        if tif in (TimeInForce.DAY, TimeInForce.GTD) and oid in self.core.orders.live[acct]:
            self.core.orders.expect_end(oid, Lasting(sym, tif, expire_ts))
        return None

    def cancel(self, command: Cancel, events: list[Event]) -> Reject | None:
        oid = self.core.orders.oids.get((command.acct, command.cid), 0)
        code = self.core.kernel.cancel(oid, self.core.balances.index(command.acct))
        if code:
            return codes.REJECTS[code]
        self.core.report(events)
        self.core.indicate_touched(events, len(events) - 1)
        return None

    def cancel_all(self, command: CancelAll, events: list[Event]) -> Reject | None:
        if command.sym and command.sym not in self.core.instruments:
            return Reject.UNKNOWN_INSTRUMENT
        orders = [
            order for order in self.core.open_orders(command.acct, command.sym) if command.side in ("", order.side)
        ]
        locked = False
        for order in orders:
            locked |= self.core.kernel.cancel(order.oid, self.core.balances.index(command.acct)) != codes.ACCEPTED
        before = len(events)
        self.core.report(events)
        if len(events) == before:
            return Reject.PHASE_CLOSED if locked else Reject.UNKNOWN_ORDER
        self.core.indicate_touched(events, before)
        return None

    def amend(self, command: Amend, events: list[Event]) -> Reject | None:
        order = self.core.open_order(command.acct, command.cid)
        if order is None:
            return Reject.UNKNOWN_ORDER
        stop = self.core.instruments[order.sym].stops.stops.get(order.oid)
        if stop is not None and stop.how & codes.MARKET and command.px:
            return Reject.MALFORMED  # it has no limit
        account = self.core.balances.index(command.acct)
        code = self.core.kernel.amend(order.oid, account, command.px or order.px, command.qty or order.qty)
        if code:
            return codes.REJECTS[code]
        before = len(events)
        self.core.report(events)
        self.core.indicate_touched(events, before)
        return None

    def enter_elected(self, events: list[Event]) -> None:
        """Enter the elected stops, one at a time; the trades of each may elect more. Where no trading is, they wait."""
        for sym in list(self.core.elected):
            it = self.core.instruments[sym]
            while it.stops.elected and it.phase == Phase.CONTINUOUS:
                oid = it.stops.elected[0]
                how = it.stops.stops[oid].how
                it.stops.remove(oid)
                order = self.core.kernel.order(oid)
                assert order is not None
                acct, left, side = self.core.balances.accts[order[1]], order[3], codes.SIDES[order[11]]
                cid = self.core.orders.live[acct][oid]
                px, released = self.core.kernel.trigger(oid, how)
                events.append(Triggered(self.core.seq, self.core.ts, acct, cid, oid, sym, side, px, left, released))
                self.core.report(events)
                self.core.indicate(it, events)
            if not it.stops.elected:
                del self.core.elected[sym]

    def expire(self, events: list[Event]) -> None:
        """End the orders whose time has come, by time, then entry."""
        while (oid := self.core.orders.due(self.core.ts)) is not None:
            self.core.kernel.withdraw_order(oid, codes.BY_EXPIRY)
            self.core.report(events)
            self.core.indicate_touched(events, len(events) - 1)
