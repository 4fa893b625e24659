"""What operators did, and why: rows that hold each other, so that a changed or missing one is found.

Each row's hash covers the hash before it and everything in the row. The rows alone cannot show that the last ones were
cut off; the head, which the server keeps in a file of its data directory and tells auditors, can.
"""

import asyncio
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Integer, Table, Text, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.databases import SHOP, Databases, connect, exists, rows
from ledger.shop import Shop, metadata

HEAD = "operator-log.head"
INT = BigInteger().with_variant(Integer, "sqlite")
COLUMNS = ("id", "ts", "actor", "action", "reason", "detail", "hash")

table = Table(
    "operator_log",
    metadata,
    Column("id", INT, primary_key=True, autoincrement=False),
    Column("ts", INT, nullable=False),
    *(Column(name, Text, nullable=False) for name in COLUMNS[2:]),
    sqlite_strict=True,
)


class Head(NamedTuple):
    """The last row."""

    id: int
    hash: str


class Row(NamedTuple):
    id: int
    ts: int
    actor: str
    action: str
    reason: str
    detail: str  # JSON
    hash: str

    def hash_after(self, before: str) -> str:
        """What the row's hash must be."""
        return sha256(json.dumps([before, *self[:-1]]).encode()).hexdigest()


class Report(NamedTuple):
    head: Head
    findings: list[str]


async def append(db: AsyncConnection, ts: int, actor: str, action: str, reason: str, detail: str) -> Head:
    """Add a row, in the transaction of what it tells of; those of a shop act one after another."""
    before = await last(db)
    row = Row(before.id + 1, ts, actor, action, reason, detail, "")
    row = row._replace(hash=row.hash_after(before.hash))
    await db.execute(insert(table).values(row._asdict()))
    return Head(row.id, row.hash)


async def last(db: AsyncConnection) -> Head:
    row = (await db.execute(select(table.c.id, table.c.hash).order_by(table.c.id.desc()).limit(1))).one_or_none()
    return Head._make(row) if row else Head(0, "")


async def read(db: AsyncConnection, after: int, limit: int) -> list[Row]:
    found = await db.execute(select(table).where(table.c.id > after).order_by(table.c.id).limit(limit))
    return [Row._make(row) for row in found]


class OperatorLog:
    """The log of one shop. `folder` is where its head is kept; None where nothing is written."""

    def __init__(self, shop: Shop, folder: Path | None = None) -> None:
        self.shop = shop
        self._path = folder / HEAD if folder else None
        self._kept = 0

    async def record(self, ts: int, actor: str, action: str, reason: str, detail: str) -> None:
        """Add a row that tells of nothing else in the shop."""
        async with self.shop.begin() as db:
            head = await append(db, ts, actor, action, reason, detail)
        await self.keep(head)

    async def keep(self, head: Head) -> None:
        """Keep the head outside the database, once its row is durable."""
        if self._path is not None and head.id > self._kept:
            self._kept = head.id
            await asyncio.to_thread(write_head, self._path, head)


def write_head(path: Path, head: Head) -> None:
    """Replace the file as a whole."""
    new = path.with_suffix(f".{head.id}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(head._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_head(path: Path) -> Head | None:
    """The head that was kept, None where none was. Raises ValueError for anything else in its place."""
    try:
        said = json.loads(path.read_text())
        return Head(int(said["id"]), str(said["hash"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no head of a log") from error


def check(databases: Databases, kept: Head | None) -> Report:
    """Compare every row with its hash, and with the head that was kept. It may run beside a server."""
    head, findings = Head(0, ""), list[str]()
    if exists(databases.shop, SHOP):
        db = connect(databases.shop, SHOP)
        try:
            for found in rows(db, f"SELECT {', '.join(COLUMNS)} FROM operator_log ORDER BY id"):  # noqa: S608
                row = Row._make(found)
                if row.id != head.id + 1:
                    findings.append(f"rows {head.id + 1} to {row.id - 1} are missing")
                elif row.hash != row.hash_after(head.hash):
                    findings.append(f"row {row.id} is not as it was written")
                if kept and row.id == kept.id and row.hash != kept.hash:
                    findings.append(f"row {row.id} is not the one whose hash was kept")
                head = Head(row.id, row.hash)
        finally:
            db.close()
    if kept and kept.id > head.id:
        findings.append(f"the log ends at row {head.id}, and it had {kept.id}")
    return Report(head, findings)
