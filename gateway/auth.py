"""Who is asking: checks signatures, their time and their nonces, sessions, and what either may do."""

import hmac
import json
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from gateway.access.posts import May
from gateway.access.sessions import Sessions, require_private
from gateway.errors import Problem
from gateway.limits import Proxies
from gateway.signing import KEY, NONCE, SIGN, TIMESTAMP, signature
from gateway.store import Identity, Store

WINDOW_NS = 30 * 10**9
NONCE_MAX = 64  # characters
NONCES_MAX = 200_000  # remembered at a time; more within one window are refused, so that memory stays bounded


class Authenticator:
    """Verifies requests. A nonce is good once within the window, an older timestamp is refused by itself."""

    def __init__(self, store: Store, clock: Callable[[], int], proxies: Proxies | None = None) -> None:
        self.proxies = proxies or Proxies(())
        self._store = store
        self._sessions = Sessions(store)
        self._clock = clock
        self._since = clock()  # nonces of before are forgotten, so what was signed before is refused
        self._nonces: set[tuple[str, str]] = set()
        self._expiry: deque[tuple[int, tuple[str, str]]] = deque()

    async def identify(self, request: web.Request) -> Identity:
        """Return who signed an HTTP request, or whose session it shows. Raises Problem."""
        headers, ip = request.headers, self.proxies.address_of(request)
        if KEY in headers:
            key, ts, nonce, sign = (headers.get(name, "") for name in (KEY, TIMESTAMP, NONCE, SIGN))
            return self.verify(key, ts, nonce, sign, request.method, request.raw_path, await request.read(), ip)
        session = self._sessions.of_request(request, self._clock())
        if session is None:
            raise Problem("UNAUTHENTICATED")
        require_private(ip, self.proxies.scheme_of(request))
        return self._store.identity_of_session(session)

    def verify(
        self, key: str, ts: str, nonce: str, sign: str, method: str, path: str, body: bytes, ip: str = ""
    ) -> Identity:
        """Return whose signature this is. Raises Problem when anything about it is wrong."""
        if not (ts + nonce + sign).isascii():  # a header's other bytes arrive as text that cannot be encoded again
            raise Problem("BAD_SIGNATURE")
        identity, row = self._store.identity(key), self._store.key(key)
        secret = identity.secret if identity else b"\0" * 32
        good = hmac.compare_digest(signature(secret, ts, nonce, method, path, body).encode(), sign.encode())
        now = self._clock()
        timely = (
            ts.isascii()
            and ts.isdigit()
            and len(ts) <= 20
            and abs(now - int(ts)) <= WINDOW_NS
            and int(ts) >= self._since
        )
        if identity is None or row is None or not good or not timely or not 0 < len(nonce) <= NONCE_MAX:
            raise Problem("BAD_SIGNATURE")
        if row.has_ended(now) or not row.works_from(ip):
            raise Problem("BAD_SIGNATURE", msg="this key has ended, or may not be used from here")
        while self._expiry and self._expiry[0][0] < now - 2 * WINDOW_NS:
            self._nonces.discard(self._expiry.popleft()[1])
        used = (key, nonce)
        if used in self._nonces or len(self._nonces) >= NONCES_MAX:
            raise Problem("BAD_SIGNATURE")
        self._nonces.add(used)
        self._expiry.append((now, used))
        self._store.used(key, now)
        return identity


def require(identity: Identity, scope: str) -> None:
    """Raise Problem unless the key has the scope."""
    if scope not in identity.scopes:
        raise Problem("FORBIDDEN")


def require_may(identity: Identity, may: May) -> None:
    """Raise Problem unless the operator's post allows it."""
    require(identity, "admin")
    if may not in identity.may:
        raise Problem("FORBIDDEN", msg=f"your post does not allow this: {may}")


async def ensure_operator_key(store: Store, path: Path) -> None:
    """Make the first operator's key at the first start; the file is for its owner alone."""
    if store.has_admin() and path.exists():  # noqa: ASYNC240 - nobody is served yet
        return
    key = await store.create_key(0, ["admin", "read"])
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"key": key.key, "secret": key.secret}, file)
