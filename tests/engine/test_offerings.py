"""RULES §8: subscriptions 申购 are frozen in full, changed until the window closes, and allotted by rule."""

from typing import Any

import pytest

from engine.allotment import commitment, digest_of
from engine.commands import CASH, Allot, Deposit, Offer, Recall, Subscribe
from engine.events import Allotted, Event, OfferingEnded, Rejected
from engine.exchange import Exchange
from tests.engine.market import AMPLE, exchange_of, refusal

ISSUER = 5
OFFER = Offer(
    10, "O", ISSUER, "X", 1000, 100, commitment("seed"), unit=2, min_qty=4, max_qty=60, opens=20, closes=90
)  # fmt: skip


@pytest.fixture
def exchange(kernel: Any) -> Exchange:
    return exchange_of(kernel)


def run(exchange: Exchange, *commands: Any) -> list[Event]:
    events = exchange.apply(commands)
    exchange.check()
    return events


def subscribed(exchange: Exchange, *wanted: int) -> None:
    run(exchange, OFFER, *(Subscribe(30, acct, "O", qty) for acct, qty in enumerate(wanted, 1)))


def test_bottles_are_held_from_the_announcement_and_money_in_full(exchange: Exchange) -> None:
    subscribed(exchange, 10)

    assert (AMPLE - 100, 100) == exchange.balance(ISSUER, "X")
    assert (AMPLE - 10_000, 10_000) == exchange.balance(1, CASH)


def test_undersubscribed_everyone_gets_what_they_asked_for(exchange: Exchange) -> None:
    subscribed(exchange, 10, 20)

    events = run(exchange, Allot(90, "O", "seed"))

    assert [(1, 10, 10_000, 0), (2, 20, 20_000, 0)] == [
        (event.acct, event.qty, event.paid, event.refund) for event in events if isinstance(event, Allotted)
    ]
    assert [(30, 70)] == [(event.sold, event.returned) for event in events if isinstance(event, OfferingEnded)]
    assert (AMPLE + 10, 0) == exchange.balance(1, "X")
    assert (AMPLE - 30, 0) == exchange.balance(ISSUER, "X")
    assert (AMPLE + 30_000, 0) == exchange.balance(ISSUER, CASH)


@pytest.mark.parametrize("method", ["pro_rata", "draw"])
def test_oversubscribed_all_is_sold_and_what_is_not_allotted_is_refunded(exchange: Exchange, method: str) -> None:
    run(exchange, OFFER._replace(method=method), *(Subscribe(30, acct, "O", 60) for acct in (1, 2, 3)))

    events = run(exchange, Allot(90, "O", "seed"))

    assert [100] == [event.sold for event in events if isinstance(event, OfferingEnded)]
    for acct in (1, 2, 3):
        got = exchange.balance(acct, "X").free - AMPLE
        assert (AMPLE - 1000 * got, 0) == exchange.balance(acct, CASH)
    assert [digest_of([(1, 60), (2, 60), (3, 60)])] == [e.digest for e in events if isinstance(e, OfferingEnded)]


def test_subscription_is_changed_and_withdrawn_until_the_window_closes(exchange: Exchange) -> None:
    subscribed(exchange, 10)
    run(exchange, Subscribe(40, 1, "O", 30))
    assert 30_000 == exchange.balance(1, CASH).held
    run(exchange, Subscribe(50, 1, "O", 4))
    assert 4_000 == exchange.balance(1, CASH).held
    run(exchange, Subscribe(89, 1, "O", 0))

    assert (AMPLE, 0) == exchange.balance(1, CASH)
    assert "UNKNOWN_ORDER" == refusal(run(exchange, Subscribe(89, 1, "O", 0)))
    assert "OFFERING_CLOSED" == refusal(run(exchange, Subscribe(90, 1, "O", 10)))


