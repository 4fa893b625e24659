"""The call auction, RULES §6: the published examples, and the details of the uncross."""

from typing import Any

import pytest

from engine.commands import Amend, Cancel, OrderType, Place, SetBand, SetPhase
from engine.events import Cancelled, Indicated, Traded, Uncrossed
from engine.exchange import Exchange
from tests.engine.market import exchange_of, order, refusal

XETRA_1 = (["B 200@202", "B 200@201", "B 300@200", "S 100@200", "S 200@198", "S 400@197"], 200, 700)
XETRA_2 = (["B 400@202", "B 200@201", "S 300@199", "S 200@198"], 201, 500)
XETRA_3 = (["B 300@202", "B 200@201", "S 400@199", "S 200@198"], 199, 500)
XETRA_7 = (["B 80@199", "S 80@201"], 0, 0)
CME_1 = (
    ["B 10@51", "B 20@50", "B 30@49", "B 40@48", "B 50@47", "B 70@46", "B 100@45", "B 1@44", "B 30@43",
     "S 30@51", "S 100@50", "S 1@49", "S 25@48", "S 1@47", "S 100@46", "S 90@45", "S 4@44", "S 6@43"],
    46, 200,
)  # fmt: skip


def called(kernel: Any, ref: int, orders: list[str], **listing: Any) -> Exchange:
    """An exchange in its opening call, with these orders of accounts 1, 2, ..."""
    exchange = exchange_of(kernel, accounts=len(orders) + 2, ref=ref, up_bp=5000, down_bp=5000, **listing)
    exchange.apply([SetPhase(0, "X", "OPENING_CALL")])
    for number, text in enumerate(orders, 1):
        assert refusal(exchange.apply([order(text, number, f"o{number}")])) is None
    return exchange


@pytest.mark.parametrize(("orders", "px", "qty"), [XETRA_1, XETRA_2, XETRA_3, XETRA_7, CME_1])
def test_published_examples_uncross_at_their_price_and_quantity(
    kernel: Any, orders: list[str], px: int, qty: int
) -> None:
    """Xetra examples 1, 2, 3 and 7; CME's indicative opening price, rule 1."""
    exchange = called(kernel, 45 if px == 46 else 200, orders)

    events = exchange.apply([SetPhase(0, "X", "CONTINUOUS")])

    assert isinstance(events[0], Uncrossed)
    assert (px, qty) == (events[0].px, events[0].qty)
    assert qty == sum(event.qty for event in events if isinstance(event, Traded))
    assert {px} >= {event.px for event in events if isinstance(event, Traded)}
    exchange.check()


def test_market_orders_alone_trade_at_the_reference_price(kernel: Any) -> None:
    """Xetra example 6."""
    exchange = called(kernel, 200, [])
    for acct, side, qty in ((1, "B", 900), (2, "S", 800)):
        exchange.apply([Place(0, acct, "m", "X", side, 0, qty, type=OrderType.MARKET)])

    events = exchange.apply([SetPhase(0, "X", "CONTINUOUS")])

    assert [(200, 800)] == [(event.px, event.qty) for event in events if isinstance(event, Traded)]
    assert [("m", 100, "MARKET")] == [(e.cid, e.qty, e.reason) for e in events if isinstance(e, Cancelled)]
    exchange.check()


def test_allocation_is_by_price_then_time(kernel: Any) -> None:
    """SGX Catalist's example: Ben 2,000, Aroha 5,000, Colin 3,000."""
    exchange = called(kernel, 110, ["B 5000@110", "B 2000@115", "B 5000@110", "S 10000@110"])

    events = exchange.apply([SetPhase(0, "X", "CONTINUOUS")])

    assert [(2, 2000), (1, 5000), (3, 3000)] == [(e.buy_acct, e.qty) for e in events if isinstance(e, Traded)]
    assert {("", 110)} == {(e.aggressor, e.px) for e in events if isinstance(e, Traded)}


def test_market_orders_come_before_limit_orders(kernel: Any) -> None:
    exchange = called(kernel, 200, ["B 5@220", "S 6@200"])
    exchange.apply([Place(0, 3, "m", "X", "B", 0, 4, type=OrderType.MARKET)])

    events = exchange.apply([SetPhase(0, "X", "CONTINUOUS")])

    assert [(3, 4), (1, 2)] == [(e.buy_acct, e.qty) for e in events if isinstance(e, Traded)]


def test_of_equally_near_prices_the_higher_is_taken(kernel: Any) -> None:
    exchange = called(kernel, 200, ["B 5@203", "S 5@199"])
    assert 200 == exchange.instruments["X"].indicated.px

    between = called(kernel, 200, ["B 5@205", "S 5@201"], tick=1)
    assert 201 == between.instruments["X"].indicated.px


def test_every_change_in_a_call_is_indicated(kernel: Any) -> None:
    exchange = called(kernel, 200, ["B 5@202"])

    events = [
        *exchange.apply([order("S 3@199", 2, "s")]),
        *exchange.apply([order("S 9@199", 3, "t")]),
        *exchange.apply([Amend(0, 3, "t", 0, 4)]),
        *exchange.apply([Cancel(0, 2, "s")]),
    ]

    said = [(event.px, event.qty, event.surplus) for event in events if isinstance(event, Indicated)]
    assert [(202, 3, 2), (199, 5, -7), (199, 5, -2), (202, 4, 1)] == said


