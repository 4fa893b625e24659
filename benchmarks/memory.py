"""What the kernel's records cost: bytes for each resting order, position and listed instrument.

Bytes are resident ones, as the system counts them, each measured in a new process: a pool doubles when it is full, but
what it does not use yet is address space only.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.market import BOTTLES, CASH, HOLDING_MAX, QTY_MAX, batches_of
from benchmarks.orderflow import HI, LO, REF
from engine.codes import BUY, COMMAND_DTYPE, OP_CANCEL, STP_NONE
from engine.kernel import Kernel

MILLION = 1_000_000
INSTRUMENTS = 10_000


def _listed(count: int) -> Kernel:
    kernel = Kernel()
    for _ in range(count):
        kernel.set_band(kernel.add_instrument(1, 1, 1, HOLDING_MAX, 0, 0, 0, STP_NONE, 0), LO, HI, QTY_MAX)
    return kernel


def _run(kernel: Kernel, commands: np.ndarray) -> Kernel:
    for batch in batches_of(commands, 1_000):
        refused = kernel.run(batch)[0].any()
        assert not refused
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
    return lambda: _run(kernel, commands)


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
    return lambda: _run(kernel, commands)


def instruments(count: int) -> Callable[[], object]:
    """`count` instruments listed with their bands, none of them traded."""
    return lambda: _listed(count)


MAKERS = {"order": orders, "position": positions, "id used up": ids, "instrument": instruments}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _child(name: str, count: int) -> None:
    make = MAKERS[name](count)
    before = _resident()
    kept = make()
    print(round((_resident() - before) / count, 2))
    del kept


def bytes_of(name: str, count: int) -> float:
    """Resident bytes of each of `count` records, in a new process. Needs /proc."""
    command = [sys.executable, "-m", "benchmarks.memory", name, str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603


def measure() -> dict[str, float]:
    """Bytes of each record, at a million of them, ten thousand for instruments."""
    return {name: bytes_of(name, INSTRUMENTS if name == "instrument" else MILLION) for name in MAKERS}


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _child(sys.argv[1], int(sys.argv[2]))
    else:
        for record, size in measure().items():
            print(f"{record:12}{size:>10,.2f} B")
