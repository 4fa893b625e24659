"""Passwords, by Argon2id in a few patient threads, and the codes of an authenticator (RFC 6238)."""

import asyncio
import contextlib
import hmac
import os
import sys
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.errors import Problem

LENGTH_MIN, LENGTH_MAX = 10, 256  # characters
THREADS = 2
WAITING_MAX = 32  # hashes asked for; a flood of logins is turned away beyond
NICE = 10  # below the journal and the loop
STEP_S = 30
ISSUER = "Cellarbook"


class Passwords:
    """Hashes that cost much on purpose: 19 MiB, two passes, one lane (OWASP), never on the loop, never many at once."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords", initializer=_step_back)
        self._nobodys = self._hasher.hash(os.urandom(16))  # what a login is compared with when there is none
        self.waiting = 0  # hashes asked for and not yet made

    async def hash(self, password: str) -> str:
        """Raises Problem MALFORMED for one that is too short, BUSY when too many are waiting."""
        if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
            raise Problem("MALFORMED", field="password", msg=f"a password has {LENGTH_MIN} to {LENGTH_MAX} characters")
        return str(await self._run(self._hasher.hash, _normal(password)))

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Whether it is the password. Takes as long when there is none. Raises Problem BUSY."""
        matches = await self._run(self._matches, kept or self._nobodys, _normal(password[:LENGTH_MAX]))
        return bool(matches) and kept is not None

    def _matches(self, kept: str, password: bytes) -> bool:
        with contextlib.suppress(VerificationError, InvalidHashError):
            return self._hasher.verify(kept, password)
        return False

    async def _run(self, work: object, *arguments: object) -> object:
        if self.waiting >= WAITING_MAX:
            raise Problem("BUSY")
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)  # type: ignore[arg-type]
        finally:
            self.waiting -= 1

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)


def _step_back() -> None:
    """Let orders go first: on Linux a thread has a niceness of its own."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _normal(password: str) -> bytes:
    """The same bytes however a keyboard composed it."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def new_totp() -> str:
    return pyotp.random_base32()


def totp_uri(secret: str, login: str) -> str:
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def step_of(secret: str, code: str, now_ns: int, last_step: int) -> int | None:
    """The half minute that a code belongs to, None when it is wrong, too old, or not after the last one used."""
    now = now_ns // 10**9 // STEP_S
    for step in (now - 1, now, now + 1):
        good = pyotp.TOTP(secret).at(step * STEP_S)
        if step > last_step and hmac.compare_digest(good.encode(), code.encode("utf-8", "surrogatepass")):
            return step
    return None
