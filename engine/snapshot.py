"""The exchange's state as plain records, and back: what recovery reads and the state hash digests."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from engine import codes
from engine.auction import Equilibrium
from engine.commands import List

if TYPE_CHECKING:
    from engine.exchange import Exchange

VERSION = 2


class Lasting(NamedTuple):
    """When a resting order ends by itself: at its time (GTD), or with the day (DAY)."""

    sym: str
    tif: str
    expire_ts: int


def records_of(exchange: "Exchange") -> Iterator[tuple[Any, ...]]:
    """The whole state as plain tuples, in an order that the state alone decides."""
    yield "exchange", VERSION, exchange.seq, exchange.ts, exchange._oid_last, exchange._trade_last
    for it in exchange._instruments.values():
        yield (
            "instrument",
            tuple(it.listing),
            it.lo,
            it.hi,
            it.ref,
            it.up_bp,
            it.down_bp,
            it.phase,
            it.called,
            tuple(it.indicated),
            it.last,
            it.close,
        )
    for asset, amount in exchange._supply.items():
        yield "supply", asset, amount
    for index, acct in enumerate(exchange._accts):
        if index != codes.NOBODY:
            yield "account", acct, *exchange.kernel.cash(index)
    positions = ((*row[:4], exchange._accts[row[0]], exchange._syms[row[1]]) for row in exchange.kernel.all_positions())
    for _, _, free, held, acct, sym in sorted(positions):
        if free or held:
            yield "position", acct, sym, free, held
    for it in exchange._instruments.values():
        for side in (codes.BUY, codes.SELL):
            for oid, account, *rest, _, _ in open_orders(exchange, it.index, side):
                yield "order", it.sym, side, exchange._accts[account], oid, *rest
    for it in exchange._instruments.values():
        if it.stops.stops:
            yield "stops", it.sym, [list(stop) for stop in it.stops.stops.values()], list(it.stops.elected)
    for oid, lasting in sorted(exchange._lasting.items()):
        yield "lasting", oid, *lasting
    for acct, group in sorted(exchange._groups.items()):
        yield "group", acct, group
    for (acct, cid), oid in exchange._oids.items():
        yield "cid", acct, cid, oid


def rebuild(exchange: "Exchange", records: Iterable[Sequence[Any]]) -> None:
    """Bring a new exchange to the state of a snapshot. Raises ValueError for records that are not one."""
    for kind, *rest in records:
        match kind:
            case "exchange":
                version, exchange.seq, exchange.ts, exchange._oid_last, exchange._trade_last = rest
                if version != VERSION:
                    raise ValueError(f"snapshot version {version}, this program reads {VERSION}")
            case "instrument":
                _relist(exchange, *rest)
            case "supply":
                exchange._supply[rest[0]] = rest[1]
            case "account":
                acct, free, held = rest
                if acct not in exchange._indexes:
                    exchange._indexes[acct] = exchange.kernel.add_account()
                    exchange._accts.append(acct)
                exchange.kernel.add_cash(exchange._indexes[acct], free, held)
            case "position":
                acct, sym, free, held = rest
                exchange.kernel.add_bottles(exchange._indexes[acct], exchange._instruments[sym].index, free, held)
            case "order":
                sym, side, acct, oid, *numbers = rest
                account, instr = exchange._indexes[acct], exchange._instruments[sym].index
                exchange.kernel.load_order(oid, account, *numbers, instr, side)  # type: ignore[call-arg]
            case "stops":
                sym, stops, elected = rest
                exchange._instruments[sym].stops.load(stops, elected)
                exchange._elected[sym] = None
            case "lasting":
                oid, *lasting = rest
                exchange._lasting[oid] = Lasting(*lasting)
                if exchange._lasting[oid].expire_ts:
                    exchange._expiries.add((exchange._lasting[oid].expire_ts, oid))
            case "group":
                exchange._set_group(*rest)
            case "cid":
                acct, cid, oid = rest
                exchange._oids[acct, cid] = oid
                live = exchange._live.setdefault(acct, {})
                if exchange.kernel.order(oid) is not None:
                    live[oid] = cid
            case _:
                raise ValueError(f"unknown snapshot record {kind!r}")


def _relist(
    exchange: "Exchange",
    listing: Sequence[Any],
    lo: int,
    hi: int,
    ref: int,
    up_bp: int,
    down_bp: int,
    phase: str,
    called: bool,
    indicated: Sequence[int],
    last: int,
    close: int,
) -> None:
    """List an instrument as it was first, then move it to where it stood."""
    exchange._list(List(*listing), [])
    it = exchange._instruments[listing[1]]
    it.lo, it.hi, it.ref, it.up_bp, it.down_bp, it.phase, it.last = lo, hi, ref, up_bp, down_bp, phase, last
    it.called, it.indicated, it.close = called, Equilibrium(*indicated), close
    exchange.kernel.set_band(it.index, lo // it.tick, hi // it.tick, it.qty_max)
    exchange.kernel.set_state(it.index, codes.STATES[phase])


def open_orders(exchange: "Exchange", instr: int, side: int) -> list[tuple[int, ...]]:
    """Every open order of a side as the kernel gives it: those in the book, market orders in a call, stops."""
    stops = exchange._instruments[exchange._syms[instr]].stops.stops.values()
    waiting = [exchange.kernel.order(stop.oid) for stop in stops if codes.SIDE_CODES[stop.side] == side]
    found = exchange.kernel.queue(instr, side) + exchange.kernel.waiting_orders(instr, side)
    return found + [order for order in waiting if order is not None]
