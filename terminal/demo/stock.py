"""The demo's cellar: a warehouse in Renhuai, where the wineries are, and bottles that went the whole way into it.

Every step is one transaction of the server, which says what was done, so an interrupted start is taken up.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.client import Client
from marketplace import catalog

WAREHOUSE = {"code": "RH-1", "name": "仁怀酒库 Renhuai cellar", "region": "贵州仁怀 Renhuai, Guizhou"}
TERMS = {"pickup_fee": "20.00", "ready_days": 2, "keep_days": 30, "free_days": 30, "storage_millifen": 5_000}
CELLAR = "/api/v1/cellar"
AT_ONCE = 8  # lots on their way in


class Lot(NamedTuple):
    """`qty` bottles of a line for one account."""

    sym: str
    acct: int
    qty: int

    @property
    def code(self) -> str:
        return f"{self.sym}:{self.acct}"

    @property
    def serials(self) -> list[str]:
        return [f"{self.code}:{number:04d}" for number in range(1, self.qty + 1)]


async def fill(operator: Client, lots: Sequence[Lot]) -> None:
    """Bring in what is missing of these lots. Raises ClientError."""
    advices = {advice["lot"]: advice for advice in await operator.call("GET", f"{CELLAR}/advices")}
    booked = {line["lot"] for line in await operator.call("GET", f"{CELLAR}/stock")} - advices.keys()
    missing = [lot for lot in lots if lot.code not in booked]
    if not missing:
        return
    warehouse = await _furnish(operator)
    turns = asyncio.Semaphore(AT_ONCE)

    async def bring(lot: Lot) -> None:
        async with turns:
            await _bring(operator, warehouse, lot, advices.get(lot.code))

    await asyncio.gather(*map(bring, missing))


async def _furnish(operator: Client) -> int:
    """The warehouse, with a bin for every line and us as its staff."""
    assert operator.credentials is not None
    found = [place["id"] for place in await operator.call("GET", "/api/v1/warehouses")]
    number: int = found[0] if found else (await operator.call("POST", f"{CELLAR}/warehouses", **WAREHOUSE))["id"]
    root = f"{CELLAR}/warehouses/{number}"
    await operator.call("PUT", f"{root}/staff/{operator.credentials.key}")
    for code in sorted({*_bins().values()} - {place["code"] for place in await operator.call("GET", f"{root}/bins")}):
        await operator.call("POST", f"{root}/bins", code=code)
    await operator.call("PUT", f"{CELLAR}/terms/*", **TERMS)
    return number


def _bins() -> dict[str, str]:
    return {sym: f"A-{place:02d}" for place, sym in enumerate(catalog.load(), 1)}


async def _bring(operator: Client, warehouse: int, lot: Lot, advice: dict[str, Any] | None) -> None:
    """Advise, receive, inspect, book: whatever of these was not done."""
    if advice is None:
        vintage = catalog.load()[lot.sym].vintage
        goods = {"lot": lot.code, "sym": lot.sym, "vintage": str(vintage) if vintage else "NV"}
        new = {"acct": lot.acct, "warehouse": warehouse, "qty": lot.qty} | goods
        advice = {"received": 0, "passed": 0} | await operator.call("POST", f"{CELLAR}/advices", **new)
    root = f"{CELLAR}/advices/{advice['id']}"
    if not advice["received"]:
        await operator.call("POST", f"{root}/receipts", serials=lot.serials)
    if not advice["passed"]:
        await operator.call("POST", f"{CELLAR}/inspections", serials=lot.serials, grade="mint", seal_intact=True)
    await operator.call("POST", f"{root}/bookings", bin=_bins()[lot.sym])
