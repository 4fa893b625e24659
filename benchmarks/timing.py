"""How the benchmarks take time: interleaved rounds, their median and spread, and latencies without the timer's own."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from time import perf_counter, perf_counter_ns
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Run = Callable[[], float]  # sets up, then returns the seconds that the measured part took


class Seconds(NamedTuple):
    """The rounds of one contender."""

    rounds: list[float]

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def spread(self) -> float:
        """Slowest less fastest round, as a share of the median."""
        return (max(self.rounds) - min(self.rounds)) / self.median


def interleaved(contenders: Mapping[str, Run], rounds: int) -> dict[str, Seconds]:
    """Run every contender once a round, so that a slow moment of the machine meets them all."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            taken[name].append(run())
    return {name: Seconds(rounds) for name, rounds in taken.items()}


@contextmanager
def frozen() -> Iterator[None]:
    """Keep what is alive out of the collector's sight, as a server does after it has loaded its state."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def seconds_of(calls: Sequence[tuple[Any, tuple[Any, ...]]]) -> float:
    """Make the calls; the loop itself is part of the time."""
    start = perf_counter()
    for call, arguments in calls:
        call(*arguments)
    return perf_counter() - start


def seconds_of_loop(calls: Sequence[tuple[Any, tuple[Any, ...]]]) -> float:
    """The same loop without the calls."""
    start = perf_counter()
    for _call, _arguments in calls:
        pass
    return perf_counter() - start


def latencies_ns(calls: Sequence[tuple[Any, tuple[Any, ...]]]) -> npt.NDArray[np.int64]:
    """Nanoseconds of each call, the timer's included."""
    taken = [0] * len(calls)
    for at, (call, arguments) in enumerate(calls):
        start = perf_counter_ns()
        call(*arguments)
        taken[at] = perf_counter_ns() - start
    return np.array(taken)


def timer_ns(samples: int = 100_000) -> int:
    """What `latencies_ns` measures when there is nothing to call: the median."""
    taken = [0] * samples
    for at in range(samples):
        start = perf_counter_ns()
        taken[at] = perf_counter_ns() - start
    return int(median(taken))
