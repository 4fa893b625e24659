"""The books in memory, driven by the real exchange."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.commands import Command
from engine.events import Deposited, Traded
from engine.exchange import Exchange
from ledger import books
from ledger.accounts import avail, source
from ledger.books import Books, Today, differences
from ledger.entries import Entry, residual
from ledger.errors import Overdrawn, ProjectorFault, UnbalancedEntry
from ledger.rules import entry_of
from tests.ledger.history import history
from tests.strategies import commands, opening


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(commands(), min_size=1, max_size=8), max_size=25))
def test_ledger_equals_engine_after_every_group(groups: list[list[Command]]) -> None:
    exchange, ledger = Exchange(), Books()
    for group in (opening(), *groups):
        events = exchange.apply(group)
        rows = ledger.post(events)

        assert exchange.seq == ledger.seq
        assert [] == differences(exchange, ledger.balances())
        assert all(residual(entry) == {} for entry in map(entry_of, events) if entry)
        assert sum(isinstance(event, Traded) for event in events) == len(rows.trades)
        for asset in (source(sym).asset for sym in ("CNY", "A", "B", "C")):
            assert 0 == sum(amount for account, amount in ledger.balances().items() if account.asset == asset)
    for acct in exchange.accounts():
        for order in exchange.orders(acct):
            assert order.open == ledger.open_orders[order.oid].open
            assert order.cid == ledger.open_orders[order.oid].cid
    assert sum(len(exchange.orders(acct)) for acct in exchange.accounts()) == len(ledger.open_orders)


def test_grouping_changes_no_row() -> None:
    events = Exchange().apply(history())
    whole, one_by_one = Books(), Books()

    rows = whole.post(events)
    entries = []
    for seq in range(1, events[-1].seq + 1):
        entries += one_by_one.post([event for event in events if event.seq == seq]).entries

    assert rows.entries == entries
    assert whole.balances() == one_by_one.balances()
    assert whole.open_orders == one_by_one.open_orders


def test_events_are_booked_once() -> None:
    events = Exchange().apply(history())
    ledger = Books()
    ledger.post(events[:100])
    seq, balances = ledger.seq, ledger.balances()

    rows = ledger.post([event for event in events if event.seq <= seq])

    assert ([], [], [], []) == (rows.entries, rows.postings, rows.orders, rows.balances)
    assert balances == ledger.balances()


def test_missing_command_is_a_fault() -> None:
    with pytest.raises(ProjectorFault, match="events of command 3 came after those of 1"):
        Books().post([Deposited(1, 0, 1, "CNY", 5), Deposited(3, 0, 1, "CNY", 5)])


def test_entry_that_creates_something_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(event: Deposited) -> Entry | None:
        entry = entry_of(event)
        return entry and entry._replace(postings=entry.postings[1:])

    monkeypatch.setattr(books, "entry_of", lossy)

    with pytest.raises(UnbalancedEntry, match=r"out by \{'CNY': 5\}") as fault:
        Books().post([Deposited(1, 0, 1, "CNY", 5)])
    assert {"CNY": 5} == fault.value.out_by
    assert fault.value.entry is not None


def test_customer_below_zero_is_a_fault() -> None:
    ledger = Books()
    ledger.load(0, 0, 0, [(avail(1, "CNY"), 4), (source("CNY"), -4)], [], Today())

    with pytest.raises(Overdrawn, match="avail:1:CNY would stand at -1"):
        ledger.post([Deposited(1, 0, 1, "CNY", -5)])


def test_differences_say_where_and_by_how_much() -> None:
    exchange = Exchange()
    exchange.apply(history(0)[:2])
    ledger = Books()
    ledger.load(2, 0, 0, [(avail(1, "CNY"), 10**9 - 7), (avail(3, "MT"), 2)], [], Today())

    assert [
        "avail:1:CNY: engine 1000000000, ledger 999999993 (-7)",
        "avail:3:MT: engine 0, ledger 2 (+2)",
    ] == differences(exchange, ledger.balances())
