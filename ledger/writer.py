"""How a batch of the books' rows gets into the ledger database, in one transaction: on SQLite, and on PostgreSQL.

The database is synced at checkpoints only: what a power cut takes back is projected again from the journal.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert

from ledger import postgresql, tables
from ledger.books import Row, Rows
from ledger.databases import LEDGER, Connection, Location
from ledger.errors import DataInUse
from ledger.files import connect_writer
from ledger.migrations import migrate

if TYPE_CHECKING:
    import psycopg

ORDER_CHANGES = ("px", "qty", "open", "filled", "notional", "fee", "reason", "ts_last")


class LedgerWriter(Protocol):
    """The one connection that writes a ledger; one thread at a time may use it."""

    @property
    def db(self) -> Connection: ...

    def write(self, rows: Rows, after: int, seq: int) -> None:
        """Write what the commands after number `after` and up to `seq` came to, whole or not at all.

        Raises one of `driver_errors`.
        """


def open_writer(location: Location) -> LedgerWriter:
    """Open the ledger, creating or migrating it. Raises DataInUse, or LedgerError when that cannot be done."""
    migrate(location, LEDGER)
    return FileWriter(location) if isinstance(location, Path) else ServerWriter(location)


# ------------------------------------------------------------------------------------------------------------ SQLite


def _insert(table: Table) -> str:
    return _sql(insert(table))


def _upsert(table: Table, *changing: str) -> str:
    statement = insert(table)
    return _sql(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: statement.excluded[name] for name in changing},
        )
    )


def _sql(statement: Insert) -> str:
    """Compile once to text that takes rows as tuples: several times faster than rows as dictionaries."""
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark")))


INSERT_ACCOUNTS = _insert(tables.accounts)
INSERT_ENTRIES = _insert(tables.entries)
INSERT_POSTINGS = _insert(tables.postings)
INSERT_TRADES = _insert(tables.trades)
INSERT_DAYS = _insert(tables.days)
INSERT_CLOSINGS = _insert(tables.closings)
SET_BALANCES = _upsert(tables.balances, "amount")
SET_ORDERS = _upsert(tables.orders, *ORDER_CHANGES)


# Its indexes grow at many places at once: keep their pages at hand (KiB), and copy them from the log less often.
PAGES_KEPT = ("cache_size = -65536", "wal_autocheckpoint = 16384")


class FileWriter:
    def __init__(self, path: Path) -> None:
        self.db = connect_writer(path, "NORMAL", *PAGES_KEPT)

    def write(self, rows: Rows, after: int, seq: int) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            self.db.executemany(INSERT_ACCOUNTS, rows.accounts)
            self.db.executemany(INSERT_ENTRIES, rows.entries)
            self.db.executemany(INSERT_POSTINGS, rows.postings)
            self.db.executemany(INSERT_TRADES, rows.trades)
            self.db.executemany(INSERT_DAYS, rows.days)
            self.db.executemany(INSERT_CLOSINGS, rows.closings)
            self.db.executemany(SET_BALANCES, rows.balances)
            self.db.executemany(SET_ORDERS, rows.orders)
            self.db.execute("UPDATE progress SET projected_seq = ?", (seq,))
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise


# -------------------------------------------------------------------------------------------------------- PostgreSQL


class Appended:
    """Rows that are new, by COPY."""

    def __init__(self, table: Table) -> None:
        self._statement = f"COPY {table.name} ({', '.join(table.columns.keys())}) FROM STDIN (FORMAT BINARY)".encode()
        self._types = _types(table)

    def write(self, cursor: "psycopg.Cursor[Any]", rows: Sequence[Row]) -> None:
        if rows:
            with cursor.copy(self._statement) as copy:
                copy.set_types(self._types)
                for row in rows:
                    copy.write_row(row)


class Upserted:
    """Running totals, by one statement to which each column is an array."""

    def __init__(self, table: Table, *changing: str) -> None:
        columns = ", ".join(f"%b::{name}[]" for name in _types(table))
        (key,) = table.primary_key
        changes = ", ".join(f"{name} = excluded.{name}" for name in changing)
        self._statement = (
            f"INSERT INTO {table.name} SELECT * FROM unnest({columns}) "  # noqa: S608
            f"ON CONFLICT ({key.name}) DO UPDATE SET {changes}"
        ).encode()

    def write(self, cursor: "psycopg.Cursor[Any]", rows: Sequence[Row]) -> None:
        if rows:
            cursor.execute(self._statement, [list(column) for column in zip(*rows, strict=True)])


def _types(table: Table) -> list[str]:
    return ["bigint" if column.type.python_type is int else "text" for column in table.columns]


ACCOUNTS, ENTRIES, POSTINGS, TRADES = map(Appended, (tables.accounts, tables.entries, tables.postings, tables.trades))
DAYS, CLOSINGS = map(Appended, (tables.days, tables.closings))
BALANCES = Upserted(tables.balances, "amount")
ORDERS_NEW = Appended(tables.orders)  # COPY is twice as fast, and most orders of a batch are new
ORDERS = Upserted(tables.orders, *ORDER_CHANGES)


class ServerWriter:
    def __init__(self, url: str) -> None:
        self.db = postgresql.connect(url, LEDGER, synchronous_commit="off")
        if not postgresql.claim(self.db, LEDGER):
            self.db.close()
            raise DataInUse(postgresql.told(url), None)

    def write(self, rows: Rows, after: int, seq: int) -> None:
        with self.db.transaction(), self.db.cursor() as cursor:
            ACCOUNTS.write(cursor, rows.accounts)
            ENTRIES.write(cursor, rows.entries)
            POSTINGS.write(cursor, rows.postings)
            TRADES.write(cursor, rows.trades)
            DAYS.write(cursor, rows.days)
            CLOSINGS.write(cursor, rows.closings)
            BALANCES.write(cursor, rows.balances)
            ORDERS_NEW.write(cursor, [order for order in rows.orders if order.seq > after])
            ORDERS.write(cursor, [order for order in rows.orders if order.seq <= after])
            cursor.execute("UPDATE progress SET projected_seq = %s", (seq,))
