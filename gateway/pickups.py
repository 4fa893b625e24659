"""The cellar as owners of bottles meet it: what stands where, pickups 提货 and their codes, liens, storage bills."""

from typing import Annotated, Any

import msgspec
from aiohttp import web

from engine.reject import Reject
from gateway.errors import Problem
from gateway.rest import MARKET, answer, decoded, identify
from gateway.wire import Qty, Text, Whole, decoder
from ledger.custody.refusals import CustodyReject
from ledger.custody.stock import SERIALS_MAX, By, Filter

Serials = Annotated[list[Text], msgspec.Meta(max_length=SERIALS_MAX)]

ON_THE_WIRE = {
    "fen": "amount",
    "amount_fen": "amount",
    "fee_fen": "fee",
    "late_fen": "late",
    "late_paid_fen": "late_paid",
    "pickup_fee_fen": "pickup_fee",
}


class PickupNew(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Bottles of a warehouse, certain ones or those of the oldest lot; to collect, or to be sent to an `address`.

    The address is a reference that the warehouse can look up, and not the address itself.
    """

    asset: Text
    qty: Qty
    warehouse: Whole
    serials: Serials = []
    address: Text = ""


PICKUP = decoder(PickupNew, "json")


def told(value: Any) -> Any:
    """What the cellar says, as plain data that `encode` takes."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {ON_THE_WIRE.get(name, name): told(one) for name, one in value._asdict().items()}
    return [told(one) for one in value] if isinstance(value, list) else value


def granted(result: Any) -> Any:
    """What a flow made. Raises Problem when it was refused."""
    if isinstance(result, CustodyReject | Reject):
        raise Problem(result.name)
    return result


def number(request: web.Request, name: str = "id") -> int:
    """A number in the path. Raises Problem: what has no number is not there."""
    text = request.match_info[name]
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise Problem("NOT_FOUND")
    return int(text)


async def warehouses(request: web.Request) -> web.Response:
    """Where bottles are kept."""
    return answer(told(await request.app[MARKET].custody.stock.warehouses()))


async def terms(request: web.Request) -> web.Response:
    """What pickup and storage of an asset cost, and what they promise."""
    return answer(told(await request.app[MARKET].custody.terms.get(request.match_info["asset"])))


async def stored(request: web.Request) -> web.Response:
    """What can be picked up, by warehouse, lot and vintage; of one asset with `?asset=`."""
    market, _ = await identify(request, "read")
    lines = await market.custody.stock.lines(Filter(asset=request.query.get("asset", ""), state="stored"))
    names = ("warehouse", "asset", "lot", "vintage")
    sums: dict[tuple[Any, ...], int] = {}
    for line in lines:  # which bin it is in is the warehouse's own business
        kind = tuple(getattr(line, name) for name in names)
        sums[kind] = sums.get(kind, 0) + line.qty
    return answer([dict(zip(names, kind, strict=True)) | {"qty": qty} for kind, qty in sums.items()])


async def pickups(request: web.Request) -> web.Response:
    """The account's pickups, newest first."""
    market, identity = await identify(request, "read")
    return answer(told(await market.custody.pickups.of(identity.acct)))


async def pickup_new(request: web.Request) -> web.Response:
    """Ask for bottles: they and the fee are held from now on."""
    market, identity = await identify(request, "withdraw")
    new: PickupNew = await decoded(request, PICKUP)
    made = granted(
        await market.custody.pickups.request(
            market.config.clock(), identity.acct, new.asset, new.qty, new.warehouse, new.serials, new.address
        )
    )
    return answer(await _pickup(request, identity.acct, made), 201)


async def pickup(request: web.Request) -> web.Response:
    _, identity = await identify(request, "read")
    return answer(await _pickup(request, identity.acct, number(request)))


async def pickup_cancel(request: web.Request) -> web.Response:
    """Call off what has not left: bottles and fee are free again."""
    market, identity = await identify(request, "withdraw")
    granted(await market.custody.pickups.cancel(market.config.clock(), identity.acct, number(request)))
    return answer(await _pickup(request, identity.acct, number(request)))


async def pickup_code(request: web.Request) -> web.Response:
    """A new code for what is ready, told only now; the one before is void. `svg` is its QR, `terminal` too."""
    market, identity = await identify(request, "withdraw")
    return answer(
        told(granted(await market.custody.pickups.issue_code(market.config.clock(), identity.acct, number(request)))),
        201,
    )


async def shipment(request: web.Request) -> web.Response:
    """Carrier and tracking number of what was sent."""
    market, identity = await identify(request, "read")
    await _pickup(request, identity.acct, number(request))
    found = granted(await market.custody.shipping.shipment(number(request)))
    return answer({"pickup": found.pickup, "carrier": found.carrier, "tracking": found.tracking, "ts": found.ts})


async def liens(request: web.Request) -> web.Response:
    """Bottles of the account that are kept for somebody's claim."""
    market, identity = await identify(request, "read")
    return answer(
        [
            {"id": lien.id, "asset": lien.asset, "qty": lien.qty, "reason": lien.reason, "state": lien.state}
            for lien in await market.custody.liens.of(identity.acct)
        ]
    )


async def bills(request: web.Request) -> web.Response:
    """The account's storage bills; `day` is the last that a bill is for."""
    market, identity = await identify(request, "read")
    return answer(told(await market.custody.billing.bills(identity.acct)))


async def bills_pay(request: web.Request) -> web.Response:
    """Pay what is owed, the oldest bill first, as far as the cash goes."""
    market, identity = await identify(request, "trade")
    granted(await market.custody.billing.collect(By(f"account {identity.acct}", market.config.clock()), identity.acct))
    return answer(told(await market.custody.billing.bills(identity.acct)))


async def _pickup(request: web.Request, acct: int, wanted: int) -> Any:
    """One of the account's pickups as the wire has it. Raises Problem; nobody sees another's."""
    found = await request.app[MARKET].custody.pickups.of(acct)
    mine = next((one for one in found if one.id == wanted), None)
    if mine is None:
        raise Problem("UNKNOWN_PICKUP")
    return told(mine)


ROUTES = [
    web.get("/api/v1/warehouses", warehouses),
    web.get("/api/v1/terms/{asset:.+}", terms),
    web.get("/api/v1/stored", stored),
    web.get("/api/v1/pickups", pickups),
    web.post("/api/v1/pickups", pickup_new),
    web.get("/api/v1/pickups/{id}", pickup),
    web.delete("/api/v1/pickups/{id}", pickup_cancel),
    web.post("/api/v1/pickups/{id}/code", pickup_code),
    web.get("/api/v1/pickups/{id}/shipment", shipment),
    web.get("/api/v1/liens", liens),
    web.get("/api/v1/bills", bills),
    web.post("/api/v1/bills/pay", bills_pay),
]
