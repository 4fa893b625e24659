"""The one door: commands in, events out.

`Exchange.apply` gives each command its number and routes it. Same commands, same events, same state hash, on every
machine.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from engine import codes
from engine.balances import Balance
from engine.checks import fault_of
from engine.commands import (
    CASH,
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
    Place,
    Recall,
    Roll,
    SetBand,
    SetFees,
    SetPhase,
    Subscribe,
    Transfer,
    Withdraw,
)
from engine.core import Core, OpenOrder
from engine.events import Event, Rejected
from engine.instrument import Instrument
from engine.kernel import Kernel
from engine.offerings import Offerings
from engine.reject import Reject
from engine.snapshot import digest_of, rebuild, records_of
from engine.soundness import require_sound
from engine.trading import Trading
from engine.transfers import Transfers
from engine.venue import Venue

Handler = Callable[[Any, list[Event]], Reject | None]  # appends what happened, or refuses and changes nothing


class Book(NamedTuple):
    """Levels as (price in fen, quantity), best first."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Exchange:
    """Everything that trades. Its invariants are those of `soundness`."""

    def __init__(self, kernel: type[Kernel] = Kernel) -> None:
        self.core = Core(kernel())
        self.venue = Venue(self.core)
        self.transfers = Transfers(self.core)
        self.offerings = Offerings(self.core)
        self._trading = Trading(self.core)
        self._handlers: Mapping[type, Handler] = {
            List: self.venue.list_instrument,
            AddAsset: self.venue.add_asset,
            Deposit: self.venue.deposit,
            Withdraw: self.venue.withdraw,
            SetPhase: self.venue.set_phase,
            SetBand: self.venue.set_band,
            SetFees: self.venue.set_fees,
            Group: self.venue.group,
            Roll: self.venue.roll,
            Place: self._trading.place,
            Cancel: self._trading.cancel,
            CancelAll: self._trading.cancel_all,
            Amend: self._trading.amend,
            Transfer: self.transfers.make,
            Offer: self.offerings.announce,
            Subscribe: self.offerings.subscribe,
            Allot: self.offerings.allot,
            Recall: self.offerings.recall,
        }

    @property
    def seq(self) -> int:
        """The number of the last command."""
        return self.core.seq

    @property
    def ts(self) -> int:
        """The largest time that a command brought."""
        return self.core.ts

    # ------------------------------------------------------------------------------------------------ the door

    def apply(self, commands: Iterable[Command]) -> list[Event]:
        """Apply commands in order and return all that happened. Refusals are events; nothing is half done."""
        core, events = self.core, list[Event]()
        for command in commands:
            core.seq += 1
            if fault_of(command) is not None:
                events.append(self._rejected(command, Reject.MALFORMED))
                continue
            if command.ts > core.ts:
                core.ts = command.ts
                self._trading.expire(events)
            refusal = self._handlers[type(command)](command, events)
            if refusal is not None:
                events.append(self._rejected(command, refusal))
            elif core.elected:
                self._trading.enter_elected(events)
        return events

    def _rejected(self, command: Command, code: Reject) -> Rejected:
        cid = command.cid if isinstance(command, Place | Cancel | Amend) else ""
        return Rejected(
            self.core.seq, self.core.ts, getattr(command, "acct", 0), cid, code, self._detail(command, code)
        )

    def _detail(self, command: Command, code: Reject) -> dict[str, int]:
        """The limit that a refused order met."""
        match command:
            case Place():
                sym = command.sym
            case Amend():
                order = self.order(command.acct, command.cid)
                sym = order.sym if order else ""
            case Subscribe():
                return self.offerings.limit(command.offering, code)
            case _:
                return {}
        if (it := self.core.instruments.get(sym)) is None:
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

    # -------------------------------------------------------------------------------------------------- reading

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return MappingProxyType(self.core.instruments)

    def accounts(self) -> list[int]:
        """Every account, ascending; the contra accounts and FEES are the first."""
        return sorted(self.core.balances.indexes)

    def balance(self, acct: int, asset: str) -> Balance:
        """Free and held. Raises KeyError for an unknown asset."""
        return self.core.balances.get(acct, asset)

    def balances(self, acct: int) -> dict[str, Balance]:
        """The account's cash, and its amount of every other asset that it has any of."""
        return self.core.balances.all(acct)

    def locked(self, acct: int, sym: str) -> int:
        """How many of the free bottles may not be sold yet."""
        return self.core.balances.locked(acct, sym)

    def book(self, sym: str, levels: int = 0) -> Book:
        """The best levels of both sides, all of them for 0. Raises KeyError for an unknown symbol."""
        index = self.core.instruments[sym].index
        return Book(self.core.kernel.depth(index, codes.BUY, levels), self.core.kernel.depth(index, codes.SELL, levels))

    def level(self, sym: str, side: str, px: int) -> int:
        """The quantity resting at a price. O(1)."""
        return self.core.kernel.level(self.core.instruments[sym].index, codes.SIDE_CODES[side], px)

    def orders(self, acct: int, sym: str = "") -> list[OpenOrder]:
        """The account's open orders by entry, of one instrument when `sym` is given."""
        return self.core.open_orders(acct, sym)

    def order(self, acct: int, cid: str) -> OpenOrder | None:
        """An open order, or None when it is done or never was."""
        return self.core.open_order(acct, cid)

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
