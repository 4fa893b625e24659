"""How long pickups take: public figures, so that everybody sees what the promises are worth."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from ledger.custody import tables
from ledger.shop import Shop


class Times(NamedTuple):
    """Nanoseconds over so many pickups: half took at most `median_ns`, nine in ten at most `p90_ns`."""

    pickups: int
    median_ns: int
    p90_ns: int
    max_ns: int


class PickupTimes(NamedTuple):
    requested_to_ready: Times
    ready_to_released: Times


def times(spans: Sequence[int]) -> Times:
    ordered = sorted(spans)
    if not ordered:
        return Times(0, 0, 0, 0)
    median, p90 = (ordered[-(-len(ordered) * tenths // 10) - 1] for tenths in (5, 9))
    return Times(len(ordered), median, p90, ordered[-1])


async def pickup_times(shop: Shop, since_ts: int, warehouse: int = 0) -> PickupTimes:
    """The times of pickups that were requested since then, of one warehouse when it is given."""
    c = tables.pickups.c
    query = select(c.requested_ts, c.ready_ts, c.left_ts).where(c.requested_ts >= since_ts, c.ready_ts > 0)
    if warehouse:
        query = query.where(c.warehouse == warehouse)
    async with shop.connect() as db:
        rows = (await db.execute(query)).all()
    return PickupTimes(
        times([ready - requested for requested, ready, _ in rows]),
        times([left - ready for _, ready, left in rows if left]),
    )
