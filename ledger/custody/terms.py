"""What custody costs and promises, by asset: data that operators set, kept with who set it."""

from typing import NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reject import Reject
from ledger.custody import tables
from ledger.custody.refusals import Refusal
from ledger.custody.stock import By, are_texts
from ledger.shop import Shop

DAY_NS = 86_400_000_000_000
DAYS_MAX = 1_000
NUMBER_MAX = 10**9  # of bottles, fen and millifen

_terms = tables.terms


class Terms(NamedTuple):
    """`pickup_max` 0 is no limit, `keep_days` 0 for ever; `late_fen` is for each bottle and day begun, `late_days_max`
    at most; storage is in thousandths of a fen for each bottle and day after the first `free_days`.
    """

    pickup_min: int = 1
    pickup_max: int = 0
    pickup_fee_fen: int = 0
    ready_days: int = 0
    late_fen: int = 0
    late_days_max: int = 0
    keep_days: int = 0
    free_days: int = 0
    storage_millifen: int = 0

    @property
    def are_sound(self) -> bool:
        """Whether no term is negative, or so large that what it comes to could not be paid."""
        days = {"ready_days", "late_days_max", "keep_days", "free_days"}
        return all(0 <= n <= (DAYS_MAX if name in days else NUMBER_MAX) for name, n in self._asdict().items())

    def late(self, due_ts: int, ready_ts: int, qty: int) -> int:
        """What is due to the owner of a pickup that was ready at `ready_ts`, in fen."""
        days = min(-(-max(0, ready_ts - due_ts) // DAY_NS), self.late_days_max)
        return days * self.late_fen * qty


async def terms_of(db: AsyncConnection, asset: str) -> Terms:
    """The terms in force: the asset's own, else those of every asset, else none at all."""
    c = _terms.c
    columns = [c[name] for name in Terms._fields]
    query = select(*columns).where(c.asset.in_([asset, ""])).order_by(c.asset.desc(), c.id.desc()).limit(1)
    row = (await db.execute(query)).one_or_none()
    return Terms() if row is None else Terms._make(row)


class TermsBook:
    """Sets and tells terms."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def set(self, by: By, terms: Terms, asset: str = "") -> Refusal | None:
        """Set an asset's terms, or those of every asset without its own. Pickups under way keep theirs."""
        if (asset and not are_texts(asset)) or not terms.are_sound:
            return Reject.MALFORMED
        async with self._shop.begin() as db:
            await db.execute(insert(_terms).values(asset=asset, ts=by.ts, actor=by.name, **terms._asdict()))
        return None

    async def get(self, asset: str) -> Terms:
        async with self._shop.connect() as db:
            return await terms_of(db, asset)
