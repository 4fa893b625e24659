"""Where an exchange keeps its data: three SQLite files of its directory, or three schemas of one PostgreSQL database.

Either way journal, ledger and shop hold the same tables under the same names, and none knows of the others.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from ledger.errors import LedgerError
from ledger.files import READER_PRAGMAS, WRITER_PRAGMAS, reader_uri

JOURNAL, LEDGER, SHOP = "journal", "ledger", "shop"

Location = Path | str  # a SQLite file, or the URL of a PostgreSQL database


class Databases(NamedTuple):
    journal: Location
    ledger: Location
    shop: Location


def databases_of(data_dir: Path, url: str | None = None) -> Databases:
    """The databases of one exchange: those of the URL when there is one, else files of the data directory.

    Raises LedgerError when the URL is not PostgreSQL's or the driver is not installed.
    """
    if url is None:
        return Databases(*(data_dir / f"{name}.sqlite" for name in (JOURNAL, LEDGER, SHOP)))
    postgresql_url(url)
    return Databases(url, url, url)


def told(location: Location) -> str:
    """How people are told of a database: without its password."""
    if isinstance(location, Path):
        return str(location)
    return postgresql_url(location).set(drivername="postgresql").render_as_string(hide_password=True)


def postgresql_url(url: str) -> URL:
    """The URL for SQLAlchemy, with the driver that we use. Raises LedgerError; never repeats what may be a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in ("postgresql", "postgres") or not parsed.database:
        raise LedgerError("a database is given as postgresql://USER@HOST/NAME")
    if not find_spec("psycopg"):
        raise LedgerError("PostgreSQL needs its driver: pip install 'cellarbook[postgresql]'")
    return parsed.set(drivername="postgresql+psycopg")


def search_path(schema: str, **settings: str) -> str:
    """What libpq calls options: the session finds the schema's tables without naming it."""
    return " ".join(f"-c {name}={value}" for name, value in {"search_path": schema, **settings}.items())


def engine_arguments(location: Location, schema: str) -> dict[str, Any]:
    """What SQLAlchemy's engines need to reach a database, whichever it is."""
    if isinstance(location, Path):
        return {"url": URL.create("sqlite", database=str(location))}
    return {"url": postgresql_url(location), "connect_args": {"options": search_path(schema)}}


def writing_engine(location: Location, schema: str) -> AsyncEngine:
    """An engine whose transactions write, are durable, and act one after another. It keeps one connection."""
    if isinstance(location, Path):
        return _sqlite_engine(
            location.resolve().as_uri(), (*WRITER_PRAGMAS, "synchronous = FULL"), "BEGIN IMMEDIATE", 1
        )
    return create_async_engine(**engine_arguments(location, schema), pool_size=1, max_overflow=0).execution_options(
        isolation_level="SERIALIZABLE"
    )


def reading_engine(location: Location, schema: str) -> AsyncEngine:
    """An engine whose transactions only read, each one view of the whole database."""
    if isinstance(location, Path):
        return _sqlite_engine(reader_uri(location), READER_PRAGMAS, "BEGIN", 5)
    return create_async_engine(**engine_arguments(location, schema)).execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )


def _sqlite_engine(uri: str, pragmas: tuple[str, ...], begin: str, size: int) -> AsyncEngine:
    async def connect() -> aiosqlite.Connection:
        connection = await aiosqlite.connect(uri, uri=True, isolation_level=None)
        for pragma in pragmas:
            await connection.execute(f"PRAGMA {pragma}")
        return connection

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    engine = create_async_engine(
        "sqlite+aiosqlite://", async_creator=connect, poolclass=AsyncAdaptedQueuePool, pool_size=size, max_overflow=0
    )
    event.listen(engine.sync_engine, "begin", begun)
    return engine
