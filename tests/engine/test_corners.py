"""Corners that an independent implementation of RULES found, each by the rule that decides it."""

from typing import Any

import pytest

from engine.commands import CASH, Amend, Cancel, Deposit, List, OrderType, Phase, Place, Roll, SetBand, SetPhase, Side
from engine.events import Amended, Cancelled, Rejected, Traded
from engine.exchange import Exchange
from tests.engine.market import exchange_of, order, refusal, trades


@pytest.mark.parametrize("end", [Phase.CONTINUOUS, Phase.CLOSED])
def test_call_over_an_empty_book_that_had_orders_trades_nothing(kernel: Any, end: Phase) -> None:
    """RULES §6: nothing crosses, no price, no trade. The ladder of the side that emptied must not be read."""
    exchange = exchange_of(kernel)
    for px in (9_000, 10_000, 11_000):
        exchange.apply([order(f"B 1@{px}", 1, f"b{px}"), Cancel(0, 1, f"b{px}")])
    exchange.apply([SetPhase(0, "X", Phase.OPENING_CALL)])

    assert [] == trades(exchange.apply([SetPhase(0, "X", end)]))
    exchange.check()


@pytest.mark.parametrize(("stp", "code"), [("newest", "NOT_FILLABLE"), ("decrement", "NOT_FILLABLE"), ("oldest", None)])
def test_fok_counts_an_icebergs_hidden_part_behind_what_shows(kernel: Any, stp: str, code: str | None) -> None:
    """RULES §7, §11: a refreshed slice goes to the back, so one's own order is met before it."""
    exchange = exchange_of(kernel, stp=stp)
    exchange.apply([Place(0, 1, "i", "X", Side.SELL, 10_000, 10, display=5), order("S 5@10000", 2, "own")])

    assert code == refusal(exchange.apply([order("B 10@10000", 2, "f", "FOK")]))


def test_order_that_a_wider_band_makes_too_large_is_cancelled(kernel: Any) -> None:
    """RULES §9: fees are exact; so no order may stand whose fees at the band's edge would not fit in 63 bits."""
    exchange = Exchange(kernel)
    exchange.apply([List(0, "X", ref=100, maker_bp=1000, taker_bp=1000, up_bp=0, down_bp=1000)])
    exchange.apply([Deposit(0, 1, "X", 10**11), order(f"S {10**11}@100", 1, "huge"), order("S 5@101", 1, "small")])

    events = exchange.apply([SetBand(0, "X", 10_000_000, 1000)])

    assert ["huge"] == [event.cid for event in events if isinstance(event, Cancelled)]
    exchange.check()


def test_iceberg_that_traded_on_entry_keeps_its_display(kernel: Any) -> None:
    """RULES §11: only a display equal to the quantity makes a plain order."""
    exchange = exchange_of(kernel)
    exchange.apply([order("S 8@10000", 1, "s"), Place(0, 2, "i", "X", Side.BUY, 10_000, 10, display=5)])
    assert [(10_000, 2)] == exchange.book("X").bids

    exchange.apply([Amend(0, 2, "i", qty=20)])

    assert [(10_000, 5)] == exchange.book("X").bids
    exchange.check()


def test_quantity_of_a_waiting_stop_is_amended_wherever_the_band_went(kernel: Any) -> None:
    """RULES §11: the trigger is never amended; limit and quantity are."""
    exchange = exchange_of(kernel, ref=100)
    exchange.apply(
        [Place(0, 1, "st", "X", Side.SELL, 0, 6, type=OrderType.STOP, stop_px=95), SetBand(0, "X", 500, 200)]
    )

    [event] = exchange.apply([Amend(0, 1, "st", qty=3)])

    assert isinstance(event, Amended)
    assert 3 == event.open


def test_changing_nothing_is_amended_even_below_the_smallest_order(kernel: Any) -> None:
    """RULES §11."""
    exchange = exchange_of(kernel, min_qty=2, stp="decrement")
    exchange.apply([order("B 3@10000", 1, "b"), order("S 4@10000", 1, "s")])

    assert isinstance(exchange.apply([Amend(0, 1, "s")])[0], Amended)


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_stop_that_would_end_at_once_is_refused_in_a_call(kernel: Any, tif: str) -> None:
    """RULES §5: IOC and FOK are refused in calls."""
    exchange = exchange_of(kernel)
    exchange.apply([SetPhase(0, "X", Phase.OPENING_CALL)])

    stop = Place(0, 1, "s", "X", Side.SELL, 0, 1, tif, OrderType.STOP, stop_px=9_000)
    assert "PHASE_CLOSED" == refusal(exchange.apply([stop]))


def test_phase_comes_before_time_in_the_order_of_refusals(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([SetPhase(9, "X", Phase.CLOSED)])

    late = Place(0, 1, "a", "X", "B", 10_000, 4, "GTD", expire_ts=9)
    assert "PHASE_CLOSED" == refusal(exchange.apply([late]))


def test_day_ends_even_when_its_close_makes_no_band(kernel: Any) -> None:
    """RULES §11: roll works in any phase; today's band stays."""
    exchange = exchange_of(kernel, ref=100_000, up_bp=100_000, down_bp=0)
    for day in range(3):
        edge = exchange.instruments["X"].hi
        exchange.apply([order(f"S 1@{edge}", 1, f"s{day}"), order(f"B 1@{edge}", 2, f"b{day}")])
        assert not [event for event in exchange.apply([Roll(0, "X")]) if isinstance(event, Rejected)]
    exchange.check()


@pytest.mark.parametrize(
    "command",
    [
        Place(0, 1, "a", "X", "B", 10_000, 1, ""),
        Place(0, 1, "a", "X", "B", 10_000, 1, "GTC", ""),
        Place(0, 1, "a", "X", "", 10_000, 1),
        Place(0, 1, "", "X", "B", 10_000, 1),
        List(0, "Z", ref=100, stp=""),
        SetBand(0, "X", 1, 1, when=""),
    ],
)
def test_empty_text_is_malformed(kernel: Any, command: Any) -> None:
    exchange = exchange_of(kernel)

    assert "MALFORMED" == refusal(exchange.apply([command]))


def test_seller_of_a_large_order_pays_its_exact_fee(kernel: Any) -> None:
    exchange = Exchange(kernel)
    exchange.apply([List(0, "X", ref=1 << 20, maker_bp=1000, taker_bp=1000), Deposit(0, 1, "X", 1 << 40)])
    qty = (1 << 53) // exchange.instruments["X"].hi
    exchange.apply([Deposit(0, 2, CASH, 1 << 53)] * 2)
    exchange.apply([order(f"S {qty}@{1 << 20}", 1, "s")])

    [trade] = [e for e in exchange.apply([order(f"B {qty}@{1 << 20}", 2, "b")]) if isinstance(e, Traded)]

    assert -(-qty * (1 << 20) // 10) == trade.sell_fee
    exchange.check()
