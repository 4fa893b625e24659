"""Who may come in, in memory: every request asks for it. What changes is written to the shop first.

Keys, sessions, posts and blocks are read at the start and kept; a server that follows reads them again and again.
"""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import insert, select, update

from gateway.access.posts import May, permissions_of
from gateway.access.tables import accounts, keys, people, sessions
from gateway.wire import Key
from ledger.operator_log import OperatorLog
from ledger.shop import Shop

SCOPES = ("read", "trade", "withdraw", "admin")
CLIENT_SCOPES = frozenset({"read", "trade", "withdraw"})
OPERATOR_SCOPES = frozenset({"read", "admin"})  # who runs the market does not trade on it
FOUNDER = "director"  # the post of an admin's key that is nobody's own
OVERLAP_NS = 3_600 * 10**9  # for so long the old key works on beside the one that took its place


class Identity(NamedTuple):
    """Who asks: by a key, or by a session, whose id is then the `key` and which has no secret.

    `actor` names an operator wherever what he does is kept; two keys of one person are one actor. The secret signs
    requests, so it must be kept as it is, where only we can read.
    """

    key: str
    secret: bytes
    acct: int
    scopes: frozenset[str]
    actor: str = ""
    person: int = 0
    may: frozenset[May] = frozenset()
    is_session: bool = False


class KeyRow(NamedTuple):
    """A key as it is kept; `ips` are networks with spaces between."""

    key: str
    secret: bytes
    acct: int
    scopes: str
    person: int
    label: str
    ips: str
    created_ts: int
    expires_ts: int
    used_ts: int

    def has_ended(self, now: int) -> bool:
        return bool(self.expires_ts) and now >= self.expires_ts

    def works_from(self, ip: str) -> bool:
        return not self.ips or any(ip_address(ip) in ip_network(network) for network in self.ips.split())


class SessionRow(NamedTuple):
    id: str
    digest: str
    person: int
    is_bearer: int
    created_ts: int
    expires_ts: int
    ip: str
    agent: str


class Account(NamedTuple):
    """What operators set for an account; `order_rate` a second, 0 like everybody's."""

    acct: int
    is_blocked: int = 0
    order_rate: int = 0


class Standing(NamedTuple):
    """What is asked of a person again and again."""

    acct: int
    post: str


def digest_of(token: str) -> str:
    """What is kept of a session's token, which has 256 random bits and needs no slow hash."""
    return sha256(token.encode()).hexdigest()


