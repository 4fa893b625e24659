"""The schema: made by migrations, equal to the tables, and strict."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Table, create_engine

from ledger import tables
from ledger.audit import APPENDED
from ledger.errors import LedgerError
from ledger.migrations import migrate
from ledger.rules import OrderRow, TradeRow
from tests.ledger.history import kept, tamper


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(kept(tmp_path) / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA recursive_triggers = ON")
        yield connection


def test_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    migrate(tmp_path / "ledger.sqlite")
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.sqlite")
    with engine.connect() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), tables.metadata)
    engine.dispose()


def test_migrations_make_every_check_and_strict_table(db: sqlite3.Connection) -> None:
    for table in tables.metadata.tables.values():
        (made,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table.name,)).fetchone()
        checks = {str(c.sqltext) for c in table.constraints if hasattr(c, "sqltext")}

        assert made.rstrip().endswith("STRICT")
        assert checks == set(re.findall(r"CHECK \((.*)\)", made))


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    path = kept(tmp_path) / "ledger.sqlite"
    before = path.read_bytes()
    migrate(path)

    assert before == path.read_bytes()


def test_ledger_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    tamper(kept(tmp_path), "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(LedgerError, match="another program version"):
        migrate(tmp_path / "ledger.sqlite")


@pytest.mark.parametrize(("table", "row"), [(tables.orders, OrderRow), (tables.trades, TradeRow)])
def test_rows_follow_their_tables(table: Table, row: type[OrderRow] | type[TradeRow]) -> None:
    assert tuple(table.columns.keys()) == row._fields


@pytest.mark.parametrize("table", [name for name in APPENDED if name != "accounts"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET id = id + 1000000", "DELETE FROM {}", "REPLACE INTO {0} SELECT * FROM {0}"]
)
def test_history_stays_as_written(db: sqlite3.Connection, table: str, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} are immutable"):
        db.execute(statement.format(table))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO postings VALUES (1000000, 1, 1, 0)",
        "UPDATE balances SET amount = -1 WHERE is_contra = 0",
        "UPDATE orders SET open = qty + 1",
        "INSERT INTO progress VALUES (2, 0)",
        "UPDATE balances SET amount = 'much'",
    ],
)
def test_database_refuses_what_cannot_be(db: sqlite3.Connection, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(statement)
