"""Who is asking: checks signatures, their time and their nonces, and what a key may do."""

import hmac
import json
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from gateway.errors import Problem
from gateway.signing import KEY, NONCE, SIGN, TIMESTAMP, signature
from gateway.store import Identity, Store

WINDOW_NS = 30 * 10**9
NONCE_MAX = 64  # characters
NONCES_MAX = 200_000  # remembered at a time; more within one window are refused, so that memory stays bounded


class Authenticator:
    """Verifies requests. A nonce is good once within the window, an older timestamp is refused by itself."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._since = clock()  # nonces of before are forgotten, so what was signed before is refused
        self._nonces: set[tuple[str, str]] = set()
        self._expiry: deque[tuple[int, tuple[str, str]]] = deque()

    async def identify(self, request: web.Request) -> Identity:
        """Return who signed an HTTP request. Raises Problem."""
        headers = request.headers
        if KEY not in headers:
            raise Problem("UNAUTHENTICATED")
        key, ts, nonce, sign = (headers.get(name, "") for name in (KEY, TIMESTAMP, NONCE, SIGN))
        return self.verify(key, ts, nonce, sign, request.method, request.raw_path, await request.read())

    def verify(self, key: str, ts: str, nonce: str, sign: str, method: str, path: str, body: bytes) -> Identity:
        """Return whose signature this is. Raises Problem when anything about it is wrong."""
        if not (ts + nonce + sign).isascii():  # a header's other bytes arrive as text that cannot be encoded again
            raise Problem("BAD_SIGNATURE")
        identity = self._store.identity(key)
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
        if identity is None or not good or not timely or not 0 < len(nonce) <= NONCE_MAX:
            raise Problem("BAD_SIGNATURE")
        while self._expiry and self._expiry[0][0] < now - 2 * WINDOW_NS:
            self._nonces.discard(self._expiry.popleft()[1])
        used = (key, nonce)
        if used in self._nonces or len(self._nonces) >= NONCES_MAX:
            raise Problem("BAD_SIGNATURE")
        self._nonces.add(used)
        self._expiry.append((now, used))
        return identity


def require(identity: Identity, scope: str) -> None:
    """Raise Problem unless the key has the scope."""
    if scope not in identity.scopes:
        raise Problem("FORBIDDEN")


async def ensure_operator_key(store: Store, path: Path) -> None:
    """Make the first operator's key at the first start; the file is for its owner alone."""
    if store.has_admin() and path.exists():  # noqa: ASYNC240 - nobody is served yet
        return
    key = await store.create_key(0, ["admin", "read"])
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"key": key.key, "secret": key.secret}, file)
