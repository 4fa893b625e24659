"""TradingView's UDF, asked as its charting library asks."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.candles import MINUTE_NS, start_of
from ledger.days import DAY_NS, date_of, day_of
from tests.gateway.house import SYM, House, house

S = 10**9


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[House]:
    """Two trades in this minute, and three long ago."""
    async with house(tmp_path) as running:
        minute = start_of(running.market.config.clock(), MINUTE_NS)
        old = [(minute - 3 * DAY_NS + at, 100_000 + at, 2) for at in range(3)]
        running.market.feed.candles.load(SYM, [*old, (minute, 268_000, 2), (minute + 1, 269_000, 1)])
        yield running


async def get(exchange: House, path: str, **query: Any) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{exchange.server.url}/udf/{path}", params={k: str(v) for k, v in query.items()}) as response,
    ):
        assert 200 == response.status
        assert "*" == response.headers["Access-Control-Allow-Origin"]
        return await response.json(content_type=None)


async def test_library_learns_what_there_is(exchange: House) -> None:
    config = await get(exchange, "config")
    symbol = await get(exchange, "symbols", symbol=f"Cellarbook:{SYM}")

    assert ["1", "5", "15", "60", "1D"] == config["supported_resolutions"] == symbol["supported_resolutions"]
    assert (100, 100, "Asia/Shanghai", "CNY") == tuple(
        symbol[name] for name in ("minmov", "pricescale", "timezone", "currency_code")
    )
    assert {"s": "error", "errmsg": "unknown_symbol"} == await get(exchange, "symbols", symbol="Y")
    assert abs(await get(exchange, "time") - exchange.market.config.clock() // S) < 60


@pytest.mark.parametrize(("query", "found"), [("", [SYM]), ("x", [SYM]), ("茅台", [])])
async def test_symbols_are_found_by_their_words(exchange: House, query: str, found: list[str]) -> None:
    assert found == [it["symbol"] for it in await get(exchange, "search", query=query, limit=10)]
    assert [] == await get(exchange, "search", query=query, limit=0)


async def test_bars_are_the_candles_in_yuan_and_seconds(exchange: House) -> None:
    now = exchange.market.config.clock()
    bars = await get(exchange, "history", symbol=SYM, resolution="60", **{"from": 0, "to": now // S + 3_600})
    (old, new) = exchange.market.feed.candles.history(SYM, "1h", 0, 1 << 62, 9)

    assert ("ok", [old.ts // S, new.ts // S], [6, 3]) == (bars["s"], bars["t"], bars["v"])
    assert ([1000.0, 2680.0], [1000.02, 2690.0]) == (bars["o"], bars["c"])
    assert bars["l"] <= bars["o"] <= bars["h"]


async def test_days_bar_is_dated_at_midnight_of_its_day(exchange: House) -> None:
    now = exchange.market.config.clock()
    bars = await get(exchange, "history", symbol=SYM, resolution="D", **{"from": 0, "to": now // S + 86_400})

    assert date_of(day_of(now)) == date_of(bars["t"][-1] // 86_400)
    assert 0 == bars["t"][-1] % 86_400


async def test_countback_goes_before_from(exchange: House) -> None:
    now = exchange.market.config.clock() // S
    span = {"from": now - 60, "to": now + 60}
    back = await get(exchange, "history", symbol=SYM, resolution="1", countback=2, **span)

    assert 2 == len(back["t"])
    assert [6, 3] == back["v"]


async def test_no_bars_say_where_the_last_ones_were(exchange: House) -> None:
    now = exchange.market.config.clock() // S
    empty = {"from": now - 86_400, "to": now - 80_000}
    nothing = await get(exchange, "history", symbol=SYM, resolution="60", **empty)
    old = exchange.market.feed.candles.history(SYM, "1h", 0, now * S - DAY_NS, 1)[0]

    assert {"s": "no_data", "nextTime": old.ts // S} == nothing
    assert {"s": "no_data"} == await get(exchange, "history", symbol=SYM, resolution="60", **{"from": 0, "to": 1_000})


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"symbol": "Y", "resolution": "1"}, "unknown_symbol"),
        ({"symbol": SYM, "resolution": "7"}, "resolution is one of"),
        ({"symbol": SYM, "resolution": "1", "to": "soon"}, "whole numbers"),
        ({"symbol": SYM, "resolution": "1", "countback": "9" * 20}, "whole numbers"),
    ],
)
async def test_bad_question_is_answered_as_the_library_expects(
    exchange: House, query: dict[str, str], words: str
) -> None:
    answer = await get(exchange, "history", **query)

    assert "error" == answer["s"]
    assert words in answer["errmsg"]
