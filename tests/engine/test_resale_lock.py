"""RULES §2: bottles bought may be sold only N days later, and the roll says which day it is."""

from typing import Any

import pytest

from engine.commands import AddAsset, Amend, Deposit, Leg, LegKind, List, Place, Roll, Side, Transfer, Withdraw
from engine.events import Rejected
from engine.exchange import Exchange
from tests.engine.market import order, refusal


@pytest.fixture
def exchange(kernel: Any) -> Exchange:
    """Account 1 has money and no bottle, account 2 has bottles."""
    made = Exchange(kernel)
    made.apply([List(0, "X", ref=10_000, resale_lock_days=5, stp="none")])
    made.apply([Deposit(0, 1, "CNY", 10**9), Deposit(0, 2, "X", 100), Deposit(0, 2, "CNY", 10**9)])
    return made


def buy(exchange: Exchange, qty: int, cid: str) -> None:
    exchange.apply([order(f"S {qty}@10000", 2, f"s{cid}"), order(f"B {qty}@10000", 1, f"b{cid}")])


def test_bottles_bought_are_sold_after_the_fifth_roll_and_not_before(exchange: Exchange) -> None:
    buy(exchange, 4, "1")
    for day in range(5):
        events = exchange.apply([order("S 1@10000", 1, f"s{day}")])
        assert [Rejected(exchange.seq, 0, 1, f"s{day}", "INSUFFICIENT_BOTTLES", {"free": 4, "locked": 4})] == events
        exchange.apply([Roll(0, "X")])

    assert refusal(exchange.apply([order("S 4@10000", 1, "s")])) is None
    exchange.check()


def test_each_purchase_has_its_own_day(exchange: Exchange) -> None:
    buy(exchange, 4, "1")
    exchange.apply([Roll(0, "X"), Roll(0, "X")])
    buy(exchange, 3, "2")
    exchange.apply([Roll(0, "X")] * 3)

    assert 3 == exchange.locked(1, "X")
    assert refusal(exchange.apply([order("S 5@10000", 1, "s5")])) == "INSUFFICIENT_BOTTLES"
    assert refusal(exchange.apply([order("S 4@10000", 1, "s4")])) is None


def test_bottles_that_came_otherwise_are_not_locked_and_leave_first(exchange: Exchange) -> None:
    exchange.apply([Deposit(0, 1, "X", 6)])
    buy(exchange, 4, "1")
    assert refusal(exchange.apply([order("S 6@10000", 1, "s6")])) is None
    exchange.apply([order("B 6@10000", 2, "b6")])
    assert refusal(exchange.apply([order("S 1@10000", 1, "s1")])) == "INSUFFICIENT_BOTTLES"

    assert refusal(exchange.apply([Withdraw(0, 1, "X", 3)])) is None  # locked bottles may be picked up
    assert 1 == exchange.locked(1, "X")
    exchange.check()


def test_hold_and_release_do_not_unlock(exchange: Exchange) -> None:
    buy(exchange, 4, "1")
    exchange.apply([Transfer(0, "k1", (Leg(LegKind.HOLD, 1, asset="X", amount=4, hold="h"),))])
    exchange.apply([Transfer(0, "k2", (Leg(LegKind.RELEASE, hold="h"),))])

    assert refusal(exchange.apply([order("S 1@10000", 1, "s")])) == "INSUFFICIENT_BOTTLES"


def test_amending_a_sell_upwards_does_not_reach_locked_bottles(exchange: Exchange) -> None:
    exchange.apply([Deposit(0, 1, "X", 2)])
    buy(exchange, 4, "1")
    exchange.apply([order("S 1@10500", 1, "s")])

    assert refusal(exchange.apply([Amend(0, 1, "s", qty=3)])) == "INSUFFICIENT_BOTTLES"
    assert refusal(exchange.apply([Amend(0, 1, "s", qty=2)])) is None


def test_locks_survive_a_snapshot(exchange: Exchange, kernel: Any) -> None:
    buy(exchange, 4, "1")
    restored = Exchange.restore(exchange.snapshot(), kernel)

    assert exchange.state_hash() == restored.state_hash()
    assert 4 == restored.locked(1, "X")


def test_lot_that_may_not_be_resold_is_an_asset_that_no_order_can_name(exchange: Exchange) -> None:
    exchange.apply([AddAsset(0, "X/NR"), Deposit(0, 1, "X/NR", 6)])

    assert refusal(exchange.apply([Place(0, 1, "s", "X/NR", Side.SELL, 100, 1)])) == "UNKNOWN_INSTRUMENT"
    assert refusal(exchange.apply([order("S 1@10000", 1, "s")])) == "INSUFFICIENT_BOTTLES"
    assert refusal(exchange.apply([Withdraw(0, 1, "X/NR", 6)])) is None
