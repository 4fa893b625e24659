"""The daily proof of an exchange: made from its books, kept in its data directory, told to its holders."""

import asyncio
import json
import os
import secrets
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.commands import CASH
from ledger.closing import party_of, require_over
from ledger.custody import tables as cellar
from ledger.custody.stock import IN_STORE, ON_THE_ROAD
from ledger.databases import LEDGER, SHOP, Databases, reading_engine
from ledger.days import day_of, number_of
from ledger.errors import LedgerError
from ledger.journal import JournalReader
from ledger.proof.commitment import FORMAT, Shelf, root_of_document, told
from ledger.statements import amounts_before, end_of
from ledger.tables import accounts, entries

SECRET_BYTES = 32


class Stock(NamedTuple):
    """One asset at a day's end: what each client has, and who owes it."""

    holdings: dict[int, int]  # bottles by account
    places: dict[str, int]  # bottles by warehouse, or whatever else owes them

    @property
    def bottles(self) -> int:
        return sum(self.holdings.values())


async def stock_of(db: AsyncConnection, day: int) -> dict[str, Stock]:
    """Every asset's bottles at a day's end, by asset. Raises LedgerError when nobody owes what somebody has."""
    amounts = await amounts_before(db, day + 1)
    c = accounts.c
    found: dict[str, Stock] = defaultdict(lambda: Stock({}, {}))
    for number, acct, asset in await db.execute(select(c.id, c.acct, c.asset).where(c.asset != CASH).order_by(c.id)):
        if not (amount := amounts.get(number, 0)):
            continue
        if acct is not None and acct >= 0:
            holdings = found[asset].holdings
            holdings[acct] = holdings.get(acct, 0) + amount
        else:
            places = found[asset].places
            places[party_of(acct)] = places.get(party_of(acct), 0) - amount
    for asset, stock in found.items():
        if stock.bottles != sum(stock.places.values()):
            raise LedgerError(f"{asset}: clients have {stock.bottles}, {sum(stock.places.values())} are owed")
    return {asset: found[asset] for asset in sorted(found) if found[asset].bottles}


async def serials_of(db: AsyncConnection) -> dict[str, dict[str, Any]]:
    """By asset, how many bottles the warehouses have now, and a digest of their serials in order, one a line."""
    b, asset = cellar.bottles.c, cellar.lots.c.asset
    found: dict[str, list[str]] = defaultdict(list)
    query = select(asset, b.serial).select_from(cellar.bottles.join(cellar.lots))
    for name, serial in await db.execute(query.where(b.state.in_(IN_STORE | ON_THE_ROAD))):
        found[name].append(serial)
    return {
        name: {"count": len(serials), "digest": sha256("\n".join(sorted(serials)).encode()).hexdigest()}
        for name, serials in sorted(found.items())
    }


def _roots(secret: bytes, day: str, stock: Mapping[str, Stock]) -> dict[str, str]:
    return {asset: Shelf(secret, day, asset, one.holdings).tree.root.hex() for asset, one in stock.items()}


class Proofs:
    """The proofs of one exchange, in `proofs/` of its data directory; what salts them is in `proof.key`."""

    def __init__(self, data: Path, databases: Databases) -> None:
        self._folder = data / "proofs"
        self._key = data / "proof.key"
        self._databases = databases

    def published(self, day: date) -> dict[str, Any] | None:
        """What was published of a day: its document and root; None before."""
        path = self._folder / f"{day}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def days(self) -> list[str]:
        """The days of which there is a proof."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    async def publish(self, day: date, now: int) -> dict[str, Any]:
        """Commit to what everybody had at the end of a day that is over. Once: another call gives the same.

        Raises LedgerError when the day is not over, or the books and the cellar do not agree.
        """
        if before := self.published(day):
            return before
        with JournalReader(self._databases.journal) as journal:
            durable_seq = journal.last_seq
            stock, seq = await self._stock(day, day_of(now), durable_seq)
            head = journal.head_at(seq)
        secret = self._secret()
        roots = await asyncio.to_thread(_roots, secret, str(day), stock)
        document = {
            "format": FORMAT,
            "day": str(day),
            "seq": seq,
            "chain_head": head.hex(),
            "published_ts": now,
            "assets": [
                {
                    "asset": asset,
                    "bottles": one.bottles,
                    "root": roots[asset],
                    "places": dict(sorted(one.places.items())),
                }
                for asset, one in stock.items()
            ],
            "serials": await self._serials(),
        }
        published = {"document": document, "root": root_of_document(document)}
        self._folder.mkdir(exist_ok=True)
        partial = self._folder / f".{day}.part"
        partial.write_text(json.dumps(published, ensure_ascii=False, indent=1) + "\n")
        partial.rename(self._folder / f"{day}.json")
        return published

    async def show(self, day: date, acct: int) -> dict[str, Any]:
        """A holder's file: all their parts of a day's proof. Raises LedgerError when there was none."""
        published = self.published(day)
        if published is None:
            raise LedgerError(f"no proof of {day} was published")
        stock, _ = await self._stock(day, number_of(day) + 1, 0)
        roots = {asset["asset"]: asset["root"] for asset in published["document"]["assets"]}
        secret = self._secret()

        def parts() -> list[dict[str, Any]]:
            found = []
            for asset, one in stock.items():
                if acct in one.holdings:
                    shelf = Shelf(secret, str(day), asset, one.holdings)
                    if shelf.tree.root.hex() != roots.get(asset):
                        raise LedgerError(f"{asset}: the books of {day}, or the secret, are not those of the proof")
                    found.append(told(acct, asset, shelf.part(acct)))
            return found

        return published | {"holdings": await asyncio.to_thread(parts)}

    async def _stock(self, day: date, today: int, durable_seq: int) -> tuple[dict[str, Stock], int]:
        engine = reading_engine(self._databases.ledger, LEDGER)
        try:
            async with engine.connect() as db:
                number = number_of(day)
                await require_over(db, number, today, durable_seq)
                end = await end_of(db, number)
                seq = await db.scalar(select(entries.c.seq).where(entries.c.id == end.entry))
                return await stock_of(db, number), int(seq or 0)
        finally:
            await engine.dispose()

    async def _serials(self) -> dict[str, dict[str, Any]]:
        engine = reading_engine(self._databases.shop, SHOP)
        try:
            async with engine.connect() as db:
                return await serials_of(db)
        finally:
            await engine.dispose()

    def _secret(self) -> bytes:
        """What salts are made from: made once and never changed, for else old parts could not be shown again."""
        try:
            handle = os.open(self._key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return bytes.fromhex(self._key.read_text())
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES))
        return bytes.fromhex(self._key.read_text())
