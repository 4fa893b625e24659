"""What the exchange knows of an instrument beside its book."""

from dataclasses import dataclass, field
from typing import NamedTuple

from engine.codes import AMOUNT_MAX, NO_ASK
from engine.commands import List, Phase
from engine.stops import StopBook


class Equilibrium(NamedTuple):
    """A call's price, what trades at it, and what stays over: buys above 0, sells below. Price 0: nothing crosses."""

    px: int
    qty: int
    surplus: int


NO_EQUILIBRIUM = Equilibrium(0, 0, 0)


@dataclass(slots=True)
class Instrument:
    """A listed line. `lo`, `hi`, `ref` and `last` in fen; `max_qty` 0 means none; `fees` are maker, taker, minimum."""

    index: int  # in the kernel
    listing: List
    lo: int
    hi: int
    ref: int
    up_bp: int
    down_bp: int
    fees: tuple[int, int, int]
    phase: str = Phase.CONTINUOUS
    called: bool = False  # a call began and was not uncrossed since
    indicated: Equilibrium = NO_EQUILIBRIUM  # what was said last about the call
    last: int = 0
    stops: StopBook = field(default_factory=StopBook)
    close: int = 0  # last trade of the day, 0 before it
    auction: int = 0  # price of the day's last auction, 0 before it
    day: int = 0  # how often it rolled
    next_band: tuple[int, int, int] | None = None  # up_bp, down_bp, ref from the next session on

    @property
    def sym(self) -> str:
        return self.listing.sym

    @property
    def tick(self) -> int:
        return self.listing.tick

    @property
    def lot(self) -> int:
        return self.listing.lot

    @property
    def min_qty(self) -> int:
        return self.listing.min_qty

    @property
    def max_qty(self) -> int:
        return self.listing.max_qty

    @property
    def qty_max(self) -> int:
        """The largest order that the kernel takes: the listing's, and never one whose cost would not fit."""
        fits = AMOUNT_MAX // self.hi
        return min(self.max_qty, fits) if self.max_qty else fits

    @property
    def band_today(self) -> tuple[int, int]:
        """`up_bp` and `down_bp` in force: the first days may have their own."""
        if self.day < self.listing.first_days:
            return self.listing.first_up_bp, self.listing.first_down_bp
        return self.up_bp, self.down_bp

    @property
    def guard(self) -> tuple[int, int]:
        """The ticks, inclusive, outside which a trade would interrupt: RULES §3, compared exactly."""
        lo, hi = 0, NO_ASK
        bases = ((self.close or self.ref, self.listing.dyn_bp), (self.auction or self.ref, self.listing.static_bp))
        for base, bp in bases:
            if bp:
                lo = max(lo, -(base * (bp - 10_000) // (10_000 * self.tick)))
                hi = min(hi, base * (10_000 + bp) // (10_000 * self.tick))
        return lo, hi
