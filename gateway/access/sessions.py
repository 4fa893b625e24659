"""Sessions of people. A browser's token is a cookie that no script reads; a program's goes into a header.

The two are told apart, so that a page can never make a browser send what a program holds, or the other way round. What
a browser changes needs its CSRF token too, which follows from the session's and is told to the page that logged in.
"""

import hmac
import secrets
from hashlib import sha256
from ipaddress import ip_address

from aiohttp import web
from sqlalchemy import delete, insert

from gateway.access.names import clean
from gateway.access.tables import sessions
from gateway.errors import Problem
from gateway.store import SessionRow, Store, digest_of

COOKIE = "__Host-session"
CSRF = "CB-CSRF"
BEARER = "Bearer "
LASTS_NS = 12 * 3_600 * 10**9
SAFE = frozenset({"GET", "HEAD"})
OPEN_MAX = 20  # sessions of one person; the oldest ends when there would be more


def csrf_of(token: str) -> str:
    return hmac.new(token.encode(), b"csrf", sha256).hexdigest()


class Sessions:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, person: int, is_bearer: bool, ip: str, agent: str, ts: int) -> tuple[SessionRow, str]:
        """A new session and its token, which is told only here."""
        token = secrets.token_urlsafe(32)
        row = SessionRow(secrets.token_hex(8), digest_of(token), person, int(is_bearer), ts, ts + LASTS_NS, ip, agent)
        mine = self.of(person)
        old = [one for one in mine if one.expires_ts <= ts] + mine[: max(0, len(mine) - OPEN_MAX + 1)]
        async with self._store.shop.begin() as db:
            await db.execute(insert(sessions).values(row._asdict()))
            await db.execute(delete(sessions).where(sessions.c.id.in_([one.id for one in old])))
        for one in old:
            self._store.sessions.pop(one.digest, None)
        self._store.sessions[row.digest] = row
        return row, token

    def of(self, person: int) -> list[SessionRow]:
        """Oldest first."""
        found = [row for row in self._store.sessions.values() if row.person == person]
        return sorted(found, key=lambda row: (row.created_ts, row.id))

    async def end(self, rows: list[SessionRow]) -> None:
        async with self._store.shop.begin() as db:
            await db.execute(delete(sessions).where(sessions.c.id.in_([row.id for row in rows])))
        for row in rows:
            self._store.sessions.pop(row.digest, None)

    def of_request(self, request: web.Request, ts: int) -> SessionRow | None:
        """The session that a request shows, None when it shows none. Raises Problem for one that is not good."""
        token, is_bearer = request.headers.get("Authorization", ""), True
        if token.startswith(BEARER):
            token = token.removeprefix(BEARER)
        else:
            token, is_bearer = request.cookies.get(COOKIE, ""), False
        if not token:
            return None
        if not token.isascii():
            raise Problem("BAD_SESSION")
        row = self._store.sessions.get(digest_of(token))
        if row is None or bool(row.is_bearer) is not is_bearer or ts >= row.expires_ts:
            raise Problem("BAD_SESSION")
        if not is_bearer and request.method not in SAFE:
            shown = request.headers.get(CSRF, "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(shown, csrf_of(token).encode()):
                raise Problem("BAD_CSRF")
        return row


def shows_session(request: web.Request) -> bool:
    return COOKIE in request.cookies or request.headers.get("Authorization", "").startswith(BEARER)


def agent_of(request: web.Request) -> str:
    """What the other side calls itself, as far as it is text."""
    try:
        return clean(request.headers.get("User-Agent", "")[:64], "agent")
    except Problem:
        return ""


def require_private(ip: str, scheme: str) -> None:
    """Raise Problem when a password or a token would go over a line that others can read."""
    if scheme != "https" and not ip_address(ip).is_loopback:
        raise Problem("NOT_PRIVATE")
