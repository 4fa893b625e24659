"""The one door: commands in, events out.

`Exchange.apply` gives each command its number, routes it, and turns what the kernel did into events. Same commands,
same events, same state hash, on every machine.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, NamedTuple

from engine import codes
from engine.band import band_of
from engine.checks import fault_of
from engine.commands import (
    CASH,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    List,
    Phase,
    Place,
    SelfTrade,
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
from engine.instrument import Instrument
from engine.kernel import Kernel
from engine.reject import Reason, Reject

FEES = -1  # the account that fees are booked to
NOBODY = 1  # the kernel's account for whoever never deposited: always empty
SUPPLY_MAX = 1 << 60  # of one asset over all accounts
SNAPSHOT_VERSION = 1

SIDES = tuple(Side)
REASONS = tuple(Reason)
SIDE_CODES: dict[str, int] = {side: code for code, side in enumerate(SIDES)}
TIF_CODES: dict[str, int] = {tif: code for code, tif in enumerate(TimeInForce)}
PHASE_CODES: dict[str, int] = {phase: code for code, phase in enumerate(Phase)}
STP_CODES: dict[str, int] = {stp: code for code, stp in enumerate(SelfTrade)}


class Balance(NamedTuple):
    free: int
    held: int


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
    """Everything that trades. Invariants: see `check`."""

    def __init__(self, kernel: type[Kernel] = Kernel) -> None:
        self.seq = 0
        self.ts = 0
        self.kernel = kernel()
        self._instruments: dict[str, Instrument] = {}
        self._syms = [""]  # by the kernel's index
        self._accts = [FEES, NOBODY]  # by the kernel's index
        self._indexes = {FEES: codes.FEES}
        self.kernel.add_account()
        self._supply: dict[str, int] = {CASH: 0}
        self._oids: dict[tuple[int, str], int] = {}  # every cid ever accepted
        self._live: dict[int, dict[int, str]] = {}  # acct -> oid -> cid of its resting orders, in order of entry
        self._oid_last = 0
        self._trade_last = 0
        self._handlers: Mapping[type, Any] = MappingProxyType(
            {
                List: self._list,
                Deposit: self._deposit,
                Withdraw: self._withdraw,
                SetPhase: self._set_phase,
                SetBand: self._set_band,
                Place: self._place,
                Cancel: self._cancel,
                CancelAll: self._cancel_all,
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
            refusal = self._handlers[type(command)](command, events)
            if refusal is not None:
                events.append(self._rejected(command, refusal))
        return events

    def _rejected(self, command: Command, code: Reject) -> Rejected:
        cid = command.cid if isinstance(command, Place | Cancel) else ""
        return Rejected(self.seq, self.ts, getattr(command, "acct", 0), cid, code, self._detail(command, code))

    def _detail(self, command: Command, code: Reject) -> dict[str, int]:
        """The limit that a refused order met."""
        if not isinstance(command, Place) or (it := self._instruments.get(command.sym)) is None:
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
                return {"free": self.balance(command.acct, command.sym).free}
            case _:
                return {}

    # ---------------------------------------------------------------------------------------------- hot commands

    def _place(self, command: Place, events: list[Event]) -> Reject | None:
        _, acct, cid, sym, side, px, qty, tif = command
        if (acct, cid) in self._oids:
            return Reject.DUPLICATE_ID
        it = self._instruments.get(sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        oid = self._oid_last + 1
        code = self.kernel.place(
            oid, self._indexes.get(acct, NOBODY), it.index, SIDE_CODES[side], px, qty, TIF_CODES[tif]
        )
        if code:
            return codes.REJECTS[code]
        self._oid_last = oid
        self._oids[acct, cid] = oid
        self._live.setdefault(acct, {})[oid] = cid
        events.append(Accepted(self.seq, self.ts, acct, cid, oid, sym, side, px, qty, tif, self.kernel.hold))
        self._report(events)
        return None

    def _cancel(self, command: Cancel, events: list[Event]) -> Reject | None:
        oid = self._oids.get((command.acct, command.cid), 0)
        code = self.kernel.cancel(oid, self._indexes.get(command.acct, NOBODY))
        if code:
            return codes.REJECTS[code]
        self._report(events)
        return None

    def _cancel_all(self, command: CancelAll, events: list[Event]) -> Reject | None:
        if command.sym and command.sym not in self._instruments:
            return Reject.UNKNOWN_INSTRUMENT
        orders = self.orders(command.acct, command.sym)
        for order in orders:
            self.kernel.cancel(order.oid, self._indexes[command.acct])
        self._report(events)
        return None if orders else Reject.UNKNOWN_ORDER

    def _report(self, events: list[Event]) -> None:
        """Turn what the kernel did into events, and forget the orders that are done."""
        for (
            kind, instr, side, reason, account, maker_account, oid, maker_oid, px, qty, left, maker_left, fee,
            maker_fee, filled, release,
        ) in self.kernel.drain():  # fmt: skip
            it = self._instruments[self._syms[instr]]
            acct = self._accts[account]
            live = self._live[acct]
            cid = live[oid]
            if left == 0:
                del live[oid]
            if kind == codes.TRADED:
                maker = self._accts[maker_account]
                maker_live = self._live[maker]
                maker_cid = maker_live[maker_oid]
                if maker_left == 0:
                    del maker_live[maker_oid]
                taken = (acct, cid, oid, left, fee)
                made = (maker, maker_cid, maker_oid, maker_left, maker_fee)
                buy, sell = (taken, made) if side == codes.BUY else (made, taken)
                self._trade_last += 1
                it.last = px
                events.append(
                    Traded(self.seq, self.ts, self._trade_last, it.sym, px, qty, *buy, release, *sell, SIDES[side])
                )
            else:
                events.append(
                    Cancelled(
                        self.seq,
                        self.ts,
                        acct,
                        cid,
                        oid,
                        it.sym,
                        SIDES[side],
                        px,
                        qty,
                        REASONS[reason],
                        release,
                        filled,
                    )
                )

    # --------------------------------------------------------------------------------------------- cold commands

    def _list(self, command: List, events: list[Event]) -> Reject | None:
        if command.sym in self._instruments:
            return Reject.DUPLICATE_ID
        if not is_valid(command):
            return Reject.MALFORMED
        band = band_of(command.ref, command.up_bp, command.down_bp, command.tick, command.max_px)
        if band is None:
            return Reject.MALFORMED
        index = self.kernel.add_instrument(
            command.tick, command.lot, command.min_qty, command.max_holding,
            command.maker_bp, command.taker_bp, command.min_fee, STP_CODES[command.stp],
        )  # fmt: skip
        it = Instrument(index, command, band.lo, band.hi, command.ref, command.up_bp, command.down_bp)
        self._instruments[command.sym] = it
        self._syms.append(command.sym)
        self._supply[command.sym] = 0
        self.kernel.set_band(index, it.lo // it.tick, it.hi // it.tick, it.qty_max)
        events.append(Listed(self.seq, self.ts, it.sym, it.tick, it.lot, it.min_qty, it.max_qty))
        events.append(BandChanged(self.seq, self.ts, it.sym, it.lo, it.hi, it.ref))
        return None

    def _set_band(self, command: SetBand, events: list[Event]) -> Reject | None:
        it = self._instruments.get(command.sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        ref = command.ref or it.ref
        band = band_of(ref, command.up_bp, command.down_bp, it.tick, it.listing.max_px)
        if band is None:
            return Reject.MALFORMED
        it.lo, it.hi, it.ref, it.up_bp, it.down_bp = *band, ref, command.up_bp, command.down_bp
        events.append(BandChanged(self.seq, self.ts, it.sym, it.lo, it.hi, it.ref))
        self.kernel.set_band(it.index, it.lo // it.tick, it.hi // it.tick, it.qty_max)
        self._report(events)
        return None

    def _set_phase(self, command: SetPhase, events: list[Event]) -> Reject | None:
        it = self._instruments.get(command.sym)
        if it is None:
            return Reject.UNKNOWN_INSTRUMENT
        it.phase = command.phase
        self.kernel.set_state(it.index, PHASE_CODES[command.phase])
        events.append(PhaseChanged(self.seq, self.ts, it.sym, it.phase))
        return None

    def _deposit(self, command: Deposit, events: list[Event]) -> Reject | None:
        supply = self._supply.get(command.asset)
        if supply is None:
            return Reject.UNKNOWN_INSTRUMENT
        if supply + command.amount > SUPPLY_MAX:
            return Reject.MALFORMED
        if command.acct not in self._indexes:
            self._indexes[command.acct] = self.kernel.add_account()
            self._accts.append(command.acct)
        self._move(command.acct, command.asset, command.amount)
        events.append(Deposited(self.seq, self.ts, command.acct, command.asset, command.amount))
        return None

    def _withdraw(self, command: Withdraw, events: list[Event]) -> Reject | None:
        if command.asset not in self._supply:
            return Reject.UNKNOWN_INSTRUMENT
        if command.acct not in self._indexes or not self._move(command.acct, command.asset, -command.amount):
            return Reject.INSUFFICIENT_FUNDS if command.asset == CASH else Reject.INSUFFICIENT_BOTTLES
        events.append(Withdrawn(self.seq, self.ts, command.acct, command.asset, command.amount))
        return None

    def _move(self, acct: int, asset: str, amount: int) -> bool:
        """Add to an account's free balance, or take from it when there is enough."""
        index = self._indexes[acct]
        moved = (
            self.kernel.add_cash(index, amount)
            if asset == CASH
            else self.kernel.add_bottles(index, self._instruments[asset].index, amount)
        )
        if moved:
            self._supply[asset] += amount
        return moved

    # -------------------------------------------------------------------------------------------------- reading

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return MappingProxyType(self._instruments)

    def accounts(self) -> list[int]:
        """Every account, ascending; FEES is the first."""
        return sorted(self._indexes)

    def balance(self, acct: int, asset: str) -> Balance:
        index = self._indexes.get(acct, NOBODY)
        if asset == CASH:
            return Balance(*self.kernel.cash(index))
        return Balance(*self.kernel.bottles(index, self._instruments[asset].index))

    def balances(self, acct: int) -> dict[str, Balance]:
        """The account's cash, and its bottles of each instrument that it has any of."""
        found = {CASH: self.balance(acct, CASH)}
        for sym in self._instruments:
            if any(balance := self.balance(acct, sym)):
                found[sym] = balance
        return found

    def book(self, sym: str, levels: int = 0) -> Book:
        """The best levels of both sides, all of them for 0. Raises KeyError for an unknown symbol."""
        index = self._instruments[sym].index
        return Book(self.kernel.depth(index, codes.BUY, levels), self.kernel.depth(index, codes.SELL, levels))

    def level(self, sym: str, side: str, px: int) -> int:
        """The quantity resting at a price. O(1)."""
        return self.kernel.level(self._instruments[sym].index, SIDE_CODES[side], px)

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
        _, account, px, left, filled, _, _, instr, side = order
        acct, sym = self._accts[account], self._syms[instr]
        return OpenOrder(oid, acct, cid, sym, SIDES[side], px, filled + left, left, TimeInForce.GTC)

    # ------------------------------------------------------------------------------------------- state as data

    def snapshot(self) -> Iterator[tuple[Any, ...]]:
        """The whole state as plain tuples, in an order that the state alone decides."""
        yield "exchange", SNAPSHOT_VERSION, self.seq, self.ts, self._oid_last, self._trade_last
        for it in self._instruments.values():
            yield "instrument", tuple(it.listing), it.lo, it.hi, it.ref, it.up_bp, it.down_bp, it.phase, it.last
        for asset, amount in self._supply.items():
            yield "supply", asset, amount
        for index, acct in enumerate(self._accts):
            if index != NOBODY:
                yield "account", acct, *self.kernel.cash(index)
        positions = ((*row[:4], self._accts[row[0]], self._syms[row[1]]) for row in self.kernel.all_positions())
        for _, _, free, held, acct, sym in sorted(positions):
            if free or held:
                yield "position", acct, sym, free, held
        for it in self._instruments.values():
            for side in (codes.BUY, codes.SELL):
                for oid, account, *rest, _, _ in self.kernel.queue(it.index, side):
                    yield "order", it.sym, side, self._accts[account], oid, *rest
        for (acct, cid), oid in self._oids.items():
            yield "cid", acct, cid, oid

    @classmethod
    def restore(cls, records: Iterable[Sequence[Any]], kernel: type[Kernel] = Kernel) -> "Exchange":
        """Rebuild the exchange of a snapshot. Raises ValueError for records that are not one."""
        self = cls(kernel)
        for kind, *rest in records:
            match kind:
                case "exchange":
                    version, self.seq, self.ts, self._oid_last, self._trade_last = rest
                    if version != SNAPSHOT_VERSION:
                        raise ValueError(f"snapshot version {version}, this program reads {SNAPSHOT_VERSION}")
                case "instrument":
                    self._restore_instrument(*rest)
                case "supply":
                    self._supply[rest[0]] = rest[1]
                case "account":
                    acct, free, held = rest
                    if acct not in self._indexes:
                        self._indexes[acct] = self.kernel.add_account()
                        self._accts.append(acct)
                    self.kernel.add_cash(self._indexes[acct], free, held)
                case "position":
                    acct, sym, free, held = rest
                    self.kernel.add_bottles(self._indexes[acct], self._instruments[sym].index, free, held)
                case "order":
                    sym, side, acct, oid, px, left, filled, fee_base, fee_paid = rest
                    self.kernel.load_order(
                        oid,
                        self._indexes[acct],
                        px,
                        left,
                        filled,
                        fee_base,
                        fee_paid,
                        self._instruments[sym].index,
                        side,
                    )
                case "cid":
                    acct, cid, oid = rest
                    self._oids[acct, cid] = oid
                    live = self._live.setdefault(acct, {})
                    if self.kernel.order(oid) is not None:
                        live[oid] = cid
                case _:
                    raise ValueError(f"unknown snapshot record {kind!r}")
        return self

    def _restore_instrument(
        self, listing: Sequence[Any], lo: int, hi: int, ref: int, up_bp: int, down_bp: int, phase: str, last: int
    ) -> None:
        """List an instrument as it was first, then move it to where it stood."""
        self._list(List(*listing), [])
        it = self._instruments[listing[1]]
        it.lo, it.hi, it.ref, it.up_bp, it.down_bp, it.phase, it.last = lo, hi, ref, up_bp, down_bp, phase, last
        self.kernel.set_band(it.index, lo // it.tick, hi // it.tick, it.qty_max)
        self.kernel.set_state(it.index, PHASE_CODES[phase])

    def state_hash(self) -> str:
        """A digest of all that the snapshot has but its first record.

        That one says how many commands came and when the last did, so a refused command leaves the hash as it was.
        """
        digest = blake2b(digest_size=32)
        records = self.snapshot()
        next(records)
        for record in records:
            digest.update(json.dumps(record).encode())
        return digest.hexdigest()

    def check(self) -> None:
        """Assert every invariant. O(orders); for tests, recovery and the auditor."""
        held_fen = dict.fromkeys(range(len(self._accts)), 0)
        held_bottles: dict[tuple[int, int], int] = {}
        buys: dict[tuple[int, int], int] = {}
        live = {oid: acct for acct, orders in self._live.items() for oid in orders}
        resting = 0
        for it in self._instruments.values():
            bids, asks = self.book(it.sym)
            assert not bids or not asks or bids[0][0] < asks[0][0], f"{it.sym}: book is crossed"
            for side, depth in ((codes.BUY, bids), (codes.SELL, asks)):
                levels: dict[int, int] = {}
                for oid, account, px, left, filled, fee_base, fee_paid, instr, _ in self.kernel.queue(it.index, side):
                    assert live.get(oid) == self._accts[account], f"order {oid}: not in its account's list"
                    assert left > 0, f"order {oid}: rests with nothing open"
                    assert filled >= 0, f"order {oid}: negative fill"
                    assert it.lo <= px <= it.hi, f"order {oid}: outside the band"
                    assert px % it.tick == 0, f"order {oid}: off tick"
                    levels[px] = levels.get(px, 0) + left
                    key = (account, instr)
                    if side == codes.BUY:
                        held_fen[account] += buy_hold_fen(it.listing, px, left, fee_base, fee_paid)
                        buys[key] = buys.get(key, 0) + left
                    else:
                        held_bottles[key] = held_bottles.get(key, 0) + left
                    resting += 1
                assert list(levels.items()) == depth, f"{it.sym}: level quantities differ from their orders"
        assert resting == len(live), "an account lists an order that does not rest"
        total = dict.fromkeys(self._supply, 0)
        for index in range(len(self._accts)):
            free, held = self.kernel.cash(index)
            assert free >= 0, f"account {self._accts[index]}: negative cash"
            assert held == held_fen[index], f"account {self._accts[index]}: holds {held}, orders need {held_fen[index]}"
            total[CASH] += free + held
        for account, instr, free, held, open_buys in self.kernel.all_positions():
            where = f"account {self._accts[account]}, {self._syms[instr]}"
            assert free >= 0, f"{where}: negative bottles"
            assert held == held_bottles.get((account, instr), 0), f"{where}: held bottles differ from its orders"
            assert open_buys == buys.get((account, instr), 0), f"{where}: open buys differ from its orders"
            total[self._syms[instr]] += free + held
        assert total == self._supply, "what the accounts have differs from what came in"


def buy_hold_fen(listing: List, px: int, qty: int, fee_base: int, fee_paid: int) -> int:
    """What a resting buy must hold: the kernel's rule, written a second time for `check`."""
    rate_bp = max(listing.maker_bp, listing.taker_bp)
    fee = max(listing.min_fee, -(-(fee_base + qty * px * rate_bp) // 10_000))
    return qty * px + fee - fee_paid


def is_valid(command: List) -> bool:
    """Whether an instrument's numbers make sense together."""
    return (
        command.sym != CASH
        and (command.max_qty == 0 or command.max_qty >= command.min_qty)
        and max(command.maker_bp, command.taker_bp) <= codes.FEE_BP_MAX
    )
