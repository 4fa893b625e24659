"""Builders that read like a book: `market_of("S 800@502", "B 600@500")`."""

from typing import Any

from engine.commands import CASH, Command, Deposit, List, Place
from engine.events import Event, Rejected, Traded
from engine.exchange import Exchange
from engine.kernel import Kernel

AMPLE = 10**12


def exchange_of(kernel: type[Kernel], accounts: int = 5, **listing: Any) -> Exchange:
    """An exchange with one instrument X and accounts 1..n with ample cash and bottles."""
    exchange = Exchange(kernel)
    rules: dict[str, Any] = {"ref": 10_000, "up_bp": 1000, "down_bp": 1000, "stp": "none"} | listing
    commands: list[Command] = [List(0, "X", **rules)]
    for acct in range(1, accounts + 1):
        commands += [Deposit(0, acct, CASH, AMPLE), Deposit(0, acct, "X", AMPLE)]
    exchange.apply(commands)
    return exchange


def order(text: str, acct: int, cid: str, tif: str = "GTC") -> Place:
    """`order("B 5@2680", ...)`: side, quantity, price."""
    side, rest = text.split()
    qty, px = rest.split("@")
    return Place(0, acct, cid, "X", side, int(px), int(qty), tif)


def rest(exchange: Exchange, *orders: str) -> None:
    """Rest orders of accounts 1, 2, ... in turn, with cids o1, o2, ..."""
    for number, text in enumerate(orders, 1):
        events = exchange.apply([order(text, number, f"o{number}")])
        assert not [event for event in events if isinstance(event, Rejected | Traded)], events


def trades(events: list[Event]) -> list[tuple[int, int]]:
    """(quantity, price) of the trades among events."""
    return [(event.qty, event.px) for event in events if isinstance(event, Traded)]


def refusal(events: list[Event]) -> str | None:
    """The code of the only event when it is a refusal, None when the command was taken."""
    return events[0].code if isinstance(events[0], Rejected) else None
