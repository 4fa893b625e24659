"""Seeded order flow for the benchmarks: one busy book, ten thousand quiet ones, or one that is nearly empty.

`WORKLOAD_DTYPE` is the file format of `python -m benchmarks.core --workload`: prices in fen in a band of +-10 % around
10,000 with tick 1 (2,001 ticks), a cancel names the id that it cancels.
"""

import numpy as np
import numpy.typing as npt

from engine.codes import BUY, CANCELLED, COMMAND_DTYPE, OP_CANCEL, SELL, TRADED
from engine.kernel import Kernel

WORKLOAD_DTYPE = np.dtype(
    [("id", "u4"), ("price", "i4"), ("qty", "i4"), ("instr", "u4"), ("op", "u1"), ("side", "u1"), ("pad", "u2")]
)
PASSIVE, CANCEL, MARKETABLE = range(3)
REF, LO, HI = 10_000, 9_000, 11_000

ADDS, CANCELS = 0.45, 0.40  # the rest is marketable
ADD_QTY, TAKE_QTY = 19, 6  # largest quantities: 0.15 marketable orders take about as much as 0.05 passive ones bring
DEPTH = 0.05  # passive orders lie 20 ticks behind the touch on average, geometrically
REACH = 20  # ticks that a marketable order may go through the touch
AMPLE = 10**15

Workload = npt.NDArray[np.void]


