"""What only PostgreSQL needs: its URL, sessions that end when their other end is gone, and the right to write.

The driver is an extra, and imported when it is first used.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from ledger.errors import BadDatabase, NoDatabase

if TYPE_CHECKING:
    import psycopg

NOT_A_URL = "a database is given as postgresql://USER@HOST/NAME"  # it is not repeated: it may hold a password
CONNECT_TIMEOUT_S = 10
CLAIM_TIMEOUT_MS = 1_000  # in which the server has noticed that a killed process is gone


def parsed(url: str) -> sa.URL:
    """The URL for SQLAlchemy, with the one driver that serves threads and event loops alike. Raises BadDatabase."""
    try:
        found = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise BadDatabase(NOT_A_URL) from None
    if found.drivername not in ("postgresql", "postgres") or not found.database:
        raise BadDatabase(NOT_A_URL)
    if not find_spec("psycopg"):
        raise BadDatabase("PostgreSQL needs its driver: pip install 'cellarbook[postgresql]'")
    return found.set(drivername="postgresql+psycopg")


def told(url: str) -> str:
    """How people are told of a database: without its password, and where its socket is."""
    return parsed(url).set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def session(schema: str, **settings: str) -> dict[str, Any]:
    """What libpq is told beside the URL: the schema, so that statements need not, and to notice a lost peer."""
    keepalives = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
    options = {"search_path": schema, **keepalives, **settings}
    return {
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": 30_000,
    }


def connect(url: str, schema: str, **settings: str) -> "psycopg.Connection[Any]":
    """Begin a session in autocommit. Raises BadDatabase or NoDatabase."""
    place = told(url)
    import psycopg

    try:
        return psycopg.connect(url, autocommit=True, **session(schema, **settings))
    except psycopg.OperationalError as error:
        raise NoDatabase(f"{place} cannot be reached: {error}") from error


def claim(db: "psycopg.Connection[Any]", schema: str) -> bool:
    """Take the exclusive right to write a schema, for as long as the session lasts; False when another has it."""
    import psycopg

    db.execute(f"SET lock_timeout = {CLAIM_TIMEOUT_MS}".encode())
    try:
        db.execute("SELECT pg_advisory_lock(hashtext(%s))", (f"cellarbook {schema}",))
    except psycopg.errors.LockNotAvailable:
        return False
    db.execute("RESET lock_timeout")
    return True
