"""Transfers: linked, all or nothing, each key once, nobody below zero but the contra accounts. DESIGN, Engine."""

from typing import Any

import pytest

from engine.balances import FEES, Balance
from engine.commands import CASH, AddAsset, Deposit, Leg, Transfer
from engine.events import Event, Rejected, Repeated, Transferred
from engine.exchange import Exchange
from tests.engine.market import AMPLE, exchange_of, order, refusal

BANK = -2


def move(acct: int, to: int, amount: int, asset: str = CASH) -> Leg:
    return Leg("transfer", acct, to, asset, amount)


def hold(name: str, acct: int, amount: int, asset: str = CASH) -> Leg:
    return Leg("hold", acct, asset=asset, amount=amount, hold=name)


def capture(name: str, to: int, amount: int = 0) -> Leg:
    return Leg("capture", to=to, amount=amount, hold=name)


def release(name: str, amount: int = 0) -> Leg:
    return Leg("release", amount=amount, hold=name)


@pytest.fixture
def exchange(kernel: Any) -> Exchange:
    return exchange_of(kernel, accounts=3)


def transfer(exchange: Exchange, key: str, *legs: Leg) -> list[Event]:
    events = exchange.apply([Transfer(0, key, legs)])
    exchange.check()
    return events


def test_legs_are_made_in_order_each_on_top_of_the_ones_before(exchange: Exchange) -> None:
    assert refusal(transfer(exchange, "k", move(1, 9, 50), move(9, 8, 30), hold("h", 9, 20))) is None

    assert [(0, 20), (30, 0)] == [exchange.balance(acct, CASH) for acct in (9, 8)]


def test_one_leg_that_cannot_be_made_undoes_them_all(exchange: Exchange) -> None:
    before = [exchange.balance(acct, CASH) for acct in (1, 2, 9)]

    events = transfer(exchange, "k", move(1, 9, 50), hold("h", 2, 10), move(9, 2, 51))

    assert [Rejected(exchange.seq, 0, 0, "", "INSUFFICIENT_FUNDS", {})] == events
    assert before == [exchange.balance(acct, CASH) for acct in (1, 2, 9)]
    assert "UNKNOWN_HOLD" == refusal(transfer(exchange, "k2", release("h")))


def test_hold_is_captured_in_parts_and_the_rest_released(exchange: Exchange) -> None:
    transfer(exchange, "k1", hold("h", 1, 100, "X"))
    transfer(exchange, "k2", capture("h", 9, 30), capture("h", 8, 20))
    assert Balance(AMPLE - 100, 50) == exchange.balance(1, "X")

    events = transfer(exchange, "k3", release("h"))

    assert [Leg("release", 1, 0, "X", 50, "h")] == [leg for e in events if isinstance(e, Transferred) for leg in e.legs]
    assert [(AMPLE - 50, 0), (30, 0), (20, 0)] == [exchange.balance(acct, "X") for acct in (1, 9, 8)]
    assert "UNKNOWN_HOLD" == refusal(transfer(exchange, "k4", release("h")))


def test_no_more_is_captured_than_is_held(exchange: Exchange) -> None:
    transfer(exchange, "k1", hold("h", 1, 100))

    assert "ABOVE_HOLD" == refusal(transfer(exchange, "k2", capture("h", 2, 101)))
    assert "ABOVE_HOLD" == refusal(transfer(exchange, "k3", capture("h", 2, 60), release("h", 41)))


def test_held_bottles_are_not_sold(exchange: Exchange) -> None:
    transfer(exchange, "k1", hold("h", 1, AMPLE - 3, "X"))

    assert "INSUFFICIENT_BOTTLES" == refusal(exchange.apply([order("S 4@10000", 1, "s")]))


def test_repeated_key_gives_the_first_outcome_and_moves_nothing(exchange: Exchange) -> None:
    [done] = transfer(exchange, "k", move(1, 9, 50))
    assert [Repeated(exchange.seq + 1, 0, "k", done.seq)] == transfer(exchange, "k", move(1, 9, 50))
    assert 50 == exchange.balance(9, CASH).free

    assert "INSUFFICIENT_FUNDS" == refusal(transfer(exchange, "short", move(9, 1, 51)))
    exchange.apply([Deposit(0, 9, CASH, 100)])
    assert "INSUFFICIENT_FUNDS" == refusal(transfer(exchange, "short", move(9, 1, 51)))


