"""The cellar as the people who work there meet it: one route for each step of a flow, by the operator's key.

`ledger.custody` says what each step does, refuses and writes down; here it gets its name, its body and its caller.
Staff of a warehouse are named as in the operators' log: `p` and their number, or the id of a key that is nobody's own.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import msgspec
from aiohttp import web

from gateway.access.posts import May
from gateway.errors import Problem
from gateway.pickups import Serials, granted, number, told
from gateway.rest import answer, decoded, permitted
from gateway.rest import number as query_number
from gateway.wire import Acct, Fen, Qty, Text, Whole, decoder
from ledger.custody.inbound import Finding, Goods, Grade
from ledger.custody.service import Custody
from ledger.custody.shipping import Remedy
from ledger.custody.stock import By, Filter, Owner
from ledger.custody.terms import Terms

STOCK_MAX = 10_000  # bottles in one answer


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """What a step is told."""


class WarehouseNew(Body):
    code: Text
    name: Text
    region: Text


class BinNew(Body):
    code: Text


class AdviceNew(Body):
    """Bottles to come, for an account; a lot's are all alike, and those that may not be resold are never traded."""

    acct: Acct
    warehouse: Whole
    lot: Text
    sym: Text
    vintage: Text
    qty: Qty
    owner: Owner = Owner.MEMBER
    resale_forbidden: bool = False


class Scanned(Body):
    serials: Serials


class Inspection(Body):
    """What bottles that are all the same are like; `photos` are SHA-256 digests in hex."""

    serials: Serials
    grade: Grade
    seal_intact: bool
    defects: str = ""
    photos: list[Text] = []


class Into(Body):
    bin: Text


class ScannedInto(Body):
    serials: Serials
    bin: Text


class HaulNew(Body):
    origin: Whole
    target: Whole
    serials: Serials


class CountNew(Body):
    warehouse: Whole
    bin: Text
    serials: Serials


class LienNew(Body):
    acct: Acct
    asset: Text
    qty: Qty
    reason: str
    serials: Serials = []


class Handover(Body):
    """`identity` says how the bearer's was checked; without serials all that is ready is handed out."""

    code: Text
    identity: Text
    serials: Serials = []


class ShipmentNew(Body):
    carrier: Text
    tracking: Text


class Lost(Body):
    reason: str


class Decision(Body):
    """`amount` is for cash alone."""

    remedy: Remedy
    amount: Fen = 0


class TermsSet(Body):
    """Days and bottles are counts; storage is thousandths of a fen for a bottle and day."""

    pickup_min: Whole = 1
    pickup_max: Whole = 0
    pickup_fee: Fen = 0
    ready_days: Whole = 0
    late: Fen = 0
    late_days_max: Whole = 0
    keep_days: Whole = 0
    free_days: Whole = 0
    storage_millifen: Whole = 0


Call: TypeAlias = Callable[[Custody, By, Any, web.Request], Awaitable[Any]]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


def step(call: Call, body: type[Body] | None = None, gives: str = "") -> Handler:
    """A step that changes something; `gives` names what it returns. It is kept with who asked."""
    read = decoder(body, "json") if body else None

    async def handle(request: web.Request) -> web.Response:
        market, identity = await permitted(request, May.CELLAR)
        asked = await decoded(request, read) if read else None
        by = By(identity.actor, market.config.clock())
        made = granted(await call(market.custody, by, asked, request))
        detail = {"asked": asked, **request.match_info}
        await market.store.record_action(by.ts, identity.actor, f"{request.method} {request.path}", "", detail)
        return answer({gives: made} if gives else {})

    return handle


def look(call: Call) -> Handler:
    """A question."""

    async def handle(request: web.Request) -> web.Response:
        market, identity = await permitted(request, May.CELLAR)
        return answer(told(granted(await call(market.custody, By(identity.actor, 0), None, request))))

    return handle


def which(request: web.Request) -> Filter:
    """The bottles that the query asks for. Raises Problem for what is no property of a bottle."""
    asked = dict(request.query)
    if unknown := asked.keys() - set(Filter._fields):
        raise Problem("MALFORMED", field=sorted(unknown)[0], msg=f"bottles are found by {', '.join(Filter._fields)}")
    warehouse = query_number(request, "warehouse", 1, 10**9) if "warehouse" in asked else 0
    return Filter(**{**asked, "warehouse": warehouse})  # type: ignore[arg-type]


async def advise(custody: Custody, by: By, new: AdviceNew, _: web.Request) -> Any:
    goods = Goods(new.lot, new.sym, new.vintage, new.owner, new.resale_forbidden)
    return await custody.inbound.advise(by, new.acct, new.warehouse, goods, new.qty)


async def inspect(custody: Custody, by: By, seen: Inspection, _: web.Request) -> Any:
    finding = Finding(seen.grade, seen.seal_intact, seen.defects, tuple(seen.photos))
    return await custody.inbound.inspect(by, seen.serials, finding)


async def set_terms(custody: Custody, by: By, new: TermsSet, request: web.Request) -> Any:
    """`*` are the terms of every asset without its own."""
    terms = Terms(
        new.pickup_min, new.pickup_max, int(new.pickup_fee), new.ready_days, int(new.late), new.late_days_max,
        new.keep_days, new.free_days, new.storage_millifen,
    )  # fmt: skip
    asset = request.match_info["asset"]
    return await custody.terms.set(by, terms, "" if asset == "*" else asset)


