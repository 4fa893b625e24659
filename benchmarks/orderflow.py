"""Seeded order flow for the benchmarks: one busy book, or ten thousand quiet ones.

About 45 % passive orders near the touch, 40 % cancels of live orders and 15 % marketable ones, in a band of +-10 %
around 10,000 with tick 1 (2,001 ticks), over 1,000 accounts. `WORKLOAD_DTYPE` is the file format of
`python -m benchmarks.core --workload`.
"""

import numpy as np
import numpy.typing as npt

WORKLOAD_DTYPE = np.dtype(
    [("id", "u4"), ("price", "i4"), ("qty", "i4"), ("instr", "u4"), ("op", "u1"), ("side", "u1"), ("pad", "u2")]
)
PASSIVE, CANCEL, MARKETABLE = range(3)
REF, LO, HI = 10_000, 9_000, 11_000

Workload = npt.NDArray[np.void]


def order_flow(count: int, instruments: int = 1, live: int = 5_000, seed: int = 1) -> Workload:
    """Return `count` commands; ids are dense from 1, a cancel names the id that it cancels.

    The generator keeps its own list of orders that may be live and starts by filling it to `live`. Orders that
    traded meanwhile stay in the list, so that a few per cent of the cancels come too late, as they do in a market.
    """
    rng = np.random.default_rng(seed)
    kind = rng.random(count)
    pick = rng.random(count)
    side = rng.integers(0, 2, count)
    offset = rng.geometric(0.05, count)
    qty = rng.integers(1, 20, count)
    where = rng.integers(0, instruments, count)
    flow = np.zeros(count, WORKLOAD_DTYPE)
    mid = np.full(instruments, float(REF))
    step = rng.normal(0, 0.4, count)
    ids: list[int] = []
    at: list[int] = []
    rows = []
    last = 0
    for n in range(count):
        if kind[n] < 0.40 and len(ids) >= live:
            index = int(pick[n] * len(ids))
            oid, instr = ids[index], at[index]
            ids[index], at[index] = ids[-1], at[-1]
            ids.pop()
            at.pop()
            rows.append((oid, 0, 0, instr, CANCEL, 0, 0))
            continue
        last += 1
        instr = int(where[n])
        mid[instr] = min(max(mid[instr] + step[n], LO + 400), HI - 400)
        buy = side[n] == 0
        centre = int(mid[instr])
        if kind[n] < 0.85 or len(ids) < live:
            price = centre - int(offset[n]) if buy else centre + int(offset[n])
            rows.append((last, min(max(price, LO), HI), int(qty[n]), instr, PASSIVE, int(side[n]), 0))
            ids.append(last)
            at.append(instr)
        else:
            price = min(centre + 30, HI) if buy else max(centre - 30, LO)
            rows.append((last, price, int(qty[n]), instr, MARKETABLE, int(side[n]), 0))
    flow[:] = rows
    return flow