def test_key_of_another_transfer_and_name_of_another_hold_are_refused(exchange: Exchange) -> None:
    transfer(exchange, "k", hold("h", 1, 50))

    assert "DUPLICATE_ID" == refusal(transfer(exchange, "k", hold("h", 1, 51)))
    assert "DUPLICATE_ID" == refusal(transfer(exchange, "k2", hold("h", 1, 1)))
    transfer(exchange, "k3", release("h"))
    assert "DUPLICATE_ID" == refusal(transfer(exchange, "k4", hold("h", 1, 1)))


def test_contra_account_goes_below_zero_and_nobody_else_does(exchange: Exchange) -> None:
    assert refusal(transfer(exchange, "in", move(BANK, 9, 70))) is None
    assert -70 == exchange.balance(BANK, CASH).free
    assert "INSUFFICIENT_FUNDS" == refusal(transfer(exchange, "k", move(FEES, 9, 1)))
    assert "INSUFFICIENT_FUNDS" == refusal(transfer(exchange, "k2", move(9, BANK, 71)))
    assert "MALFORMED" == refusal(transfer(exchange, "k3", hold("h", BANK, 1)))
    assert "MALFORMED" == refusal(exchange.apply([order("B 1@10000", BANK, "b")]))


def test_contra_accounts_cannot_issue_without_bound(exchange: Exchange) -> None:
    big = 1 << 53
    codes = [refusal(transfer(exchange, f"k{n}", move(BANK, 9, big))) for n in range(130)]

    assert [None, "MALFORMED"] == [codes[0], codes[-1]]
    assert exchange.balance(9, CASH).free <= 1 << 60


def test_untraded_asset_is_moved_like_any_other(exchange: Exchange) -> None:
    exchange.apply([AddAsset(0, "POINT"), Deposit(0, 1, "POINT", 10)])

    assert refusal(transfer(exchange, "k", move(1, 2, 4, "POINT"))) is None
    assert "INSUFFICIENT_BOTTLES" == refusal(transfer(exchange, "k2", move(1, 2, 7, "POINT")))
    assert "UNKNOWN_INSTRUMENT" == refusal(transfer(exchange, "k3", move(1, 2, 1, "NONE")))
    assert {"CNY": (AMPLE, 0), "X": (AMPLE, 0), "POINT": (4, 0)} == exchange.balances(2)


@pytest.mark.parametrize(
    "legs",
    [
        (),
        [move(1, 2, 1)],
        (move(1, 1, 1),),
        (move(1, 2, 0),),
        (move(1, 2, -1),),
        (Leg("transfer", 1, 2, "", 1),),
        (Leg("transfer", 1, 2, CASH, 1, "h"),),
        (Leg("lend", 1, 2, CASH, 1),),
        (Leg("hold", 1, 0, CASH, 1),),
        (Leg("release", 1, hold="h"),),
        (Leg("capture", to=True, hold="h"),),
        (("transfer", 1, 2, CASH, 1, ""),),
        (move(1, 2, 1 << 54),),
    ],
)
def test_malformed_legs_are_refused_and_their_key_stays_free(exchange: Exchange, legs: Any) -> None:
    before = exchange.state_hash()

    assert "MALFORMED" == refusal(exchange.apply([Transfer(0, "k", legs)]))
    assert before == exchange.state_hash()
    assert refusal(transfer(exchange, "k", move(1, 2, 1))) is None


def test_holds_and_outcomes_survive_a_snapshot(exchange: Exchange, kernel: Any) -> None:
    transfer(exchange, "k1", hold("h", 1, 100))
    transfer(exchange, "k2", move(9, 1, 1))
    restored = Exchange.restore(exchange.snapshot(), kernel)

    assert exchange.state_hash() == restored.state_hash()
    assert "INSUFFICIENT_FUNDS" == refusal(transfer(restored, "k2", move(9, 1, 1)))
    assert refusal(transfer(restored, "k3", capture("h", 9))) is None
