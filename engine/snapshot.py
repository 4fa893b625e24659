"""The exchange's state as plain records, and back: what recovery reads and the state hash digests."""

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any

from engine import codes
from engine.commands import CASH, AddAsset, List
from engine.instrument import Equilibrium
from engine.orders import Lasting
from engine.transfers import Hold, Outcome

if TYPE_CHECKING:
    from engine.exchange import Exchange

VERSION = 4
HASHED = 1_000  # records to one piece of JSON: four times as fast as one by one


def records_of(exchange: "Exchange") -> Iterator[tuple[Any, ...]]:
    """The whole state as plain tuples, in an order that the state alone decides."""
    core = exchange.core
    yield "exchange", VERSION, core.seq, core.ts
    yield "numbers", core.orders.last, core.trade_last
    balances = core.balances
    for asset in balances.assets:
        it = core.instruments.get(asset)
        if it is None:
            yield "asset", asset
        else:
            yield "instrument", tuple(it.listing), [_plain(getattr(it, name)) for name in _STATE]
    for asset, amount in balances.supply.items():
        yield "supply", asset, amount
    for index, acct in enumerate(balances.accts):
        if index != codes.NOBODY:
            yield "account", acct, *core.kernel.cash(index)
    positions = ((*row[:4], balances.accts[row[0]], core.syms[row[1]]) for row in core.kernel.all_positions())
    for _, _, free, held, acct, sym in sorted(positions):
        if free or held:
            yield "position", acct, sym, free, held
    for account, instr, day, qty in sorted(core.kernel.all_locks()):
        yield "lock", balances.accts[account], core.syms[instr], day, qty
    for it in core.instruments.values():
        for side in (codes.BUY, codes.SELL):
            for oid, account, *rest, _, _ in core.all_orders(it, side):
                yield "order", it.sym, side, balances.accts[account], oid, *rest
    for it in core.instruments.values():
        if it.stops.stops:
            yield "stops", it.sym, [list(stop) for stop in it.stops.stops.values()], list(it.stops.elected)
    for oid, lasting in sorted(core.orders.lasting.items()):
        yield "lasting", oid, *lasting
    for acct, group in sorted(core.groups.items()):
        yield "group", acct, group
    yield from exchange.transfers.records()
    yield from exchange.offerings.records()
    for (acct, cid), oid in core.orders.oids.items():
        yield "cid", acct, cid, oid


def digest_of(records: Iterable[Sequence[Any]]) -> str:
    """The state hash of a snapshot's records, which is that of the exchange they were taken from."""
    digest = blake2b(digest_size=32)
    state = (record for record in records if record[0] != "exchange")
    while portion := list(islice(state, HASHED)):
        digest.update(json.dumps(portion).encode())
    return digest.hexdigest()


def rebuild(exchange: "Exchange", records: Iterable[Sequence[Any]]) -> None:
    """Bring a new exchange to the state of a snapshot. Raises ValueError for records that are not one."""
    core = exchange.core
    balances = core.balances
    for kind, *rest in records:
        match kind:
            case "exchange":
                if rest[0] != VERSION:
                    raise ValueError(f"snapshot version {rest[0]}, this program reads {VERSION}")
                _, core.seq, core.ts = rest
            case "numbers":
                core.orders.last, core.trade_last = rest
            case "instrument":
                _relist(exchange, *rest)
            case "asset":
                exchange.venue.add_asset(AddAsset(0, rest[0]), [])
            case "supply":
                balances.supply[rest[0]] = rest[1]
            case "account":
                acct, free, held = rest
                balances.move(acct, CASH, free, held)
            case "position":
                balances.move(*rest)
            case "lock":
                acct, sym, day, qty = rest
                core.kernel.load_lock(balances.index(acct), balances.assets[sym], day, qty)
            case "order":
                sym, side, acct, oid, *numbers = rest
                account, instr = balances.index(acct), balances.assets[sym]
                core.kernel.load_order(oid, account, *numbers, instr, side)  # type: ignore[call-arg]
            case "stops":
                sym, stops, elected = rest
                core.instruments[sym].stops.load(stops, elected)
                core.elected[sym] = None
            case "lasting":
                oid, *lasting = rest
                core.orders.expect_end(oid, Lasting(*lasting))
            case "group":
                exchange.venue.set_group(*rest)
            case "hold":
                name, *hold = rest
                exchange.transfers.holds[name] = Hold(*hold)
            case "transfer":
                key, *outcome = rest
                exchange.transfers.outcomes[key] = Outcome(*outcome)
            case "offering":
                exchange.offerings.load(*rest)
            case "cid":
                acct, cid, oid = rest
                core.orders.oids[acct, cid] = oid
                live = core.orders.live.setdefault(acct, {})
                if core.kernel.order(oid) is not None:
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
    core = exchange.core
    exchange.venue.list_instrument(List(*listing), [])
    it = core.instruments[listing[1]]
    for name, value in zip(_STATE, state, strict=True):
        setattr(it, name, tuple(value) if isinstance(value, list) else value)
    it.indicated = Equilibrium(*it.indicated)
    core.kernel.set_band(it.index, it.lo // it.tick, it.hi // it.tick, it.qty_max)
    core.kernel.set_guard(it.index, *it.guard)
    core.kernel.set_state(it.index, codes.STATES[it.phase])
    core.kernel.set_fees(it.index, *it.fees, [])
    core.kernel.set_day(it.index, it.day)
