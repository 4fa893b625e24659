"""The demo's crowd is decided by its seed, differs from line to line, and keeps a market alive on the real engine."""

from collections import Counter
from itertools import chain

from engine import commands
from engine.commands import CASH, Deposit, List, SetBand
from engine.events import Rejected, Traded
from engine.exchange import Exchange
from engine.reject import Reject
from marketplace import catalog
from terminal.demo.crowd import Action, Cancel, Crowd, Limits, Line
from terminal.demo.personas import persona_of, tick_of

MAKERS = (11, 12)
COLLECTORS = (21, 22, 23, 24)
SEED = 7


def crowd_on(exchange: Exchange, seed: int = SEED) -> Crowd:
    """List the catalogue, give everybody cash and bottles, and bring in the crowd."""
    for sym in catalog.load():
        ref = catalog.reference_price(sym).price_fen
        exchange.apply([List(0, sym, tick=tick_of(ref), ref=ref, max_qty=500, maker_bp=10, taker_bp=20)])
        exchange.apply([Deposit(0, acct, sym, 20_000) for acct in (*MAKERS, *COLLECTORS)])
    exchange.apply([Deposit(0, acct, CASH, 10**11) for acct in (*MAKERS, *COLLECTORS)])
    lines = [Line(sym, persona_of(seed, catalog.prices()[sym]), limits) for sym, limits in limits_of(exchange).items()]
    return Crowd(seed, "run", lines, MAKERS, COLLECTORS)


def limits_of(exchange: Exchange) -> dict[str, Limits]:
    return {sym: Limits(it.tick, it.lo, it.hi, it.ref) for sym, it in exchange.instruments.items()}


def stream(crowd: Crowd, decisions: int) -> list[Action]:
    return [*crowd.opening(), *chain.from_iterable(crowd.decide() for _ in range(decisions))]


def command(action: Action) -> commands.Command:
    return commands.Cancel(0, *action) if isinstance(action, Cancel) else commands.Place(0, *action)


def test_same_seed_gives_the_same_stream_and_another_seed_another() -> None:
    first, again, other = (stream(crowd_on(Exchange(), seed), 500) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_lines_differ_in_temper() -> None:
    personas = [persona_of(SEED, dated) for dated in catalog.prices().values()]

    assert len(personas) == len({persona.spread for persona in personas})
    assert len({persona.size for persona in personas}) > 5
    assert len({persona.levels for persona in personas}) > 3


def test_dear_line_is_rarer_and_wider_than_a_common_one() -> None:
    horse, common = (persona_of(SEED, catalog.prices()[sym]) for sym in ("HORSE-2014-500", "GUOTAI-2017-500"))

    assert horse.pace < common.pace
    assert horse.spread > common.spread
    assert horse.size < common.size


def test_hours_of_crowd_keep_every_line_trading_within_band_and_cover() -> None:
    exchange = Exchange()
    crowd = crowd_on(exchange)

    events = exchange.apply([command(action) for action in stream(crowd, 40_000)])

    refusals = Counter(event.code for event in events if isinstance(event, Rejected))
    assert {Reject.UNKNOWN_ORDER} == set(refusals)  # the cancels of quotes that traded
    trades = Counter(event.sym for event in events if isinstance(event, Traded))
    assert set(catalog.load()) == set(trades)
    for sym, it in exchange.instruments.items():
        bids, asks = exchange.book(sym)
        assert bids, sym
        assert asks, sym
        assert it.lo < bids[-1][0], f"{sym} lies on its band"
        assert asks[-1][0] < it.hi, f"{sym} lies on its band"


def test_crowd_follows_a_moved_band() -> None:
    exchange = Exchange()
    crowd = crowd_on(exchange)
    exchange.apply([SetBand(0, sym, 100, 100, it.ref * 2) for sym, it in exchange.instruments.items()])

    events = exchange.apply([command(action) for action in crowd.follow(limits_of(exchange))])

    assert not [event for event in events if isinstance(event, Rejected)]
    for sym in exchange.instruments:
        assert all(exchange.book(sym)), f"{sym} has no new quotes on a side"
    assert [] == list(crowd.follow(limits_of(exchange)))
