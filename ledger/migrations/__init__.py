"""The ledger's schema, step by step. A migration is never edited once released, and there is no way back."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event, pool
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError

from ledger.errors import LedgerError


def migrate(path: Path) -> None:
    """Create the ledger database or bring it to the newest schema, each step whole or not at all.

    Only before the writer opens it. Raises LedgerError when a newer program made it, or when it cannot be read.
    """
    engine = create_engine(f"sqlite:///{path}", poolclass=pool.NullPool)
    event.listen(engine, "connect", _no_implicit_transactions)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            upgrade(connection)
    except CommandError as error:
        raise LedgerError(f"{path}: its schema is of another program version ({error})") from error
    except DBAPIError as error:
        raise LedgerError(f"{path} cannot be read: {error.orig}") from error
    finally:
        engine.dispose()


def upgrade(connection: Connection) -> None:
    """Run the migrations that a database has not had yet, in the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _no_implicit_transactions(dbapi: DBAPIConnection, _record: object) -> None:
    """Keep sqlite3 from running DDL outside the transaction."""
    dbapi.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