def order_flow(count: int, instruments: int = 1, live: int = 5_000, seed: int = 1) -> Workload:
    """Return `count` commands, ids dense from 1: `live` passive orders that fill the books, then the mix.

    Cancels name orders that are live, and passive orders do not cross, but for the few per thousand that a trade just
    before overtakes. To know the touch and the live orders, each stretch is run on a kernel of its own before the next
    one is drawn; a stretch is short enough that trading changes little in it. Raises ValueError when `live` is less
    than 5.
    """
    if live < 5:
        raise ValueError(f"a flow needs a book: live is {live}")
    maker = _Maker(instruments, live, count, np.random.default_rng(seed))
    stretches = [maker.fill(min(live, count))]
    left = count - len(stretches[0])
    while left > 0:
        stretches.append(maker.mix(min(left, max(live // 5, 1))))
        left -= len(stretches[-1])
    return np.concatenate(stretches)


class _Maker:
    """Draws stretches of commands and follows what becomes of them."""

    def __init__(self, instruments: int, live: int, count: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.target = live
        self.instruments = instruments
        self.next_id = 1
        self.live = np.zeros(count + 1, np.bool_)  # by id
        self.where = np.zeros(count + 1, np.uint32)  # the instrument, by id
        self.middle = np.full(instruments, REF)  # buys rest at most here, sells above
        self.lean = np.zeros(instruments)  # how much likelier than a half the next taker buys
        self.kernel = Kernel()
        account = self.kernel.add_account()
        self.kernel.add_cash(account, AMPLE)
        for _ in range(instruments):
            instr = self.kernel.add_instrument(1, 1, 1, 0, 0, 0, 0, 0, 0)
            self.kernel.set_band(instr, LO, HI, AMPLE)
            self.kernel.add_bottles(account, instr, AMPLE)

    def fill(self, count: int) -> Workload:
        where = np.arange(count) % self.instruments
        return self._run(self._orders(np.full(count, PASSIVE), where.astype(np.uint32)))

    def mix(self, count: int) -> Workload:
        live = np.flatnonzero(self.live)
        steer = np.clip((len(live) - self.target) / count, -0.02, 0.02)
        kinds = np.searchsorted([ADDS - steer, ADDS + CANCELS], self.rng.random(count))
        cancelled = self.rng.permutation(live)[: np.count_nonzero(kinds == CANCEL)]
        kinds[np.flatnonzero(kinds == CANCEL)[len(cancelled) :]] = PASSIVE
        where = self.rng.integers(0, self.instruments, count, np.uint32)
        where[kinds == CANCEL] = self.where[cancelled]
        self._move(np.unique(where))
        flow = self._orders(kinds, where)
        flow["id"][kinds == CANCEL] = cancelled
        return self._run(flow)

    def _move(self, instruments: npt.NDArray[np.uint32]) -> None:
        """Let takers lean one way for a while, back to the reference in the end, and middles drift in the spread."""
        pull = (self.middle[instruments] - REF) / (HI - LO)
        lean = 0.9 * self.lean[instruments] + self.rng.normal(0, 0.15, len(instruments)) - 0.1 * pull
        self.lean[instruments] = np.clip(lean, -0.4, 0.4)
        for instr in instruments.tolist():
            bids, asks = self.kernel.depth(instr + 1, BUY, 1), self.kernel.depth(instr + 1, SELL, 1)
            lowest, highest = (bids[0][0] if bids else LO), (asks[0][0] - 1 if asks else HI - 1)
            drift = 1 if self.lean[instr] > 0 else -1
            self.middle[instr] = min(max(self.middle[instr] + drift, lowest), highest)

    def _orders(self, kinds: npt.NDArray[np.integer], where: npt.NDArray[np.uint32]) -> Workload:
        """Rows for the kinds; those of cancels still want their ids."""
        count = len(kinds)
        flow = np.zeros(count, WORKLOAD_DTYPE)
        flow["op"] = kinds
        flow["instr"] = where
        placed, taking = kinds != CANCEL, kinds == MARKETABLE
        ids = self.next_id + np.arange(np.count_nonzero(placed))
        self.next_id += len(ids)
        self.where[ids] = where[placed]
        flow["id"][placed] = ids
        side = self.rng.random(count) >= 0.5 + np.where(taking, self.lean[where], 0)  # 0 buy, 1 sell
        behind = self.rng.geometric(DEPTH, count) - 1
        away = np.where(taking, -1 - self.rng.integers(0, REACH, count), behind)
        price = self.middle[where] + np.where(side == SELL, 1 + away, -away)
        flow["side"] = np.where(placed, side, 0)
        flow["price"] = np.where(placed, np.clip(price, LO, HI), 0)
        flow["qty"] = np.where(placed, self.rng.integers(1, np.where(taking, TAKE_QTY, ADD_QTY) + 1), 0)
        return flow

    def _run(self, flow: Workload) -> Workload:
        commands = np.zeros(len(flow), COMMAND_DTYPE)
        commands["op"][flow["op"] == CANCEL] = OP_CANCEL
        commands["account"] = 1
        commands["instr"] = flow["instr"] + 1
        commands["oid"] = flow["id"]
        for name in ("side", "price", "qty"):
            commands[name] = flow[name]
        _, events = self.kernel.run(commands)
        self.live[flow["id"][flow["op"] != CANCEL]] = True
        traded = events[events["kind"] == TRADED]
        self.live[traded["oid"][traded["open"] == 0]] = False
        self.live[traded["maker_oid"][traded["maker_open"] == 0]] = False
        self.live[events["oid"][events["kind"] == CANCELLED]] = False
        return flow


def jumping_flow(count: int, dense: bool, seed: int = 1) -> tuple[Workload, Workload]:
    """Return a book, and `count` commands that make its best prices jump: a new best, then its cancel.

    The book has an order at every tick of the band's outer halves, or just at the five outermost ticks of each end;
    the commands are the same for both.
    """
    rng = np.random.default_rng(seed)
    prices = np.arange(500 if dense else 5)
    book = np.zeros(2 * len(prices), WORKLOAD_DTYPE)
    book["price"] = np.concatenate([LO + prices, HI - prices])
    book["side"] = np.repeat([BUY, SELL], len(prices))
    book["id"] = 1 + np.arange(len(book))
    book["qty"] = 1
    flow = np.zeros(count, WORKLOAD_DTYPE)
    pairs = (count + 1) // 2
    side = rng.integers(0, 2, pairs)
    away = rng.integers(1, 500, pairs)
    flow["op"][1::2] = CANCEL
    flow["id"] = 2_000 + np.repeat(np.arange(pairs), 2)[:count]
    flow["side"][::2] = side
    flow["price"][::2] = np.where(side == BUY, REF - away, REF + away)
    flow["qty"][::2] = 1
    return book, flow