def test_both_sides_pay_the_makers_rate_in_an_uncross(kernel: Any) -> None:
    exchange = called(kernel, 1000, ["B 10@1000", "S 10@1000"], maker_bp=10, taker_bp=50)

    events = exchange.apply([SetPhase(0, "X", "CONTINUOUS")])

    assert [(10, 10)] == [(event.buy_fee, event.sell_fee) for event in events if isinstance(event, Traded)]


def test_self_trade_prevention_does_not_act_in_the_uncross(kernel: Any) -> None:
    exchange = called(kernel, 200, [], stp="newest")
    exchange.apply([order("B 5@200", 1, "b"), order("S 5@200", 1, "s")])

    events = exchange.apply([SetPhase(0, "X", "CONTINUOUS")])

    assert [5] == [event.qty for event in events if isinstance(event, Traded)]


@pytest.mark.parametrize("after", ["CONTINUOUS", "CLOSED", "BREAK"])
def test_call_is_uncrossed_even_when_a_halt_lay_between(kernel: Any, after: str) -> None:
    exchange = called(kernel, 200, ["B 5@202", "S 5@199"])

    assert not [e for e in exchange.apply([SetPhase(0, "X", "HALTED")]) if isinstance(e, Traded)]
    exchange.check()

    assert [5] == [e.qty for e in exchange.apply([SetPhase(0, "X", after)]) if isinstance(e, Traded)]


def test_going_to_the_no_cancel_part_does_not_uncross(kernel: Any) -> None:
    exchange = called(kernel, 200, ["B 5@202", "S 5@199"])

    events = exchange.apply([SetPhase(0, "X", "OPENING_CALL_NO_CANCEL")])

    assert not [event for event in events if isinstance(event, Uncrossed)]


@pytest.mark.parametrize("phase", ["OPENING_CALL_NO_CANCEL", "CLOSING_CALL"])
def test_nothing_is_cancelled_or_amended_in_the_locked_calls(kernel: Any, phase: str) -> None:
    exchange = called(kernel, 200, ["B 5@190"])
    exchange.apply([SetPhase(0, "X", phase)])

    assert "PHASE_CLOSED" == refusal(exchange.apply([Cancel(0, 1, "o1")]))
    assert "PHASE_CLOSED" == refusal(exchange.apply([Amend(0, 1, "o1", 0, 4)]))
    assert refusal(exchange.apply([order("B 1@191", 2, "new")])) is None


@pytest.mark.parametrize("special", [{"tif": "IOC"}, {"tif": "FOK"}, {"post": True}])
def test_orders_that_act_at_once_are_refused_in_calls(kernel: Any, special: dict[str, Any]) -> None:
    exchange = called(kernel, 200, [])

    assert "PHASE_CLOSED" == refusal(exchange.apply([Place(0, 1, "a", "X", "B", 200, 1, **special)]))


@pytest.mark.parametrize("phase", ["PRE_OPEN", "BREAK", "CLOSED"])
def test_other_phases_take_cancels_and_no_orders(kernel: Any, phase: str) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([order("B 5@10000", 1, "a"), SetPhase(0, "X", phase)])

    assert "PHASE_CLOSED" == refusal(exchange.apply([order("B 1@10000", 1, "b")]))
    assert "PHASE_CLOSED" == refusal(exchange.apply([Amend(0, 1, "a", 0, 6)]))
    assert refusal(exchange.apply([Amend(0, 1, "a", 0, 4)])) is None
    assert refusal(exchange.apply([Cancel(0, 1, "a")])) is None


def test_market_order_waiting_in_a_call_goes_when_the_band_moves_and_cannot_be_amended(kernel: Any) -> None:
    exchange = called(kernel, 200, [])
    exchange.apply([Place(0, 1, "m", "X", "B", 0, 5, type=OrderType.MARKET)])
    assert "PHASE_CLOSED" == refusal(exchange.apply([Amend(0, 1, "m", 0, 4)]))

    same = exchange.apply([SetBand(0, "X", 5000, 5000)])
    assert not [event for event in same if isinstance(event, Cancelled)]

    events = exchange.apply([SetBand(0, "X", 1000, 1000)])
    assert [("m", "BAND_CHANGED")] == [(e.cid, e.reason) for e in events if isinstance(e, Cancelled)]
    exchange.check()


def test_icebergs_count_whole_and_show_their_slice_afterwards(kernel: Any) -> None:
    exchange = called(kernel, 200, ["S 7@200"])
    exchange.apply([Place(0, 2, "ice", "X", "B", 200, 20, display=4)])
    assert 7 == exchange.instruments["X"].indicated.qty

    events = exchange.apply([SetPhase(0, "X", "CONTINUOUS")])

    assert [7] == [event.qty for event in events if isinstance(event, Traded)]
    assert ([(200, 4)], []) == exchange.book("X")
    exchange.check()


def test_auction_of_many_orders_conserves_and_leaves_an_uncrossed_book(kernel: Any) -> None:
    orders = [f"{'B' if n % 2 else 'S'} {1 + n % 7}@{180 + n * 37 % 41}" for n in range(300)]
    exchange = called(kernel, 200, orders)

    exchange.apply([SetPhase(0, "X", "CONTINUOUS")])

    exchange.check()
    bids, asks = exchange.book("X")
    assert bids[0][0] < asks[0][0]
