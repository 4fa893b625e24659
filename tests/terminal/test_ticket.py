"""The ticket refuses in words what the exchange would refuse in codes."""

import re

import pytest

from gateway.wire import OrderNew
from terminal.text import WORDS, Text
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


def test_without_a_price_the_best_ask_says_what_one_can_buy() -> None:
    state = loaded(cash=1_000_000)
    state.apply(book("s", 1, 1, [], [(250_000, 9)]))

    assert 3 == Ticket("B", "", "").max_qty(state)


def test_every_word_is_there_in_both_languages_with_the_same_blanks() -> None:
    for key, (zh, en) in WORDS.items():
        assert zh, key
        assert en, key
        assert set(re.findall(r"{(\w+)}", zh)) == set(re.findall(r"{(\w+)}", en)), key
