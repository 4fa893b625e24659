"""How many commands a second the kernel takes, by itself and beside its peers: `python -m benchmarks.core`.

Times `Kernel.run` on batches and `Kernel.place`/`cancel` per call, every check on. Prints a table, then one line of
JSON. Rounds of all contenders are interleaved; rates are of the median round. The orders that fill the books of our
own workload are not timed; a workload from a file starts with empty books and is timed as a whole.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import peers
from benchmarks.market import Tally, batches_of, calls_of, commands_of, open_market, tally
from benchmarks.orderflow import WORKLOAD_DTYPE, Workload, order_flow
from benchmarks.timing import (
    Run,
    Seconds,
    frozen,
    interleaved,
    latencies_ns,
    seconds_of,
    seconds_of_loop,
    timer_ns,
)
from engine.codes import COMMAND_DTYPE
from engine.kernel import COMPILED

BATCHES = (100, 1_000, 10_000)
CALLS = 10_000  # per call, the events are dropped outside the clock after so many
PER_CALL, LOOP = "per call", "the loop of the calls alone"
BOURSE, LIQUIBOOK, BOURSE_STEPS = "bourse", "liquibook", "bourse, shuffled steps of 1,000"

Commands = npt.NDArray[np.void]


class Latency(NamedTuple):
    """Nanoseconds of a call beyond the timer."""

    p50: int
    p99: int


def batch_name(size: int) -> str:
    return f"batches of {size:,}"


def time_batches(commands: Commands, filled: int, size: int, fee_bp: int = 0) -> float:
    kernel = open_market(commands, fee_bp)
    kernel.run(commands[:filled])
    batches = batches_of(commands[filled:], size)
    with frozen():
        start = perf_counter()
        for batch in batches:
            kernel.run(batch)
        return perf_counter() - start


def time_calls(commands: Commands, filled: int) -> float:
    kernel = open_market(commands)
    kernel.run(commands[:filled])
    calls = calls_of(commands[filled:], kernel)
    nothing = np.empty(0, COMMAND_DTYPE)
    seconds = 0.0
    with frozen():
        for at in range(0, len(calls), CALLS):
            seconds += seconds_of(calls[at : at + CALLS])
            kernel.run(nothing)  # drops the events
    return seconds


def time_loop(commands: Commands, filled: int) -> float:
    with frozen():
        return seconds_of_loop(calls_of(commands[filled:], open_market(commands[:0])))


def latency(commands: Commands, filled: int) -> Latency:
    kernel = open_market(commands)
    kernel.run(commands[:filled])
    calls = calls_of(commands[filled:], kernel)
    nothing = np.empty(0, COMMAND_DTYPE)
    taken = []
    with frozen():
        timer = timer_ns()
        for at in range(0, len(calls), CALLS):
            taken.append(latencies_ns(calls[at : at + CALLS]))
            kernel.run(nothing)
    p50, p99 = np.percentile(np.concatenate(taken) - timer, (50, 99))
    return Latency(round(p50), round(p99))


class Result(NamedTuple):
    """What `measure` found: seconds of the rounds by contender, of `commands` commands each."""

    commands: int
    refused: int
    seconds: dict[str, Seconds]
    latency: Latency
    traded: Tally
    peers: dict[str, Tally]  # what they report

    def rate(self, name: str) -> int:
        return round(self.commands / self.seconds[name].median)

    def ratios(self) -> dict[str, float]:
        """Our rate over the peers'."""
        ours = [(batch_name(1_000), name) for name in self.seconds if name in (BOURSE, LIQUIBOOK, BOURSE_STEPS)]
        ours += [(PER_CALL, name) for name in self.peers]
        return {f"{own} / {peer}": round(self.rate(own) / self.rate(peer), 2) for own, peer in ours}

    def summary(self) -> dict[str, Any]:
        """The line of JSON."""
        return {
            "commands_per_s": self.rate(batch_name(1_000)),
            "per_call_per_s": self.rate(PER_CALL),
            "p50_ns": self.latency.p50,
            "p99_ns": self.latency.p99,
            **self.traded._asdict(),
            "compiled": COMPILED,
            "peers": {
                name: {"commands_per_s": self.rate(name), **reported._asdict()} for name, reported in self.peers.items()
            },
        }


