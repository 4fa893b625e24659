"""What the makers and collectors of the demo do next: a stream of orders that a seed decides. Pure.

No clock and no answer from the exchange enters a decision, only the instruments' bands as they are now; so a refused
order changes nothing, and the same seed and bands give the same stream. Makers roll their quotes: a new one about the
line's fair price, the oldest one away. Collectors take what is there, or rest a bid or an offer near it.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from terminal.demo.personas import SWAY_MAX, Persona

MAKER_SHARE = 0.6  # of the decisions
TAKE_SHARE = 0.6  # of the collectors' decisions
PULL = 0.02  # of the way back to the trend in one beat
RESTING_MAX = 6  # orders that one collector leaves in one line


class Limits(NamedTuple):
    """What the exchange says about a line: tick, band and reference price, in fen."""

    tick: int
    lo: int
    hi: int
    ref: int


class Order(NamedTuple):
    acct: int
    cid: str
    sym: str
    side: str
    px: int
    qty: int
    tif: str


class Cancel(NamedTuple):
    acct: int
    cid: str


Action = Order | Cancel


@dataclass(slots=True)
class Line:
    """One line as the crowd sees it. `sway`: the fair price's distance from the reference, as a fraction."""

    sym: str
    persona: Persona
    limits: Limits
    sway: float = 0.0
    beats: int = 0
    quotes: dict[tuple[int, str], deque[str]] = field(default_factory=dict)  # (account, side) -> its orders' cids

    @property
    def trend(self) -> float:
        """Where the line is pulled to now; swings about its lean."""
        return self.persona.lean * (0.5 + math.sin(2 * math.pi * self.beats / self.persona.period))

    @property
    def fair(self) -> float:
        return self.limits.ref * (1 + self.sway)

    def beat(self, rng: Random) -> None:
        self.beats += 1
        self.sway += PULL * (self.trend - self.sway) + rng.gauss(0, self.persona.sigma)
        self.sway = max(-SWAY_MAX, min(SWAY_MAX, self.sway))

    def price(self, side: str, away: float) -> int:
        """The price `away` (a fraction) on this side of the fair one, on the tick and in the band."""
        tick, lo, hi, _ = self.limits
        exact = self.fair * (1 - away if side == "B" else 1 + away)
        ticks = math.floor(exact / tick) if side == "B" else math.ceil(exact / tick)
        return max(lo, min(hi, ticks * tick))


class Crowd:
    """Everybody in the demo. `run` starts every client order id and must differ between runs on one exchange."""

    def __init__(
        self, seed: int, run: str, lines: Sequence[Line], makers: Sequence[int], collectors: Sequence[int]
    ) -> None:
        self.rng = Random(seed)  # noqa: S311 - a game, no secret
        self.run = run
        self.lines = {line.sym: line for line in lines}
        self.makers = makers
        self.collectors = collectors
        self.weights = [line.persona.pace for line in lines]
        self.orders = 0

    def follow(self, limits: Mapping[str, Limits]) -> Iterator[Action]:
        """Take over bands and reference prices as they are on the exchange now; new ladders where they moved."""
        for sym, now in limits.items():
            line = self.lines.get(sym)
            if line is not None and line.limits != now:
                line.limits = now
                yield from self.ladder(line)

    def opening(self) -> Iterator[Action]:
        """The first quotes: every maker's full ladder in every line."""
        for line in self.lines.values():
            yield from self.ladder(line)

    def ladder(self, line: Line) -> Iterator[Action]:
        for level in range(line.persona.levels):
            for maker in self.makers:
                yield from self.quote(line, maker, "B", level)
                yield from self.quote(line, maker, "S", level)

    def decide(self) -> list[Action]:
        """The next decision: mostly one order and the cancel of an older one."""
        line = self.rng.choices(list(self.lines.values()), self.weights)[0]
        line.beat(self.rng)
        side = self.rng.choice("BS")
        if self.rng.random() < MAKER_SHARE:
            level = int(self.rng.triangular(0, line.persona.levels, 0))
            return list(self.quote(line, self.rng.choice(self.makers), side, level))
        collector = self.rng.choice(self.collectors)
        if self.rng.random() < TAKE_SHARE:
            return [self.take(line, collector)]
        return list(self.rest(line, collector, side))

    def quote(self, line: Line, maker: int, side: str, level: int) -> Iterator[Action]:
        persona = line.persona
        away = persona.spread / 2 + level * persona.gap * self.rng.uniform(0.9, 1.1)
        qty = max(round(persona.size * (1 + level / 4) * self.rng.uniform(0.5, 1.5)), 1)
        yield from self.put(line, maker, side, away, qty, persona.levels)

    def rest(self, line: Line, collector: int, side: str) -> Iterator[Action]:
        """A collector's own bid or offer, somewhere from inside the spread to a few levels out."""
        away = line.persona.spread * self.rng.uniform(0.1, 2.0)
        yield from self.put(line, collector, side, away, self.bottles(line), RESTING_MAX)

    def take(self, line: Line, collector: int) -> Order:
        """Buy or sell at once, sometimes through several levels; more often towards the trend than away from it."""
        side = "B" if self.rng.random() < 0.5 + 10 * (line.trend - line.sway) else "S"
        reach = line.persona.spread + line.persona.gap * self.rng.choice((0, 1, 1, 2, 4))
        return self.order(line, collector, side, -reach, self.bottles(line), "IOC")

    def put(self, line: Line, acct: int, side: str, away: float, qty: int, keep: int) -> Iterator[Action]:
        """Rest an order, after the cancel of the oldest when there would be more than `keep`."""
        quotes = line.quotes.setdefault((acct, side), deque())
        if len(quotes) >= keep:
            yield Cancel(acct, quotes.popleft())
        order = self.order(line, acct, side, away, qty, "GTC")
        quotes.append(order.cid)
        yield order

    def order(self, line: Line, acct: int, side: str, away: float, qty: int, tif: str) -> Order:
        self.orders += 1
        return Order(acct, f"{self.run}-{self.orders}", line.sym, side, line.price(side, away), qty, tif)

    def bottles(self, line: Line) -> int:
        """How many a collector trades: a few, now and then a case."""
        few = max(line.persona.size // 3, 1)
        return self.rng.randint(1, few) if self.rng.random() < 0.9 else few * 6
