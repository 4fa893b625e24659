"""The schemas, step by step: one chain for the ledger, one for the shop, each for SQLite and PostgreSQL alike.

A migration is never edited once released, and there is no way back.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event, pool
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError

from ledger.databases import LEDGER, SHOP, Location, engine_arguments, told
from ledger.errors import LedgerError

FOLDER = Path(__file__).parent
CHAINS = {LEDGER: FOLDER / "versions", SHOP: FOLDER / "shop_versions"}


def migrate(location: Location, schema: str = LEDGER, revision: str = "head") -> None:
    """Create a database or bring it to the newest schema, or an older one, each step whole or not at all.

    Only before the writer opens it. Raises LedgerError when a newer program made it, or when it cannot be read.
    """
    engine = create_engine(**engine_arguments(location, schema), poolclass=pool.NullPool)
    if isinstance(location, Path):
        location.touch(mode=0o600)  # for its owner alone, as are the files that SQLite makes beside it
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            if not isinstance(location, Path):
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('cellarbook migrations'))")
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            _upgrade(connection, schema, revision)
    except CommandError as error:
        raise LedgerError(f"{told(location)}: its schema is of another program version ({error})") from error
    except DBAPIError as error:
        raise LedgerError(f"{told(location)} cannot be read: {error.orig}") from error
    finally:
        engine.dispose()


def _upgrade(connection: Connection, schema: str, revision: str) -> None:
    """Run the migrations that a database has not had yet, in the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("version_locations", str(CHAINS[schema]).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _prepare(dbapi: DBAPIConnection, _record: object) -> None:
    """Have readers beside the writer from the start, and keep sqlite3 from running DDL outside the transaction."""
    dbapi.isolation_level = None
    dbapi.execute("PRAGMA journal_mode = WAL")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
