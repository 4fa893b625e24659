"""The gateway's own tables of the shop: API keys, and what operators did."""

import secrets
from typing import NamedTuple

import msgspec
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text, insert, select

from gateway.wire import Key
from ledger.shop import Shop, metadata

SCOPES = ("read", "trade", "withdraw", "admin")

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
    """Who signs with a key. The secret signs requests, so it must be kept as it is, where only we can read."""

    key: str
    secret: bytes
    acct: int
    scopes: frozenset[str]


class Store:
    """Keys are read once and kept, for every request asks for one; operators' actions are rare."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._keys: dict[str, Identity] = {}

    async def load(self) -> None:
        """Read all keys, at the start and wherever another server makes them."""
        async with self._shop.connect() as connection:
            found = (await connection.execute(select(keys))).all()
        self._keys = {row.key: Identity(row.key, row.secret, row.acct, frozenset(row.scopes.split())) for row in found}

    def identity(self, key: str) -> Identity | None:
        return self._keys.get(key)

    def has_admin(self) -> bool:
        return any("admin" in identity.scopes for identity in self._keys.values())

    async def create_key(self, acct: int, scopes: list[str]) -> Key:
        """Make a key; its secret is told only here."""
        key, secret = secrets.token_hex(8), secrets.token_hex(32)
        identity = Identity(key, bytes.fromhex(secret), acct, frozenset(scopes))
        async with self._shop.begin() as connection:
            await connection.execute(
                insert(keys).values(key=key, secret=identity.secret, acct=acct, scopes=" ".join(sorted(scopes)))
            )
        self._keys[key] = identity
        return Key(key=key, secret=secret, acct=acct, scopes=sorted(scopes))

    async def record_action(self, ts: int, actor: str, action: str, reason: str, detail: object) -> None:
        """Remember what an operator did, and why."""
        values = {"ts": ts, "actor": actor, "action": action, "reason": reason}
        async with self._shop.begin() as connection:
            await connection.execute(
                insert(actions).values(**values, detail=msgspec.json.encode(detail, enc_hook=int).decode())
            )
