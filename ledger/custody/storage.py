"""What storage costs: bottle by bottle and day by day. Pure.

Bottles of an account are alike, so they are told apart by the day from which the account has had them. What it gives
away are those that it has had longest.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.commands import CASH
from engine.exchange import Exchange

MILLIFEN = 1_000  # in a fen


class Layer(NamedTuple):
    """`qty` bottles that an account has had since `day`."""

    day: int
    qty: int


def aged(layers: Iterable[Layer], qty: int, day: int) -> list[Layer]:
    """The layers of somebody who holds `qty` at the end of `day`, oldest first."""
    before = sorted(layers)
    gone = sum(layer.qty for layer in before) - qty
    kept: list[Layer] = []
    for layer in before:
        left = layer.qty - max(0, min(gone, layer.qty))
        gone -= layer.qty - left
        if left:
            kept.append(Layer(layer.day, left))
    return [*kept, Layer(day, -gone)] if gone < 0 else kept


def charged(layers: Iterable[Layer], day: int, free_days: int) -> int:
    """How many bottles are beyond their free days; the day of arrival is the first of those."""
    return sum(layer.qty for layer in layers if day - layer.day >= free_days)


def to_bill(accrued_millifen: int, billed_fen: int) -> int:
    """What a bill is for, in fen: whole fen of all that accrued to date, less all that was billed.

    So the rounding does not depend on how often bills are made.
    """
    return accrued_millifen // MILLIFEN - billed_fen


def holdings(exchange: Exchange) -> Mapping[tuple[int, str], int]:
    """What every client holds now, free or not, of everything but cash."""
    return {
        (acct, asset): sum(balance)
        for acct in exchange.accounts()
        if acct >= 0
        for asset, balance in exchange.balances(acct).items()
        if asset != CASH
    }
