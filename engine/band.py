"""The price-limit band 涨跌限幅: reference price plus and minus a percentage, rounded half up to the tick.

RULES §3; the rounding is that of published A-share limits (6.05 +10 % -> 6.66). Integers only.
"""

from typing import NamedTuple

from engine.codes import AMOUNT_MAX, WINDOW_TICKS_MAX

NO_BAND = -1


class Band(NamedTuple):
    """Lowest and highest price allowed, inclusive, in fen."""

    lo: int
    hi: int


def band_of(ref: int, up_bp: int, down_bp: int, tick: int, max_px: int = 0) -> Band | None:
    """Return the band, or None when these numbers make none.

    `up_bp` -1 means no band: every price from one tick to `max_px`. A rounded bound that equals the reference moves
    one tick outwards, so that there is always room to trade.
    """
    if up_bp == NO_BAND:
        band = Band(tick, max_px // tick * tick)
    elif ref <= 0 or up_bp < 0 or not 0 <= down_bp <= 10_000:
        return None
    else:
        hi = _half_up(ref * (10_000 + up_bp), 10_000 * tick) * tick
        lo = _half_up(ref * (10_000 - down_bp), 10_000 * tick) * tick
        band = Band(max(lo - tick if lo == ref else lo, tick), hi + tick if hi == ref else hi)
    fits = band.lo <= band.hi <= AMOUNT_MAX and (band.hi - band.lo) // tick <= WINDOW_TICKS_MAX
    return band if fits else None


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