def test_final_subscription_stays(exchange: Exchange) -> None:
    run(exchange, OFFER._replace(final=True), Subscribe(30, 1, "O", 10))

    assert "OFFERING_CLOSED" == refusal(run(exchange, Subscribe(40, 1, "O", 12)))


@pytest.mark.parametrize(
    ("code", "command", "limit"),
    [
        ("OFF_UNIT", Subscribe(30, 1, "O", 5), {"unit": 2}),
        ("BELOW_MIN_SUBSCRIPTION", Subscribe(30, 1, "O", 2), {"min_qty": 4}),
        ("ABOVE_MAX_SUBSCRIPTION", Subscribe(30, 1, "O", 62), {"max_qty": 60}),
        ("OFFERING_CLOSED", Subscribe(19, 1, "O", 10), {}),
        ("UNKNOWN_OFFERING", Subscribe(30, 1, "P", 10), {}),
        ("INSUFFICIENT_FUNDS", Subscribe(30, 8, "O", 10), {}),
        ("MALFORMED", Subscribe(30, ISSUER, "O", 10), {}),
        ("MALFORMED", Subscribe(30, -2, "O", 10), {}),
        ("OFFERING_CLOSED", Allot(89, "O", "seed"), {}),
        ("WRONG_SEED", Allot(90, "O", "another"), {}),
        ("UNKNOWN_OFFERING", Allot(90, "P", "seed"), {}),
        ("UNKNOWN_OFFERING", Recall(90, "P"), {}),
        ("DUPLICATE_ID", OFFER, {}),
        ("UNKNOWN_INSTRUMENT", OFFER._replace(offering="P", sym="CNY"), {}),
        ("INSUFFICIENT_BOTTLES", OFFER._replace(offering="P", acct=8), {}),
        ("TOO_LATE", OFFER._replace(ts=90, offering="P"), {}),
        ("MALFORMED", OFFER._replace(offering="P", commit="seed"), {}),
        ("MALFORMED", OFFER._replace(offering="P", min_qty=3), {}),
        ("MALFORMED", OFFER._replace(offering="P", closes=20), {}),
        ("MALFORMED", OFFER._replace(offering="P", px=0), {}),
        ("MALFORMED", OFFER._replace(offering="P", step=3), {}),
    ],
)
def test_each_limit_has_its_own_refusal_and_nothing_changes(
    exchange: Exchange, code: str, command: Any, limit: dict[str, int]
) -> None:
    exchange.apply([OFFER])
    before = exchange.state_hash()

    [event] = run(exchange, command)

    assert isinstance(event, Rejected)
    assert (code, limit) == (event.code, event.detail)
    assert before == exchange.state_hash()


def test_recalled_offering_gives_everything_back(exchange: Exchange) -> None:
    subscribed(exchange, 10, 20)

    run(exchange, Recall(95, "O"))

    assert [(AMPLE, 0)] * 3 == [exchange.balance(1, CASH), exchange.balance(2, CASH), exchange.balance(ISSUER, "X")]
    assert "OFFERING_CLOSED" == refusal(run(exchange, Allot(95, "O", "seed")))
    assert "OFFERING_CLOSED" == refusal(run(exchange, Recall(95, "O")))


def test_offering_survives_a_snapshot_and_is_allotted_alike(exchange: Exchange, kernel: Any) -> None:
    subscribed(exchange, 60, 60, 60)
    restored = Exchange.restore(exchange.snapshot(), kernel)

    assert exchange.apply([Allot(90, "O", "seed")]) == restored.apply([Allot(90, "O", "seed")])
    assert exchange.state_hash() == restored.state_hash()


def test_bottles_cannot_be_offered_twice(exchange: Exchange) -> None:
    run(exchange, OFFER._replace(qty=AMPLE - 50, px=1))

    assert "INSUFFICIENT_BOTTLES" == refusal(run(exchange, OFFER._replace(offering="P", qty=51)))
    run(exchange, Deposit(11, ISSUER, "X", 1))
    assert refusal(run(exchange, OFFER._replace(offering="P2", qty=51))) is None
