"""How a line behaves in the demo: from its own price history and a seed. Pure.

A line that moved much over the years moves much here too, one that fell leans downwards, and the expensive and rare
ones trade seldom, in single bottles and with a wide spread.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import pstdev

from marketplace.catalog import ReferencePrice

LEAN_MAX = 0.03  # how far a trend may pull a price from its reference
SWAY_MAX = 0.06  # how far it may get at all; the band is ten percent
COMMON_FEN, PLAIN_FEN, DEAR_FEN = 50_000, 100_000, 400_000


@dataclass(frozen=True, slots=True)
class Persona:
    """The temper of a line. Fractions are of the price; a `beat` is one decision about the line."""

    pace: float  # share of the market's decisions, relative to the other lines
    spread: float  # between the best bid and ask, as a fraction
    gap: float  # between levels, as a fraction
    levels: int  # quotes that each maker keeps on a side
    size: int  # bottles at a level, about
    sigma: float  # of one beat
    lean: float  # where the trend pulls to, as a fraction off the reference
    period: int  # beats of one swing of the trend


def tick_of(price_fen: int) -> int:
    """The tick for a price level, in fen: from a tenth of a yuan up to five for the rare bottles."""
    if price_fen < COMMON_FEN:
        return 10
    if price_fen < PLAIN_FEN:
        return 50
    return 100 if price_fen < DEAR_FEN else 500


def persona_of(seed: int, history: Sequence[ReferencePrice]) -> Persona:
    """Return the persona of the line that this history belongs to; the same seed gives the same one."""
    price = history[-1].price_fen
    rng = Random(f"{seed} {history[-1].sym}")  # noqa: S311 - a game, no secret
    moves = [math.log(late.price_fen / early.price_fen) for early, late in pairwise(history)]
    unrest = min(pstdev(moves) if moves else 0.0, 0.10)
    trend = math.log(price / history[0].price_fen)
    rarity = max(math.log2(price / PLAIN_FEN), 0.0)  # 0 up to 1,000 yuan, 4 at 16,000
    return Persona(
        pace=rng.uniform(0.6, 1.4) * 3.0 / (1.0 + rarity),
        spread=(0.0008 + 0.014 * unrest) * rng.uniform(0.8, 1.5) * (1.0 + 0.4 * rarity),
        gap=(0.0006 + 0.01 * unrest) * rng.uniform(0.8, 1.4) * (1.0 + 0.3 * rarity),
        levels=rng.randint(5, 9),
        size=max(round(rng.uniform(8, 30) / (1.0 + rarity) ** 1.5), 1),
        sigma=(0.0004 + 0.012 * unrest) * rng.uniform(0.8, 1.3),
        lean=max(-LEAN_MAX, min(LEAN_MAX, trend / 10)) + rng.uniform(-0.01, 0.01),
        period=rng.randint(300, 1200),
    )
