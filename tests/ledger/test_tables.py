"""The ledger's schema: made by migrations, equal to the tables, and strict, on SQLite and PostgreSQL."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Table, create_engine, inspect

from ledger import postgresql, tables
from ledger.databases import LEDGER, Connection, Databases, Location, connect, driver_errors, engine_arguments, rows
from ledger.errors import LedgerError
from ledger.history import APPENDED
from ledger.migrations import migrate
from ledger.rules import OrderRow, TradeRow
from tests.ledger.history import change, kept


@pytest.fixture
def db(tmp_path: Path, database_url: str | None) -> Iterator[Connection]:
    """A ledger with a history in it, open for writing."""
    kept(tmp_path, url=database_url)
    if database_url is None:
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as connection:
            connection.execute("PRAGMA recursive_triggers = ON")
            yield connection
    else:
        with closing(postgresql.connect(database_url, LEDGER)) as session:
            yield session


def run(db: Connection, statement: str) -> None:
    db.execute(statement if isinstance(db, sqlite3.Connection) else statement.encode())  # type: ignore[arg-type]


def assert_newest(location: Location) -> None:
    """The database has exactly the tables of the program."""
    engine = create_engine(**engine_arguments(location, LEDGER))
    with engine.connect() as connection:
        differences: list[Any] = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    engine.dispose()

    if isinstance(location, str):  # there a trigger looks after postings, see migration 0001
        assert [("add_fk", "postings")] * 2 == [(what, key.parent.name) for what, key in differences]
    else:
        assert [] == differences


def test_migrations_make_exactly_the_tables(databases: Databases) -> None:
    migrate(databases.ledger)

    assert_newest(databases.ledger)


def test_migrations_make_every_check(databases: Databases) -> None:
    migrate(databases.ledger)
    engine = create_engine(**engine_arguments(databases.ledger, LEDGER))
    for table in tables.metadata.tables.values():
        expected = {str(check.name) for check in table.constraints if isinstance(check, CheckConstraint)}
        assert expected == {check["name"] for check in inspect(engine).get_check_constraints(table.name)}
    engine.dispose()


def test_sqlite_tables_are_strict_and_check_the_same(tmp_path: Path) -> None:
    migrate(tmp_path / "ledger.sqlite")
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        for table in tables.metadata.tables.values():
            (made,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table.name,)).fetchone()
            checks = {str(check.sqltext) for check in table.constraints if isinstance(check, CheckConstraint)}

            assert made.rstrip().endswith("STRICT")
            assert checks == set(re.findall(r"CHECK \((.*)\)", made))


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    path = kept(tmp_path) / "ledger.sqlite"
    before = path.read_bytes()
    migrate(path)

    assert before == path.read_bytes()


def test_rows_of_the_first_schema_are_in_the_newest(databases: Databases) -> None:
    migrate(databases.ledger, revision="0001")
    change(databases.ledger, LEDGER, "INSERT INTO entries VALUES (1, 7, 9, 'deposit', 5)")
    migrate(databases.ledger)

    with closing(connect(databases.ledger, LEDGER)) as db:
        assert [(1, 7, 9, "deposit", 5, "")] == rows(db, "SELECT * FROM entries")
    assert_newest(databases.ledger)


def test_days_of_an_older_schema_are_those_of_the_newest(databases: Databases, tmp_path: Path) -> None:
    """What migration 0003 makes of old books is what books of today have from the start."""
    other = kept(tmp_path / "new") / "ledger.sqlite"
    migrate(databases.ledger, revision="0002")
    with closing(connect(other, LEDGER)) as new:
        for table in ("accounts", "entries", "postings"):
            for row in rows(new, f"SELECT * FROM {table}"):
                change(databases.ledger, LEDGER, f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row)
        migrate(databases.ledger)

        with closing(connect(databases.ledger, LEDGER)) as old:
            for table in ("days", "closings"):
                expected = rows(new, f"SELECT * FROM {table} ORDER BY id")
                assert expected == rows(old, f"SELECT * FROM {table} ORDER BY id")
                assert expected


def test_ledger_of_a_newer_program_is_refused(databases: Databases) -> None:
    migrate(databases.ledger)
    change(databases.ledger, LEDGER, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(LedgerError, match="another program version"):
        migrate(databases.ledger)


@pytest.mark.parametrize(("table", "row"), [(tables.orders, OrderRow), (tables.trades, TradeRow)])
def test_rows_follow_their_tables(table: Table, row: type[OrderRow] | type[TradeRow]) -> None:
    assert tuple(table.columns.keys()) == row._fields


@pytest.mark.parametrize("table", [name for name in APPENDED if name != "accounts"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id + 1000000", "DELETE FROM {}"])
def test_history_stays_as_written(db: Connection, table: str, statement: str) -> None:
    with pytest.raises(driver_errors(), match=f"{table} are immutable"):
        run(db, statement.format(table))


@pytest.mark.parametrize("table", [name for name in APPENDED if name != "accounts"])
@pytest.mark.parametrize(("database_url", "statement"), [("sqlite", "REPLACE INTO {0} SELECT * FROM {0}"),
    ("postgresql", "TRUNCATE {} CASCADE")], indirect=["database_url"])  # fmt: skip
def test_history_is_neither_replaced_nor_emptied(db: Connection, table: str, statement: str) -> None:
    with pytest.raises(driver_errors(), match=r"are immutable"):
        run(db, statement.format(table))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO postings VALUES (1000000, 1, 1, 0)",
        "UPDATE balances SET amount = -1 WHERE is_contra = 0",
        "UPDATE orders SET open = qty + 1",
        "INSERT INTO progress VALUES (2, 0)",
        "UPDATE balances SET amount = 'much'",
        "INSERT INTO postings VALUES (1000000, 1000000, 1, 1), (1000001, 1000000, 1, -1)",
        "INSERT INTO postings VALUES (1000000, 1, 1000000, 1), (1000001, 1, 1000000, -1)",
    ],
)
def test_database_refuses_what_cannot_be(db: Connection, statement: str) -> None:
    if isinstance(db, sqlite3.Connection):
        db.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(driver_errors()):
        run(db, statement)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_refuses_postings_that_do_not_balance(db: Connection) -> None:
    with pytest.raises(driver_errors(), match="postings are out by 1 CNY"):
        run(db, "INSERT INTO postings VALUES (1000000, 1, 1, 3), (1000001, 1, 1, -2)")
