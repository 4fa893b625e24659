"""What the market did, over HTTP: candles and the last 24 hours."""

from aiohttp import web

from gateway.candles import INTERVALS
from gateway.errors import Problem
from gateway.rest import MARKET, answer, number
from gateway.statistics import statistics

CANDLES_MAX = 1_500
TS_MAX = 1 << 62


async def candles(request: web.Request) -> web.Response:
    """`?interval=` 1m 5m 15m 1h 1d, the last `limit` that begin from `from` on and before `to`, oldest first."""
    market = request.app[MARKET]
    sym = market.known(request.match_info["sym"])
    interval = request.query.get("interval", "1m")
    if interval not in INTERVALS:
        raise Problem("MALFORMED", field="interval", msg=f"interval is one of {', '.join(INTERVALS)}")
    begin, end = _time(request, "from", 0), _time(request, "to", TS_MAX)
    return answer(market.feed.candles.history(sym, interval, begin, end, number(request, "limit", 500, CANDLES_MAX)))


async def last_day(request: web.Request) -> web.Response:
    """The last 24 hours of one instrument."""
    market = request.app[MARKET]
    sym = market.known(request.match_info["sym"])
    return answer(statistics(sym, market.exchange.instruments[sym], market.feed.candles, market.config.clock()))


async def last_day_of_all(request: web.Request) -> web.Response:
    """The last 24 hours of every instrument."""
    market = request.app[MARKET]
    now = market.config.clock()
    return answer([statistics(sym, it, market.feed.candles, now) for sym, it in market.exchange.instruments.items()])


def _time(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= TS_MAX):
        raise Problem("MALFORMED", field=name, msg=f"{name} is a time in integer nanoseconds UTC")
    return int(text)


ROUTES = [
    web.get("/api/v1/instruments/{sym}/candles", candles),
    web.get("/api/v1/instruments/{sym}/stats", last_day),
    web.get("/api/v1/stats", last_day_of_all),
]
