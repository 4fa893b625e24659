"""The private side of the feed: what happened to your orders and your balances, one gapless count an account.

`aseq` starts at 1 when the server starts; a client that reconnects asks for its orders and balances once and goes on.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.commands import CASH
from engine.events import (
    Accepted,
    Allotted,
    Amended,
    Cancelled,
    Deposited,
    Event,
    Offered,
    OfferingEnded,
    Subscribed,
    Traded,
    Transferred,
    Triggered,
    Withdrawn,
)
from engine.exchange import Exchange
from gateway.wire import BalanceChange, Exec


class Private:
    """Turns events into `exec` and `balance` messages for the accounts that somebody follows."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._aseq: dict[int, int] = defaultdict(int)
        self._qty = {order.oid: order.qty for acct in exchange.accounts() for order in exchange.orders(acct)}

    def aseq(self, acct: int) -> int:
        """The last number given out for an account."""
        return self._aseq[acct]

    def messages(self, events: Sequence[Event]) -> Iterable[tuple[int, Exec | BalanceChange]]:
        """Return (account, message) in order; each changed balance once, as it is after all the events."""
        found: list[tuple[int, Exec | BalanceChange]] = []
        touched: dict[tuple[int, str], None] = {}
        for event in events:
            match event:
                case Accepted():
                    self._qty[event.oid] = event.qty
                    found.append((event.acct, self._accepted(event)))
                    touched[event.acct, CASH if event.side == "B" else event.sym] = None
                case Traded():
                    for acct, side in ((event.buy_acct, "B"), (event.sell_acct, "S")):
                        found.append((acct, self._fill(event, side)))
                        touched[acct, CASH] = touched[acct, event.sym] = None
                case Amended():
                    found.append((event.acct, self._amended(event)))
                    touched[event.acct, CASH if event.side == "B" else event.sym] = None
                case Triggered():
                    found.append((event.acct, self._triggered(event)))
                    touched[event.acct, CASH if event.side == "B" else event.sym] = None
                case Cancelled():
                    found.append((event.acct, self._cancelled(event)))
                    touched[event.acct, CASH if event.side == "B" else event.sym] = None
                case Deposited() | Withdrawn():
                    touched[event.acct, event.asset] = None
                case Transferred():
                    for leg in event.legs:
                        for acct in (leg.acct, leg.to):
                            touched[acct, leg.asset] = None
                case Offered() | OfferingEnded():
                    touched[event.acct, event.sym] = touched[event.acct, CASH] = None
                case Subscribed():
                    touched[event.acct, CASH] = None
                case Allotted():
                    touched[event.acct, CASH] = touched[event.acct, event.sym] = None
        ts = events[-1].ts if events else 0
        for acct, asset in touched:
            free, held = self._exchange.balance(acct, asset)
            prev, aseq = self._next(acct)
            found.append((acct, BalanceChange(aseq=aseq, prev=prev, asset=asset, free=free, held=held, ts=ts)))
        return found

    def _next(self, acct: int) -> tuple[int, int]:
        prev = self._aseq[acct]
        self._aseq[acct] = prev + 1
        return prev, prev + 1

    def _accepted(self, event: Accepted) -> Exec:
        return self._exec(
            event.acct, event, event.side, et="accepted", px=event.px, qty=event.qty, cum=0, lvs=event.qty
        )

    def _fill(self, event: Traded, side: str) -> Exec:
        mine = Fill(event.buy_acct, event.buy_cid, event.buy_oid, event.sym, event.ts)
        left, fee = event.buy_open, event.buy_fee
        if side == "S":
            mine = Fill(event.sell_acct, event.sell_cid, event.sell_oid, event.sym, event.ts)
            left, fee = event.sell_open, event.sell_fee
        total = self._qty[mine.oid] if left else self._qty.pop(mine.oid)
        message = self._exec(mine.acct, mine, side, et="trade", px=event.px, qty=event.qty, cum=total - left, lvs=left)
        message.fee = fee
        message.role = "taker" if side == event.aggressor else "maker"
        message.tid = event.trade_id
        return message

    def _amended(self, event: Amended) -> Exec:
        """`qty` is the order's new total."""
        total = self._qty[event.oid] = event.filled + event.open
        message = self._exec(
            event.acct, event, event.side, et="amended", px=event.px, qty=total, cum=event.filled, lvs=event.open
        )
        message.why = event.reason
        return message

    def _triggered(self, event: Triggered) -> Exec:
        total = self._qty[event.oid]
        return self._exec(
            event.acct,
            event,
            event.side,
            et="triggered",
            px=event.px,
            qty=total,
            cum=total - event.open,
            lvs=event.open,
        )

    def _cancelled(self, event: Cancelled) -> Exec:
        self._qty.pop(event.oid, None)
        message = self._exec(
            event.acct, event, event.side, et="cancelled", px=event.px, qty=event.qty, cum=event.filled, lvs=0
        )
        message.why = event.reason
        return message

    def _exec(
        self,
        acct: int,
        of: "Accepted | Amended | Cancelled | Triggered | Fill",
        side: str,
        *,
        et: str,
        px: int,
        qty: int,
        cum: int,
        lvs: int,
    ) -> Exec:
        prev, aseq = self._next(acct)
        return Exec(
            aseq=aseq, prev=prev, oid=of.oid, cid=of.cid, sym=of.sym, side="B" if side == "B" else "S", et=et, px=px,
            qty=qty, cum=cum, lvs=lvs, fee=0, role="", tid=0, why="", ts=of.ts,
        )  # fmt: skip


class Fill(NamedTuple):
    """One order's side of a trade."""

    acct: int
    cid: str
    oid: int
    sym: str
    ts: int
