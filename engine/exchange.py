"""The one door: commands in, events out.

`Exchange.apply` gives each command its number, routes it, and turns what the kernel did into events. Same commands,
same events, same state hash, on every machine.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sortedcontainers import SortedList

from engine import codes
from engine.balances import SUPPLY_MAX, Balance, Balances, shortage
from engine.band import band_of
from engine.checks import fault_of
from engine.commands import (
    CALLS,
    CASH,
    STOPS,
    UNCROSSING,
    AddAsset,
    Allot,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    Group,
    List,
    Offer,
    OrderType,
    Phase,
    Place,
    Recall,
    Roll,
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
    PhaseChanged,
    Rejected,
    Repeated,
    Rolled,
    Traded,
    Transferred,
    Triggered,
    Uncrossed,
    Withdrawn,
)
from engine.instrument import NO_EQUILIBRIUM, Equilibrium, Instrument
from engine.kernel import Kernel
from engine.offerings import Offerings
from engine.reject import Reject
from engine.snapshot import Lasting, digest_of, open_orders, rebuild, records_of
from engine.soundness import require_sound
from engine.stops import Stop
from engine.transfers import Outcome, Transfers


class Book(NamedTuple):
    """Levels as (price in fen, quantity), best first."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


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


class Exchange:
    """Everything that trades. Invariants: see `soundness`; `snapshot` and it are the only friends of its fields."""

    def __init__(self, kernel: type[Kernel] = Kernel) -> None:
        self.seq = 0
        self.ts = 0
        self.kernel = kernel()
        self._instruments: dict[str, Instrument] = {}
        self._syms = [""]  # instruments and other assets, by the kernel's index
        self._balances = Balances(self.kernel)
        self._transfers = Transfers(self._balances)
        self._offerings = Offerings(self._balances)
        self._oids: dict[tuple[int, str], int] = {}  # every cid ever accepted
        self._live: dict[int, dict[int, str]] = {}  # acct -> oid -> cid of its resting orders, in order of entry
        self._lasting: dict[int, Lasting] = {}  # resting orders that end by themselves
        self._expiries: SortedList[tuple[int, int]] = SortedList()  # (expire_ts, oid) of those
        self._groups: dict[int, int] = {}
        self._elected: dict[str, None] = {}  # instruments that may have elected stops
        self._oid_last = 0
        self._trade_last = 0
        self._handlers: Mapping[type, Any] = MappingProxyType(
            {
                List: self._list,
                AddAsset: self._add_asset,
                Deposit: self._deposit,
                Withdraw: self._withdraw,
                SetPhase: self._set_phase,
                SetBand: self._set_band,
                SetFees: self._set_fees,
                Place: self._place,
                Cancel: self._cancel,
                CancelAll: self._cancel_all,
                Amend: self._amend,
                Group: self._group,
                Roll: self._roll,
                Transfer: self._transfer,
                Offer: self._offer,
                Subscribe: self._subscribe,
                Allot: self._allot,
                Recall: self._recall,
            }
        )

    # ------------------------------------------------------------------------------------------------ the door

    def apply(self, commands: Iterable[Command]) -> list[Event]:
        """Apply commands in order and return all that happened. Refusals are events; nothing is half done."""
        events: list[Event] = []
        for command in commands:
            self.seq += 1
            if fault_of(command) is not None:
                events.append(self._rejected(command, Reject.MALFORMED))
                continue
            if command.ts > self.ts:
                self.ts = command.ts
                self._expire(events)
            refusal = self._handlers[type(command)](command, events)
            if refusal is not None:
                events.append(self._rejected(command, refusal))
            elif self._elected:
                self._enter_elected(events)
        return events

    def _rejected(self, command: Command, code: Reject) -> Rejected:
        cid = command.cid if isinstance(command, Place | Cancel | Amend) else ""
        return Rejected(self.seq, self.ts, getattr(command, "acct", 0), cid, code, self._detail(command, code))

    def _detail(self, command: Command, code: Reject) -> dict[str, int]:
        """The limit that a refused order met."""
        match command:
            case Place():
                sym = command.sym
            case Amend():
                order = self.order(command.acct, command.cid)
                sym = order.sym if order else ""
            case Subscribe():
                return self._offerings.limit(command.offering, code)
            case _:
                return {}
        if (it := self._instruments.get(sym)) is None:
            return {}
        match code:
            case Reject.OFF_TICK:
                return {"tick": it.tick}
            case Reject.PRICE_OUT_OF_BAND:
                return {"lo": it.lo, "hi": it.hi}
            case Reject.OFF_LOT:
                return {"lot": it.lot}
            case Reject.BELOW_MIN_QTY:
                return {"min_qty": it.min_qty}
            case Reject.ABOVE_MAX_QTY:
                return {"max_qty": it.qty_max}
            case Reject.ABOVE_POSITION_LIMIT:
                return {"max_holding": it.listing.max_holding}
            case Reject.INSUFFICIENT_FUNDS:
                return {"free": self.balance(command.acct, CASH).free}
            case Reject.INSUFFICIENT_BOTTLES:
                found = {"free": self.balance(command.acct, sym).free}
                locked = self.locked(command.acct, sym)
                return found | {"locked": locked} if locked else found
            case _:
                return {}

    # ---------------------------------------------------------------------------------------------- hot commands

    def _place(self, command: Place, events: list[Event]) -> Reject | None:
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
        if (acct, cid) in self._oids:
            return Reject.DUPLICATE_ID
        it = self._instruments.get(sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        if expire_ts and expire_ts <= self.ts:
            return Reject.TOO_LATE
        if stop_px % it.tick:
            return Reject.OFF_TICK if it.phase in (*CALLS, Phase.CONTINUOUS) else self._phase_refusal(it)
        if kind in STOPS:
            how |= codes.HOW_STOP
        oid = self._oid_last + 1
        account = self._balances.index(acct)
        code = (
            self.kernel.place_iceberg(oid, account, it.index, codes.SIDE_CODES[side], px, qty, how, display)
            if display
            else self.kernel.place(oid, account, it.index, codes.SIDE_CODES[side], px, qty, how)
        )
        if code:
            return codes.REJECTS[code]
        self._oid_last = oid
        self._oids[acct, cid] = oid
        self._live.setdefault(acct, {})[oid] = cid
        if how & codes.MARKET:
            px = it.hi if side == Side.BUY else it.lo
        events.append(Accepted(self.seq, self.ts, acct, cid, oid, sym, side, px, qty, tif, self.kernel.hold))
        if kind in STOPS:
            it.stops.add(Stop(oid, side, stop_px, how & ~codes.HOW_STOP), it.last)
            self._elected[sym] = None
        self._report(events)
        self._indicate(it, events)
        if tif in (TimeInForce.DAY, TimeInForce.GTD) and oid in self._live[acct]:
            self._lasting[oid] = Lasting(sym, tif, expire_ts)
            if expire_ts:
                self._expiries.add((expire_ts, oid))
        return None

    def _cancel(self, command: Cancel, events: list[Event]) -> Reject | None:
        oid = self._oids.get((command.acct, command.cid), 0)
        code = self.kernel.cancel(oid, self._balances.index(command.acct))
        if code:
            return codes.REJECTS[code]
        self._report(events)
        self._indicate_touched(events, len(events) - 1)
        return None

    def _cancel_all(self, command: CancelAll, events: list[Event]) -> Reject | None:
        if command.sym and command.sym not in self._instruments:
            return Reject.UNKNOWN_INSTRUMENT
        orders = [order for order in self.orders(command.acct, command.sym) if command.side in ("", order.side)]
        locked = False
        for order in orders:
            locked |= self.kernel.cancel(order.oid, self._balances.index(command.acct)) != codes.ACCEPTED
        before = len(events)
        self._report(events)
        if len(events) == before:
            return Reject.PHASE_CLOSED if locked else Reject.UNKNOWN_ORDER
        self._indicate_touched(events, before)
        return None

    def _amend(self, command: Amend, events: list[Event]) -> Reject | None:
        order = self.order(command.acct, command.cid)
        if order is None:
            return Reject.UNKNOWN_ORDER
        stop = self._instruments[order.sym].stops.stops.get(order.oid)
        if stop is not None and stop.how & codes.MARKET and command.px:
            return Reject.MALFORMED  # it has no limit
        account = self._balances.index(command.acct)
        code = self.kernel.amend(order.oid, account, command.px or order.px, command.qty or order.qty)
        if code:
            return codes.REJECTS[code]
        before = len(events)
        self._report(events)
        self._indicate_touched(events, before)
        return None

    def _indicate_touched(self, events: list[Event], first: int) -> None:
        """Say what the calls would trade whose orders the events from `first` on touched."""
        for sym in {event.sym: None for event in events[first:] if isinstance(event, Amended | Cancelled)}:
            self._indicate(self._instruments[sym], events)

    @staticmethod
    def _phase_refusal(it: Instrument) -> Reject:
        return Reject.HALTED if it.phase == Phase.HALTED else Reject.PHASE_CLOSED

    def _enter_elected(self, events: list[Event]) -> None:
        """Enter the elected stops, one at a time; the trades of each may elect more. Where no trading is, they wait."""
        for sym in list(self._elected):
            it = self._instruments[sym]
            while it.stops.elected and it.phase == Phase.CONTINUOUS:
                oid = it.stops.elected[0]
                how = it.stops.stops[oid].how
                it.stops.remove(oid)
                order = self.kernel.order(oid)
                assert order is not None
                acct, left, side = self._balances.accts[order[1]], order[3], codes.SIDES[order[11]]
                cid = self._live[acct][oid]
                px, released = self.kernel.trigger(oid, how)
                events.append(Triggered(self.seq, self.ts, acct, cid, oid, sym, side, px, left, released))
                self._report(events)
                self._indicate(it, events)
            if not it.stops.elected:
                del self._elected[sym]

    def _expire(self, events: list[Event]) -> None:
        """End the orders whose time has come, by time, then entry."""
        while self._expiries and self._expiries[0][0] <= self.ts:
            self.kernel.withdraw_order(self._expiries[0][1], codes.BY_EXPIRY)
            self._report(events)
            self._indicate_touched(events, len(events) - 1)

    def _report(self, events: list[Event]) -> None:
        """Turn what the kernel did into events, and forget the orders that are done."""
        for (
            kind, instr, side, reason, account, maker_account, oid, maker_oid, px, px_before, qty, left, maker_left,
            fee, maker_fee, filled, release,
        ) in self.kernel.drain():  # fmt: skip
            it = self._instruments[self._syms[instr]]
            if kind == codes.INTERRUPTION:
                it.phase, it.called = Phase.VOLATILITY_CALL, True
                events.append(PhaseChanged(self.seq, self.ts, it.sym, it.phase))
                continue
            acct = self._balances.accts[account]
            live = self._live[acct]
            cid = live[oid]
            if left == 0:
                del live[oid]
                self._forget(oid)
                if oid in it.stops.stops:
                    it.stops.remove(oid)
            if kind == codes.TRADED:
                maker = self._balances.accts[maker_account]
                maker_live = self._live[maker]
                maker_cid = maker_live[maker_oid]
                if maker_left == 0:
                    del maker_live[maker_oid]
                    self._forget(maker_oid)
                taken = (acct, cid, oid, left, fee)
                made = (maker, maker_cid, maker_oid, maker_left, maker_fee)
                buy, sell = (made, taken) if side == codes.SELL else (taken, made)
                aggressor = "" if side == codes.NEITHER else codes.SIDES[side]
                self._trade_last += 1
                it.last = it.close = px
                if it.listing.dyn_bp:
                    self.kernel.set_guard(it.index, *it.guard)
                if it.stops.stops:
                    it.stops.elect(px)
                    self._elected[it.sym] = None
                events.append(
                    Traded(self.seq, self.ts, self._trade_last, it.sym, px, qty, *buy, release, *sell, aggressor)
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

    def _forget(self, oid: int) -> None:
        """An order is done; it need not end by itself any more."""
        lasting = self._lasting.pop(oid, None)
        if lasting is not None and lasting.expire_ts:
            self._expiries.remove((lasting.expire_ts, oid))

    # --------------------------------------------------------------------------------------------- cold commands

    def _list(self, command: List, events: list[Event]) -> Reject | None:
        if command.sym in self._instruments:
            return Reject.DUPLICATE_ID
        if not is_valid(command):
            return Reject.MALFORMED
        fees = (command.maker_bp, command.taker_bp, command.min_fee)
        it = Instrument(len(self._syms), command, 0, 0, command.ref, command.up_bp, command.down_bp, fees)
        first, then = (
            band_of(command.ref, up_bp, down_bp, command.tick, command.max_px)
            for up_bp, down_bp in (it.band_today, (command.up_bp, command.down_bp))
        )
        if first is None or then is None:
            return Reject.MALFORMED
        it.lo, it.hi = first
        self.kernel.add_instrument(
            command.tick, command.lot, command.min_qty, command.max_holding, *fees, codes.STP_CODES[command.stp],
            command.resale_lock_days,
        )  # fmt: skip
        self._instruments[command.sym] = it
        self._syms.append(command.sym)
        self._balances.add_asset(command.sym, it.index)
        events.append(Listed(self.seq, self.ts, it.sym, it.tick, it.lot, it.min_qty, it.max_qty))
        self._enforce_band(it, events)
        return None

    def _add_asset(self, command: AddAsset, events: list[Event]) -> Reject | None:
        if command.asset in self._balances.supply:
            return Reject.DUPLICATE_ID
        index = self.kernel.add_instrument(1, 1, 1, 0, 0, 0, 0, codes.STP_NONE, 0)
        self.kernel.set_state(index, codes.CLOSED)
        self._syms.append(command.asset)
        self._balances.add_asset(command.asset, index)
        events.append(AssetAdded(self.seq, self.ts, command.asset))
        return None

    def _enforce_band(self, it: Instrument, events: list[Event]) -> None:
        """Put the instrument's band and guard in force; what rests outside is cancelled."""
        events.append(BandChanged(self.seq, self.ts, it.sym, it.lo, it.hi, it.ref))
        self.kernel.set_band(it.index, it.lo // it.tick, it.hi // it.tick, it.qty_max)
        self.kernel.set_guard(it.index, *it.guard)
        self._report(events)

    def _set_band(self, command: SetBand, events: list[Event]) -> Reject | None:
        it = self._instruments.get(command.sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        ref = command.ref or it.ref
        band = band_of(ref, command.up_bp, command.down_bp, it.tick, it.listing.max_px)
        if band is None:
            return Reject.MALFORMED
        if command.when == When.ROLL:
            it.next_band = command.up_bp, command.down_bp, command.ref
            events.append(BandPlanned(self.seq, self.ts, it.sym, *it.next_band))
            return None
        it.lo, it.hi, it.ref, it.up_bp, it.down_bp = *band, ref, command.up_bp, command.down_bp
        self._enforce_band(it, events)
        self._indicate(it, events)
        return None

    def _set_fees(self, command: SetFees, events: list[Event]) -> Reject | None:
        it = self._instruments.get(command.sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        if max(command.maker_bp, command.taker_bp) > codes.FEE_BP_MAX:
            return Reject.MALFORMED
        it.fees = command.maker_bp, command.taker_bp, command.min_fee
        events.append(FeesChanged(self.seq, self.ts, it.sym, *it.fees))
        buys = sorted(order[0] for order in open_orders(self, it.index, codes.BUY))
        self.kernel.set_fees(it.index, *it.fees, buys)
        self._report(events)
        self._indicate(it, events)
        return None

    def _set_phase(self, command: SetPhase, events: list[Event]) -> Reject | None:
        it = self._instruments.get(command.sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        if it.called and command.phase in UNCROSSING:
            self._uncross(it, events)
        it.called = it.called or command.phase in CALLS
        it.phase = command.phase
        self.kernel.set_state(it.index, codes.STATES[command.phase])
        events.append(PhaseChanged(self.seq, self.ts, it.sym, it.phase))
        self._indicate(it, events)
        return None

    def _group(self, command: Group, events: list[Event]) -> Reject | None:
        if command.acct not in self._balances.indexes:
            return Reject.MALFORMED
        self._set_group(command.acct, command.group)
        events.append(Grouped(self.seq, self.ts, command.acct, command.group))
        return None

    def _set_group(self, acct: int, group: int) -> None:
        index = self._balances.index(acct)
        self.kernel.set_group(index, -group if group else index)
        self._groups.pop(acct, None)
        if group:
            self._groups[acct] = group

    def _roll(self, command: Roll, events: list[Event]) -> Reject | None:
        it = self._instruments.get(command.sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        close = it.close or it.ref
        it.day += 1
        up_bp, down_bp = it.band_today
        ref = close
        if it.next_band is not None:
            up_bp, down_bp, planned = it.next_band
            ref = planned or close
        band = band_of(ref, up_bp, down_bp, it.tick, it.listing.max_px)
        if band is None:
            it.day -= 1
            return Reject.MALFORMED
        if it.next_band is not None:
            it.up_bp, it.down_bp, it.next_band = up_bp, down_bp, None
        events.append(Rolled(self.seq, self.ts, it.sym, close))
        it.close = it.auction = 0
        self.kernel.set_day(it.index, it.day)
        day = [oid for oid, last in self._lasting.items() if last.sym == it.sym and last.tif == TimeInForce.DAY]
        for oid in sorted(day):
            self.kernel.withdraw_order(oid, codes.BY_EXPIRY)
        self._report(events)
        it.lo, it.hi, it.ref = *band, ref
        self._enforce_band(it, events)
        self._indicate(it, events)
        return None

    def _equilibrium(self, it: Instrument) -> Equilibrium:
        """Where the instrument's call would end now."""
        return Equilibrium(*self.kernel.equilibrium(it.index, it.ref))

    def _indicate(self, it: Instrument, events: list[Event]) -> None:
        """Say what a call would trade, when that changed."""
        if it.phase in CALLS and (found := self._equilibrium(it)) != it.indicated:
            it.indicated = found
            events.append(Indicated(self.seq, self.ts, it.sym, *found))

    def _uncross(self, it: Instrument, events: list[Event]) -> None:
        """End a call: trade at one price, cancel what is left of market orders."""
        found = self._equilibrium(it)
        events.append(Uncrossed(self.seq, self.ts, it.sym, *found))
        self.kernel.uncross(it.index, found.px)
        self._report(events)
        it.called, it.indicated = False, NO_EQUILIBRIUM
        if found.px:
            it.auction = found.px
            self.kernel.set_guard(it.index, *it.guard)

    def _deposit(self, command: Deposit, events: list[Event]) -> Reject | None:
        if command.asset not in self._balances.supply:
            return Reject.UNKNOWN_INSTRUMENT
        if self._balances.issued(command.asset) + command.amount > SUPPLY_MAX or command.acct < 0:
            return Reject.MALFORMED
        self._balances.move(command.acct, command.asset, command.amount)
        self._balances.supply[command.asset] += command.amount
        events.append(Deposited(self.seq, self.ts, command.acct, command.asset, command.amount))
        return None

    def _withdraw(self, command: Withdraw, events: list[Event]) -> Reject | None:
        if command.asset not in self._balances.supply:
            return Reject.UNKNOWN_INSTRUMENT
        if self.balance(command.acct, command.asset).free < command.amount:
            return shortage(command.asset)
        self._balances.move(command.acct, command.asset, -command.amount)
        self._balances.supply[command.asset] -= command.amount
        events.append(Withdrawn(self.seq, self.ts, command.acct, command.asset, command.amount))
        return None

    def _transfer(self, command: Transfer, events: list[Event]) -> Reject | None:
        match self._transfers.apply(command, self.seq):
            case Reject() as refusal:
                return refusal
            case Outcome(code=code) if code:
                return Reject(code)
            case Outcome(seq=first):
                events.append(Repeated(self.seq, self.ts, command.key, first))
            case legs:
                events.append(Transferred(self.seq, self.ts, command.key, legs))
        return None

    def _offer(self, command: Offer, events: list[Event]) -> Reject | None:
        return self._offerings.announce(command, self.seq, self.ts, events)

    def _subscribe(self, command: Subscribe, events: list[Event]) -> Reject | None:
        return self._offerings.subscribe(command, self.seq, self.ts, events)

    def _allot(self, command: Allot, events: list[Event]) -> Reject | None:
        return self._offerings.allot(command, self.seq, self.ts, events)

    def _recall(self, command: Recall, events: list[Event]) -> Reject | None:
        return self._offerings.recall(command, self.seq, self.ts, events)

    # -------------------------------------------------------------------------------------------------- reading

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return MappingProxyType(self._instruments)

    def accounts(self) -> list[int]:
        """Every account, ascending; the contra accounts and FEES are the first."""
        return sorted(self._balances.indexes)

    def balance(self, acct: int, asset: str) -> Balance:
        """Free and held. Raises KeyError for an unknown asset."""
        return self._balances.get(acct, asset)

    def balances(self, acct: int) -> dict[str, Balance]:
        """The account's cash, and its amount of every other asset that it has any of."""
        return self._balances.all(acct)

    def locked(self, acct: int, sym: str) -> int:
        """How many of the free bottles may not be sold yet."""
        return self._balances.locked(acct, sym)

    def book(self, sym: str, levels: int = 0) -> Book:
        """The best levels of both sides, all of them for 0. Raises KeyError for an unknown symbol."""
        index = self._instruments[sym].index
        return Book(self.kernel.depth(index, codes.BUY, levels), self.kernel.depth(index, codes.SELL, levels))

    def level(self, sym: str, side: str, px: int) -> int:
        """The quantity resting at a price. O(1)."""
        return self.kernel.level(self._instruments[sym].index, codes.SIDE_CODES[side], px)

    def orders(self, acct: int, sym: str = "") -> list[OpenOrder]:
        """The account's resting orders by entry, of one instrument when `sym` is given."""
        found = (self._open_order(oid, cid) for oid, cid in self._live.get(acct, {}).items())
        return [order for order in found if sym in ("", order.sym)]

    def order(self, acct: int, cid: str) -> OpenOrder | None:
        """A resting order, or None when it is done or never was."""
        oid = self._oids.get((acct, cid), 0)
        return self._open_order(oid, cid) if oid in self._live.get(acct, {}) else None

    def _open_order(self, oid: int, cid: str) -> OpenOrder:
        order = self.kernel.order(oid)
        assert order is not None
        _, account, px, left, filled, *_, instr, side = order
        acct, sym = self._balances.accts[account], self._syms[instr]
        lasting = self._lasting.get(oid)
        tif = lasting.tif if lasting else TimeInForce.GTC
        return OpenOrder(oid, acct, cid, sym, codes.SIDES[side], px, filled + left, left, tif)

    # ------------------------------------------------------------------------------------------- state as data

    def snapshot(self) -> Iterator[tuple[Any, ...]]:
        """The whole state as plain tuples, in an order that the state alone decides."""
        return records_of(self)

    @classmethod
    def restore(cls, records: Iterable[Sequence[Any]], kernel: type[Kernel] = Kernel) -> "Exchange":
        """Rebuild the exchange of a snapshot. Raises ValueError for records that are not one."""
        exchange = cls(kernel)
        rebuild(exchange, records)
        return exchange

    def state_hash(self) -> str:
        """A digest of all that the snapshot has but its first record.

        That one says how many commands came and when the last did, so a refused command leaves the hash as it was.
        """
        return digest_of(self.snapshot())

    def check(self) -> None:
        """Assert every invariant. O(orders); for tests, recovery and the auditor."""
        require_sound(self)


def is_valid(command: List) -> bool:
    """Whether an instrument's numbers make sense together."""
    return (
        command.sym != CASH
        and (command.max_qty == 0 or command.max_qty >= command.min_qty)
        and max(command.maker_bp, command.taker_bp) <= codes.FEE_BP_MAX
    )
