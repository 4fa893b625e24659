"""RULES §3 and §11, volatility interruption (after Xetra): a trade outside its range is not made, a call begins."""

from typing import Any

import pytest

from engine.commands import Amend, Deposit, List, OrderType, Phase, Place, Roll, SetPhase, Side, TimeInForce
from engine.events import Cancelled, Event, PhaseChanged, Rejected, Traded, Triggered, Uncrossed
from engine.exchange import Exchange
from tests.engine.market import exchange_of, order, refusal, trades

WIDE = {"ref": 1000, "up_bp": 5000, "down_bp": 5000}


def phases(events: list[Event]) -> list[str]:
    return [event.phase for event in events if isinstance(event, PhaseChanged)]


def xetra(kernel: Any) -> Exchange:
    """Last auction 10.00 with 20 % static, last trade 11.00 with 10 % dynamic."""
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000, static_bp=2000)
    exchange.apply([SetPhase(0, "X", Phase.OPENING_CALL), order("B 1@1000", 1, "b0"), order("S 1@1000", 2, "s0")])
    exchange.apply([SetPhase(0, "X", Phase.CONTINUOUS), order("B 1@1100", 1, "b1"), order("S 1@1100", 2, "s1")])
    assert (1100, Phase.CONTINUOUS) == (exchange.instruments["X"].last, exchange.instruments["X"].phase)
    return exchange


@pytest.mark.parametrize(
    ("resting", "aggressor", "trade"),
    [
        ("B 1@990", "S 1@990", [(1, 990)]),
        ("S 1@1200", "B 1@1200", [(1, 1200)]),
        ("B 1@989", "S 1@989", []),
        ("S 1@1201", "B 1@1201", []),
    ],
)
def test_xetra_bounds_are_inclusive(kernel: Any, resting: str, aggressor: str, trade: list[tuple[int, int]]) -> None:
    exchange = xetra(kernel)
    exchange.apply([order(resting, 3, "r")])

    events = exchange.apply([order(aggressor, 4, "a")])

    assert trade == trades(events)
    assert ([] if trade else [Phase.VOLATILITY_CALL]) == phases(events)
    exchange.check()


def test_bounds_compare_exactly_and_not_by_rounded_prices(kernel: Any) -> None:
    exchange = exchange_of(kernel, ref=999, up_bp=5000, down_bp=5000, dyn_bp=100)  # 999 +- 9.99

    assert [(1, 990)] == trades(exchange.apply([order("B 1@990", 1, "b"), order("S 1@990", 2, "s")]))
    assert [] == trades(exchange.apply([order("S 1@1000", 1, "s2"), order("B 1@1000", 2, "b2")]))


def test_fills_inside_are_kept_the_rest_rests_and_the_phase_follows(kernel: Any) -> None:
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000)
    exchange.apply([order("S 2@1100", 1, "s1"), order("S 2@1101", 2, "s2")])

    events = exchange.apply([order("B 5@1200", 3, "b")])

    assert ["Accepted", "Traded", "PhaseChanged", "Indicated"] == [type(event).__name__ for event in events]
    found = exchange.order(3, "b")
    assert found is not None
    assert 3 == found.open
    assert [(2, 1200)] == trades(exchange.apply([SetPhase(0, "X", Phase.CONTINUOUS)]))
    exchange.check()


def test_range_stays_fixed_while_one_order_matches(kernel: Any) -> None:
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000)
    exchange.apply([order("S 1@1090", 1, "s1"), order("S 1@1150", 2, "s2")])

    assert [(1, 1090)] == trades(exchange.apply([order("B 2@1200", 3, "b")]))


def test_range_moves_with_the_last_trade(kernel: Any) -> None:
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000)
    exchange.apply([order("S 1@1090", 1, "s1"), order("B 1@1090", 3, "b1"), order("S 1@1150", 2, "s2")])

    assert [(1, 1150)] == trades(exchange.apply([order("B 1@1200", 3, "b")]))


@pytest.mark.parametrize(("tif", "kind"), [(TimeInForce.IOC, OrderType.LIMIT), (TimeInForce.GTC, OrderType.MARKET)])
def test_remainders_that_do_not_rest_are_cancelled_before_the_call(kernel: Any, tif: str, kind: str) -> None:
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000)
    exchange.apply([order("S 1@1000", 1, "s1"), order("S 1@1200", 2, "s2")])

    events = exchange.apply([Place(0, 3, "b", "X", Side.BUY, 1300, 2, tif, kind)])

    assert ["Traded", "Cancelled", "PhaseChanged"] == [type(event).__name__ for event in events[1:4]]
    assert Phase.VOLATILITY_CALL == exchange.instruments["X"].phase


def test_fok_counts_only_what_lies_within_and_is_refused_without_a_call(kernel: Any) -> None:
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000)
    exchange.apply([order("S 1@1000", 1, "s1"), order("S 1@1200", 2, "s2")])

    events = exchange.apply([order("B 2@1300", 3, "b", "FOK")])

    assert "NOT_FILLABLE" == refusal(events)
    assert Phase.CONTINUOUS == exchange.instruments["X"].phase


