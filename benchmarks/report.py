"""Everything that docs/performance.md says of the kernel, measured in one go: `python -m benchmarks.report`.

Prints the figures beside the bars of the project and writes them to `results/core-<date>.json` with machine, commit
and spread. Takes about four minutes; needs the extra `bench`.
"""

import json
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from benchmarks import auction, core, memory
from benchmarks.machine import RESULTS, machine, source
from benchmarks.market import commands_of
from benchmarks.orderflow import jumping_flow, order_flow
from benchmarks.timing import interleaved

COMMANDS = 1_000_000
ROUNDS = 7
LIVE = 5_000
MANY, MANY_LIVE, MANY_ROUNDS = 10_000, 1_000_000, 5
FEE_BP = 10


class Bar(NamedTuple):
    """A figure that the project set itself, and what was measured."""

    name: str
    wanted: float
    measured: float
    at_least: bool

    @property
    def met(self) -> bool:
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted


def one_instrument() -> core.Result:
    return core.measure(order_flow(LIVE + COMMANDS, 1, LIVE), LIVE, ROUNDS, with_peers=True)


def fees() -> float:
    """The rate of batches of 1,000 with maker and taker fees, over the rate without."""
    commands = commands_of(order_flow(LIVE + COMMANDS, 1, LIVE))
    seconds = interleaved(
        {
            "with": lambda: core.time_batches(commands, LIVE, 1_000, FEE_BP),
            "without": lambda: core.time_batches(commands, LIVE, 1_000),
        },
        ROUNDS,
    )
    return round(seconds["without"].median / seconds["with"].median, 2)


def many_instruments() -> core.Result:
    flow = order_flow(MANY_LIVE + COMMANDS, MANY, MANY_LIVE)
    return core.measure(flow, MANY_LIVE, MANY_ROUNDS, with_peers=False)


def sparse_over_dense() -> float:
    """Time of the same commands on a book that is nearly empty, over the time on a full one."""
    runs = {}
    for dense in (False, True):
        book, flow = jumping_flow(COMMANDS, dense)
        commands, filled = commands_of(np.concatenate([book, flow])), len(book)
        runs[str(dense)] = lambda commands=commands, filled=filled: core.time_batches(commands, filled, 1_000)
    seconds = interleaved(runs, ROUNDS)
    return round(seconds["False"].median / seconds["True"].median, 2)


def bars(one: core.Result, many: core.Result, sizes: dict[str, float], sparse: float, call_ms: float) -> list[Bar]:
    batched, called = one.rate(core.batch_name(1_000)), one.rate(core.PER_CALL)
    bourse, stepped = one.rate(core.BOURSE), one.rate(core.BOURSE_STEPS)
    return [
        Bar("commands/s, batches of 1,000", 15e6, batched, True),
        Bar("... over bourse, in order", 6, batched / bourse, True),
        Bar("... over bourse, shuffled steps", 6, batched / stepped, True),
        Bar("commands/s, batches of 100", 9e6, one.rate(core.batch_name(100)), True),
        Bar("calls/s", 4e6, called, True),
        Bar("... over bourse", 1.8, called / bourse, True),
        Bar("p99 of a call, ns", 1_000, one.latency.p99, False),
        Bar("commands/s, 10,000 instruments, 1M live", 3e6, many.rate(core.batch_name(1_000)), True),
        Bar("sparse book over dense, time", 2, sparse, False),
        Bar("call auction of 100,000 orders, ms", 20, call_ms, False),
        Bar("bytes, resting order", 64, sizes["order"], False),
        Bar("bytes, position", 100, sizes["position"], False),
        Bar("bytes resident, quiet instrument", 1_024, sizes["instrument"], False),
        Bar("MB, 10,000 listed", 30, sizes["instrument"] * MANY / 1e6, False),
    ]


def figures(result: core.Result) -> dict[str, Any]:
    """A result as the file keeps it."""
    rates = {
        name: {"per_s": result.rate(name), "spread": round(seconds.spread, 3), "rounds": len(seconds.rounds)}
        for name, seconds in result.seconds.items()
    }
    return {
        "commands": result.commands,
        "refused": result.refused,
        "rates": rates,
        "p50_ns": result.latency.p50,
        "p99_ns": result.latency.p99,
        **result.traded._asdict(),
        "peers_agree": {name: reported == result.traded for name, reported in result.peers.items()},
        "ratios": result.ratios(),
    }


def main() -> None:
    measured_on = {"date": date.today().isoformat(), **source(), "machine": machine()}
    one = one_instrument()
    print(core.table(one), flush=True)
    many = many_instruments()
    print(f"\n10,000 instruments, 1M live orders\n{core.table(many)}", flush=True)
    sizes, sparse, fee_ratio = memory.measure(), sparse_over_dense(), fees()
    _, _, calls = auction.measure(auction.ORDERS, 1, ROUNDS)
    call_ms = {name: round(seconds.median * 1e3, 1) for name, seconds in calls.items()}
    held = bars(one, many, sizes, sparse, call_ms[auction.KERNEL])
    print(f"\n{'':44}{'wanted':>14}{'measured':>14}")
    for bar in held:
        print(f"{bar.name:44}{bar.wanted:>14,.1f}{bar.measured:>14,.2f}  {'met' if bar.met else 'NOT met'}")
    record = {
        **measured_on,
        "one_instrument": figures(one),
        "many_instruments": figures(many),
        "with_fees_over_without": fee_ratio,
        "sparse_over_dense": sparse,
        "call_auction_ms": call_ms,
        "bytes": sizes,
        "bars": [{**bar._asdict(), "measured": round(bar.measured, 2), "met": bar.met} for bar in held],
    }
    path = RESULTS / f"core-{record['date']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"written to benchmarks/results/{path.name}")


if __name__ == "__main__":
    main()
