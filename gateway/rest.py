"""REST: each handler decodes, authorises, submits and encodes. JSON only, money as decimal strings."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from engine.commands import Cancel, CancelAll
from engine.events import Rejected
from gateway.access.posts import May
from gateway.auth import require, require_may
from gateway.config import ADMIN_BODY_MAX, BODY_MAX, BODY_TIMEOUT_S
from gateway.errors import Problem, fault, status_of
from gateway.limits import headers_of, neighbours
from gateway.market import Market
from gateway.orders import cancel_ack, place_ack
from gateway.store import Identity
from gateway.wire import Ack, Book, Fault, OrderNew, Trades, decoder, encode

log = logging.getLogger(__name__)

MARKET: web.AppKey[Market] = web.AppKey("market", Market)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ORDER = decoder(OrderNew, "json")
LIMIT_MAX = 1_000
OPERATORS_PATHS = ("/api/v1/admin/", "/api/v1/cellar/")  # whose bodies may be longer
RATE: web.RequestKey[Mapping[str, str]] = web.RequestKey("rate", Mapping)
FIELD = re.compile(r"(?:unknown|required) field `(\w+)`")


def answer(message: Any, status: int = 200) -> web.Response:
    return web.Response(body=encode(message, "json"), status=status, content_type="application/json")


def problem(found: Fault) -> web.Response:
    headers = {"Retry-After": str(-(-found.after_ms // 1000))} if found.after_ms else {}
    response = answer(found, status_of(found))
    response.headers.update(headers)
    return response


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure leaves in the one form of `Fault`, and every answer says what is left of its bucket."""
    response = await _answered(request, handler)
    if not response.prepared and RATE in request:
        response.headers.update(request[RATE])
    return response


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as error:
        response = problem(error.fault)
        response.headers.update(error.headers)
        return response
    except web.HTTPRequestEntityTooLarge:
        return problem(fault("TOO_LARGE"))
    except web.RequestPayloadError:
        return problem(fault("MALFORMED", msg="the body is not what its headers say"))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem(fault("NOT_FOUND" if error.status in (404, 405) else "MALFORMED", msg=error.reason))
    except Exception:
        log.exception("%s %s", request.method, request.path)
        return problem(fault("INTERNAL"))


@web.middleware
async def slow_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the whole body first, within its limits, so that nobody holds a handler open by sending slowly."""
    most = ADMIN_BODY_MAX if request.path.startswith(OPERATORS_PATHS) else BODY_MAX
    if request.content_length is not None and request.content_length > most:
        raise Problem("TOO_LARGE")
    if request.can_read_body:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                if len(await request.read()) > most:
                    raise Problem("TOO_LARGE")
        except TimeoutError:
            raise Problem("TOO_SLOW") from None
    return await handler(request)


@web.middleware
async def no_commands(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A server that follows changes nothing, whoever asks."""
    if request.app[MARKET].config.follow and request.method not in ("GET", "HEAD"):
        raise Problem("FOLLOWER")
    return await handler(request)


@web.middleware
async def addresses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nobody asks too often from one address, whoever he is."""
    market = request.app[MARKET]
    market.limits.take("address", neighbours(market.address_of(request)), market.config.clock())
    return await handler(request)


async def identify(request: web.Request, scope: str) -> tuple[Market, Identity]:
    """Who asks, with that scope and not too often. Raises Problem."""
    market = request.app[MARKET]
    identity = await market.authenticator.identify(request)
    require(identity, scope)
    what = "reads" if scope != "trade" else "cancels" if request.method == "DELETE" else "orders"
    if taken := market.take(what, identity):
        request[RATE] = headers_of(what, *taken)
    return market, identity


async def permitted(request: web.Request, may: May) -> tuple[Market, Identity]:
    """An operator whose post allows that. Raises Problem."""
    market, identity = await identify(request, "admin")
    require_may(identity, may)
    return market, identity


async def decoded(request: web.Request, how: Any) -> Any:
    try:
        return how.decode(await request.read())
    except msgspec.ValidationError as error:
        raise malformed(error) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Problem("MALFORMED", msg=f"the body is not JSON: {error}") from error


def malformed(error: Exception) -> Problem:
    """The request's fault, with the field that it names."""
    words, _, where = str(error).partition(" - at `$.")
    unexpected = FIELD.search(words)
    return Problem("MALFORMED", msg=words, field=where.rstrip("`") or (unexpected[1] if unexpected else ""))


