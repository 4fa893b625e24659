"""The exchange's state as plain records, and back: what recovery reads and the state hash digests."""

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from engine import codes
from engine.commands import CASH, AddAsset, List
from engine.instrument import Equilibrium
from engine.transfers import Hold, Outcome

if TYPE_CHECKING:
    from engine.exchange import Exchange

VERSION = 3


class Lasting(NamedTuple):
    """When a resting order ends by itself: at its time (GTD), or with the day (DAY)."""

    sym: str
    tif: str
    expire_ts: int


def records_of(exchange: "Exchange") -> Iterator[tuple[Any, ...]]:
    """The whole state as plain tuples, in an order that the state alone decides."""
    yield "exchange", VERSION, exchange.seq, exchange.ts, exchange._oid_last, exchange._trade_last
    balances = exchange._balances
    for asset in balances.assets:
        it = exchange._instruments.get(asset)
        if it is None:
            yield "asset", asset
        else:
            yield "instrument", tuple(it.listing), [_plain(getattr(it, name)) for name in _STATE]
    for asset, amount in balances.supply.items():
        yield "supply", asset, amount
    for index, acct in enumerate(balances.accts):
        if index != codes.NOBODY:
            yield "account", acct, *exchange.kernel.cash(index)
    positions = ((*row[:4], balances.accts[row[0]], exchange._syms[row[1]]) for row in exchange.kernel.all_positions())
    for _, _, free, held, acct, sym in sorted(positions):
        if free or held:
            yield "position", acct, sym, free, held
    for account, instr, day, qty in sorted(exchange.kernel.all_locks()):
        yield "lock", balances.accts[account], exchange._syms[instr], day, qty
    for it in exchange._instruments.values():
        for side in (codes.BUY, codes.SELL):
            for oid, account, *rest, _, _ in open_orders(exchange, it.index, side):
                yield "order", it.sym, side, balances.accts[account], oid, *rest
    for it in exchange._instruments.values():
        if it.stops.stops:
            yield "stops", it.sym, [list(stop) for stop in it.stops.stops.values()], list(it.stops.elected)
    for oid, lasting in sorted(exchange._lasting.items()):
        yield "lasting", oid, *lasting
    for acct, group in sorted(exchange._groups.items()):
        yield "group", acct, group
    yield from exchange._transfers.records()
    yield from exchange._offerings.records()
    for (acct, cid), oid in exchange._oids.items():
        yield "cid", acct, cid, oid


def digest_of(records: Iterable[Sequence[Any]]) -> str:
    """The state hash of a snapshot's records, which is that of the exchange they were taken from."""
    digest = blake2b(digest_size=32)
    for record in records:
        if record[0] != "exchange":
            digest.update(json.dumps(record).encode())
    return digest.hexdigest()


def rebuild(exchange: "Exchange", records: Iterable[Sequence[Any]]) -> None:
    """Bring a new exchange to the state of a snapshot. Raises ValueError for records that are not one."""
    balances = exchange._balances
    for kind, *rest in records:
        match kind:
            case "exchange":
                version, exchange.seq, exchange.ts, exchange._oid_last, exchange._trade_last = rest
                if version != VERSION:
                    raise ValueError(f"snapshot version {version}, this program reads {VERSION}")
            case "instrument":
                _relist(exchange, *rest)
            case "asset":
                exchange._add_asset(AddAsset(0, rest[0]), [])
            case "supply":
                balances.supply[rest[0]] = rest[1]
            case "account":
                acct, free, held = rest
                balances.move(acct, CASH, free, held)
            case "position":
                balances.move(*rest)
            case "lock":
                acct, sym, day, qty = rest
                exchange.kernel.load_lock(balances.index(acct), balances.assets[sym], day, qty)
            case "order":
                sym, side, acct, oid, *numbers = rest
                account, instr = balances.index(acct), balances.assets[sym]
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
            case "hold":
                name, *hold = rest
                exchange._transfers.holds[name] = Hold(*hold)
            case "transfer":
                key, *outcome = rest
                exchange._transfers.outcomes[key] = Outcome(*outcome)
            case "offering":
                exchange._offerings.load(*rest)
            case "cid":
                acct, cid, oid = rest
                exchange._oids[acct, cid] = oid
                live = exchange._live.setdefault(acct, {})
                if exchange.kernel.order(oid) is not None:
                    live[oid] = cid
            case _:
                raise ValueError(f"unknown snapshot record {kind!r}")


_STATE = (
    "lo", "hi", "ref", "up_bp", "down_bp", "fees", "phase", "called", "indicated", "last", "close", "auction", "day",
    "next_band",
)  # fmt: skip


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _relist(exchange: "Exchange", listing: Sequence[Any], state: Sequence[Any]) -> None:
    """List an instrument as it was first, then move it to where it stood."""
    exchange._list(List(*listing), [])
    it = exchange._instruments[listing[1]]
    for name, value in zip(_STATE, state, strict=True):
        setattr(it, name, tuple(value) if isinstance(value, list) else value)
    it.indicated = Equilibrium(*it.indicated)
    exchange.kernel.set_band(it.index, it.lo // it.tick, it.hi // it.tick, it.qty_max)
    exchange.kernel.set_guard(it.index, *it.guard)
    exchange.kernel.set_state(it.index, codes.STATES[it.phase])
    exchange.kernel.set_fees(it.index, *it.fees, [])
    exchange.kernel.set_day(it.index, it.day)


def open_orders(exchange: "Exchange", instr: int, side: int) -> list[tuple[int, ...]]:
    """Every open order of a side as the kernel gives it: those in the book, market orders in a call, stops."""
    stops = exchange._instruments[exchange._syms[instr]].stops.stops.values()
    waiting = [exchange.kernel.order(stop.oid) for stop in stops if codes.SIDE_CODES[stop.side] == side]
    found = exchange.kernel.queue(instr, side) + exchange.kernel.waiting_orders(instr, side)
    return found + [order for order in waiting if order is not None]
