"""The workload has the shape that its docstring promises, and the same seed gives the same workload."""

from typing import Any

import numpy as np
import pytest

from benchmarks.market import commands_of, open_market
from benchmarks.orderflow import CANCEL, HI, LO, MARKETABLE, PASSIVE, REF, jumping_flow, order_flow
from engine.codes import BUY, SELL, TRADED, UNKNOWN_ORDER

LIVE, COUNT = 1_000, 40_000


@pytest.fixture(scope="module")
def flow() -> Any:
    return order_flow(LIVE + COUNT, live=LIVE, seed=3)


@pytest.fixture(scope="module")
def ran(flow: Any) -> Any:
    """Codes, events and the kernel after the whole flow."""
    commands = commands_of(flow)
    kernel = open_market(commands)
    return *kernel.run(commands), kernel


def test_mix_is_45_40_15(flow: Any) -> None:
    shares = np.bincount(flow["op"][LIVE:], minlength=3) / COUNT

    assert [0.45, 0.40, 0.15] == pytest.approx([shares[PASSIVE], shares[CANCEL], shares[MARKETABLE]], abs=0.02)


def test_every_price_is_in_the_band_and_every_quantity_positive(flow: Any) -> None:
    placed = flow[flow["op"] != CANCEL]

    assert LO <= placed["price"].min()
    assert placed["price"].max() <= HI
    assert 1 <= placed["qty"].min()


def test_only_cancels_are_refused_and_few_of_them(flow: Any, ran: Any) -> None:
    codes, _, _ = ran
    refused = codes != 0

    assert {UNKNOWN_ORDER} == set(codes[refused].tolist())
    assert np.all(flow["op"][refused] == CANCEL)
    assert refused.sum() < 0.05 * np.count_nonzero(flow["op"] == CANCEL)


def test_passive_orders_rest_but_for_a_few_per_thousand(flow: Any, ran: Any) -> None:
    _, events, _ = ran
    aggressors = set((events["oid"][events["kind"] == TRADED] - 1).tolist())
    passive = flow["id"][flow["op"] == PASSIVE].tolist()

    assert sum(oid in aggressors for oid in passive) < 0.01 * len(passive)


def test_most_marketable_orders_trade(flow: Any, ran: Any) -> None:
    _, events, _ = ran
    aggressors = set((events["oid"][events["kind"] == TRADED] - 1).tolist())
    marketable = flow["id"][flow["op"] == MARKETABLE].tolist()

    assert sum(oid in aggressors for oid in marketable) > 0.95 * len(marketable)


def test_book_keeps_its_size_and_lies_near_the_touch(ran: Any) -> None:
    kernel = ran[2]
    prices = [order[2] for side in (BUY, SELL) for order in kernel.queue(1, side)]

    assert pytest.approx(LIVE, rel=0.2) == len(prices)
    assert np.percentile(np.abs(np.array(prices) - REF), 90) < 150


def test_seed_decides_the_flow(flow: Any) -> None:
    again = order_flow(LIVE + COUNT, live=LIVE, seed=3)
    other = order_flow(LIVE + COUNT, live=LIVE, seed=4)

    assert flow.tobytes() == again.tobytes()
    assert flow.tobytes() != other.tobytes()


def test_many_instruments_share_the_book(flow: Any) -> None:
    many = order_flow(LIVE + 5_000, instruments=50, live=LIVE)

    assert set(range(50)) == set(many["instr"].tolist())
    assert [LIVE // 50] * 50 == np.bincount(many["instr"][:LIVE]).tolist()


def test_flow_without_a_book_is_an_error() -> None:
    with pytest.raises(ValueError, match="live is 4"):
        order_flow(10, live=4)


@pytest.mark.parametrize(("dense", "levels"), [(True, 500), (False, 5)])
def test_jumping_flow_leaves_the_book_as_it_was(dense: bool, levels: int) -> None:
    book, flow = jumping_flow(1_000, dense)
    commands = commands_of(np.concatenate([book, flow]))
    kernel = open_market(commands)
    codes, events = kernel.run(commands)

    assert not codes.any()
    assert not np.any(events["kind"] == TRADED)
    assert [levels, levels] == [len(kernel.depth(1, side, 0)) for side in (BUY, SELL)]
    assert LO + levels - 1 == kernel.depth(1, BUY, 1)[0][0]


def test_sparse_and_dense_book_get_the_same_commands() -> None:
    assert jumping_flow(500, dense=True)[1].tobytes() == jumping_flow(500, dense=False)[1].tobytes()
