"""Whether a command's fields have the types and bounds that everything behind this door expects.

The one table of them, read by the JSON codec and by the exchange itself.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, NamedTuple, get_type_hints

from engine.codes import AMOUNT_MAX
from engine.commands import (
    LEG_FIELDS,
    AddAsset,
    Allot,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    Group,
    Leg,
    LegKind,
    List,
    Method,
    Offer,
    OrderType,
    Phase,
    Place,
    Recall,
    Roll,
    SelfTrade,
    SetBand,
    SetFees,
    SetPhase,
    Side,
    Subscribe,
    TimeInForce,
    Transfer,
    When,
    Withdraw,
)

OPS: dict[str, type[Command]] = {
    "list": List,
    "asset": AddAsset,
    "deposit": Deposit,
    "withdraw": Withdraw,
    "phase": SetPhase,
    "band": SetBand,
    "fees": SetFees,
    "place": Place,
    "cancel": Cancel,
    "cancel_all": CancelAll,
    "amend": Amend,
    "group": Group,
    "roll": Roll,
    "transfer": Transfer,
    "offer": Offer,
    "subscribe": Subscribe,
    "allot": Allot,
    "recall": Recall,
}
NAMES: dict[type[Command], str] = {kind: op for op, kind in OPS.items()}

DAYS_MAX = 1 << 30
TEXT_MAX = 64  # characters of a symbol or a client order id
CHOICES: dict[str, type[StrEnum]] = {
    "side": Side,
    "tif": TimeInForce,
    "stp": SelfTrade,
    "phase": Phase,
    "type": OrderType,
    "when": When,
    "method": Method,
    "kind": LegKind,
}
BOUNDS = {  # 0 to AMOUNT_MAX for every other number
    "ts": (0, (1 << 63) - 1),
    "acct": (-AMOUNT_MAX, AMOUNT_MAX),
    "to": (-AMOUNT_MAX, AMOUNT_MAX),
    "up_bp": (-1, AMOUNT_MAX),
    "first_up_bp": (-1, AMOUNT_MAX),
    "first_days": (0, DAYS_MAX),
    "resale_lock_days": (0, DAYS_MAX),
    "expire_ts": (0, (1 << 63) - 1),
    "amount": (1, AMOUNT_MAX),
    "tick": (1, AMOUNT_MAX),
    "lot": (1, AMOUNT_MAX),
    "min_qty": (1, AMOUNT_MAX),
    "unit": (1, AMOUNT_MAX),
    "opens": (0, (1 << 63) - 1),
    "closes": (0, (1 << 63) - 1),
}
LEGS_MAX = 4096


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
    return Rule(name, hint, low, high, choices, kind._field_defaults.get(name) == "")


def _rules(kind: Any) -> list[Rule]:
    return [_rule(kind, name, hint) for name, hint in get_type_hints(kind).items()]


RULES: dict[type, list[Rule]] = {kind: _rules(kind) for kind in NAMES}
LEG_RULES = {
    kind: [
        rule._replace(optional=False, low=1 if kind in (LegKind.TRANSFER, LegKind.HOLD) else 0)
        if rule.name == "amount"
        else rule._replace(optional=False)
        for rule in _rules(Leg)
        if rule.name in fields
    ]
    for kind, fields in LEG_FIELDS.items()
}


def _condition(rule: Rule) -> str:
    """A rule as a Python expression, for `SOUND`; fields hide builtins of their name, such as `type`."""
    name = rule.name
    if rule.kind is int:
        return f"{name}.__class__ is int and {rule.low} <= {name} <= {rule.high}"
    if rule.kind is bool:
        return f"{name}.__class__ is bool"
    if rule.choices:
        return f"isinstance({name}, str) and {name} in {set(rule.choices) | ({''} if rule.optional else set())}"
    if rule.kind is str:
        return f"isinstance({name}, str) and 0 < len({name}) <= {TEXT_MAX} and {name}.isprintable()"
    return "False"


# The same rules as one expression a command: most commands are sound, and the hot path asks nothing else.
SOUND: dict[type, Callable[..., bool]] = {
    kind: eval(f"lambda {', '.join(r.name for r in rules)}: {' and '.join(map(_condition, rules))}")  # noqa: S307 - of our own text
    for kind, rules in RULES.items()
}


def fault_of(command: Command) -> str | None:
    """Say what is wrong with a command's fields, or None."""
    kind = type(command)
    return None if SOUND[kind](*command) else _fault(command, RULES[kind])


def _fault_of_legs(legs: object) -> str | None:
    """Say what is wrong with the legs of a transfer, or None."""
    if not isinstance(legs, tuple) or not 0 < len(legs) <= LEGS_MAX:
        return f"legs: not 1 to {LEGS_MAX} legs"
    for leg in legs:
        if not isinstance(leg, Leg) or leg.kind not in LEG_FIELDS:
            return f"legs: kind: not one of {', '.join(LEG_FIELDS)}"
        if fault := _fault([getattr(leg, rule.name) for rule in LEG_RULES[leg.kind]], LEG_RULES[leg.kind]):
            return f"legs: {fault}"
        for name in Leg._field_defaults.keys() - LEG_FIELDS[leg.kind]:
            if getattr(leg, name) != Leg._field_defaults[name]:
                return f"legs: {leg.kind} has no {name}"
        if leg.kind == LegKind.TRANSFER and leg.acct == leg.to:
            return "legs: a transfer from an account to itself"
        if leg.kind == LegKind.HOLD and leg.acct < -1:
            return "legs: nothing is held of a contra account"
    return None


def _fault(values: Iterable[object], rules: list[Rule]) -> str | None:
    for value, rule in zip(values, rules, strict=True):
        name, kind, low, high, choices, optional = rule
        if kind is int:
            if type(value) is not int:
                return f"{name}: not an integer"
            if not low <= value <= high:
                return f"{name}: out of range"
        elif kind is bool:
            if type(value) is not bool:
                return f"{name}: not true or false"
        elif kind is not str:
            if fault := _fault_of_legs(value):
                return fault
        elif not isinstance(value, str):
            return f"{name}: not a string"
        elif choices:
            if value not in choices and (value or not optional):
                return f"{name}: not one of {', '.join(CHOICES[name])}"
        elif (not 0 < len(value) <= TEXT_MAX or not value.isprintable()) and (value or not optional):
            return f"{name}: not 1 to {TEXT_MAX} printable characters"
    return None
