"""The call auction 集合竞价: one price for all that crosses.

RULES §6, after SGX 8.2.1, CME's indicative opening price and ASX 2002. Candidates are every tick from the lowest to the
highest limit price entered: the largest executable quantity; then the smallest surplus; then, with buys left over at
all that remain the highest, with sells the lowest; else the nearest to the reference, of two equally near the higher.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Level = tuple[int, int]  # price, quantity


class Equilibrium(NamedTuple):
    """The price, what trades at it, and what stays over: buys above 0, sells below. Price 0 when nothing crosses."""

    px: int
    qty: int
    surplus: int


NONE = Equilibrium(0, 0, 0)


def equilibrium(
    bids: Sequence[Level], asks: Sequence[Level], market_buy: int, market_sell: int, ref: int, tick: int
) -> Equilibrium:
    """Find the price at which a call would end now. Market orders count at every price. O(ticks between the limits)."""
    limits = [px for px, _ in (*bids, *asks)]
    if not limits:
        qty = min(market_buy, market_sell)
        return Equilibrium(ref, qty, market_buy - market_sell) if qty else NONE
    lowest, highest = min(limits), max(limits)
    size = (highest - lowest) // tick + 1
    demand = market_buy + np.cumsum(_by_tick(bids, lowest, tick, size)[::-1])[::-1]
    supply = market_sell + np.cumsum(_by_tick(asks, lowest, tick, size))
    executable = np.minimum(demand, supply)
    most = int(executable.max())
    if most == 0:
        return NONE
    surplus = demand - supply
    found = np.flatnonzero(executable == most)
    found = found[np.abs(surplus[found]) == np.abs(surplus[found]).min()]
    prices = lowest + found * tick
    if (surplus[found] > 0).all():
        best = len(found) - 1
    elif (surplus[found] < 0).all():
        best = 0
    else:
        distance = np.abs(prices - ref)
        best = int(np.flatnonzero(distance == distance.min())[-1])
    return Equilibrium(int(prices[best]), most, int(surplus[found[best]]))


def _by_tick(levels: Sequence[Level], lowest: int, tick: int, size: int) -> npt.NDArray[np.int64]:
    """Quantities by their distance from the lowest price, in ticks."""
    total = np.zeros(size, np.int64)
    for px, qty in levels:
        total[(px - lowest) // tick] += qty
    return total
