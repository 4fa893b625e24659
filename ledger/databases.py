"""Where an exchange keeps its data: three SQLite files of its directory, or three schemas of one PostgreSQL database.

Either way journal, ledger and shop hold the same tables under the same names, and none knows of the others.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import aiosqlite
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from ledger import postgresql
from ledger.files import READER_PRAGMAS, WRITER_PRAGMAS, connect_reader, reader_uri

if TYPE_CHECKING:
    import psycopg

JOURNAL, LEDGER, SHOP = "journal", "ledger", "shop"

STREAMED_ROWS = 10_000  # fetched at a time
_STREAMS = count()  # server-side cursors have names

Location: TypeAlias = Path | str  # a SQLite file, or the URL of a PostgreSQL database
Connection: TypeAlias = "sqlite3.Connection | psycopg.Connection[Any]"


class Databases(NamedTuple):
    journal: Location
    ledger: Location
    shop: Location


def databases_of(data_dir: Path, url: str | None = None) -> Databases:
    """The databases of one exchange: those of the URL when there is one, else files of the data directory.

    Raises BadDatabase when the URL is not PostgreSQL's or the driver is not installed.
    """
    if url is None:
        return Databases(*(data_dir / f"{name}.sqlite" for name in (JOURNAL, LEDGER, SHOP)))
    postgresql.parsed(url)
    return Databases(url, url, url)


def exists(location: Location, schema: str) -> bool:
    """Whether there is such a database at all. Raises NoDatabase when nobody can say."""
    if isinstance(location, Path):
        return location.is_file()
    with closing(postgresql.connect(location, schema)) as db:
        return bool(rows(db, "SELECT 1 FROM pg_namespace WHERE nspname = ?", schema))


def size_bytes(location: Location, schema: str) -> int:
    """What a database takes on disk. Raises NoDatabase or OSError."""
    if isinstance(location, Path):
        return sum(path.stat().st_size for path in location.parent.glob(f"{location.name}*") if path.suffix != ".lock")
    with closing(postgresql.connect(location, schema)) as db:
        tables = "SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = CAST(? AS regnamespace)"
        ((size,),) = rows(db, f"SELECT sum(pg_total_relation_size(oid)) FROM ({tables}) AS tables", schema)  # noqa: S608
        return int(size)


def told(location: Location) -> str:
    """How people are told of a database: without its password."""
    return str(location) if isinstance(location, Path) else postgresql.told(location)


# ------------------------------------------------------------------------------------------------ one connection


def connect(location: Location, schema: str) -> Connection:
    """A connection that only reads, beside the writer, in autocommit. Raises NoDatabase, or one of `driver_errors`."""
    if isinstance(location, Path):
        return connect_reader(location)
    return postgresql.connect(location, schema, default_transaction_read_only="on")


def driver_errors(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """What the drivers raise, to be named in an `except`, beside `others`."""
    if not find_spec("psycopg"):
        return (sqlite3.Error, *others)
    import psycopg

    return (sqlite3.Error, psycopg.Error, *others)


def rows(db: Connection, query: str, *values: object) -> list[Any]:
    """All rows of a query with `?` for each value."""
    if isinstance(db, sqlite3.Connection):
        return db.execute(query, values).fetchall()
    return db.execute(query.replace("?", "%s").encode(), values, binary=True).fetchall()


def begin_reading(db: Connection) -> None:
    """Begin a transaction that has one view of the database throughout."""
    if isinstance(db, sqlite3.Connection):
        db.execute("BEGIN")
    else:
        db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")


def stream(db: Connection, query: str) -> Iterator[Any]:
    """The rows of a query, fetched as they are asked for, inside a transaction."""
    if isinstance(db, sqlite3.Connection):
        yield from db.execute(query)
        return
    with db.cursor(name=f"stream_{next(_STREAMS)}") as cursor:
        cursor.itersize = STREAMED_ROWS
        yield from cursor.execute(query.encode(), binary=True)


# ----------------------------------------------------------------------------------------------- engines


def engine_arguments(location: Location, schema: str) -> dict[str, Any]:
    """What SQLAlchemy's engines need to reach a database, whichever it is."""
    if isinstance(location, Path):
        return {"url": sa.URL.create("sqlite", database=str(location))}
    return {"url": postgresql.parsed(location), "connect_args": postgresql.session(schema)}


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

    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    engine = create_async_engine(
        "sqlite+aiosqlite://", async_creator=connect, poolclass=AsyncAdaptedQueuePool, pool_size=size, max_overflow=0
    )
    sa.event.listen(engine.sync_engine, "begin", begun)
    return engine
