"""What the exchange knows of an instrument beside its book."""

from dataclasses import dataclass, field

from engine.auction import NONE, Equilibrium
from engine.codes import AMOUNT_MAX
from engine.commands import List, Phase
from engine.stops import StopBook


@dataclass(slots=True)
class Instrument:
    """A listed line. `lo`, `hi`, `ref` and `last` in fen; `max_qty` and `max_holding` 0 mean none."""

    index: int  # in the kernel
    listing: List
    lo: int
    hi: int
    ref: int
    up_bp: int
    down_bp: int
    phase: str = Phase.CONTINUOUS
    called: bool = False  # a call began and was not uncrossed since
    indicated: Equilibrium = NONE  # what was said last about the call
    last: int = 0
    stops: StopBook = field(default_factory=StopBook)
    close: int = 0  # last trade of the day, 0 before it

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
