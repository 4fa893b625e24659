"""Candles from trades: one-minute bars are kept, longer ones are made of them when somebody asks.

Bars begin at multiples of their length in Shanghai's time, so a day is a day there. A minute without a trade has no
bar. Prices and turnover in fen, volume in bottles, times in nanoseconds UTC.
"""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.wire import Fen
from ledger.days import DAY_NS, SHANGHAI_NS

MINUTE_NS = 60 * 10**9
INTERVALS = {"1m": MINUTE_NS, "5m": 5 * MINUTE_NS, "15m": 15 * MINUTE_NS, "1h": 60 * MINUTE_NS, "1d": DAY_NS}
FIELDS = ("ts", "open", "high", "low", "close", "volume", "turnover", "trades")
BAR = np.dtype([(name, np.int64) for name in FIELDS])

Bars = npt.NDArray[np.void]


class Candle(msgspec.Struct, kw_only=True):
    """What traded in the time from `ts` on."""

    ts: int
    open: Fen
    high: Fen
    low: Fen
    close: Fen
    volume: int
    turnover: Fen
    trades: int


def start_of(ts: int, interval: int) -> int:
    """When the bar begins that a time falls in."""
    return (ts + SHANGHAI_NS) // interval * interval - SHANGHAI_NS


def merged(bars: Bars, interval: int) -> Bars:
    """Bars of a longer interval from those of a shorter one, in order of time."""
    starts = (bars["ts"] + SHANGHAI_NS) // interval * interval - SHANGHAI_NS
    first = np.flatnonzero(np.r_[True, starts[1:] != starts[:-1]]) if len(bars) else np.empty(0, np.intp)
    made = np.empty(len(first), BAR)
    if len(bars):
        made["ts"] = starts[first]
        made["open"] = bars["open"][first]
        made["close"] = bars["close"][np.r_[first[1:], len(bars)] - 1]
        made["high"] = np.maximum.reduceat(bars["high"], first)
        made["low"] = np.minimum.reduceat(bars["low"], first)
        for name in ("volume", "turnover", "trades"):
            made[name] = np.add.reduceat(bars[name], first)
    return made


class Series:
    """One instrument's bars of a minute, in order, in an array that doubles when it is full."""

    def __init__(self) -> None:
        self._bars = np.zeros(64, BAR)
        self._count = 0

    @property
    def bars(self) -> Bars:
        return self._bars[: self._count]

    def load(self, trades: npt.NDArray[np.int64]) -> None:
        """Take up trades of before, rows of (ts, price, quantity), oldest first, when there are none yet."""
        ones = np.empty(len(trades), BAR)
        ones["ts"] = trades[:, 0]
        for name in ("open", "high", "low", "close"):
            ones[name] = trades[:, 1]
        ones["volume"] = trades[:, 2]
        ones["turnover"] = trades[:, 1] * trades[:, 2]
        ones["trades"] = 1
        self._bars = merged(ones, MINUTE_NS)
        self._count = len(self._bars)

    def add(self, ts: int, px: int, qty: int) -> None:
        """A trade, not before the last one."""
        start = start_of(ts, MINUTE_NS)
        if self._count and self._bars[self._count - 1]["ts"] == start:
            bar = self._bars[self._count - 1]
            bar["high"], bar["low"], bar["close"] = max(bar["high"], px), min(bar["low"], px), px
            bar["volume"] += qty
            bar["turnover"] += px * qty
            bar["trades"] += 1
            return
        if self._count == len(self._bars):
            self._bars = np.concatenate([self._bars, np.zeros(max(64, self._count), BAR)])
        self._bars[self._count] = (start, px, px, px, px, qty, px * qty, 1)
        self._count += 1

    def between(self, interval: int, begin: int, end: int, limit: int) -> Bars:
        """The last `limit` bars that begin from `begin` on and before `end`, oldest first."""
        kept = self.bars
        first = int(np.searchsorted(kept["ts"], start_of(begin + interval - 1, interval)))
        last = int(np.searchsorted(kept["ts"], start_of(end - 1, interval) + interval))  # the last bar is whole
        most = limit * (interval // MINUTE_NS)  # minutes in so many bars, at most
        return merged(kept[max(first, last - most) : last], interval)[-limit:]


class Candles:
    """Every instrument's bars."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = defaultdict(Series)

    def load(self, sym: str, trades: Sequence[tuple[int, int, int]]) -> None:
        """Take up an instrument's trades of before, as (ts, price, quantity), oldest first."""
        self._series[sym].load(np.array(trades, np.int64).reshape(-1, 3))

    def add(self, sym: str, ts: int, px: int, qty: int) -> None:
        self._series[sym].add(ts, px, qty)

    def history(self, sym: str, interval: str, begin: int, end: int, limit: int) -> list[Candle]:
        """The last `limit` candles that begin in [begin, end), oldest first. `interval` is one of INTERVALS."""
        if sym not in self._series:
            return []
        bars = self._series[sym].between(INTERVALS[interval], begin, end, limit)
        return [Candle(**dict(zip(FIELDS, row, strict=True))) for row in bars.tolist()]

    def last(self, sym: str, interval: str) -> Candle | None:
        """The newest candle, which may still change."""
        found = self.history(sym, interval, 0, 1 << 62, 1)
        return found[0] if found else None