ROOT = "/api/v1/cellar"
ROUTES = [
    web.post(
        f"{ROOT}/warehouses",
        step(lambda c, _, w, __: c.stock.add_warehouse(w.code, w.name, w.region), WarehouseNew, "id"),
    ),
    web.post(
        f"{ROOT}/warehouses/{{id}}/bins", step(lambda c, _, b, r: c.stock.add_bin(number(r), b.code), BinNew, "id")
    ),
    web.get(f"{ROOT}/warehouses/{{id}}/bins", look(lambda c, _, __, r: c.stock.bins(number(r)))),
    web.put(
        f"{ROOT}/warehouses/{{id}}/staff/{{name}}",
        step(lambda c, _, __, r: c.stock.assign(r.match_info["name"], number(r))),
    ),
    web.delete(
        f"{ROOT}/warehouses/{{id}}/staff/{{name}}",
        step(lambda c, _, __, r: c.stock.dismiss(r.match_info["name"], number(r))),
    ),
    web.get(f"{ROOT}/warehouses/{{id}}/tasks", look(lambda c, _, __, r: c.pickups.tasks(number(r)))),
    # what comes in
    web.post(f"{ROOT}/advices", step(advise, AdviceNew, "id")),
    web.get(f"{ROOT}/advices", look(lambda c, *_: c.inbound.expected())),
    web.get(f"{ROOT}/advices/{{id}}", look(lambda c, _, __, r: c.inbound.advice(number(r)))),
    web.post(
        f"{ROOT}/advices/{{id}}/receipts",
        step(lambda c, by, b, r: c.inbound.receive(by, number(r), b.serials), Scanned),
    ),
    web.post(
        f"{ROOT}/advices/{{id}}/bookings", step(lambda c, by, b, r: c.inbound.book(by, number(r), b.bin), Into, "qty")
    ),
    web.post(f"{ROOT}/inspections", step(inspect, Inspection, "passed")),
    web.post(
        f"{ROOT}/bottles/{{serial}}/return", step(lambda c, by, _, r: c.inbound.send_back(by, r.match_info["serial"]))
    ),
    # where it stands
    web.get(f"{ROOT}/bottles", look(lambda c, _, __, r: c.stock.find(which(r), STOCK_MAX))),
    web.get(f"{ROOT}/bottles/{{serial}}/history", look(lambda c, _, __, r: c.stock.history(r.match_info["serial"]))),
    web.get(f"{ROOT}/stock", look(lambda c, _, __, r: c.stock.lines(which(r)))),
    web.post(
        f"{ROOT}/warehouses/{{id}}/moves",
        step(lambda c, by, b, r: c.stock.shelve(by, number(r), b.serials, b.bin), ScannedInto),
    ),
    web.post(f"{ROOT}/hauls", step(lambda c, by, h, _: c.hauls.send(by, h.origin, h.target, h.serials), HaulNew, "id")),
    web.get(f"{ROOT}/hauls", look(lambda c, *_: c.hauls.under_way())),
    web.post(
        f"{ROOT}/hauls/{{id}}/arrival",
        step(lambda c, by, b, r: c.hauls.receive(by, number(r), b.serials, b.bin), ScannedInto),
    ),
    web.post(
        f"{ROOT}/counts", step(lambda c, by, n, _: c.counts.take(by, n.warehouse, n.bin, n.serials), CountNew, "id")
    ),
    web.get(f"{ROOT}/counts/{{id}}", look(lambda c, _, __, r: c.counts.get(number(r)))),
    web.post(f"{ROOT}/counts/{{id}}/agree", step(lambda c, by, _, r: c.counts.agree(by, number(r)))),
    web.post(f"{ROOT}/counts/{{id}}/reject", step(lambda c, by, _, r: c.counts.reject(by, number(r)))),
    web.post(
        f"{ROOT}/liens",
        step(lambda c, by, n, _: c.liens.place(by, n.acct, n.asset, n.qty, n.reason, n.serials), LienNew, "id"),
    ),
    web.post(f"{ROOT}/liens/{{id}}/lift", step(lambda c, by, _, r: c.liens.lift(by, number(r)))),
    # what goes out
    web.post(
        f"{ROOT}/pickups/{{id}}/pick", step(lambda c, by, b, r: c.pickups.pick(by, number(r), b.serials), Scanned)
    ),
    web.post(
        f"{ROOT}/pickups/{{id}}/release",
        step(lambda c, by, h, r: c.pickups.release(by, number(r), h.code, h.identity, h.serials), Handover, "qty"),
    ),
    web.post(
        f"{ROOT}/pickups/{{id}}/shipment",
        step(lambda c, by, s, r: c.shipping.ship(by, number(r), s.carrier, s.tracking), ShipmentNew),
    ),
    web.post(f"{ROOT}/pickups/{{id}}/delivery", step(lambda c, by, _, r: c.shipping.delivered(by, number(r)))),
    web.post(
        f"{ROOT}/pickups/{{id}}/loss", step(lambda c, by, b, r: c.shipping.lose(by, number(r), b.reason), Lost, "claim")
    ),
    web.get(f"{ROOT}/claims", look(lambda c, *_: c.shipping.claims())),
    web.post(
        f"{ROOT}/claims/{{id}}",
        step(lambda c, by, d, r: c.shipping.decide(by, number(r), d.remedy, int(d.amount)), Decision),
    ),
    web.put(f"{ROOT}/terms/{{asset:.+}}", step(set_terms, TermsSet)),
    # what does not agree
    web.get(f"{ROOT}/alarms", look(lambda c, *_: c.alarms())),
    web.post(f"{ROOT}/alarms/{{id}}/clear", step(lambda c, by, _, r: c.clear_alarm(by, number(r)))),
]
