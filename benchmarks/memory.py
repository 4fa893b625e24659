"""What the kernel's records cost: bytes for each resting order, position and listed instrument.

Allocated bytes are counted by tracemalloc, which sees the kernel's pools; a pool doubles when it is full, so a record
costs between its size and twice its size. Resident bytes are what the system counts, each measured in a new process.
"""

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.market import BOTTLES, CASH, HOLDING_MAX, QTY_MAX, batches_of
from benchmarks.orderflow import HI, LO, REF
from engine.codes import BUY, COMMAND_DTYPE, OP_CANCEL, STP_NONE
from engine.kernel import Kernel

MILLION = 1_000_000
INSTRUMENTS = 10_000


class Bytes(NamedTuple):
    """Of one record: as allocated, and as resident."""

    allocated: float
    resident: float


def _listed(count: int) -> Kernel:
    kernel = Kernel()
    for _ in range(count):
        kernel.set_band(kernel.add_instrument(1, 1, 1, HOLDING_MAX, 0, 0, 0, STP_NONE, 0), LO, HI, QTY_MAX)
    return kernel


def orders(count: int) -> Callable[[], object]:
    """`count` buys of one account over a hundred ticks of one instrument."""
    kernel = _listed(1)
    kernel.add_cash(kernel.add_account(), CASH)
    commands = np.zeros(count, COMMAND_DTYPE)
    commands["account"] = commands["instr"] = commands["qty"] = 1
    commands["side"] = BUY
    commands["oid"] = 1 + np.arange(count)
    commands["price"] = REF - np.arange(count) % 100
    return lambda: (kernel, kernel.run(commands)[0].any())


def positions(count: int) -> Callable[[], object]:
    """`count` accounts that hold bottles of one instrument; the accounts' cash is not counted."""
    kernel = _listed(1)
    accounts = [kernel.add_account() for _ in range(count)]

    def filled() -> object:
        for account in accounts:
            kernel.add_bottles(account, 1, BOTTLES)
        return kernel

    return filled


def ids(count: int) -> Callable[[], object]:
    """`count` ids, each of an order that was cancelled at once."""
    kernel = _listed(1)
    kernel.add_cash(kernel.add_account(), CASH)
    commands = np.zeros(2 * count, COMMAND_DTYPE)
    commands["op"][1::2] = OP_CANCEL
    commands["account"] = commands["instr"] = commands["qty"] = 1
    commands["side"] = BUY
    commands["oid"] = 1 + np.repeat(np.arange(count), 2)
    commands["price"] = REF
    return lambda: (kernel, [kernel.run(batch)[0].any() for batch in batches_of(commands, 1_000)][-1])


def instruments(count: int) -> Callable[[], object]:
    """`count` instruments listed with their bands, none of them traded."""
    return lambda: _listed(count)


MAKERS = {"order": orders, "position": positions, "id used up": ids, "instrument": instruments}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _measure(make: Callable[[], object], count: int, meter: Callable[[], int]) -> float:
    before = meter()
    kept = make()
    after = meter()
    del kept
    return round((after - before) / count, 3)


def _child(name: str, count: int, allocated: bool) -> None:
    make = MAKERS[name](count)
    if allocated:
        tracemalloc.start()
    print(_measure(make, count, (lambda: tracemalloc.get_traced_memory()[0]) if allocated else _resident))


def _in_new_process(name: str, count: int, allocated: bool) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", name, str(count), str(int(allocated))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603


def measure() -> dict[str, Bytes]:
    """Bytes of each record, at a million of them, ten thousand for instruments. Needs /proc."""
    sizes = {}
    for name in MAKERS:
        count = INSTRUMENTS if name == "instrument" else MILLION
        sizes[name] = Bytes(_in_new_process(name, count, True), _in_new_process(name, count, False))
    return sizes


if __name__ == "__main__":
    if len(sys.argv) == 4:
        _child(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "1")
    else:
        for record, size in measure().items():
            print(f"{record:12}{size.allocated:>10,.2f} B allocated{size.resident:>10,.2f} B resident")
