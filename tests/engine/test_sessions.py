"""RULES §3 and §9: bands of the first days, from the next session, without a band; fees that change."""

from typing import Any

import pytest

from engine.commands import CASH, Cancel, List, Phase, Roll, SetBand, SetFees, SetPhase, Withdraw
from engine.events import Amended, BandChanged, BandPlanned, Cancelled, Event, FeesChanged
from engine.exchange import Exchange
from tests.engine.market import AMPLE, exchange_of, order, refusal, trades


def bands(events: list[Event]) -> list[tuple[int, int]]:
    return [(event.lo, event.hi) for event in events if isinstance(event, BandChanged)]


def test_first_days_have_their_own_percentages(kernel: Any) -> None:
    exchange = Exchange(kernel)
    listing = List(0, "X", ref=10_000, up_bp=1000, down_bp=500, first_up_bp=4400, first_down_bp=3600, first_days=2)

    found = [*bands(exchange.apply([listing])), *bands(exchange.apply([Roll(0, "X"), Roll(0, "X")]))]

    assert [(6_400, 14_400), (6_400, 14_400), (9_500, 11_000)] == found


def test_no_band_for_the_first_days(kernel: Any) -> None:
    exchange = Exchange(kernel)
    listing = List(0, "X", ref=10_000, first_up_bp=-1, first_days=1, max_px=50_000)

    assert [(1, 50_000)] == bands(exchange.apply([listing]))
    assert [(9_000, 11_000)] == bands(exchange.apply([Roll(0, "X")]))
    assert "MALFORMED" == refusal(exchange.apply([listing._replace(sym="Y", max_px=0)]))


def test_band_from_the_next_session_waits_for_the_roll(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([order("B 1@9000", 1, "low"), order("B 1@9800", 1, "near")])

    events = exchange.apply([SetBand(0, "X", 300, 300, when="roll")])
    assert [BandPlanned(exchange.seq, 0, "X", 300, 300, 0)] == events
    assert refusal(exchange.apply([order("B 1@9001", 1, "still")])) is None

    events = exchange.apply([Roll(0, "X")])

    assert [(9_700, 10_300)] == bands(events)
    assert {"low", "still"} == {event.cid for event in events if isinstance(event, Cancelled)}
    assert [(9_700, 10_300)] == bands(exchange.apply([Roll(0, "X")]))


def test_planned_band_survives_a_snapshot(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([SetBand(0, "X", 300, 300, 9_000, when="roll")])
    restored = Exchange.restore(exchange.snapshot(), kernel)

    assert exchange.state_hash() == restored.state_hash()
    assert [(8_730, 9_270)] == bands(restored.apply([Roll(0, "X")]))


def test_fees_that_rise_are_held_by_every_open_buy_and_cancel_the_uncovered(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([order("B 1@10000", 1, "rich"), order("B 1@10000", 2, "poor"), Withdraw(0, 2, CASH, AMPLE - 10_000)])

    events = exchange.apply([SetFees(0, "X", maker_bp=10, taker_bp=20, min_fee=5)])
    exchange.check()

    assert isinstance(events[0], FeesChanged)
    assert [("rich", -20)] == [(event.cid, event.release) for event in events if isinstance(event, Amended)]
    gone = [(event.cid, event.reason, event.release) for event in events if isinstance(event, Cancelled)]
    assert [("poor", "FEES_CHANGED", 10_000)] == gone


def test_fees_that_fall_give_the_hold_back_but_nothing_that_was_paid(kernel: Any) -> None:
    exchange = exchange_of(kernel, min_fee=500, taker_bp=10, maker_bp=10)
    exchange.apply([order("B 2@10000", 1, "b"), order("S 1@10000", 2, "s")])
    exchange.apply([SetFees(0, "X", 0, 0, 0)])
    assert 10_000 == exchange.balance(1, CASH).held

    assert [(1, 10_000)] == trades(exchange.apply([order("S 1@10000", 2, "s2")]))
    assert [(AMPLE - 20_500, 0), (1_000, 0)] == [exchange.balance(1, CASH), exchange.balance(-1, CASH)]


def test_fee_rate_has_a_limit(kernel: Any) -> None:
    exchange = exchange_of(kernel)

    assert "MALFORMED" == refusal(exchange.apply([SetFees(0, "X", 1001, 0)]))
    assert "UNKNOWN_INSTRUMENT" == refusal(exchange.apply([SetFees(0, "Y", 1, 0)]))


@pytest.mark.parametrize("phase", [Phase.CANCEL_ONLY, Phase.HALTED])
def test_cancel_only_and_halted_take_cancels_and_nothing_new(kernel: Any, phase: Phase) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([order("B 2@10000", 1, "b"), SetPhase(0, "X", phase)])

    expected = "HALTED" if phase == Phase.HALTED else "PHASE_CLOSED"
    assert expected == refusal(exchange.apply([order("B 2@10000", 1, "b2")]))
    assert [2] == [event.qty for event in exchange.apply([Cancel(0, 1, "b")]) if isinstance(event, Cancelled)]
