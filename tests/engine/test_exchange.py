"""What the exchange enforces, rule by rule (RULES §2-4, §7, §9), on the compiled kernel and on plain Python."""

from typing import Any

import pytest

from engine.balances import FEES, Balance
from engine.commands import (
    CASH,
    AddAsset,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    List,
    Place,
    SetBand,
    SetPhase,
    Subscribe,
    Withdraw,
)
from engine.events import Cancelled, Event, Rejected, Traded
from engine.exchange import Exchange
from engine.reject import Reject
from tests.engine.market import AMPLE, exchange_of, order, refusal, rest, trades


def test_aggressor_trades_at_resting_prices_best_first_then_oldest(kernel: Any) -> None:
    """The TSE's published example (RULES §7)."""
    exchange = exchange_of(kernel, accounts=6, ref=500)
    rest(exchange, "S 800@502", "S 2000@501", "B 600@500", "B 800@499", "B 3000@498")

    assert [(200, 501)] == trades(exchange.apply([order("B 200@550", 6, "market buy")]))
    assert [(600, 500), (400, 499)] == trades(exchange.apply([order("S 1000@498", 6, "sell")]))
    exchange.check()


def test_orders_at_one_price_trade_in_order_of_entry(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    rest(exchange, "S 3@10000", "S 3@10000", "S 3@10000")

    events = exchange.apply([order("B 7@10000", 4, "b")])

    assert [1, 2, 3] == [event.sell_acct for event in events if isinstance(event, Traded)]
    assert ([], [(10_000, 2)]) == exchange.book("X")


def test_buy_holds_its_cost_and_releases_price_improvement(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    rest(exchange, "S 2@9900")

    exchange.apply([order("B 5@10000", 2, "b")])

    assert Balance(AMPLE - 2 * 9_900 - 3 * 10_000, 3 * 10_000) == exchange.balance(2, CASH)
    assert Balance(AMPLE + 2, 0) == exchange.balance(2, "X")


def test_cancel_releases_whole_hold(kernel: Any) -> None:
    exchange = exchange_of(kernel, maker_bp=10, taker_bp=20, min_fee=7)
    before = exchange.balances(1)
    exchange.apply([order("B 5@10000", 1, "b"), order("S 5@10001", 1, "s")])

    exchange.apply([Cancel(0, 1, "b"), Cancel(0, 1, "s")])

    assert before == exchange.balances(1)


def test_ioc_remainder_is_cancelled_and_never_rests(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    rest(exchange, "S 2@10000")

    events = exchange.apply([order("B 5@10000", 2, "b", "IOC")])

    assert [(2, 10_000)] == trades(events)
    assert isinstance(events[-1], Cancelled)
    assert (3, "IOC") == (events[-1].qty, events[-1].reason)
    assert ([], []) == exchange.book("X")


def test_self_trade_prevention_newest_cancels_the_aggressors_remainder(kernel: Any) -> None:
    exchange = exchange_of(kernel, stp="newest")
    rest(exchange, "S 2@10000", "S 2@10001")

    events = exchange.apply([order("B 5@10005", 2, "b")])

    assert [(2, 10_000)] == trades(events)
    assert isinstance(events[-1], Cancelled)
    assert (3, "SELF_TRADE") == (events[-1].qty, events[-1].reason)
    assert ([], [(10_001, 2)]) == exchange.book("X")


def test_fees_to_date_do_not_depend_on_how_an_order_fills(kernel: Any) -> None:
    """RULES §9: 3 fills of 1 at 333 fen and one of 3 cost the buyer the same."""
    paid = []
    for pieces in (["S 1@333"] * 3, ["S 3@333"]):
        exchange = exchange_of(kernel, ref=333, taker_bp=20, maker_bp=10)
        rest(exchange, *pieces)
        events = exchange.apply([order("B 3@333", 5, "b")])
        paid.append(sum(event.buy_fee for event in events if isinstance(event, Traded)))

    assert [2, 2] == paid  # ceil(999 * 20 / 10,000)


def test_sellers_fees_never_exceed_its_proceeds(kernel: Any) -> None:
    exchange = exchange_of(kernel, ref=40, min_fee=100)
    rest(exchange, "S 3@40")

    fees: list[int] = []
    for cid in ("a", "b", "c"):
        events = exchange.apply([order("B 1@40", 2, cid)])
        fees += [event.sell_fee for event in events if isinstance(event, Traded)]

    assert [40, 40, 20] == fees
    assert AMPLE + 120 - 100 == exchange.balance(1, CASH).free
    assert 3 * 100 + 100 == exchange.balance(FEES, CASH).free


def test_narrowed_band_cancels_resting_orders_outside_and_releases_them(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    rest(exchange, "S 1@10900", "S 1@10050", "B 1@9950", "B 1@9100")

    events = exchange.apply([SetBand(0, "X", 100, 100)])

    cancelled = [event for event in events if isinstance(event, Cancelled)]
    assert [("o1", "BAND_CHANGED"), ("o4", "BAND_CHANGED")] == [(event.cid, event.reason) for event in cancelled]
    assert ([(9_950, 1)], [(10_050, 1)]) == exchange.book("X")
    assert Balance(AMPLE, 0) == exchange.balance(4, CASH)
    exchange.check()


def test_moved_band_keeps_the_queues_of_the_orders_inside(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    rest(exchange, "S 1@10500", "S 2@10500", "S 4@10400")

    exchange.apply([SetBand(0, "X", 1000, 1000, 10_800)])

    assert ([], [(10_400, 4), (10_500, 3)]) == exchange.book("X")
    assert [(4, 10_400), (1, 10_500), (1, 10_500)] == trades(exchange.apply([order("B 6@11500", 5, "b")]))
    exchange.check()


def test_cancel_all_takes_the_accounts_orders_only(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([order("B 1@9900", 1, "a"), order("S 1@10100", 1, "b"), order("B 1@9900", 2, "a")])

    exchange.apply([CancelAll(0, 1)])

    assert ([(9_900, 1)], []) == exchange.book("X")
    assert [] == exchange.orders(1)


LIMITED: dict[str, Any] = {
    "tick": 10, "lot": 2, "min_qty": 4, "max_qty": 20, "max_holding": 30, "accounts": 0,
}  # fmt: skip
FUNDED = [Deposit(0, 1, CASH, 300_000), Deposit(0, 1, "X", 6)]
HALF_FILLED: list[Command] = [
    SetBand(0, "X", 1000, 1000), Deposit(0, 2, "X", 10), order("B 6@10000", 1, "a"), order("S 4@10000", 2, "s"),
]  # fmt: skip
REFUSALS: list[tuple[str, list[Command], Command]] = [
    ("DUPLICATE_ID", [order("B 4@10000", 1, "a")], order("B 4@9000", 1, "a")),
    ("DUPLICATE_ID", [order("B 4@10000", 1, "a"), Cancel(0, 1, "a")], order("B 4@10000", 1, "a")),
    ("DUPLICATE_ID", [], List(0, "X", ref=1)),
    ("DUPLICATE_ID", [AddAsset(0, "Y")], List(0, "Y", ref=1)),
    ("DUPLICATE_ID", [], AddAsset(0, "X")),
    ("UNKNOWN_INSTRUMENT", [], Place(0, 1, "a", "Y", "B", 10_000, 4)),
    ("UNKNOWN_INSTRUMENT", [], SetBand(0, "Y", 1, 1)),
    ("UNKNOWN_INSTRUMENT", [], SetPhase(0, "Y", "HALTED")),
    ("UNKNOWN_INSTRUMENT", [], Deposit(0, 1, "Y", 1)),
    ("UNKNOWN_INSTRUMENT", [], CancelAll(0, 1, "Y")),
    ("HALTED", [SetPhase(0, "X", "HALTED")], order("B 4@10000", 1, "a")),
    ("PHASE_CLOSED", [SetPhase(0, "X", "CLOSED")], order("B 4@10000", 1, "a")),
    ("UNKNOWN_ORDER", [], Cancel(0, 1, "a")),
    ("UNKNOWN_ORDER", [order("B 4@10000", 1, "a")], Cancel(0, 2, "a")),
    ("UNKNOWN_ORDER", [], CancelAll(0, 1)),
    ("OFF_TICK", [], order("B 4@10001", 1, "a")),
    ("PRICE_OUT_OF_BAND", [], order("B 4@11010", 1, "a")),
    ("PRICE_OUT_OF_BAND", [], order("S 4@8990", 1, "a")),
    ("OFF_LOT", [], order("B 5@10000", 1, "a")),
    ("BELOW_MIN_QTY", [], order("B 2@10000", 1, "a")),
    ("ABOVE_MAX_QTY", [], order("B 22@10000", 1, "a")),
    ("ABOVE_POSITION_LIMIT", [order("B 10@9000", 1, "a")], order("B 16@9000", 1, "b")),
    ("INSUFFICIENT_FUNDS", [Withdraw(0, 1, CASH, 260_001)], order("B 4@10000", 1, "a")),
    ("INSUFFICIENT_FUNDS", [], Withdraw(0, 1, CASH, 300_001)),
    ("INSUFFICIENT_FUNDS", [], order("B 4@10000", 77, "a")),
    ("INSUFFICIENT_BOTTLES", [], order("S 8@10000", 1, "a")),
    ("INSUFFICIENT_BOTTLES", [order("S 4@10000", 1, "a")], order("S 4@10000", 1, "b")),
    ("INSUFFICIENT_BOTTLES", [order("S 4@10000", 1, "a")], Withdraw(0, 1, "X", 3)),
    ("INSUFFICIENT_BOTTLES", [], order("S 4@10000", 77, "a")),
    ("TOO_LATE", [Deposit(9, 1, CASH, 1)], Place(0, 1, "a", "X", "B", 10_000, 4, "GTD", expire_ts=9)),
    ("WOULD_CROSS", [order("S 4@10000", 1, "a")], Place(0, 1, "b", "X", "B", 10_000, 4, post=True)),
    ("NOT_FILLABLE", [order("S 4@10000", 1, "a")], order("B 6@10000", 1, "b", "FOK")),
    ("BELOW_FILLED", HALF_FILLED, Amend(0, 1, "a", qty=4)),
    ("UNKNOWN_OFFERING", [], Subscribe(0, 1, "O", 1)),
    ("MALFORMED", [], order("B 0@10000", 1, "a")),
    ("MALFORMED", [], order("B 4@-10", 1, "a")),
    ("MALFORMED", [], Deposit(0, 1, CASH, 2**53 + 1)),
    ("MALFORMED", [], Deposit(0, FEES, CASH, 1)),
    ("MALFORMED", [], List(0, "Z", ref=0)),
    ("MALFORMED", [], List(0, "Z", ref=100, tick=0)),
    ("MALFORMED", [], order("B 4@10000", FEES, "a")),
    *[("MALFORMED", [], bad) for bad in (
        Place(0, 1, "a", "X", "B", 1.5, 4),  # type: ignore[arg-type]
        Place(0, 1, "a", "X", "B", float("nan"), 4),  # type: ignore[arg-type]
        Place(0, 1, "a", "X", "B", 10_000, 2**63),
        Place(0, 1, "a", "X", "B", True, 4),
        Place(0, 1, "a", "X", "BUY", 10_000, 4),
        Place(0, 1, None, "X", "B", 10_000, 4),  # type: ignore[arg-type]
        Place(0, 1, "a", "X", "B", 10_000, 4, "FOREVER"),
        Cancel(0, 1, 7),  # type: ignore[arg-type]
        Deposit(-1, 1, CASH, 1),
        SetPhase(0, "X", "ASLEEP"),
        SetBand(0, "X", 2**64, 1),
    )],
]  # fmt: skip


@pytest.mark.parametrize(("code", "before", "command"), REFUSALS)
def test_refused_command_has_its_code_and_changes_nothing(
    kernel: Any, code: str, before: list[Command], command: Command
) -> None:
    exchange = exchange_of(kernel, **LIMITED)
    exchange.apply([*FUNDED, *before])
    expected = list(exchange.snapshot())[1:]

    events = exchange.apply([command])

    assert code == refusal(events)
    assert expected == list(exchange.snapshot())[1:]
    exchange.check()


def test_every_code_of_the_vocabulary_is_reached() -> None:
    """Those of offerings in test_offerings, those of holds in test_transfers, the others here."""
    offerings = {"OFFERING_CLOSED", "WRONG_SEED", "OFF_UNIT", "BELOW_MIN_SUBSCRIPTION", "ABOVE_MAX_SUBSCRIPTION"}
    assert set(Reject) == {code for code, _, _ in REFUSALS} | offerings | {"UNKNOWN_HOLD", "ABOVE_HOLD"}


def test_refusal_says_the_limit_that_it_met(kernel: Any) -> None:
    exchange = exchange_of(kernel, accounts=1)

    events: list[Event] = exchange.apply([order("B 1@12000", 1, "a")])

    assert isinstance(events[0], Rejected)
    assert {"lo": 9_000, "hi": 11_000} == events[0].detail


def test_refused_order_does_not_use_up_its_cid(kernel: Any) -> None:
    exchange = exchange_of(kernel)
    exchange.apply([order("B 1@12000", 1, "a")])

    assert refusal(exchange.apply([order("B 1@10000", 1, "a")])) is None


def test_time_never_goes_back(kernel: Any) -> None:
    exchange = exchange_of(kernel)

    events = exchange.apply([Deposit(50, 1, CASH, 1), Deposit(20, 1, CASH, 1)])

    assert [50, 50] == [event.ts for event in events]


def test_order_too_large_to_count_is_refused(kernel: Any) -> None:
    exchange = exchange_of(kernel)

    assert "ABOVE_MAX_QTY" == refusal(exchange.apply([order(f"S {2**52}@10000", 1, "a")]))


def test_snapshot_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 99"):
        Exchange.restore([("exchange", 99, 0, 0, 0, 0)])
