"""The daily proofs of custody over HTTP: the documents for everybody, a holder's own part for them alone."""

from datetime import date

from aiohttp import web

from gateway.errors import Problem
from gateway.rest import MARKET, identify
from ledger.errors import LedgerError
from ledger.proof.commitment import as_json


async def days(request: web.Request) -> web.Response:
    """The days of which there is a proof, the newest last."""
    return _answer(request.app[MARKET].proofs.days())


async def published(request: web.Request) -> web.Response:
    """What was published of a day: totals, roots, and the root of it all."""
    found = request.app[MARKET].proofs.published(_day(request))
    if found is None:
        raise Problem("NOT_FOUND", msg="no proof of this day was published")
    return _answer(found)


async def mine(request: web.Request) -> web.Response:
    """Your own part of a day's proof, to be checked with `cellarbook proof verify`, or by your own program."""
    market, identity = await identify(request, "read")
    try:
        return _answer(await market.proofs.show(_day(request), identity.acct))
    except LedgerError as error:
        raise Problem("NOT_FOUND", msg=str(error)) from error


def _day(request: web.Request) -> date:
    try:
        return date.fromisoformat(request.match_info["day"])
    except ValueError:
        raise Problem("NOT_FOUND", msg="a day is YYYY-MM-DD") from None


def _answer(found: object) -> web.Response:
    return web.Response(text=as_json(found), content_type="application/json")


ROUTES = [
    web.get("/api/v1/proofs", days),
    web.get("/api/v1/proofs/{day}", published),
    web.get("/api/v1/proofs/{day}/mine", mine),
]
