"""Each scenario that is counted is what its name says."""

from typing import Any

import numpy as np
import pytest

from benchmarks.instructions import scenarios
from benchmarks.market import open_market
from engine.codes import CANCELLED, TRADED, UNKNOWN_ORDER


@pytest.fixture(scope="module")
def outcomes() -> Any:
    """By scenario: the codes and events of the counted commands."""
    found = {}
    for name, (filling, counted) in scenarios().items():
        kernel = open_market(np.concatenate([filling, counted]))
        assert not kernel.run(filling)[0].any()
        found[name] = kernel.run(counted)
    return found


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("passive", set()), ("cancel", {CANCELLED}), ("marketable", {TRADED}), ("jumping, sparse book", {CANCELLED})],
)
def test_scenario_is_pure_and_nothing_in_it_is_refused(name: str, kinds: set[int], outcomes: Any) -> None:
    codes, events = outcomes[name]

    assert not codes.any()
    assert kinds == set(events["kind"].tolist())


def test_late_cancels_all_find_nothing(outcomes: Any) -> None:
    codes, events = outcomes["cancel too late"]

    assert {UNKNOWN_ORDER} == set(codes.tolist())
    assert 0 == len(events)
