"""Candles are what traded, whatever way they were made; the last 24 hours are their sum."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.candles import INTERVALS, MINUTE_NS, Candle, Candles, start_of
from ledger.days import DAY_NS
from ledger.days import start_of as start_of_day
from tests.gateway.house import SYM, House, house, order

BASE = start_of_day(20_000)
Trade = tuple[int, int, int]  # time, price, quantity
TRADES = st.lists(st.tuples(st.integers(0, 3 * DAY_NS), st.integers(1, 10**6), st.integers(1, 10**4)), max_size=60).map(
    lambda trades: sorted((BASE + ts, px, qty) for ts, px, qty in trades)
)


def by_hand(trades: list[Trade], interval: str, begin: int, end: int, limit: int) -> list[Candle]:
    """The slow twin: every trade looked at, every bar made anew."""
    bars: dict[int, list[Trade]] = {}
    for trade in trades:
        start = start_of(trade[0], INTERVALS[interval])
        if begin <= start < end:
            bars.setdefault(start, []).append(trade)
    return [
        Candle(
            ts=start, open=of[0][1], close=of[-1][1], high=max(t[1] for t in of), low=min(t[1] for t in of),
            volume=sum(t[2] for t in of), turnover=sum(t[1] * t[2] for t in of), trades=len(of),
        )
        for start, of in bars.items()
    ][-limit:]  # fmt: skip


@given(
    trades=TRADES,
    loaded=st.integers(0, 60),
    interval=st.sampled_from([*INTERVALS]),
    begin=st.integers(-1, 3 * DAY_NS),
    end=st.integers(0, 4 * DAY_NS),
    limit=st.integers(1, 100),
)
def test_bars_are_what_traded(
    trades: list[Trade], loaded: int, interval: str, begin: int, end: int, limit: int
) -> None:
    candles = Candles()
    candles.load("X", trades[:loaded])
    for trade in trades[loaded:]:
        candles.add("X", *trade)

    expected = by_hand(trades, interval, BASE + begin, BASE + end, limit)
    assert expected == candles.history("X", interval, BASE + begin, BASE + end, limit)


def test_day_begins_at_midnight_in_shanghai() -> None:
    candles = Candles()
    candles.add("X", BASE - 1, 100, 1)
    candles.add("X", BASE, 200, 1)

    assert [BASE - DAY_NS, BASE] == [candle.ts for candle in candles.history("X", "1d", 0, 1 << 62, 9)]
    assert candles.last("X", "1d") == candles.history("X", "1d", BASE, 1 << 62, 1)[0]
    assert candles.last("Y", "1m") is None


async def trade(exchange: House, *fills: tuple[int, int]) -> None:
    buyer, seller = await exchange.client(1), await exchange.client(2)
    for qty, px in fills:
        await seller.place(order(f"S {qty}@{px}"))
        await buyer.place(order(f"B {qty}@{px}"))


async def test_served_as_they_were_traded_and_the_same_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        await trade(exchange, (2, 268_000), (1, 269_000), (3, 267_500))
        path = f"/api/v1/instruments/{SYM}/candles?interval=1d"
        status, (day,) = await exchange.call(None, "GET", path)
        _, stats = await exchange.call(None, "GET", f"/api/v1/instruments/{SYM}/stats")
        await exchange.market.sequencer.projected()

    assert 200 == status
    assert ("2680.00", "2690.00", "2675.00", "2675.00") == tuple(day[n] for n in ("open", "high", "low", "close"))
    assert (6, 3, "16075.00") == (day["volume"], day["trades"], day["turnover"])
    assert ("2680.00", "2690.00", "2675.00", 6, 3, "16075.00") == tuple(
        stats[n] for n in ("open", "high", "low", "volume", "trades", "turnover")
    )
    assert ("2675.00", -19) == (stats["last"], stats["change_bp"])
    async with house(tmp_path) as again:
        assert (200, [day]) == await again.call(None, "GET", path)
        assert 1 == len((await again.call(None, "GET", "/api/v1/stats"))[1])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("interval=2m", "interval"),
        ("from=now", "from"),
        ("to=-1", "to"),
        ("limit=0", "limit"),
        ("to=" + "9" * 30, "to"),
    ],
)
async def test_bad_query_has_a_clear_error(exchange: House, query: str, field: str) -> None:
    status, body = await exchange.call(None, "GET", f"/api/v1/instruments/{SYM}/candles?{query}")

    assert (400, "MALFORMED", field) == (status, body["name"], body["field"])


async def test_figures_of_24_hours_forget_what_is_older(exchange: House) -> None:
    feed = exchange.market.feed
    now = exchange.market.config.clock()
    feed.candles.load(SYM, [(now - DAY_NS - 2 * MINUTE_NS, 1, 1), (now - DAY_NS + 2 * MINUTE_NS, 5, 7), (now, 4, 1)])
    _, stats = await exchange.call(None, "GET", f"/api/v1/instruments/{SYM}/stats")

    assert (8, 2, "0.05", "0.04") == (stats["volume"], stats["trades"], stats["high"], stats["low"])


async def test_a_new_day_begins_for_the_ticker_without_a_trade(exchange: House) -> None:
    await trade(exchange, (2, 268_000))
    feed, now = exchange.market.feed, exchange.market.config.clock()
    assert 2 == feed.tapes[SYM].vol
    feed.heartbeat(now + DAY_NS)

    tape = feed.tapes[SYM]
    assert (0, 0, 0, 0, 0) == (tape.open, tape.high, tape.low, tape.vol, tape.turnover)