# ----------------------------------------------------------------------------------------------------------- orders


async def order_new(request: web.Request) -> web.Response:
    market, identity = await identify(request, "trade")
    ts = market.config.clock()
    order: OrderNew = await decoded(request, ORDER)
    events = await market.sequencer.submit(market.place(identity.acct, order))
    return acked(place_ack(order, events, ts, market.config.clock()), 201)


async def order_cancel(request: web.Request) -> web.Response:
    market, identity = await identify(request, "trade")
    ts = market.config.clock()
    events = await market.sequencer.submit(Cancel(0, identity.acct, request.match_info["cid"]))
    return acked(cancel_ack("order.cancel", 0, events, ts, market.config.clock()))


async def order_cancel_all(request: web.Request) -> web.Response:
    """Cancel all open orders, of one instrument with `?sym=`; answers how many there were."""
    market, identity = await identify(request, "trade")
    sym = request.query.get("sym", "")
    if sym:
        market.known(sym)
    events = await market.sequencer.submit(CancelAll(0, identity.acct, sym))
    return answer({"cancelled": 0 if isinstance(events[0], Rejected) else len(events)})


def acked(ack: Ack | Fault, status: int = 200) -> web.Response:
    return problem(ack) if isinstance(ack, Fault) else answer(ack, status)


async def orders(request: web.Request) -> web.Response:
    """The account's open orders; with `?status=all` the last ones, open and done."""
    market, identity = await identify(request, "read")
    match request.query.get("status", "open"):
        case "open":
            return answer(market.open_orders(identity.acct))
        case "all":
            return answer(await market.orders(identity.acct, number(request, "limit", 100, LIMIT_MAX)))
    raise Problem("MALFORMED", field="status", msg="status is open or all")


async def order(request: web.Request) -> web.Response:
    market, identity = await identify(request, "read")
    return answer(await market.order(identity.acct, request.match_info["cid"]))


async def balances(request: web.Request) -> web.Response:
    market, identity = await identify(request, "read")
    return answer(market.balances(identity.acct))


def number(request: web.Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= most):
        raise Problem("MALFORMED", field=name, msg=f"{name} is a number from 1 to {most}")
    return int(text)


# ------------------------------------------------------------------------------------------------------ market data


async def instruments(request: web.Request) -> web.Response:
    return answer(request.app[MARKET].instruments())


async def book(request: web.Request) -> web.Response:
    """Both sides of a book, `?levels=` of each; all of them by default."""
    market = request.app[MARKET]
    sym = market.known(request.match_info["sym"])
    levels = number(request, "levels", LIMIT_MAX, LIMIT_MAX)
    bids, asks = market.exchange.book(sym, levels)
    return answer(Book(t="s", sym=sym, ep=0, seq=0, prev=0, ts=market.exchange.ts, b=bids, a=asks))


async def trades(request: web.Request) -> web.Response:
    market = request.app[MARKET]
    sym = market.known(request.match_info["sym"])
    prints = list(market.feed.tapes[sym].prints)
    return answer(Trades(t="s", sym=sym, ep=0, seq=0, prev=0, d=prints))


async def now(request: web.Request) -> web.Response:
    return answer({"ts": request.app[MARKET].config.clock()})


async def live(_request: web.Request) -> web.Response:
    return answer({"live": True})


async def ready(request: web.Request) -> web.Response:
    """Whether orders are taken."""
    market = request.app[MARKET]
    if not market.sequencer.is_open:
        raise Problem("BUSY")
    return answer({"ready": True, "seq": market.exchange.seq, "projected_seq": market.sequencer.projected_seq})


ROUTES = [
    web.post("/api/v1/orders", order_new),
    web.get("/api/v1/orders", orders),
    web.delete("/api/v1/orders", order_cancel_all),
    web.get("/api/v1/orders/{cid}", order),
    web.delete("/api/v1/orders/{cid}", order_cancel),
    web.get("/api/v1/balances", balances),
    web.get("/api/v1/instruments", instruments),
    web.get("/api/v1/instruments/{sym}/book", book),
    web.get("/api/v1/instruments/{sym}/trades", trades),
    web.get("/api/v1/time", now),
    web.get("/live", live),
    web.get("/ready", ready),
]
