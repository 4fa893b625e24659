"""Whether a command's fields have the types and bounds that everything behind this door expects.

The one table of them, read by the JSON codec and by the exchange itself.
"""

from enum import StrEnum
from typing import get_type_hints

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

TEXT_MAX = 64  # characters of a symbol or a client order id
CHOICES: dict[str, type[StrEnum]] = {"side": Side, "tif": TimeInForce, "stp": SelfTrade, "phase": Phase}
BOUNDS = {  # 0 to AMOUNT_MAX for every other number
    "ts": (0, (1 << 63) - 1),
    "acct": (-AMOUNT_MAX, AMOUNT_MAX),
    "up_bp": (-1, AMOUNT_MAX),
    "px": (1, AMOUNT_MAX),
    "qty": (1, AMOUNT_MAX),
    "amount": (1, AMOUNT_MAX),
    "tick": (1, AMOUNT_MAX),
    "lot": (1, AMOUNT_MAX),
    "min_qty": (1, AMOUNT_MAX),
}
FIELDS = {
    kind: [(name, hint, name in kind._field_defaults) for name, hint in get_type_hints(kind).items()] for kind in NAMES
}


def fault_of(command: Command) -> str | None:
    """Say what is wrong with a command's fields, or None."""
    for value, (name, hint, optional) in zip(command, FIELDS[type(command)], strict=True):
        if hint is int:
            low, high = BOUNDS.get(name, (0, AMOUNT_MAX))
            if type(value) is not int:
                return f"{name}: not an integer"
            if not low <= value <= high:
                return f"{name}: out of range"
        elif not isinstance(value, str):
            return f"{name}: not a string"
        elif name in CHOICES:
            if value not in set(CHOICES[name]):
                return f"{name}: not one of {', '.join(CHOICES[name])}"
        elif not value and optional:
            continue
        elif not 0 < len(value) <= TEXT_MAX or not value.isprintable():
            return f"{name}: not 1 to {TEXT_MAX} printable characters"
    return None
