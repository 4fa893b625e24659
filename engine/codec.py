"""Commands and events as plain data: tuples for the journal, JSON objects for programs and people.

JSON from outside is checked here, so that everything behind this door has the types and bounds it expects.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, get_type_hints

from engine.codes import AMOUNT_MAX
from engine.commands import (
    Cancel,
    CancelAll,
    Command,
    Deposit,
    List,
    Phase,
    Place,
    SelfTrade,
    SetBand,
    SetPhase,
    Side,
    TimeInForce,
    Withdraw,
)
from engine.events import (
    Accepted,
    BandChanged,
    Cancelled,
    Deposited,
    Event,
    Listed,
    PhaseChanged,
    Rejected,
    Traded,
    Withdrawn,
)

OPS: dict[str, type[Command]] = {
    "list": List,
    "deposit": Deposit,
    "withdraw": Withdraw,
    "phase": SetPhase,
    "band": SetBand,
    "place": Place,
    "cancel": Cancel,
    "cancel_all": CancelAll,
}
NAMES: dict[type[Command], str] = {kind: op for op, kind in OPS.items()}

CHOICES: dict[str, type[StrEnum]] = {"side": Side, "tif": TimeInForce, "stp": SelfTrade, "phase": Phase}
INT_MIN = {"acct": -AMOUNT_MAX, "up_bp": -1}  # 0 for every other field
TS_MAX = 1 << 63
TEXT_MAX = 64  # characters of a symbol or a client order id
FIELDS = {kind: get_type_hints(kind) for kind in NAMES}


class Malformed(ValueError):
    """The input is not a command; the message says where it fails."""


def to_record(command: Command) -> tuple[Any, ...]:
    """Return the command as the journal keeps it: its name and its fields."""
    return NAMES[type(command)], *command


def from_record(record: Sequence[Any]) -> Command:
    """Return the command of a journal record. Raises Malformed for anything else."""
    try:
        return OPS[record[0]](*record[1:])
    except (KeyError, TypeError, IndexError) as error:
        raise Malformed(f"not a command: {record!r}") from error


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
    hints = FIELDS[kind]
    values: dict[str, Any] = {"ts": 0}
    for name, value in data.items():
        if name == "op":
            continue
        if name == "type" and kind is Place:
            if value != "limit":
                raise Malformed("type: not one of limit")
            continue
        if name not in hints:
            raise Malformed(f"{op}: unknown field {name!r}")
        values[name] = _checked(name, hints[name], value)
    missing = [name for name in kind._fields if name not in values and name not in kind._field_defaults]
    if missing:
        raise Malformed(f"{op}: {', '.join(missing)} missing")
    return kind(**values)


def _checked(name: str, hint: type, value: object) -> object:
    if hint is int:
        if type(value) is not int:
            raise Malformed(f"{name}: not an integer")
        if not INT_MIN.get(name, 0) <= value <= (TS_MAX if name == "ts" else AMOUNT_MAX):
            raise Malformed(f"{name}: out of range")
        return value
    if type(value) is not str:
        raise Malformed(f"{name}: not a string")
    if choices := CHOICES.get(name):
        try:
            return choices(value)
        except ValueError:
            raise Malformed(f"{name}: not one of {', '.join(choices)}") from None
    if not 0 < len(value) <= TEXT_MAX or not value.isprintable():
        raise Malformed(f"{name}: not 1 to {TEXT_MAX} printable characters")
    return value


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
                "sell": event.sell_cid, "aggressor": event.aggressor,
                "buy_fee": event.buy_fee, "sell_fee": event.sell_fee,
            }  # fmt: skip
        case Cancelled():
            return {
                "event": "cancelled", "acct": event.acct, "cid": event.cid, "sym": event.sym, "qty": event.qty,
                "reason": event.reason,
            }  # fmt: skip
        case BandChanged():
            return {"event": "band", "sym": event.sym, "lo": event.lo, "hi": event.hi, "ref": event.ref}
        case PhaseChanged():
            return {"event": "phase", "sym": event.sym, "phase": event.phase}
        case Listed():
            return {"event": "listed", "sym": event.sym}
        case Deposited():
            return {"event": "deposited", "acct": event.acct, "asset": event.asset, "amount": event.amount}
        case Withdrawn():
            return {"event": "withdrawn", "acct": event.acct, "asset": event.asset, "amount": event.amount}
