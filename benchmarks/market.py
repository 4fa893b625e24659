"""A kernel with accounts that can pay for a workload, and the workload as the kernel's commands.

Every check is on and set so wide that no order of a sound workload fails it. Fees are off unless asked for, since the
peers have none; self-trade prevention is off, so that the trades are those of a plain book.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.orderflow import CANCEL, HI, LO, Workload
from engine.codes import COMMAND_DTYPE, GTC, OP_CANCEL, OP_PLACE, STP_NONE, TRADED
from engine.kernel import Kernel

ACCOUNTS = 1_000
CASH = 10**15  # fen of each account
BOTTLES = 10**12  # of each account, of each instrument that it trades
HOLDING_MAX = 10**15
QTY_MAX = 1 << 31

Call = tuple[Callable[..., object], tuple[int, ...]]  # a bound method and its arguments


class Tally(NamedTuple):
    """What a run traded; `notional` in fen."""

    trades: int
    lots: int
    notional: int


def account_of(ids: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """The account of each order id, from 1: spread by a multiplicative hash, so that neighbours differ."""
    return (1 + (ids.astype(np.uint64) * np.uint64(2654435761) >> np.uint64(7)) % np.uint64(ACCOUNTS)).astype(np.int64)


def commands_of(flow: Workload) -> npt.NDArray[np.void]:
    """The kernel's commands for a workload, all good till cancelled; ids and instruments count from 1 there."""
    commands = np.zeros(len(flow), COMMAND_DTYPE)
    commands["op"] = np.where(flow["op"] == CANCEL, OP_CANCEL, OP_PLACE)
    commands["instr"] = 1 + np.unique(flow["instr"], return_inverse=True)[1]
    commands["account"] = account_of(flow["id"])
    commands["oid"] = flow["id"].astype(np.int64) + 1
    for name in ("side", "price", "qty"):
        commands[name] = flow[name]
    return commands


def open_market(commands: npt.NDArray[np.void], fee_bp: int = 0) -> Kernel:
    """A kernel with the instruments of `commands`, and cover for every account in what it orders."""
    kernel = Kernel()
    for _ in range(int(commands["instr"].max(initial=0))):
        instr = kernel.add_instrument(1, 1, 1, HOLDING_MAX, fee_bp, fee_bp, 0, STP_NONE, 0)
        kernel.set_band(instr, LO, HI, QTY_MAX)
    for _ in range(ACCOUNTS):
        kernel.add_cash(kernel.add_account(), CASH)
    pairs = np.unique(commands["account"].astype(np.int64) << 32 | commands["instr"])
    for account, instr in zip((pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist(), strict=True):
        kernel.add_bottles(account, instr, BOTTLES)
    return kernel


def batches_of(commands: npt.NDArray[np.void], size: int) -> list[npt.NDArray[np.void]]:
    return [commands[at : at + size] for at in range(0, len(commands), size)]


def calls_of(commands: npt.NDArray[np.void], kernel: Kernel) -> list[Call]:
    """One call of the kernel for each command, its arguments ready."""
    columns = ("op", "oid", "account", "instr", "side", "price", "qty")
    return [
        (kernel.cancel, (oid, account)) if op == OP_CANCEL else (kernel.place, (oid, account, *rest, GTC))
        for op, oid, account, *rest in zip(*(commands[name].tolist() for name in columns), strict=True)
    ]


def tally(commands: npt.NDArray[np.void], size: int = 10_000) -> tuple[Tally, int]:
    """Run the commands once; return what they traded, and how many of them the kernel refused."""
    kernel = open_market(commands)
    trades = lots = notional = refused = 0
    for batch in batches_of(commands, size):
        codes, events = kernel.run(batch)
        traded = events[events["kind"] == TRADED]
        trades += len(traded)
        lots += int(traded["qty"].sum())
        notional += int((traded["qty"] * traded["price"]).sum())
        refused += int(np.count_nonzero(codes))
    return Tally(trades, lots, notional), refused
