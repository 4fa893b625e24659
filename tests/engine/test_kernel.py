"""The kernel's batch door, its memory, and its bitmaps where books are sparse."""

from typing import Any

import numpy as np
import pytest

from benchmarks.orderflow import CANCEL, MARKETABLE, order_flow
from engine.codes import CANCELLED, COMMAND_DTYPE, OP_CANCEL, TRADED
from tests.engine.conftest import KERNELS

AMPLE = 10**15


def kernel_with_accounts(kernel: Any, accounts: int = 20, **band: int) -> Any:
    made = kernel()
    instr = made.add_instrument(1, 1, 1, 0, 0, 0, 0, 0, 0)
    made.set_band(instr, band.get("lo", 9_000), band.get("hi", 11_000), 10**9)
    for _ in range(accounts):
        account = made.add_account()
        made.add_cash(account, AMPLE)
        made.add_bottles(account, instr, AMPLE)
    return made


def batch_of(flow: Any, accounts: int = 20) -> Any:
    batch = np.zeros(len(flow), COMMAND_DTYPE)
    batch["op"] = np.where(flow["op"] == CANCEL, OP_CANCEL, batch["op"])
    batch["how"] = flow["op"] == MARKETABLE
    for name in ("side", "price", "qty"):
        batch[name] = flow[name]
    batch["oid"] = flow["id"]
    batch["instr"] = flow["instr"] + 1
    batch["account"] = 1 + flow["id"] % accounts
    return batch


def test_batch_door_does_what_single_calls_do(kernel: Any) -> None:
    batch = batch_of(order_flow(3_000, live=200))
    batched, called = kernel_with_accounts(kernel), kernel_with_accounts(kernel)

    codes, events = batched.run(batch)
    expected = [
        called.cancel(c["oid"], c["account"])
        if c["op"] == OP_CANCEL
        else called.place(*(int(c[f]) for f in ("oid", "account", "instr", "side", "price", "qty", "how")))
        for c in batch
    ]

    assert expected == codes.tolist()
    assert called.drain() == events.tolist()
    assert {TRADED, CANCELLED} == set(events["kind"].tolist())


def test_compiled_and_plain_kernels_give_the_same_batches() -> None:
    batch = batch_of(order_flow(3_000, live=200, seed=7))

    results = [kernel_with_accounts(kernel).run(batch) for kernel in KERNELS.values()]

    for codes, events in results[1:]:
        assert np.array_equal(results[0][0], codes)
        assert np.array_equal(results[0][1], events)


def test_batch_of_another_type_is_refused(kernel: Any) -> None:
    made = kernel_with_accounts(kernel)

    with pytest.raises(TypeError, match="COMMAND_DTYPE"):
        made.run(np.zeros(3, np.int64))
    with pytest.raises(TypeError, match="contiguous"):
        made.run(np.zeros(6, COMMAND_DTYPE)[::2])


@pytest.mark.parametrize("side", [0, 1])
def test_next_best_level_is_found_across_an_empty_window(kernel: Any, side: int) -> None:
    """Orders far apart in a window of 2,000 pages: each best that goes uncovers the next one."""
    made = kernel_with_accounts(kernel, lo=1, hi=128_000)
    prices = [1, 63, 64, 65, 4_095, 4_096, 70_000, 127_999, 128_000]
    for oid, price in enumerate(prices, 1):
        assert made.place(oid, 1, 1, side, price, 1, 0) == 0
    best_first = prices if side == 1 else prices[::-1]

    for gone, price in enumerate(best_first, 1):
        assert [(p, 1) for p in best_first[gone - 1 :]] == made.depth(1, side, 0)
        assert made.cancel(prices.index(price) + 1, 1) == 0
    assert [] == made.depth(1, side, 0)


def test_level_gives_the_quantity_at_a_price(kernel: Any) -> None:
    made = kernel_with_accounts(kernel)
    made.place(1, 1, 1, 0, 9_500, 3, 0)
    made.place(2, 2, 1, 0, 9_500, 4, 0)

    assert (7, 0, 0, 0) == tuple(made.level(1, 0, px) for px in (9_500, 9_501, 1, 10**9))


def test_ids_and_slots_are_used_again(kernel: Any) -> None:
    """100,000 orders that come and go leave a kernel that still answers for the one that stays."""
    made = kernel_with_accounts(kernel)
    made.place(1, 1, 1, 0, 9_000, 1, 0)
    for oid in range(2, 20_000):
        assert made.place(oid, 2, 1, 1, 10_500, 1, 0) == 0
        assert made.cancel(oid, 2) == 0
    made.drain()

    assert made.order(1) is not None
    assert made.order(19_999) is None
    assert [(9_000, 1)] == made.depth(1, 0, 0)


@pytest.mark.parametrize("bad", ["1", None, 2**63, -(2**63) - 1])
def test_arguments_that_are_not_integers_of_64_bits_are_faults(bad: object) -> None:
    if "compiled" not in KERNELS:
        pytest.skip("plain Python takes any integer; the exchange checks types before it")
    made = kernel_with_accounts(KERNELS["compiled"])

    with pytest.raises((TypeError, OverflowError)):
        made.place(1, 1, 1, 0, bad, 1, 0)
