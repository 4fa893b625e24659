"""The migration makes exactly the tables, on both databases."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Table, create_engine

import ledger.custody.tables  # noqa: F401  (attaches its tables to the shop's)
from ledger.databases import SHOP, Databases, engine_arguments
from ledger.migrations import migrate
from ledger.shop import metadata


def is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    return kind != "table" or (name or "").startswith("custody_")


def test_migrations_make_exactly_the_tables(databases: Databases) -> None:
    migrate(databases.shop, SHOP)
    engine = create_engine(**engine_arguments(databases.shop, SHOP))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_object": is_ours})

            assert [] == compare_metadata(context, metadata)
    finally:
        engine.dispose()


@pytest.mark.parametrize("table", [t for t in metadata.tables.values() if t.name.startswith("custody_")], ids=str)
def test_migrations_make_every_check_and_strict_table(furnished: Path, table: Table) -> None:
    with closing(sqlite3.connect(furnished / "shop.sqlite")) as db:
        (made,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table.name,)).fetchone()
    checks = {str(c.sqltext) for c in table.constraints if isinstance(c, CheckConstraint)}

    assert made.rstrip().endswith("STRICT")
    assert checks == set(re.findall(r"CHECK \((.*)\)", made))
