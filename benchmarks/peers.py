"""Other order books that Python can drive, on the same commands, each the fastest way that it offers.

They match and nothing else: no accounts, no cover, no bands; so they do a part of the kernel's work. Both are called
once per command, arguments ready and, for liquibook, the order objects made beforehand, outside the clock. A cancel of
an order that was never placed is left out, since bourse panics on it.
"""

from collections.abc import Iterator
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.market import Tally, account_of
from benchmarks.orderflow import CANCEL, Workload
from benchmarks.timing import frozen, seconds_of
from engine.codes import BUY

Calls = list[tuple[Any, tuple[Any, ...]]]
Row = tuple[bool, int, int, bool, int, int, int]  # cancels, id, instrument, buys, quantity, price, account


def _rows(flow: Workload) -> Iterator[Row]:
    return zip(
        (flow["op"] == CANCEL).tolist(),
        flow["id"].tolist(),
        flow["instr"].tolist(),
        (flow["side"] == BUY).tolist(),
        flow["qty"].tolist(),
        flow["price"].tolist(),
        account_of(flow["id"]).tolist(),
        strict=True,
    )


class Bourse:
    """https://github.com/zombie-einstein/bourse, Rust: one `OrderBook` an instrument; it numbers the orders itself.

    Its queues are sorted by the time that the caller sets, and of two orders at one price and time it loses one. So
    the time moves on whenever an order comes to a price that had one at this time already, and no more often.
    """

    def __init__(self, flow: Workload, filled: int = 0) -> None:
        make = import_module("bourse").core.OrderBook
        self.books = {instr: make(0, 1) for instr in np.unique(flow["instr"]).tolist()}
        self.calls: Calls = []
        self.first = 0  # the first call of the commands after `filled`
        placed = dict.fromkeys(self.books, 0)
        numbers: dict[int, int] = {}
        used: dict[int, set[tuple[bool, int]]] = {instr: set() for instr in self.books}
        for now, (cancels, oid, instr, buys, qty, price, account) in enumerate(_rows(flow)):
            if now == filled:
                self.first = len(self.calls)
            book = self.books[instr]
            if not cancels:
                if (buys, price) in used[instr]:
                    self.calls.append((book.set_time, (now,)))
                    used[instr].clear()
                used[instr].add((buys, price))
                numbers[oid] = placed[instr]
                placed[instr] += 1
                self.calls.append((book.place_order, (buys, qty, account, price)))
            elif oid in numbers:
                self.calls.append((book.cancel_order, (numbers[oid],)))

    def tally(self) -> Tally:
        """What has traded, from the books' own records."""
        trades = [trade for book in self.books.values() for trade in book.get_trades()]
        return Tally(len(trades), sum(trade[3] for trade in trades), sum(trade[2] * trade[3] for trade in trades))


class Liquibook:
    """https://pypi.org/project/liquibook, C++ in SWIG: one `DepthOrderBook` an instrument.

    It reports trades to a listener only, at the price of a Python call each, so the clock runs without one.
    """

    def __init__(self, flow: Workload, filled: int = 0, listens: bool = False) -> None:
        package = import_module("liquibook")
        self.fills: list[tuple[int, int]] = []
        self.books = {instr: package.DepthOrderBook() for instr in np.unique(flow["instr"]).tolist()}
        if listens:
            self.listener = _listener(package, self.fills)  # kept: a book holds no reference to it
            for book in self.books.values():
                book.set_order_listener(self.listener)
        self.calls: Calls = []
        self.first = 0  # the first call of the commands after `filled`
        orders: dict[int, Any] = {}
        for now, (cancels, oid, instr, buys, qty, price, _) in enumerate(_rows(flow)):
            if now == filled:
                self.first = len(self.calls)
            if not cancels:
                orders[oid] = package.SimpleOrder(buys, price, qty)
                self.calls.append((self.books[instr].add, (orders[oid],)))
            elif oid in orders:
                self.calls.append((self.books[instr].cancel, (orders[oid],)))

    def tally(self) -> Tally:
        """What its listener was told."""
        return Tally(len(self.fills), sum(qty for qty, _ in self.fills), sum(qty * price for qty, price in self.fills))


def _listener(package: Any, fills: list[tuple[int, int]]) -> Any:
    def ignore(*_: object) -> None:
        pass

    def on_fill(_listener: object, _order: object, _resting: object, qty: int, price: int) -> None:
        fills.append((qty, price))

    events = ("on_accept", "on_cancel", "on_cancel_reject", "on_reject", "on_replace", "on_replace_reject")
    return type("Listener", (package.OrderListener,), {"on_fill": on_fill} | dict.fromkeys(events, ignore))()


def run(peer: Bourse | Liquibook) -> float:
    """Make a peer's calls; return the seconds that those after the filling took."""
    first, rest = peer.calls[: peer.first], peer.calls[peer.first :]
    with frozen():
        seconds_of(first)
        return seconds_of(rest)


def run_bourse_steps(flow: Workload, filled: int, size: int = 1_000) -> float:
    """Seconds for bourse's numpy door, `StepEnvNumpy`, in steps of `size` commands of one instrument.

    A step shuffles its commands, so that what trades is not comparable; it is bourse's highest throughput nonetheless.
    """
    env = import_module("bourse").core.StepEnvNumpy(1, 0, 1, 1_000_000)
    placed = flow["op"] != CANCEL
    numbers = np.zeros(int(flow["id"].max(initial=0)) + 1, np.uint64)
    numbers[flow["id"][placed]] = np.arange(np.count_nonzero(placed))
    columns = (
        np.where(placed, 1, 2).astype(np.uint32),
        flow["side"] == BUY,
        flow["qty"].astype(np.uint32),
        account_of(flow["id"]).astype(np.uint32),
        flow["price"].astype(np.uint32),
        numbers[flow["id"]],
    )

    def step(first: int, last: int) -> None:
        for at in range(first, last, size):
            env.submit_instructions(tuple(column[at : min(at + size, last)] for column in columns))
            env.step()

    with frozen():
        step(0, filled)
        start = perf_counter()
        step(filled, len(flow))
        return perf_counter() - start
