"""Whose orders there are: every client order id ever used, and the orders that are open."""

from typing import NamedTuple

from sortedcontainers import SortedList

from engine.commands import TimeInForce


class Lasting(NamedTuple):
    """When a resting order ends by itself: at its time (GTD), or with the day (DAY)."""

    sym: str
    tif: str
    expire_ts: int


class Orders:
    """Names of orders. An id is used once for ever; what is open is what the kernel has."""

    def __init__(self) -> None:
        self.last = 0  # the last number given to an order
        self.oids: dict[tuple[int, str], int] = {}  # (acct, cid) of every order ever accepted
        self.live: dict[int, dict[int, str]] = {}  # acct -> oid -> cid of its open orders, in order of entry
        self.lasting: dict[int, Lasting] = {}  # open orders that end by themselves
        self._expiries: SortedList[tuple[int, int]] = SortedList()  # (expire_ts, oid) of those

    def add(self, acct: int, cid: str, oid: int) -> None:
        self.last = oid
        self.oids[acct, cid] = oid
        self.live.setdefault(acct, {})[oid] = cid

    def find(self, acct: int, cid: str) -> int | None:
        """The number of an open order, None when it is done or never was."""
        oid = self.oids.get((acct, cid), 0)
        return oid if oid in self.live.get(acct, {}) else None

    def expect_end(self, oid: int, lasting: Lasting) -> None:
        self.lasting[oid] = lasting
        if lasting.expire_ts:
            self._expiries.add((lasting.expire_ts, oid))

    def remove(self, acct: int, oid: int) -> None:
        """An order is done; it need not end by itself any more."""
        del self.live[acct][oid]
        lasting = self.lasting.pop(oid, None)
        if lasting is not None and lasting.expire_ts:
            self._expiries.remove((lasting.expire_ts, oid))

    def due(self, ts: int) -> int | None:
        """The next order that ends by this time: by time, then entry."""
        return self._expiries[0][1] if self._expiries and self._expiries[0][0] <= ts else None

    def of_the_day(self, sym: str) -> list[int]:
        """The instrument's DAY orders, by entry."""
        return sorted(o for o, last in self.lasting.items() if last.sym == sym and last.tif == TimeInForce.DAY)