def test_triggered_stop_and_crossing_amendment_interrupt_likewise(kernel: Any) -> None:
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000)
    stop = Place(0, 3, "stop", "X", Side.BUY, 0, 2, type=OrderType.STOP, stop_px=1010)
    exchange.apply([stop, order("S 1@1010", 1, "s1"), order("S 2@1300", 2, "s2")])
    events = exchange.apply([order("B 1@1010", 4, "b")])
    assert ["Traded", "Triggered", "Cancelled", "PhaseChanged"] == [type(event).__name__ for event in events[1:5]]

    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000)
    exchange.apply([order("S 1@1300", 1, "s1"), order("B 1@900", 2, "b1")])
    assert [Phase.VOLATILITY_CALL] == phases(exchange.apply([Amend(0, 2, "b1", 1300)]))
    exchange.check()


def test_stops_that_an_interrupted_order_elects_wait_for_the_end_of_the_call(kernel: Any) -> None:
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000)
    exchange.apply([Place(0, 3, "stop", "X", Side.BUY, 1010, 1, type=OrderType.STOP_LIMIT, stop_px=1010)])
    exchange.apply([order("S 1@1010", 1, "s1"), order("S 1@1300", 2, "s2")])
    events = exchange.apply([order("B 2@1400", 4, "b")])
    assert not [event for event in events if isinstance(event, Triggered)]

    events = exchange.apply([SetPhase(0, "X", Phase.CONTINUOUS)])

    assert ["stop"] == [event.cid for event in events if isinstance(event, Triggered)]


def test_reference_stands_in_until_the_day_has_a_trade_or_an_auction(kernel: Any) -> None:
    exchange = xetra(kernel)
    exchange.apply([Roll(0, "X")])  # the reference is 1100 now
    exchange.apply([order("S 1@1210", 1, "s")])

    assert [(1, 1210)] == trades(exchange.apply([order("B 1@1210", 2, "b")]))


def test_static_range_follows_the_last_auction_and_not_the_trades(kernel: Any) -> None:
    exchange = exchange_of(kernel, **WIDE, static_bp=1000)
    for px in (1050, 1100, 1101):
        events = exchange.apply([order(f"S 1@{px}", 1, f"s{px}"), order(f"B 1@{px}", 2, f"b{px}")])
    assert [Phase.VOLATILITY_CALL] == phases(events)

    events = exchange.apply([SetPhase(0, "X", Phase.CONTINUOUS)])
    assert [1101] == [event.px for event in events if isinstance(event, Uncrossed)]

    exchange.apply([order("S 1@1212", 1, "s"), order("S 1@1211", 1, "s2")])
    assert [(1, 1211)] == trades(exchange.apply([order("B 2@1212", 2, "b")]))


def test_order_that_self_trade_prevention_stops_does_not_interrupt(kernel: Any) -> None:
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000, stp="newest")
    exchange.apply([order("S 1@1300", 1, "s")])

    events = exchange.apply([order("B 1@1300", 1, "b")])

    assert ["SELF_TRADE"] == [event.reason for event in events if isinstance(event, Cancelled)]
    assert Phase.CONTINUOUS == exchange.instruments["X"].phase


def test_cancels_are_taken_in_the_call_and_post_only_is_not(kernel: Any) -> None:
    exchange = exchange_of(kernel, **WIDE, dyn_bp=1000)
    exchange.apply([order("S 1@1300", 1, "s"), order("B 1@1300", 2, "b")])

    assert "PHASE_CLOSED" == refusal(exchange.apply([Place(0, 1, "p", "X", Side.SELL, 1000, 1, post=True)]))
    assert not [event for event in exchange.apply([Amend(0, 1, "s", 1290)]) if isinstance(event, Rejected)]
    assert isinstance(exchange.apply([SetPhase(0, "X", Phase.CANCEL_ONLY)])[0], PhaseChanged)


def test_interruption_survives_a_snapshot(kernel: Any) -> None:
    exchange = xetra(kernel)
    exchange.apply([order("S 1@1201", 3, "r")])
    restored = Exchange.restore(exchange.snapshot(), kernel)

    events = restored.apply([order("B 1@1201", 4, "a")])

    assert [Phase.VOLATILITY_CALL] == phases(events)
    assert events == exchange.apply([order("B 1@1201", 4, "a")])


def test_off_when_both_ranges_are_0(kernel: Any) -> None:
    exchange = Exchange(kernel)
    exchange.apply(
        [List(0, "X", ref=1000, up_bp=5000, down_bp=5000), Deposit(0, 1, "CNY", 10**6), Deposit(0, 2, "X", 9)]
    )

    events = exchange.apply([order("B 1@1500", 1, "b"), order("S 1@500", 2, "s")])

    assert [1500] == [event.px for event in events if isinstance(event, Traded)]
