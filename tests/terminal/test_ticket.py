"""The ticket refuses in words what the exchange would refuse in codes."""

import re

import pytest

from engine.commands import Phase
from gateway.errors import KINDS
from gateway.wire import Fault, OrderNew
from terminal.text import REFUSALS_ZH, WORDS, Text
from terminal.ticket import Ticket
from tests.terminal.frames import SYM, book, loaded


def test_good_order_is_ready_to_send() -> None:
    order = Ticket("B", "2670.00", "4").order(loaded(), Text("en"))

    assert isinstance(order, OrderNew)
    assert (SYM, "B", 267_000, 4) == (order.sym, order.side, order.px, order.qty)


@pytest.mark.parametrize(
    ("ticket", "words"),
    [
        (Ticket("B", "", "4"), "the price is a number with at most two decimals"),
        (Ticket("B", "2670", ""), "the quantity is a whole number above 0"),
        (Ticket("B", "2670", "0"), "the quantity is a whole number above 0"),
        (Ticket("B", "2670.50", "4"), "the price must be a multiple of 1.00"),
        (Ticket("B", "2941", "4"), "outside the band, 2,400.00 to 2,940.00"),
        (Ticket("S", "2399", "4"), "outside the band, 2,400.00 to 2,940.00"),
        (Ticket("B", "2670", "3"), "the quantity must be a multiple of 2"),
        (Ticket("B", "2670", "102"), "at most 100"),
        (Ticket("B", "2670", "38"), "not enough cash; you can buy 37"),
        (Ticket("S", "2670", "22"), "not enough bottles; you can sell 20"),
    ],
)
def test_order_that_cannot_be_sent_says_why(ticket: Ticket, words: str) -> None:
    assert words == ticket.order(loaded(), Text("en"))


def test_smallest_order_is_named() -> None:
    state = loaded()
    assert state.instrument is not None
    state.instrument.min_qty = 6

    assert "at least 6" == Ticket("B", "2670", "4").order(state, Text("en"))


def test_what_one_can_buy_leaves_room_for_the_fee() -> None:
    state = loaded(cash=2 * 267_000)

    assert 1 == Ticket("B", "2670", "").max_qty(state)  # 0.2 % on top of two bottles is too much


@pytest.mark.parametrize(
    ("cash", "fee_bp", "fee_min", "bottles"),
    [
        (2 * 267_000, 0, 0, 2),
        (2 * 267_534, 20, 0, 2),  # 2 x 267,000 and 0.2 % of it, to the fen
        (2 * 267_534 - 1, 20, 0, 1),
        (2 * 267_000 + 500, 0, 500, 2),
        (2 * 267_000 + 499, 0, 500, 1),
        (400, 0, 500, 0),
    ],
)
def test_what_one_can_buy_is_exact_to_the_fen(cash: int, fee_bp: int, fee_min: int, bottles: int) -> None:
    state = loaded(cash=cash)
    assert state.instrument is not None
    state.instrument.fee_bp, state.instrument.fee_min = fee_bp, fee_min

    assert bottles == Ticket("B", "2670", "").max_qty(state)


def test_without_a_price_the_best_ask_says_what_one_can_buy() -> None:
    state = loaded(cash=1_000_000)
    state.apply(book("s", 1, 1, [], [(250_000, 9)]))

    assert 3 == Ticket("B", "", "").max_qty(state)


def test_every_refusal_has_chinese_words_and_an_unknown_one_its_own() -> None:
    assert KINDS.keys() | {"GATEWAY_DOWN"} == REFUSALS_ZH.keys()
    assert "已停牌" == Text("zh").refusal(Fault(code=4003, name="HALTED", msg="trading is halted"))
    assert "new" == Text("zh").refusal(Fault(code=1, name="NEW", msg="new"))
    assert "trading is halted" == Text("en").refusal(Fault(code=4003, name="HALTED", msg="trading is halted"))


def test_every_phase_but_the_usual_one_has_words() -> None:
    assert {f"phase_{phase}" for phase in Phase} - WORDS.keys() == {"phase_CONTINUOUS"}


def test_every_word_is_there_in_both_languages_with_the_same_blanks() -> None:
    for key, (zh, en) in WORDS.items():
        assert zh, key
        assert en, key
        assert set(re.findall(r"{(\w+)}", zh)) == set(re.findall(r"{(\w+)}", en)), key
