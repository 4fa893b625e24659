"""Whether a command's fields have the types and bounds that everything behind this door expects.

The one table of them, read by the JSON codec and by the exchange itself.
"""

from enum import StrEnum
from typing import NamedTuple, get_type_hints

from engine.codes import AMOUNT_MAX
from engine.commands import (
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    Group,
    List,
    OrderType,
    Phase,
    Place,
    Roll,
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
    "amend": Amend,
    "group": Group,
    "roll": Roll,
}
NAMES: dict[type[Command], str] = {kind: op for op, kind in OPS.items()}

TEXT_MAX = 64  # characters of a symbol or a client order id
CHOICES: dict[str, type[StrEnum]] = {
    "side": Side,
    "tif": TimeInForce,
    "stp": SelfTrade,
    "phase": Phase,
    "type": OrderType,
}
BOUNDS = {  # 0 to AMOUNT_MAX for every other number
    "ts": (0, (1 << 63) - 1),
    "acct": (-AMOUNT_MAX, AMOUNT_MAX),
    "up_bp": (-1, AMOUNT_MAX),
    "expire_ts": (0, (1 << 63) - 1),
    "amount": (1, AMOUNT_MAX),
    "tick": (1, AMOUNT_MAX),
    "lot": (1, AMOUNT_MAX),
    "min_qty": (1, AMOUNT_MAX),
}


class Rule(NamedTuple):
    """What one field must be: a truth value, an integer from `low` to `high`, one of `choices`, or a text."""

    name: str
    kind: type
    low: int
    high: int
    choices: frozenset[str]
    optional: bool


def _rule(kind: type[Command], name: str, hint: type) -> Rule:
    low, high = BOUNDS.get(name, (0, AMOUNT_MAX))
    choices = frozenset(map(str, CHOICES.get(name, ())))
    return Rule(name, hint, low, high, choices, name in kind._field_defaults)


RULES = {kind: [_rule(kind, name, hint) for name, hint in get_type_hints(kind).items()] for kind in NAMES}


def fault_of(command: Command) -> str | None:
    """Say what is wrong with a command's fields, or None."""
    for value, rule in zip(command, RULES[type(command)], strict=True):
        name, kind, low, high, choices, optional = rule
        if kind is int:
            if type(value) is not int:
                return f"{name}: not an integer"
            if not low <= value <= high:
                return f"{name}: out of range"
        elif kind is bool:
            if type(value) is not bool:
                return f"{name}: not true or false"
        elif not isinstance(value, str):
            return f"{name}: not a string"
        elif choices:
            if value not in choices and (value or not optional):
                return f"{name}: not one of {', '.join(CHOICES[name])}"
        elif (not 0 < len(value) <= TEXT_MAX or not value.isprintable()) and (value or not optional):
            return f"{name}: not 1 to {TEXT_MAX} printable characters"
    return None
