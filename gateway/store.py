"""The gateway's own tables, in `shop.sqlite`: API keys, and what operators did."""

import secrets
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text, create_engine, insert, select
from sqlalchemy.exc import DBAPIError

from gateway.wire import Key
from ledger.errors import LedgerError

SCOPES = ("read", "trade", "withdraw", "admin")

metadata = MetaData()
keys = Table(
    "api_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("acct", BigInteger, nullable=False),
    Column("scopes", Text, nullable=False),
)
actions = Table(
    "operator_actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ts", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
)


class Identity(NamedTuple):
    """Who signs with a key. The secret signs requests, so it must be kept as it is, in a file only we can read."""

    key: str
    secret: bytes
    acct: int
    scopes: frozenset[str]


class Store:
    """A small synchronous store: keys are read once and kept, operators' actions are rare."""

    def __init__(self, path: Path) -> None:
        """Open the tables or make them. Raises LedgerError when the file cannot be read."""
        self._engine = create_engine(f"sqlite:///{path}")
        try:
            metadata.create_all(self._engine)
            path.chmod(0o600)
            with self._engine.connect() as connection:
                rows = connection.execute(select(keys)).all()
        except DBAPIError as error:
            self._engine.dispose()
            raise LedgerError(f"{path} cannot be read: {error.orig}") from error
        self._keys = {row.key: Identity(row.key, row.secret, row.acct, frozenset(row.scopes.split())) for row in rows}

    def identity(self, key: str) -> Identity | None:
        return self._keys.get(key)

    def has_admin(self) -> bool:
        return any("admin" in identity.scopes for identity in self._keys.values())

    def create_key(self, acct: int, scopes: list[str]) -> Key:
        """Make a key; its secret is told only here."""
        key, secret = secrets.token_hex(8), secrets.token_hex(32)
        identity = Identity(key, bytes.fromhex(secret), acct, frozenset(scopes))
        with self._engine.begin() as connection:
            connection.execute(
                insert(keys).values(key=key, secret=identity.secret, acct=acct, scopes=" ".join(sorted(scopes)))
            )
        self._keys[key] = identity
        return Key(key=key, secret=secret, acct=acct, scopes=sorted(scopes))

    def record_action(self, ts: int, actor: str, action: str, reason: str, detail: object) -> None:
        """Remember what an operator did, and why."""
        values = {"ts": ts, "actor": actor, "action": action, "reason": reason}
        with self._engine.begin() as connection:
            connection.execute(insert(actions).values(**values, detail=msgspec.json.encode(detail).decode()))

    def close(self) -> None:
        self._engine.dispose()
