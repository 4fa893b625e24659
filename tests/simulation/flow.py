"""Random commands that meet each other: three accounts, few prices, and names of orders that really exist."""

from collections.abc import Iterator
from random import Random

from engine.commands import (
    CASH,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    Group,
    OrderType,
    Phase,
    Place,
    Roll,
    SetBand,
    SetFees,
    SetPhase,
    Side,
    TimeInForce,
    Withdraw,
)
from tests.strategies import LISTED, opening


def flow(seed: int, count: int) -> Iterator[Command]:
    """Yield the opening, then `count` commands; the same for the same seed."""
    rng = Random(seed)
    yield from opening()
    ts = 0
    placed: list[tuple[int, str, str]] = []  # acct, cid, sym
    for number in range(count):
        ts += rng.choice((0, 0, 0, 1))
        kind = rng.random()
        if kind < 0.62 or not placed:
            acct, cid, sym = rng.randint(1, 3), f"c{number}", rng.choice(LISTED)
            placed.append((acct, cid, sym))
            yield (stop if rng.random() < 0.12 else place)(rng, ts, acct, cid, sym)
        elif kind < 0.76:
            acct, cid, _ = rng.choice(placed[-60:])
            yield Cancel(ts, acct, cid)
        elif kind < 0.92:
            acct, cid, sym = rng.choice(placed[-60:])
            yield Amend(ts, acct, cid, price(rng, sym) if rng.random() < 0.6 else 0, rng.choice((0, 2, 4, 6, 9, 14)))
        else:
            yield rare(rng, ts)


def price(rng: Random, sym: str) -> int:
    return rng.randint(598, 602) * 5 if sym == "B" else rng.randint(97, 103)


def place(rng: Random, ts: int, acct: int, cid: str, sym: str) -> Place:
    tif = rng.choice([TimeInForce.GTC] * 6 + list(TimeInForce))
    return Place(
        ts,
        acct,
        cid,
        sym,
        rng.choice(list(Side)),
        price(rng, sym),
        rng.choice((1, 2, 2, 4, 6, 8, 12)),
        tif,
        OrderType.MARKET if rng.random() < 0.08 else OrderType.LIMIT,
        rng.random() < 0.1,
        rng.choice((0, 0, 0, 1, 2, 4)),
        ts + rng.randint(0, 20) if tif == TimeInForce.GTD else 0,
    )


def stop(rng: Random, ts: int, acct: int, cid: str, sym: str) -> Place:
    tif = rng.choice([TimeInForce.GTC] * 4 + list(TimeInForce))
    kind = rng.choice((OrderType.STOP, OrderType.STOP_LIMIT))
    expiry = ts + rng.randint(1, 60) if tif == TimeInForce.GTD else 0
    side, qty, px, trigger = rng.choice(list(Side)), rng.choice((2, 4, 6)), price(rng, sym), price(rng, sym)
    return Place(ts, acct, cid, sym, side, px, qty, tif, kind, expire_ts=expiry, stop_px=trigger)


def rare(rng: Random, ts: int) -> Command:
    sym, acct = rng.choice(LISTED), rng.randint(1, 3)
    match rng.randrange(13):
        case 9 | 10:
            return SetPhase(ts, "G", Phase.CONTINUOUS)
        case 11:
            return SetFees(ts, sym, rng.choice((0, 7, 30)), rng.choice((0, 10, 25)), rng.choice((0, 2, 9)))
        case 12:
            return Roll(ts, "G")
        case 0 | 8:
            return SetPhase(ts, sym, rng.choice([*Phase, Phase.OPENING_CALL, Phase.OPENING_CALL]))
        case 1:
            return SetBand(ts, sym, rng.choice((100, 200, 1000)), rng.choice((100, 200, 1000)))
        case 2:
            return Roll(ts, sym)
        case 3:
            return CancelAll(ts, acct, rng.choice(("", sym)), rng.choice(("", "B", "S")))
        case 4:
            return Group(ts, acct, rng.randint(0, 1))
        case 5:
            return Deposit(ts, acct, rng.choice((CASH, sym)), rng.randint(1, 3000))
        case 6:
            return Withdraw(ts, acct, rng.choice((CASH, sym)), rng.randint(1, 30))
    return SetPhase(ts, sym, Phase.CONTINUOUS)