def measure(flow: Workload, filled: int, rounds: int, with_peers: bool) -> Result:
    """Time `flow` after its first `filled` commands, which set the books up."""
    commands = commands_of(flow)
    traded, refused = tally(commands)
    contenders: dict[str, Run] = {
        batch_name(size): lambda size=size: time_batches(commands, filled, size)  # type: ignore[misc]
        for size in BATCHES
    }
    contenders[PER_CALL] = lambda: time_calls(commands, filled)
    contenders[LOOP] = lambda: time_loop(commands, filled)
    reported: dict[str, Tally] = {}
    if with_peers:
        contenders[BOURSE] = lambda: peers.run(peers.Bourse(flow, filled))
        contenders[LIQUIBOOK] = lambda: peers.run(peers.Liquibook(flow, filled))
        if len(np.unique(flow["instr"])) == 1:
            contenders[BOURSE_STEPS] = lambda: peers.run_bourse_steps(flow, filled)
        for name, peer in ((BOURSE, peers.Bourse(flow)), (LIQUIBOOK, peers.Liquibook(flow, listens=True))):
            peers.run(peer)
            reported[name] = peer.tally()
    seconds = interleaved(contenders, rounds)
    return Result(len(flow) - filled, refused, seconds, latency(commands, filled), traded, reported)


def table(result: Result) -> str:
    """The result for people."""
    lines = [f"{'':36}{'commands/s':>14}{'spread':>9}"]
    for name, seconds in result.seconds.items():
        lines.append(f"{name:36}{result.rate(name):>14,}{seconds.spread:>9.0%}")
    beyond = result.seconds[PER_CALL].median - result.seconds[LOOP].median
    lines.append(f"{'per call, without the loop':36}{round(result.commands / beyond):>14,}")
    lines.append(f"latency of a call beyond the timer: p50 {result.latency.p50} ns, p99 {result.latency.p99} ns")
    traded = result.traded
    lines.append(f"{traded.trades:,} trades, {traded.lots:,} lots, notional {traded.notional:,} fen")
    lines.append(f"{result.refused:,} commands refused: mostly cancels that came after the last fill")
    for name, reported in result.peers.items():
        verdict = "trades, lots and notional agree" if reported == traded else f"DISAGREES: {reported}"
        lines.append(f"{name}: {verdict}")
    if BOURSE_STEPS in result.seconds:
        lines.append(f"{BOURSE_STEPS}: not comparable in what trades, since a step shuffles its commands")
    if result.peers:
        lines.append("the peers match only: no accounts, cover, bands or limits; liquibook is timed without a listener")
    lines += [f"{ratio:>7.2f} x  {name}" for name, ratio in result.ratios().items()]
    return "\n".join(lines)


def read_workload(path: Path) -> Workload:
    """A workload from a file. Raises ValueError when it has not the fields of `WORKLOAD_DTYPE`."""
    flow: Workload = np.load(path)
    if flow.dtype.names is None or not set(WORKLOAD_DTYPE.names or ()) <= {*flow.dtype.names, "pad"}:
        raise ValueError(f"{path} must have the fields {', '.join(WORKLOAD_DTYPE.names or ())}")
    if len(flow) == 0:
        raise ValueError(f"{path} has no commands")
    return flow


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.core", description=__doc__)
    parser.add_argument("--commands", type=int, default=1_000_000, help="timed commands of our own workload")
    parser.add_argument("--instruments", type=int, default=1)
    parser.add_argument("--live", type=int, help="live orders; 5,000, or 100 for each of many instruments")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workload", type=Path, metavar="FILE.npy", help="instead of our own")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="drive bourse and liquibook too (extra `bench`)")
    options = parser.parse_args(arguments)
    if options.workload:
        flow, filled = read_workload(options.workload), 0
    else:
        filled = options.live or max(5_000, 100 * options.instruments)
        flow = order_flow(filled + options.commands, options.instruments, filled, options.seed)
    result = measure(flow, filled, options.rounds, options.peers)
    print(table(result))
    print(json.dumps(result.summary()))


if __name__ == "__main__":
    main()
