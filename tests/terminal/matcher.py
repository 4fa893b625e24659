"""An order book in its plainest form, to check replays with: two lists of resting orders, best first."""

from bisect import insort
from typing import NamedTuple

from terminal.recording import Cancel, Place


class Totals(NamedTuple):
    trades: int
    quantity: int
    notional: int


def match(steps: list[Place | Cancel]) -> Totals:
    """Run price-time matching over a flow and add up what traded, at the resting orders' prices."""
    books: dict[str, list[tuple[int, int, str]]] = {"B": [], "S": []}  # (price, best first; entry; cid)
    open_qty: dict[str, int] = {}
    trades = quantity = notional = 0
    for entry, step in enumerate(steps):
        if isinstance(step, Cancel):
            open_qty.pop(step.cid, None)
            continue
        resting = books["S" if step.side == "B" else "B"]
        left = step.qty
        while left and resting:
            rank, _, cid = resting[0]
            if cid not in open_qty:  # cancelled
                resting.pop(0)
                continue
            px = abs(rank)
            if px > step.px if step.side == "B" else px < step.px:
                break
            fill = min(left, open_qty[cid])
            left -= fill
            open_qty[cid] -= fill
            if not open_qty[cid]:
                del open_qty[cid]
            trades, quantity, notional = trades + 1, quantity + fill, notional + fill * px
        if left:
            open_qty[step.cid] = left
            insort(books[step.side], (-step.px if step.side == "B" else step.px, entry, step.cid))
    return Totals(trades, quantity, notional)