class Store:
    """The directory of one shop. `folder` is where the head of the operators' log is kept."""

    def __init__(self, shop: Shop, folder: Path | None = None) -> None:
        self.shop = shop
        self.log = OperatorLog(shop, folder)
        self.people: dict[int, Standing] = {}
        self.sessions: dict[str, SessionRow] = {}  # by digest
        self.accounts: dict[int, Account] = {}
        self._keys: dict[str, KeyRow] = {}
        self._uses: dict[str, int] = {}  # since they were last written

    async def load(self) -> None:
        """Read all of it, at the start and wherever another server writes it."""
        async with self.shop.connect() as db:
            found = [KeyRow._make(row) for row in await db.execute(select(*(keys.c[name] for name in KeyRow._fields)))]
            standings = await db.execute(select(people.c.id, people.c.acct, people.c.post))
            posts = {number: Standing(acct, post) for number, acct, post in standings}
            open_sessions = [SessionRow._make(row) for row in await db.execute(select(sessions))]
            terms = [Account._make(row) for row in await db.execute(select(accounts))]
        self._keys = {row.key: row for row in found}
        self.people = posts
        self.sessions = {row.digest: row for row in open_sessions}
        self.accounts = {row.acct: row for row in terms}

    # ------------------------------------------------------------------------------------------------- who is it

    def key(self, key: str) -> KeyRow | None:
        return self._keys.get(key)

    def identity(self, key: str) -> Identity | None:
        """Who signs with a key, whether or not it still works."""
        row = self._keys.get(key)
        return row and self._identity(row.key, row.secret, row.acct, frozenset(row.scopes.split()), row.person)

    def identity_of_session(self, session: SessionRow) -> Identity:
        standing = self.people[session.person]
        scopes = OPERATOR_SCOPES if standing.post else CLIENT_SCOPES
        who = self._identity(session.id, b"", standing.acct, scopes, session.person)
        return who._replace(is_session=True)

    def _identity(self, key: str, secret: bytes, acct: int, scopes: frozenset[str], person: int) -> Identity:
        post, actor = FOUNDER, key
        if person:
            post, actor = self.people[person].post, f"p{person}"
            scopes &= OPERATOR_SCOPES if post else CLIENT_SCOPES
        if acct in self.accounts and self.accounts[acct].is_blocked:
            scopes &= {"read"}
        may = permissions_of(post) if "admin" in scopes else frozenset[May]()
        return Identity(key, secret, acct, scopes, actor, person, may)

    def has_admin(self) -> bool:
        return any("admin" in row.scopes.split() for row in self._keys.values())

    # --------------------------------------------------------------------------------------------------- its keys

    async def create_key(
        self,
        acct: int,
        scopes: Sequence[str],
        *,
        person: int = 0,
        label: str = "",
        ips: Sequence[str] = (),
        ts: int = 0,
    ) -> Key:
        """Make a key; its secret is told only here."""
        key, secret = secrets.token_hex(8), secrets.token_hex(32)
        words = " ".join(sorted(scopes))
        row = KeyRow(key, bytes.fromhex(secret), acct, words, person, label, " ".join(ips), ts, 0, 0)
        async with self.shop.begin() as db:
            await db.execute(insert(keys).values(row._asdict()))
        self._keys[key] = row
        return Key(key=key, secret=secret, acct=acct, scopes=sorted(scopes))

    async def replace_key(self, row: KeyRow, ts: int) -> Key:
        """Make a key that is like another, which ends in an hour, so that a program can change over."""
        made = await self.create_key(
            row.acct, row.scopes.split(), person=row.person, label=row.label, ips=row.ips.split(), ts=ts
        )
        await self.end_key(row, ts + OVERLAP_NS)
        return made

    async def end_key(self, row: KeyRow, ts: int) -> None:
        """Let a key work until then, if it does not end sooner."""
        if row.expires_ts and row.expires_ts <= ts:
            return
        async with self.shop.begin() as db:
            await db.execute(update(keys).where(keys.c.key == row.key).values(expires_ts=ts))
        self._keys[row.key] = self._keys[row.key]._replace(expires_ts=ts)

    def keys_of(self, acct: int) -> list[KeyRow]:
        """An account's keys, oldest first, with when each was last used."""
        found = [row for row in self._keys.values() if row.acct == acct]
        return sorted(
            (row._replace(used_ts=self._uses.get(row.key, row.used_ts)) for row in found),
            key=lambda row: (row.created_ts, row.key),
        )

    def used(self, key: str, ts: int) -> None:
        self._uses[key] = ts

    async def save_uses(self) -> None:
        """Write when keys were last used: a crash forgets the last minute of it."""
        uses, self._uses = self._uses, {}
        if uses:
            async with self.shop.begin() as db:
                for key, ts in uses.items():
                    await db.execute(update(keys).where(keys.c.key == key).values(used_ts=ts))
            for key, ts in uses.items():
                self._keys[key] = self._keys[key]._replace(used_ts=ts)

    # ------------------------------------------------------------------------------------------ what operators did

    async def record_action(self, ts: int, actor: str, action: str, reason: str, detail: object) -> None:
        """Remember what an operator did, and why."""
        await self.log.record(ts, actor, action, reason, as_json(detail))


def as_json(detail: Any) -> str:
    return msgspec.json.encode(detail, enc_hook=int).decode()
