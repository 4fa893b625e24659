"""What every command works on, and how what the kernel did becomes events."""

from typing import NamedTuple

from engine import codes
from engine.balances import Balances
from engine.commands import CALLS, Phase, TimeInForce
from engine.events import Amended, Cancelled, Event, Indicated, PhaseChanged, Traded
from engine.instrument import Equilibrium, Instrument
from engine.kernel import Kernel
from engine.orders import Orders


class OpenOrder(NamedTuple):
    oid: int
    acct: int
    cid: str
    sym: str
    side: str
    px: int
    qty: int
    open: int
    tif: str


class Core:
    """The state of an exchange but for its offerings and transfers. `seq` and `ts` are the current command's."""

    def __init__(self, kernel: Kernel) -> None:
        self.seq = 0
        self.ts = 0
        self.kernel = kernel
        self.balances = Balances(kernel)
        self.instruments: dict[str, Instrument] = {}
        self.syms = [""]  # instruments and other assets, by the kernel's index
        self.orders = Orders()
        self.groups: dict[int, int] = {}
        self.elected: dict[str, None] = {}  # instruments that may have elected stops
        self.trade_last = 0

    def report(self, events: list[Event]) -> None:
        """Turn what the kernel did into events, and forget the orders that are done."""
        live = self.orders.live
        for (
            kind, instr, side, reason, account, maker_account, oid, maker_oid, px, px_before, qty, left, maker_left,
            fee, maker_fee, filled, release,
        ) in self.kernel.drain():  # fmt: skip
            it = self.instruments[self.syms[instr]]
            if kind == codes.INTERRUPTION:
                it.phase, it.called = Phase.VOLATILITY_CALL, True
                events.append(PhaseChanged(self.seq, self.ts, it.sym, it.phase))
                continue
            acct = self.balances.accts[account]
            cid = live[acct][oid]
            if left == 0:
                self.orders.remove(acct, oid)
                if oid in it.stops.stops:
                    it.stops.remove(oid)
            if kind == codes.TRADED:
                maker = self.balances.accts[maker_account]
                maker_cid = live[maker][maker_oid]
                if maker_left == 0:
                    self.orders.remove(maker, maker_oid)
                taken = (acct, cid, oid, left, fee)
                made = (maker, maker_cid, maker_oid, maker_left, maker_fee)
                buy, sell = (made, taken) if side == codes.SELL else (taken, made)
                aggressor = "" if side == codes.NEITHER else codes.SIDES[side]
                self.trade_last += 1
                it.last = it.close = px
                if it.listing.dyn_bp:
                    self.kernel.set_guard(it.index, *it.guard)
                if it.stops.stops:
                    it.stops.elect(px)
                    self.elected[it.sym] = None
                events.append(
                    Traded(self.seq, self.ts, self.trade_last, it.sym, px, qty, *buy, release, *sell, aggressor)
                )
            elif kind == codes.AMENDED:
                events.append(
                    Amended(
                        self.seq, self.ts, acct, cid, oid, it.sym, codes.SIDES[side], px, px_before, left, filled,
                        codes.REASONS[reason], release,
                    )
                )  # fmt: skip
            else:
                events.append(
                    Cancelled(
                        self.seq,
                        self.ts,
                        acct,
                        cid,
                        oid,
                        it.sym,
                        codes.SIDES[side],
                        px,
                        qty,
                        codes.REASONS[reason],
                        release,
                        filled,
                    )
                )

    def indicate_touched(self, events: list[Event], first: int) -> None:
        """Say what the calls would trade whose orders the events from `first` on touched."""
        for sym in {event.sym: None for event in events[first:] if isinstance(event, Amended | Cancelled)}:
            self.indicate(self.instruments[sym], events)

    def indicate(self, it: Instrument, events: list[Event]) -> None:
        """Say what a call would trade, when that changed."""
        if it.phase in CALLS and (found := self.equilibrium(it)) != it.indicated:
            it.indicated = found
            events.append(Indicated(self.seq, self.ts, it.sym, *found))

    def equilibrium(self, it: Instrument) -> Equilibrium:
        """Where the instrument's call would end now."""
        return Equilibrium(*self.kernel.equilibrium(it.index, it.ref))

    def all_orders(self, it: Instrument, side: int) -> list[tuple[int, ...]]:
        """Every open order of a side as the kernel gives it: those in the book, market orders in a call, stops."""
        stops = [stop.oid for stop in it.stops.stops.values() if codes.SIDE_CODES[stop.side] == side]
        waiting = [order for oid in stops if (order := self.kernel.order(oid)) is not None]
        return self.kernel.queue(it.index, side) + self.kernel.waiting_orders(it.index, side) + waiting

    def open_orders(self, acct: int, sym: str = "") -> list[OpenOrder]:
        """An account's open orders by entry, of one instrument when `sym` is given."""
        found = (self._open_order(oid, cid) for oid, cid in self.orders.live.get(acct, {}).items())
        return [order for order in found if sym in ("", order.sym)]

    def open_order(self, acct: int, cid: str) -> OpenOrder | None:
        """An open order, or None when it is done or never was."""
        oid = self.orders.find(acct, cid)
        return None if oid is None else self._open_order(oid, cid)

    def _open_order(self, oid: int, cid: str) -> OpenOrder:
        order = self.kernel.order(oid)
        assert order is not None
        _, account, px, left, filled, *_, instr, side = order
        acct, sym = self.balances.accts[account], self.syms[instr]
        lasting = self.orders.lasting.get(oid)
        tif = lasting.tif if lasting else TimeInForce.GTC
        return OpenOrder(oid, acct, cid, sym, codes.SIDES[side], px, filled + left, left, tif)
