"""TradingView's UDF: what its charting library asks of a data feed, answered from the candles.

Prices are numbers of yuan and times Unix seconds, as that protocol has them; a day's bar is dated at midnight UTC.
Source: the charting library's documentation, "UDF adapter".
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.market import Market
from gateway.rest import MARKET
from gateway.wire import Instrument
from ledger.days import SHANGHAI_NS

S = 10**9
NAME = "Cellarbook"
RESOLUTIONS = {"1": "1m", "5": "5m", "15": "15m", "60": "1h", "1D": "1d"}
SAME = {"D": "1D"}
BARS_MAX = 5_000
FOUND_MAX = 100
TIME_MAX = 1 << 33  # seconds
PUBLIC = {"Access-Control-Allow-Origin": "*"}  # charts stand on other people's pages, and this is for everybody


def _answer(data: Any) -> web.Response:
    return web.json_response(data, headers=PUBLIC)


def _error(words: str) -> web.Response:
    return _answer({"s": "error", "errmsg": words})


async def config(_request: web.Request) -> web.Response:
    return _answer(
        {
            "supports_search": True,
            "supports_group_request": False,
            "supports_marks": False,
            "supports_timescale_marks": False,
            "supports_time": True,
            "exchanges": [{"value": NAME, "name": NAME, "desc": NAME}],
            "symbols_types": [{"name": "baijiu", "value": "baijiu"}],
            "supported_resolutions": list(RESOLUTIONS),
        }
    )


async def time(request: web.Request) -> web.Response:
    return web.Response(text=str(request.app[MARKET].config.clock() // S), headers=PUBLIC)


async def symbols(request: web.Request) -> web.Response:
    """What a chart has to know of one symbol, which may come with the exchange's name in front."""
    market = request.app[MARKET]
    sym = request.query.get("symbol", "").removeprefix(f"{NAME}:")
    if sym not in market.exchange.instruments:
        return _error("unknown_symbol")
    it = market.instrument(sym)
    return _answer(
        {
            "name": sym,
            "ticker": sym,
            "description": f"{it.name_zh} {it.name_en}",
            "type": "baijiu",
            "exchange": NAME,
            "listed_exchange": NAME,
            "session": "24x7",
            "timezone": "Asia/Shanghai",
            "minmov": it.tick,
            "pricescale": 100,
            "has_intraday": True,
            "has_daily": True,
            "supported_resolutions": list(RESOLUTIONS),
            "volume_precision": 0,
            "data_status": "streaming",
            "currency_code": "CNY",
        }
    )


async def search(request: web.Request) -> web.Response:
    """Symbols in whose names the query is, in Chinese or English."""
    query = request.query.get("query", "").casefold()
    limit = _number(request.query, "limit", FOUND_MAX)
    found = [it for it in request.app[MARKET].instruments() if query in _words(it)]
    return _answer(
        [
            {
                "symbol": it.sym,
                "full_name": it.sym,
                "ticker": it.sym,
                "description": f"{it.name_zh} {it.name_en}",
                "exchange": NAME,
                "type": "baijiu",
            }
            for it in found[: min(FOUND_MAX if limit is None else limit, FOUND_MAX)]
        ]
    )


def _words(it: Instrument) -> str:
    return f"{it.sym} {it.name_zh} {it.name_en} {it.winery}".casefold()


async def history(request: web.Request) -> web.Response:
    """Bars from `from` on, or the last `countback`, before `to`."""
    market, query = request.app[MARKET], request.query
    sym = query.get("symbol", "").removeprefix(f"{NAME}:")
    resolution = query.get("resolution", "")
    resolution = SAME.get(resolution, resolution)
    begin, end = _number(query, "from", 0), _number(query, "to", TIME_MAX)
    countback = _number(query, "countback", 0)
    if sym not in market.exchange.instruments:
        return _error("unknown_symbol")
    if resolution not in RESOLUTIONS:
        return _error(f"resolution is one of {', '.join(RESOLUTIONS)}")
    if begin is None or end is None or countback is None:
        return _error("from, to and countback are whole numbers")
    return _answer(_bars(market, sym, RESOLUTIONS[resolution], begin, end, min(countback, BARS_MAX)))


def _bars(market: Market, sym: str, interval: str, begin: int, end: int, countback: int) -> dict[str, Any]:
    """`countback` goes before `from`, when it is given. Without bars: when the one before them began."""
    shift = SHANGHAI_NS if interval == "1d" else 0  # the day's number is Shanghai's
    first, last = 0 if countback else begin * S - shift, end * S - shift
    candles = market.feed.candles.history(sym, interval, first, last, countback or BARS_MAX)
    if not candles:
        before = market.feed.candles.history(sym, interval, 0, first, 1)
        return {"s": "no_data"} | ({"nextTime": (before[0].ts + shift) // S} if before else {})

    def yuan(name: str) -> list[float]:
        return [getattr(candle, name) / 100 for candle in candles]

    return {
        "s": "ok",
        "t": [(candle.ts + shift) // S for candle in candles],
        "o": yuan("open"),
        "h": yuan("high"),
        "l": yuan("low"),
        "c": yuan("close"),
        "v": [candle.volume for candle in candles],
    }


def _number(query: Mapping[str, str], name: str, default: int) -> int | None:
    text = query.get(name, str(default))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= TIME_MAX else None


ROUTES = [
    web.get("/udf/config", config),
    web.get("/udf/time", time),
    web.get("/udf/symbols", symbols),
    web.get("/udf/search", search),
    web.get("/udf/history", history),
]
