"""How often: token buckets for each key and each address, told in headers; and whose address a request comes from.

Cancels have a bucket of their own, so that whoever used up his orders can still get out.
"""

from collections.abc import Hashable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from aiohttp import web

from gateway.errors import Problem

S = 10**9
BUCKETS_MAX = 100_000  # kept at a time; those that are full again are forgotten first
FORWARDED_FOR, FORWARDED_PROTO = "X-Forwarded-For", "X-Forwarded-Proto"


class Rate(NamedTuple):
    """So many a second, and so many at once after a pause."""

    per_s: int
    burst: int


class Buckets:
    """Each bucket is one number: when it will be full again (the virtual scheduling of ITU-T I.371)."""

    def __init__(self) -> None:
        self._full_at: dict[Hashable, int] = {}

    def take(self, name: Hashable, rate: Rate, now: int) -> int:
        """Take a token, unless there is none. Return nanoseconds: how long to wait for one, or minus what is left."""
        each = S // rate.per_s
        full_at = self._full_at.get(name, 0)
        over = (full_at if full_at > now else now) + each - now - rate.burst * each
        if over <= 0:
            if not full_at and len(self._full_at) >= BUCKETS_MAX:
                self._forget(now)
            self._full_at[name] = now + over + rate.burst * each
        return over

    def _forget(self, now: int) -> None:
        """Drop the buckets that are full; if hardly any is, the half that will be first."""
        kept = sorted((item for item in self._full_at.items() if item[1] > now), key=lambda item: item[1])
        self._full_at = dict(kept[-BUCKETS_MAX // 2 :])


class Rates(NamedTuple):
    """What one server grants. `logins` holds for an address, and for a name from anywhere."""

    orders: Rate = Rate(1_000, 2_000)
    cancels: Rate = Rate(2_000, 4_000)
    reads: Rate = Rate(200, 1_000)
    address: Rate = Rate(5_000, 20_000)
    logins: Rate = Rate(1, 10)


RATES = Rates()


class Limits:
    """The buckets of one server; with no rates, anything goes."""

    def __init__(self, rates: Rates | None) -> None:
        self.rates = rates
        self._buckets = Buckets()

    def take(self, what: str, who: Hashable, now: int, per_s: int = 0) -> tuple[Rate, int] | None:
        """Take a token of the bucket `what` of somebody; `per_s` is his own rate. Raises Problem RATE_LIMITED."""
        if self.rates is None:
            return None
        rate: Rate = Rate(per_s, 2 * per_s) if per_s else getattr(self.rates, what)
        over = self._buckets.take((what, who), rate, now)
        if over > 0:
            raise Problem("RATE_LIMITED", after_ms=-(-over // 10**6), headers=headers_of(what, rate, over))
        return rate, over


def headers_of(what: str, rate: Rate, over: int) -> dict[str, str]:
    """The headers of draft-ietf-httpapi-ratelimit-headers-10: what is granted, what is left, and until when."""
    left = max(0, -over) // (S // rate.per_s)
    until = -(-over // S) if over > 0 else -(-(rate.burst - left) // rate.per_s)
    return {
        "RateLimit-Policy": f'"{what}";q={rate.burst};w={-(-rate.burst // rate.per_s)}',
        "RateLimit": f'"{what}";r={left};t={until}',
    }


# -------------------------------------------------------------------------------------------------------- addresses

Address = IPv4Address | IPv6Address


class Proxies:
    """The proxies in front of the server, as networks. What they say of their clients is believed; nobody else is."""

    def __init__(self, networks: Sequence[str]) -> None:
        """Raises ValueError for what is no network."""
        self._networks = [ip_network(network) for network in networks]

    def address_of(self, request: web.BaseRequest) -> str:
        """Whose request it is: the last address before the proxies."""
        address = _plain(request.remote or "0.0.0.0")  # noqa: S104 - a socket without a peer
        said = ",".join(request.headers.getall(FORWARDED_FOR, [])).split(",") if self._trusts(address) else []
        for text in reversed(said):
            try:
                found = _plain(text.strip())
            except ValueError:
                break
            address = found
            if not self._trusts(address):
                break
        return str(address)

    def scheme_of(self, request: web.BaseRequest) -> str:
        """How the client sees us."""
        if request.secure:
            return "https"
        if self._trusts(_plain(request.remote or "0.0.0.0")):  # noqa: S104
            return "https" if request.headers.get(FORWARDED_PROTO, "").strip().lower() == "https" else "http"
        return "http"

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _plain(text: str) -> Address:
    """An address, IPv4 as such also where it is written as IPv6. Raises ValueError."""
    address = ip_address(text)
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def neighbours(ip: str) -> str:
    """Whose bucket an address shares: an IPv6 customer has 2^64 of them."""
    address = ip_address(ip)
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else ip
