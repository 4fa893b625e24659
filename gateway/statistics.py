"""An instrument's last 24 hours in figures, to the minute, from its candles."""

import msgspec

from engine.instrument import Instrument
from gateway.candles import MINUTE_NS, Candles, start_of
from gateway.wire import Fen
from ledger.days import DAY_NS


class Statistics(msgspec.Struct, kw_only=True):
    """`change_bp` is of the last price against the reference price, in basis points rounded down; 0 before a trade."""

    sym: str
    ts: int
    last: Fen
    ref: Fen
    change_bp: int
    open: Fen  # first trade of the 24 hours, 0 when there was none
    high: Fen
    low: Fen
    volume: int
    turnover: Fen
    trades: int


def statistics(sym: str, it: Instrument, candles: Candles, now: int) -> Statistics:
    minutes = candles.history(sym, "1m", start_of(now - DAY_NS, MINUTE_NS) + MINUTE_NS, now + 1, DAY_NS // MINUTE_NS)
    return Statistics(
        sym=sym,
        ts=now,
        last=it.last,
        ref=it.ref,
        change_bp=10_000 * (it.last - it.ref) // it.ref if it.last and it.ref else 0,
        open=minutes[0].open if minutes else 0,
        high=max((minute.high for minute in minutes), default=0),
        low=min((minute.low for minute in minutes), default=0),
        volume=sum(minute.volume for minute in minutes),
        turnover=sum(minute.turnover for minute in minutes),
        trades=sum(minute.trades for minute in minutes),
    )
