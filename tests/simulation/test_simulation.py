"""Engine and twin under the seeded adversary: equal events, equal books, sound after every few commands."""

from collections import Counter
from typing import Any

import pytest

from engine.commands import Phase, SetPhase
from engine.events import Cancelled
from engine.exchange import Exchange
from tests.engine.conftest import KERNELS
from tests.reference_book import ReferenceExchange
from tests.simulation.flow import flow
from tests.strategies import LISTED

COMMANDS = 3_000


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("seed", range(4))
def test_dense_flow_gives_the_twins_events(seed: int, name: str) -> None:
    exchange, twin = Exchange(KERNELS[name]), ReferenceExchange()
    seen: Counter[str] = Counter()
    for number, command in enumerate(flow(seed, COMMANDS)):
        expected: list[Any] = twin.apply([command])
        assert expected == exchange.apply([command]), f"seed {seed}, command {number}: {command}"
        seen.update(
            f"{type(e).__name__} {e.reason}" if isinstance(e, Cancelled) else type(e).__name__ for e in expected
        )
        if number % 100 == 0:
            exchange.check()
            for phase in [] if number % 400 else LISTED:
                reopened = SetPhase(0, phase, Phase.CONTINUOUS)
                assert twin.apply([reopened]) == exchange.apply([reopened])
    exchange.check()
    for sym in LISTED:
        assert twin.book(sym) == exchange.book(sym)

    often = {"Traded", "Amended", "Cancelled USER", "Cancelled EXPIRED", "Cancelled SELF_TRADE", "Cancelled IOC"}
    assert {kind for kind in often if seen[kind] < 15} == set(), seen


def test_same_commands_give_the_same_hash_on_every_kernel_and_after_any_cut() -> None:
    history = list(flow(99, 1_500))
    hashes = set()
    for kernel in KERNELS.values():
        for cut in (0, 40, 700, len(history)):
            exchange = Exchange(kernel)
            exchange.apply(history[:cut])
            restored = Exchange.restore(exchange.snapshot(), kernel)
            restored.check()
            restored.apply(history[cut:])
            hashes.add((restored.seq, restored.state_hash()))

    assert 1 == len(hashes)
