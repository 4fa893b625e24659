"""What the venue decides: listings, bands, fees, phases and days, and what comes into accounts and leaves them."""

from engine import codes
from engine.balances import SUPPLY_MAX, shortage
from engine.band import Band, band_of
from engine.commands import (
    CALLS,
    CASH,
    UNCROSSING,
    AddAsset,
    Deposit,
    Group,
    List,
    Roll,
    SetBand,
    SetFees,
    SetPhase,
    When,
    Withdraw,
)
from engine.core import Core
from engine.events import (
    AssetAdded,
    BandChanged,
    BandPlanned,
    Deposited,
    Event,
    FeesChanged,
    Grouped,
    Listed,
    PhaseChanged,
    Rolled,
    Uncrossed,
    Withdrawn,
)
from engine.instrument import NO_EQUILIBRIUM, Instrument
from engine.reject import Reject


class Venue:
    """Instruments and their rules, accounts and their groups."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def list_instrument(self, command: List, events: list[Event]) -> Reject | None:
        if command.sym in self.core.balances.assets:
            return Reject.DUPLICATE_ID
        if not is_valid(command):
            return Reject.MALFORMED
        fees = (command.maker_bp, command.taker_bp, command.min_fee)
        it = Instrument(len(self.core.syms), command, 0, 0, command.ref, command.up_bp, command.down_bp, fees)
        first, then = (
            band_of(command.ref, up_bp, down_bp, command.tick, command.max_px)
            for up_bp, down_bp in (it.band_today, (command.up_bp, command.down_bp))
        )
        if first is None or then is None:
            return Reject.MALFORMED
        it.lo, it.hi = first
        self.core.kernel.add_instrument(
            command.tick, command.lot, command.min_qty, command.max_holding, *fees, codes.STP_CODES[command.stp],
            command.resale_lock_days,
        )  # fmt: skip
        self.core.instruments[command.sym] = it
        self.core.syms.append(command.sym)
        self.core.balances.add_asset(command.sym, it.index)
        events.append(Listed(self.core.seq, self.core.ts, it.sym, it.tick, it.lot, it.min_qty, it.max_qty))
        self._enforce_band(it, events)
        return None

    def add_asset(self, command: AddAsset, events: list[Event]) -> Reject | None:
        if command.asset in self.core.balances.supply:
            return Reject.DUPLICATE_ID
        index = self.core.kernel.add_instrument(1, 1, 1, 0, 0, 0, 0, codes.STP_NONE, 0)
        self.core.kernel.set_state(index, codes.CLOSED)
        self.core.syms.append(command.asset)
        self.core.balances.add_asset(command.asset, index)
        events.append(AssetAdded(self.core.seq, self.core.ts, command.asset))
        return None

    def _enforce_band(self, it: Instrument, events: list[Event]) -> None:
        """Put the instrument's band and guard in force; what rests outside is cancelled."""
        events.append(BandChanged(self.core.seq, self.core.ts, it.sym, it.lo, it.hi, it.ref))
        self.core.kernel.set_band(it.index, it.lo // it.tick, it.hi // it.tick, it.qty_max)
        self.core.kernel.set_guard(it.index, *it.guard)
        self.core.report(events)

    def set_band(self, command: SetBand, events: list[Event]) -> Reject | None:
        it = self.core.instruments.get(command.sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        ref = command.ref or it.ref
        band = band_of(ref, command.up_bp, command.down_bp, it.tick, it.listing.max_px)
        if band is None:
            return Reject.MALFORMED
        if command.when == When.ROLL:
            it.next_band = command.up_bp, command.down_bp, command.ref
            events.append(BandPlanned(self.core.seq, self.core.ts, it.sym, *it.next_band))
            return None
        it.lo, it.hi, it.ref, it.up_bp, it.down_bp = *band, ref, command.up_bp, command.down_bp
        self._enforce_band(it, events)
        self.core.indicate(it, events)
        return None

    def set_fees(self, command: SetFees, events: list[Event]) -> Reject | None:
        it = self.core.instruments.get(command.sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        if max(command.maker_bp, command.taker_bp) > codes.FEE_BP_MAX:
            return Reject.MALFORMED
        it.fees = command.maker_bp, command.taker_bp, command.min_fee
        events.append(FeesChanged(self.core.seq, self.core.ts, it.sym, *it.fees))
        buys = sorted(order[0] for order in self.core.all_orders(it, codes.BUY))
        self.core.kernel.set_fees(it.index, *it.fees, buys)
        self.core.report(events)
        self.core.indicate(it, events)
        return None

    def set_phase(self, command: SetPhase, events: list[Event]) -> Reject | None:
        it = self.core.instruments.get(command.sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        if it.called and command.phase in UNCROSSING:
            self._uncross(it, events)
        it.called = it.called or command.phase in CALLS
        it.phase = command.phase
        self.core.kernel.set_state(it.index, codes.STATES[command.phase])
        events.append(PhaseChanged(self.core.seq, self.core.ts, it.sym, it.phase))
        self.core.indicate(it, events)
        return None

    def group(self, command: Group, events: list[Event]) -> Reject | None:
        if command.acct not in self.core.balances.indexes:
            return Reject.MALFORMED
        self.set_group(command.acct, command.group)
        events.append(Grouped(self.core.seq, self.core.ts, command.acct, command.group))
        return None

    def set_group(self, acct: int, group: int) -> None:
        index = self.core.balances.index(acct)
        self.core.kernel.set_group(index, -group if group else index)
        self.core.groups.pop(acct, None)
        if group:
            self.core.groups[acct] = group

    def roll(self, command: Roll, events: list[Event]) -> Reject | None:
        it = self.core.instruments.get(command.sym)
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
        if band is None:  # no such band can be: the day ends all the same, and today's stays
            band, ref = Band(it.lo, it.hi), it.ref
        if it.next_band is not None:
            it.up_bp, it.down_bp, it.next_band = up_bp, down_bp, None
        events.append(Rolled(self.core.seq, self.core.ts, it.sym, close))
        it.close = it.auction = 0
        self.core.kernel.set_day(it.index, it.day)
        for oid in self.core.orders.of_the_day(it.sym):
            self.core.kernel.withdraw_order(oid, codes.BY_EXPIRY)
        self.core.report(events)
        it.lo, it.hi, it.ref = *band, ref
        self._enforce_band(it, events)
        self.core.indicate(it, events)
        return None

    def _uncross(self, it: Instrument, events: list[Event]) -> None:
        """End a call: trade at one price, cancel what is left of market orders."""
        found = self.core.equilibrium(it)
        events.append(Uncrossed(self.core.seq, self.core.ts, it.sym, *found))
        self.core.kernel.uncross(it.index, found.px)
        self.core.report(events)
        it.called, it.indicated = False, NO_EQUILIBRIUM
        if found.px:
            it.auction = found.px
            self.core.kernel.set_guard(it.index, *it.guard)

    def deposit(self, command: Deposit, events: list[Event]) -> Reject | None:
        if command.asset not in self.core.balances.supply:
            return Reject.UNKNOWN_INSTRUMENT
        if self.core.balances.issued(command.asset) + command.amount > SUPPLY_MAX or command.acct < 0:
            return Reject.MALFORMED
        self.core.balances.move(command.acct, command.asset, command.amount)
        self.core.balances.supply[command.asset] += command.amount
        events.append(Deposited(self.core.seq, self.core.ts, command.acct, command.asset, command.amount))
        return None

    def withdraw(self, command: Withdraw, events: list[Event]) -> Reject | None:
        if command.asset not in self.core.balances.supply:
            return Reject.UNKNOWN_INSTRUMENT
        if command.acct < 0:
            return Reject.MALFORMED
        if self.core.balances.get(command.acct, command.asset).free < command.amount:
            return shortage(command.asset)
        self.core.balances.move(command.acct, command.asset, -command.amount)
        self.core.balances.supply[command.asset] -= command.amount
        events.append(Withdrawn(self.core.seq, self.core.ts, command.acct, command.asset, command.amount))
        return None


def is_valid(command: List) -> bool:
    """Whether an instrument's numbers make sense together."""
    return (
        command.sym != CASH
        and (command.max_qty == 0 or command.max_qty >= command.min_qty)
        and max(command.maker_bp, command.taker_bp) <= codes.FEE_BP_MAX
    )
