"""What the screen knows, message by message, without a screen."""

from gateway.wire import BalanceChange, Disconnected, Heartbeat, Order, Ticker, TradePrint, Trades
from terminal.state import RECENT
from tests.terminal.frames import SYM, book, execution, loaded


def test_updates_after_a_snapshot_set_levels_and_zero_removes_them() -> None:
    state = loaded()
    state.apply(book("s", 4, 4, [(266_000, 3), (265_000, 1)], [(268_000, 2)]))

    changed = state.apply(book("u", 5, 4, [(265_000, 0), (267_000, 7)], [(268_000, 5)]))

    assert {f"book:{SYM}"} == changed
    assert [(267_000, 7), (266_000, 3)] == state.ladder.levels("B", 9)
    assert [(268_000, 5)] == state.ladder.levels("S", 9)
    assert not state.ladder.stale


def test_amended_order_takes_its_new_price_and_quantity() -> None:
    state = loaded()
    state.apply(execution("accepted"))

    state.apply(execution("amended", px=266_000, qty=6, cum=2, lvs=4))

    order = state.orders["c1"]
    assert (266_000, 6, 2, 4, "open") == (order.px, order.qty, order.cum, order.lvs, order.st)


def test_book_is_stale_before_its_first_snapshot() -> None:
    assert loaded().ladder.stale


def test_gap_makes_the_book_stale_until_the_next_snapshot() -> None:
    state = loaded()
    state.apply(book("s", 4, 4, [(266_000, 3)], []))

    stale = []
    for update in (book("u", 7, 6, [(266_000, 9)], []), book("s", 9, 9, [(266_000, 1)], [])):
        state.apply(update)
        stale.append(state.ladder.stale)

    assert [True, False] == stale


def test_heartbeat_with_a_later_sequence_shows_that_the_tail_was_lost() -> None:
    state = loaded()
    state.apply(book("s", 4, 4, [], []))

    assert f"book:{SYM}" not in state.apply(Heartbeat(ts=1, seqs={f"book:{SYM}": 4}))

    changed = state.apply(Heartbeat(ts=2, seqs={f"book:{SYM}": 5}))

    assert f"book:{SYM}" in changed
    assert state.ladder.stale


def test_lost_link_makes_every_book_stale_and_the_next_message_mends_the_link() -> None:
    state = loaded()
    state.apply(book("s", 4, 4, [], []))

    assert {"link", f"book:{SYM}"} == state.apply(Disconnected(why="gone"))
    assert (False, True) == (state.connected, state.ladder.stale)

    assert "link" in state.apply(book("s", 1, 1, [], []))
    assert (True, False) == (state.connected, state.ladder.stale)


def test_tape_grows_and_a_snapshot_begins_it_anew() -> None:
    state = loaded()
    prints = [TradePrint(id=n, px=267_000 + n, qty=1, side="B", ts=n) for n in range(3)]
    state.apply(Trades(t="s", sym=SYM, ep=1, seq=1, prev=1, d=prints[:2]))

    state.apply(Trades(t="u", sym=SYM, ep=1, seq=2, prev=1, d=prints[2:]))
    assert [0, 1, 2] == [trade.id for trade in state.tapes[SYM]]

    state.apply(Trades(t="s", sym=SYM, ep=2, seq=0, prev=0, d=prints[:1]))
    assert [0] == [trade.id for trade in state.tapes[SYM]]


def test_ticker_moves_the_instruments_band() -> None:
    state = loaded()
    ticker = Ticker(
        sym=SYM, ep=1, seq=1, prev=0, ts=1, last=268_000, bid=0, bid_qty=0, ask=0, ask_qty=0, open=0, high=0, low=0,
        vol=0, turnover=0, ref=266_000, lo=250_000, hi=280_000, phase="HALTED",
    )  # fmt: skip

    state.apply(ticker)

    assert state.instrument is not None
    assert (250_000, 280_000, 266_000, "HALTED", 268_000) == (
        state.instrument.lo, state.instrument.hi, state.instrument.ref, state.instrument.phase, state.instrument.last,
    )  # fmt: skip


def test_my_order_goes_from_open_to_filled_and_marks_its_row_meanwhile() -> None:
    state = loaded()
    state.apply(execution("accepted"))
    assert {("B", 267_000): 10} == state.my_qty(SYM)

    state.apply(execution("trade", px=266_500, qty=4, cum=4, lvs=6))
    assert ("open", 4, 10, 267_000) == tuple(getattr(state.orders["c1"], name) for name in ("st", "cum", "qty", "px"))
    assert {("B", 267_000): 6} == state.my_qty(SYM)

    state.apply(execution("trade", px=266_500, qty=6, cum=10, lvs=0))
    assert "filled" == state.orders["c1"].st
    assert {} == state.my_qty(SYM)


def test_cancelled_order_keeps_what_it_had_filled() -> None:
    state = loaded()
    state.apply(execution("accepted"))
    state.apply(execution("trade", qty=4, cum=4, lvs=6))

    state.apply(execution("cancelled", qty=6, cum=4, lvs=0, why="USER"))

    assert ("cancelled", 4, 10) == tuple(getattr(state.orders["c1"], name) for name in ("st", "cum", "qty"))


def test_only_so_many_done_orders_stay_and_open_ones_always() -> None:
    state = loaded()
    state.apply(execution("accepted", oid=1))
    for oid in range(2, RECENT + 50):
        state.apply(execution("accepted", oid=oid))
        state.apply(execution("trade", oid=oid, cum=10, lvs=0))

    assert RECENT + 1 == len(state.orders)
    assert "c1" in state.orders


def test_balance_message_replaces_the_balance() -> None:
    state = loaded()

    changed = state.apply(BalanceChange(aseq=1, prev=0, asset=SYM, free=3, held=17, ts=1))

    assert {"balances", "link"} == changed
    assert (3, 17) == (state.balances[SYM].free, state.balances[SYM].held)


def test_loading_again_takes_the_servers_word_for_orders() -> None:
    state = loaded()
    state.apply(execution("accepted"))
    order = Order(oid=1, cid="c1", sym=SYM, side="B", px=1, qty=10, cum=10, lvs=0, tif="GTC", st="filled", ts=1)

    state.load(state.instruments.values(), [], [order])

    assert "filled" == state.orders["c1"].st
