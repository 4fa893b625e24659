"""What the market did: the last trades of each instrument and the figures of its day."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.wire import TradePrint
from ledger.days import day_of

PRINTS = 50  # trades kept for those who come later


@dataclass(slots=True)
class Tape:
    """One instrument's trades of today in figures, and the last ones in full."""

    day: int = 0
    open: int = 0
    high: int = 0
    low: int = 0
    vol: int = 0
    turnover: int = 0
    prints: deque[TradePrint] = field(default_factory=lambda: deque(maxlen=PRINTS))

    def add(self, trade: TradePrint) -> None:
        self.begin(day_of(trade.ts))
        self.open = self.open or trade.px
        self.high = max(self.high, trade.px)
        self.low = min(self.low or trade.px, trade.px)
        self.vol += trade.qty
        self.turnover += trade.px * trade.qty
        self.prints.append(trade)

    def begin(self, day: int) -> bool:
        """Begin a day, if it is another one than the last; whether it is."""
        if day <= self.day:
            return False
        self.day, self.open, self.high, self.low, self.vol, self.turnover = day, 0, 0, 0, 0, 0
        return True

    def extend(self, trades: Iterable[TradePrint]) -> None:
        for trade in trades:
            self.add(trade)
