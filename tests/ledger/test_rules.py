"""From events to entries: every fen and every bottle has a place it came from."""

import pytest

from engine.balances import FEES
from engine.commands import CASH
from engine.events import Accepted, Cancelled, Deposited, PhaseChanged, Rejected, Traded, Withdrawn
from ledger.accounts import avail, hold, source
from ledger.entries import Entry, EntryKind, Posting, residual
from ledger.rules import entry_of, order_accepted, order_cancelled, order_traded

BUY = Accepted(5, 50, 1, "b1", 11, "MT", "B", 2_700, 5, "GTC", 13_550)
SELL = Accepted(6, 60, 2, "s1", 12, "MT", "S", 2_680, 3, "GTC", 3)
CANCEL = Cancelled(8, 80, 1, "b1", 11, "MT", "B", 2_700, 2, "USER", 5_420, 3)
TRADE = Traded(7, 70, 1, "MT", 2_690, 3, 1, "b1", 11, 2, 17, 13, 2, "s1", 12, 0, 9, "S")


def lines(entry: Entry | None) -> list[tuple[str, int]]:
    assert entry is not None
    return [(posting.account.name, posting.amount) for posting in entry.postings]


def test_deposit_comes_from_the_assets_source() -> None:
    entry = entry_of(Deposited(1, 10, 7, "MT", 6))

    assert Entry(1, 10, EntryKind.DEPOSIT, 0, "", (Posting(source("MT"), -6), Posting(avail(7, "MT"), 6))) == entry


def test_withdrawal_goes_back_to_the_source() -> None:
    assert [("avail:7:CNY", -6), ("source:CNY", 6)] == lines(entry_of(Withdrawn(1, 10, 7, CASH, 6)))


def test_buy_holds_cash_and_sell_holds_bottles() -> None:
    assert [("avail:1:CNY", -13_550), ("hold:1:CNY", 13_550)] == lines(entry_of(BUY))
    assert [("avail:2:MT", -3), ("hold:2:MT", 3)] == lines(entry_of(SELL))


def test_cancel_releases_what_its_event_says() -> None:
    assert [("hold:1:CNY", -5_420), ("avail:1:CNY", 5_420)] == lines(entry_of(CANCEL))


def test_trade_moves_cash_bottles_fees_and_release_in_one_entry() -> None:
    assert [
        ("hold:1:CNY", -(8_070 + 17 + 13)),
        ("avail:1:CNY", 13),
        ("avail:2:CNY", 8_070 - 9),
        (f"avail:{FEES}:CNY", 17 + 9),
        ("hold:2:MT", -3),
        ("avail:1:MT", 3),
    ] == lines(entry_of(TRADE))


def test_trade_without_fees_has_no_posting_of_nothing() -> None:
    entry = entry_of(TRADE._replace(buy_fee=0, sell_fee=0, buy_release=0))

    assert entry is not None
    assert 4 == len(entry.postings)
    assert all(posting.amount for posting in entry.postings)


@pytest.mark.parametrize("event", [BUY, SELL, TRADE, TRADE._replace(buy_acct=2, sell_acct=2)])
def test_entries_balance(event: Accepted | Traded) -> None:
    entry = entry_of(event)

    assert entry is not None
    assert {} == residual(entry)


def test_residual_tells_each_asset_that_is_out() -> None:
    entry = Entry(
        1,
        1,
        EntryKind.TRADE,
        1,
        "",
        (Posting(avail(1, CASH), 5), Posting(hold(1, CASH), -3), Posting(avail(1, "MT"), 1)),
    )

    assert {CASH: 2, "MT": 1} == residual(entry)


def test_what_moves_nothing_makes_no_entry() -> None:
    assert entry_of(Rejected(1, 1, 1, "x", "OFF_TICK", {})) is None
    assert entry_of(PhaseChanged(1, 1, "MT", "HALTED")) is None


def test_orders_history_adds_up() -> None:
    order = order_traded(order_accepted(BUY), TRADE, TRADE.buy_fee, TRADE.buy_open)
    assert (2, 3, 8_070, 17, "", 70) == order[10:]

    order = order_cancelled(order, CANCEL)
    assert (0, 3, 8_070, 17, "USER", 80) == order[10:]
