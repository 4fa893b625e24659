"""Commands and events as plain data: tuples for the journal, JSON objects for programs and people.

JSON from outside is checked here, so that everything behind this door has the types and bounds it expects.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.checks import NAMES, OPS, fault_of
from engine.commands import LEG_FIELDS, Command, Leg, LegKind, Transfer
from engine.events import (
    Accepted,
    Allotted,
    Amended,
    AssetAdded,
    BandChanged,
    BandPlanned,
    Cancelled,
    Deposited,
    Event,
    FeesChanged,
    Grouped,
    Indicated,
    Listed,
    Offered,
    OfferingEnded,
    PhaseChanged,
    Rejected,
    Repeated,
    Rolled,
    Subscribed,
    Traded,
    Transferred,
    Triggered,
    Uncrossed,
    Withdrawn,
)
from engine.reject import Reason

_LEG_SAYS: dict[str, tuple[str, ...]] = {  # a leg of an event says whose it was and what, also when it named a hold
    LegKind.TRANSFER: ("acct", "to", "asset", "amount"),
    LegKind.HOLD: ("hold", "acct", "asset", "amount"),
    LegKind.CAPTURE: ("hold", "acct", "to", "asset", "amount"),
    LegKind.RELEASE: ("hold", "acct", "asset", "amount"),
}


class Malformed(ValueError):
    """The input is not a command; the message says where it fails."""


def to_record(command: Command) -> tuple[Any, ...]:
    """Return the command as the journal keeps it: its name and its fields."""
    return NAMES[type(command)], *command


def from_record(record: Sequence[Any]) -> Command:
    """Return the command of a journal record. Raises Malformed for anything else."""
    try:
        kind = OPS[record[0]]
        if kind is Transfer:
            ts, key, legs = record[1:]
            return Transfer(ts, key, tuple(Leg(*leg) for leg in legs))
        return kind(*record[1:])
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise Malformed(f"not a command: {record!r}") from error


def command_to_json(command: Command) -> dict[str, Any]:
    """Return the command as the object that `command_from_json` takes back; fields at their defaults are left out."""
    kind = type(command)
    defaults = kind._field_defaults
    said = {
        name: value
        for name, value in zip(kind._fields, command, strict=True)
        if name not in defaults or value != defaults[name]
    }
    if isinstance(command, Transfer):
        said["legs"] = [
            {"kind": leg.kind} | {name: getattr(leg, name) for name in sorted(LEG_FIELDS[leg.kind])}
            for leg in command.legs
        ]
    return {"op": NAMES[kind]} | said


def command_from_json(data: object) -> Command:
    """Return the command of a decoded JSON object, strictly: known fields, right types, numbers within bounds.

    Raises Malformed.
    """
    if not isinstance(data, Mapping):
        raise Malformed("a command is a JSON object")
    op = data.get("op")
    kind = OPS.get(op) if isinstance(op, str) else None
    if kind is None:
        raise Malformed(f"unknown op {op!r}")
    values: dict[str, Any] = {"ts": 0}
    for name, value in data.items():
        if value == "":
            raise Malformed(f"{name}: empty")
        if name == "legs" and kind is Transfer:
            values[name] = _legs_from_json(value)
        elif name in kind._fields:
            values[name] = value
        elif name != "op":
            raise Malformed(f"{op}: unknown field {name!r}")
    missing = [name for name in kind._fields if name not in values and name not in kind._field_defaults]
    if missing:
        raise Malformed(f"{op}: {', '.join(missing)} missing")
    command = kind(**values)
    if fault := fault_of(command):
        raise Malformed(fault)
    return command


def _legs_from_json(data: object) -> tuple[Leg, ...]:
    if not isinstance(data, list):
        raise Malformed("legs: not a list")
    legs = []
    for leg in data:
        kind = leg.get("kind") if isinstance(leg, Mapping) else None
        fields = LEG_FIELDS.get(kind) if isinstance(kind, str) else None
        if fields is None:
            raise Malformed(f"legs: kind: not one of {', '.join(LEG_FIELDS)}")
        for name in leg.keys() - fields - {"kind"}:
            raise Malformed(f"legs: {kind} has no {name!r}")
        missing = sorted(fields - leg.keys() - ({"amount"} if "asset" not in fields else set()))
        if missing:
            raise Malformed(f"legs: {kind}: {', '.join(missing)} missing")
        legs.append(Leg(**leg))
    return tuple(legs)


def _leg_to_json(leg: Leg) -> dict[str, Any]:
    return {"kind": leg.kind} | {name: getattr(leg, name) for name in _LEG_SAYS[leg.kind]}


def event_to_json(event: Event) -> dict[str, Any]:
    """Return the event as the object that `cellarbook engine` writes, its name under `event`."""
    match event:
        case Accepted():
            return {
                "event": "accepted", "acct": event.acct, "cid": event.cid, "sym": event.sym, "side": event.side,
                "px": event.px, "qty": event.qty,
            }  # fmt: skip
        case Rejected():
            refused: dict[str, Any] = {"event": "rejected"}
            if event.cid:
                refused |= {"acct": event.acct, "cid": event.cid}
            return refused | {"code": event.code} | event.detail
        case Traded():
            return {
                "event": "trade", "sym": event.sym, "px": event.px, "qty": event.qty,
                "buy_acct": event.buy_acct, "buy": event.buy_cid, "sell_acct": event.sell_acct,
                "sell": event.sell_cid, "aggressor": event.aggressor or None,
                "buy_fee": event.buy_fee, "sell_fee": event.sell_fee,
            }  # fmt: skip
        case Cancelled():
            gone = {"acct": event.acct, "cid": event.cid, "sym": event.sym, "qty": event.qty}
            if event.reason == Reason.EXPIRED:
                return {"event": "expired"} | gone
            return {"event": "cancelled"} | gone | {"reason": event.reason}
        case Amended():
            return {
                "event": "amended", "acct": event.acct, "cid": event.cid, "sym": event.sym, "px": event.px,
                "open": event.open, "filled": event.filled,
            }  # fmt: skip
        case Indicated() | Uncrossed():
            name = "auction" if isinstance(event, Uncrossed) else "indicative"
            return {
                "event": name, "sym": event.sym, "px": event.px or None, "qty": event.qty, "surplus": event.surplus,
            }  # fmt: skip
        case Triggered():
            return {"event": "triggered", "acct": event.acct, "cid": event.cid, "sym": event.sym, "px": event.px}
        case Grouped():
            return {"event": "group", "acct": event.acct, "group": event.group}
        case Rolled():
            return {"event": "roll", "sym": event.sym, "close": event.close}
        case BandChanged():
            return {"event": "band", "sym": event.sym, "lo": event.lo, "hi": event.hi, "ref": event.ref}
        case BandPlanned():
            return {
                "event": "band_planned", "sym": event.sym, "up_bp": event.up_bp, "down_bp": event.down_bp,
                "ref": event.ref or None,
            }  # fmt: skip
        case FeesChanged():
            return {
                "event": "fees", "sym": event.sym, "maker_bp": event.maker_bp, "taker_bp": event.taker_bp,
                "min_fee": event.min_fee,
            }  # fmt: skip
        case AssetAdded():
            return {"event": "asset", "asset": event.asset}
        case Transferred():
            return {"event": "transfer", "key": event.key, "legs": [_leg_to_json(leg) for leg in event.legs]}
        case Repeated():
            return {"event": "transfer", "key": event.key, "first": event.first}
        case Offered():
            return {
                "event": "offer", "offering": event.offering, "acct": event.acct, "sym": event.sym, "px": event.px,
                "qty": event.qty,
            }  # fmt: skip
        case Subscribed():
            return {"event": "subscribed", "acct": event.acct, "offering": event.offering, "qty": event.qty}
        case Allotted():
            return {
                "event": "allotted", "acct": event.acct, "offering": event.offering, "qty": event.qty,
                "paid": event.paid, "refund": event.refund,
            }  # fmt: skip
        case OfferingEnded():
            return {
                "event": "offering_ended", "offering": event.offering, "sold": event.sold, "returned": event.returned,
                "digest": event.digest, "seed": event.seed or None,
            }  # fmt: skip
        case PhaseChanged():
            return {"event": "phase", "sym": event.sym, "phase": event.phase}
        case Listed():
            return {"event": "listed", "sym": event.sym}
        case Deposited():
            return {"event": "deposited", "acct": event.acct, "asset": event.asset, "amount": event.amount}
        case Withdrawn():
            return {"event": "withdrawn", "acct": event.acct, "asset": event.asset, "amount": event.amount}
