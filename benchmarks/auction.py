"""How long the end of a call auction takes: `python -m benchmarks.auction`. Prints a table, then one line of JSON.

A hundred thousand orders of 1,000 accounts meet in one call, half of them buys, around overlapping limits. Timed is
what the kernel does to end it, price found and every trade settled with all covers, and the same at the exchange's
door, where each trade is an event object too. Both kinds of round are interleaved.
"""

import argparse
import json
from collections.abc import Sequence
from time import perf_counter

import numpy as np

from benchmarks.market import BOTTLES, CASH, open_market
from benchmarks.orderflow import REF
from benchmarks.timing import Seconds, frozen, interleaved
from engine.codes import BUY, CALL, COMMAND_DTYPE, SELL
from engine.commands import Deposit, List, Place, SetPhase
from engine.exchange import Exchange

ORDERS = 100_000
ACCOUNTS = 1_000
SPREAD = 300  # ticks around the reference on which limits fall
OVERLAP = 20  # ticks that buys are higher, sells lower
QTY = 20  # bottles of an order, at most
KERNEL, EXCHANGE = "kernel: price and trades", "exchange: price, trades and their events"


def orders(count: int, seed: int) -> np.ndarray:
    """`count` orders as the kernel's commands."""
    rng = np.random.default_rng(seed)
    commands = np.zeros(count, COMMAND_DTYPE)
    commands["oid"] = 1 + np.arange(count)
    commands["instr"] = 1
    commands["account"] = rng.integers(1, ACCOUNTS, count, endpoint=True)
    commands["side"] = rng.choice((BUY, SELL), count)
    commands["price"] = (
        REF + rng.integers(-SPREAD, SPREAD, count) + np.where(commands["side"] == BUY, OVERLAP, -OVERLAP)
    )
    commands["qty"] = rng.integers(1, QTY, count, endpoint=True)
    return commands


def of_kernel(commands: np.ndarray) -> float:
    kernel = open_market(commands)
    kernel.set_state(1, CALL)
    refused = kernel.run(commands)[0].any()
    assert not refused
    with frozen():
        start = perf_counter()
        price, _, _ = kernel.equilibrium(1, REF)
        kernel.uncross(1, price)
        return perf_counter() - start


def called(commands: np.ndarray) -> Exchange:
    """An exchange with the same orders in an opening call."""
    exchange = Exchange()
    exchange.apply([List(0, "X", ref=REF, stp="none")])
    funded = range(1, ACCOUNTS + 1)
    exchange.apply([Deposit(0, acct, asset, n) for acct in funded for asset, n in (("CNY", CASH), ("X", BOTTLES))])
    exchange.apply([SetPhase(0, "X", "OPENING_CALL")])
    columns = (commands[name].tolist() for name in ("oid", "account", "side", "price", "qty"))
    exchange.apply(
        [
            Place(0, account, str(oid), "X", "B" if side == BUY else "S", price, qty)
            for oid, account, side, price, qty in zip(*columns, strict=True)
        ]
    )
    return exchange


def of_exchange(commands: np.ndarray) -> float:
    exchange = called(commands)
    with frozen():
        start = perf_counter()
        exchange.apply([SetPhase(0, "X", "CONTINUOUS")])
        return perf_counter() - start


def measure(count: int, seed: int, rounds: int) -> tuple[int, int, dict[str, Seconds]]:
    """Trades, bottles traded, and the seconds of both."""
    commands = orders(count, seed)
    kernel = open_market(commands)
    kernel.set_state(1, CALL)
    kernel.run(commands)
    bottles = kernel.uncross(1, kernel.equilibrium(1, REF)[0])
    trades = len(kernel.drain())
    return trades, bottles, interleaved(
        {KERNEL: lambda: of_kernel(commands), EXCHANGE: lambda: of_exchange(commands)}, rounds
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.auction", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    trades, bottles, seconds = measure(options.orders, options.seed, options.rounds)
    print(f"{options.orders:,} orders in a call: {trades:,} trades of {bottles:,} bottles")
    for name, taken in seconds.items():
        print(f"{name:44}{taken.median * 1e3:>10.1f} ms{taken.spread:>8.0%}")
    ms = {name.partition(":")[0]: round(taken.median * 1e3, 2) for name, taken in seconds.items()}
    print(json.dumps({"orders": options.orders, "trades": trades, "lots": bottles, "ms": ms}))


if __name__ == "__main__":
    main()
