"""Stop orders: they wait for the last trade to reach their trigger, and enter one at a time. RULES §11."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sortedcontainers import SortedList

from engine.commands import Side


class Stop(NamedTuple):
    """A stop that waits. `how` is what it is entered as."""

    oid: int
    side: str
    trigger: int
    how: int


class StopBook:
    """One instrument's stops: waiting by trigger, elected in the order in which they will enter."""

    def __init__(self) -> None:
        self._buys: SortedList[tuple[int, int]] = SortedList()  # (trigger, oid): the lowest is elected first
        self._sells: SortedList[tuple[int, int]] = SortedList()  # (-trigger, oid): the highest is
        self.stops: dict[int, Stop] = {}  # every one that has not entered, by entry
        self.elected: deque[int] = deque()

    def add(self, stop: Stop, last: int) -> None:
        """Take a stop in; one that the last trade (0: none yet) has reached is elected at once."""
        self.stops[stop.oid] = stop
        if last and (last >= stop.trigger if stop.side == Side.BUY else last <= stop.trigger):
            self.elected.append(stop.oid)
        else:
            self._side(stop).add(self._key(stop))

    def load(self, stops: Iterable[Sequence[Any]], elected: Iterable[int]) -> None:
        """Take up what a snapshot kept."""
        self.elected = deque(elected)
        for fields in stops:
            stop = self.stops[fields[0]] = Stop(*fields)
            if stop.oid not in self.elected:
                self._side(stop).add(self._key(stop))

    def elect(self, px: int) -> None:
        """A trade at this price elects: buys from the lowest trigger, then sells from the highest, then by entry."""
        while self._buys and self._buys[0][0] <= px:
            self.elected.append(self._buys.pop(0)[1])
        while self._sells and -self._sells[0][0] >= px:
            self.elected.append(self._sells.pop(0)[1])

    def remove(self, oid: int) -> None:
        """Forget a stop that is cancelled or enters."""
        stop = self.stops.pop(oid)
        self._side(stop).discard(self._key(stop))
        if oid in self.elected:
            self.elected.remove(oid)

    def _side(self, stop: Stop) -> "SortedList[tuple[int, int]]":
        return self._buys if stop.side == Side.BUY else self._sells

    @staticmethod
    def _key(stop: Stop) -> tuple[int, int]:
        return (stop.trigger if stop.side == Side.BUY else -stop.trigger), stop.oid
