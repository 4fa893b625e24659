"""Stops, RULES §11, on both kernels."""

from typing import Any

import pytest

from engine.commands import CASH, Amend, Cancel, Command, OrderType, Place, SetBand, SetPhase
from engine.events import Accepted, Cancelled, Event, Traded, Triggered
from engine.exchange import Exchange
from tests.engine.market import AMPLE, exchange_of, order, refusal, trades


def stop(text: str, acct: int, cid: str, trigger: int, *, limit: bool = False, **other: Any) -> Place:
    """`stop("B 5@10100", 1, "s", 10050)`: a stop that buys 5; its price counts when it has a limit."""
    placed = order(text, acct, cid)
    kind = OrderType.STOP_LIMIT if limit else OrderType.STOP
    return placed._replace(type=kind, stop_px=trigger, **other)


def traded_at(exchange: Exchange, px: int, *more: Command) -> list[Event]:
    """Make the last trade happen at a price; return what that brought."""
    cid = f"t{exchange.seq}"
    return exchange.apply([order(f"S 1@{px}", 4, cid + "s"), order(f"B 1@{px}", 5, cid + "b"), *more])


def triggered(events: list[Event]) -> list[str]:
    return [event.cid for event in events if isinstance(event, Triggered)]


def test_stop_waits_unseen_holds_and_enters_when_the_last_trade_reaches_it(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([order("S 3@10060", 2, "ask"), stop("B 3@1", 1, "s", 10_050)])
    assert ([], [(10_060, 3)]) == exchange.book("X")
    assert 3 * 11_000 == exchange.balance(1, CASH).held

    assert [] == triggered(traded_at(exchange, 10_049))
    events = traded_at(exchange, 10_050)

    assert ["s"] == triggered(events)
    assert (3, 10_060) in trades(events)
    assert (AMPLE - 3 * 10_060, 0) == exchange.balance(1, CASH)
    exchange.check()


def test_stop_reached_at_entry_triggers_at_once_and_before_any_trade_it_waits(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    assert [] == triggered(exchange.apply([stop("S 1@1", 1, "early", 11_000)]))

    traded_at(exchange, 10_000)

    assert ["late"] == triggered(exchange.apply([stop("S 1@1", 2, "late", 10_000)]))


def test_elected_stops_enter_buys_from_the_lowest_trigger_then_sells_from_the_highest(
    kernel: Any,
) -> None:
    exchange = exchange_of(kernel)
    exchange.apply(
        [
            stop("B 1@10040", 1, "b3", 10_030, limit=True),
            stop("B 1@10040", 1, "b1", 10_010, limit=True),
            stop("B 1@10040", 2, "b1too", 10_010, limit=True),
            stop("S 1@10060", 3, "s1", 10_040, limit=True),
            stop("S 1@10060", 3, "s2", 10_050, limit=True),
        ]
    )

    assert ["b1", "b1too", "b3", "s2", "s1"] == triggered(traded_at(exchange, 10_035))


def test_stops_of_a_chain_enter_one_at_a_time_each_matching_fully(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply(
        [
            order("B 1@9900", 3, "far"),
            order("B 1@9950", 3, "near"),
            stop("S 1@1", 1, "first", 10_000),
            stop("S 1@1", 2, "second", 9_950),
        ]
    )

    events = traded_at(exchange, 10_000)

    entered = [event for event in events if isinstance(event, Triggered | Traded)]
    told = [event.cid if isinstance(event, Triggered) else event.px for event in entered]
    assert [10_000, "first", 9_950, "second", 9_900] == told
    exchange.check()


def test_elected_stops_wait_for_continuous_trading(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([stop("B 1@10200", 1, "s", 10_000, limit=True), SetPhase(0, "X", "OPENING_CALL")])
    exchange.apply([order("B 2@10050", 2, "b"), order("S 2@10050", 3, "a")])

    closed = exchange.apply([SetPhase(0, "X", "BREAK")])
    assert [(2, 10_050)] == trades(closed)
    assert [] == triggered(closed)

    assert ["s"] == triggered(exchange.apply([SetPhase(0, "X", "CONTINUOUS")]))


def test_market_stop_buys_to_the_band_of_its_entry_and_never_above(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([stop("B 2@1", 1, "s", 10_000), SetBand(0, "X", 2000, 2000), order("S 2@11500", 2, "high")])

    events = traded_at(exchange, 10_000)

    assert ["s"] == triggered(events)
    assert [("s", 2, "MARKET")] == [(e.cid, e.qty, e.reason) for e in events if isinstance(e, Cancelled)]
    assert AMPLE == exchange.balance(1, CASH).free


def test_triggered_market_stop_gives_back_what_a_narrower_band_frees(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([stop("B 2@1", 1, "s", 10_000), SetBand(0, "X", 500, 500)])

    events = traded_at(exchange, 10_000)

    assert [2 * 500] == [event.release for event in events if isinstance(event, Triggered)]
    exchange.check()


def test_stop_is_cancelled_amended_and_counted_like_an_order(kernel: Any) -> None:
    exchange = exchange_of(kernel, max_holding=AMPLE + 5)
    exchange.apply([stop("B 5@10000", 1, "s", 10_000, limit=True)])
    assert "ABOVE_POSITION_LIMIT" == refusal(exchange.apply([order("B 1@9000", 1, "b")]))

    exchange.apply([Amend(0, 1, "s", 9_900, 3)])
    assert 3 * 9_900 == exchange.balance(1, CASH).held

    exchange.apply([Cancel(0, 1, "s")])
    assert AMPLE == exchange.balance(1, CASH).free
    exchange.check()


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (stop("B 1@10000", 1, "a", 0), "MALFORMED"),
        (order("B 1@10000", 1, "a")._replace(stop_px=10_000), "MALFORMED"),
        (stop("B 1@10000", 1, "a", 10_000, post=True), "MALFORMED"),
        (stop("B 2@10000", 1, "a", 10_000, display=1), "MALFORMED"),
        (stop("B 1@10000", 1, "a", 10_001), "OFF_TICK"),
        (stop("B 1@12000", 1, "a", 10_000, limit=True), "PRICE_OUT_OF_BAND"),
    ],
)
def test_stop_that_makes_no_sense_is_refused(kernel: Any, bad: Place, code: str) -> None:
    exchange = exchange_of(kernel, tick=10)

    assert code == refusal(exchange.apply([bad]))


def test_trigger_may_lie_outside_the_band(kernel: Any) -> None:
    exchange = exchange_of(kernel)

    assert isinstance(exchange.apply([stop("B 1@10000", 1, "a", 50_000, limit=True)])[0], Accepted)


def test_market_stop_has_no_limit_to_amend(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([stop("B 2@1", 1, "s", 10_500)])

    assert "MALFORMED" == refusal(exchange.apply([Amend(0, 1, "s", 10_100)]))
    assert refusal(exchange.apply([Amend(0, 1, "s", 0, 1)])) is None
