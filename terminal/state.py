"""What the screen knows of the market and of us, and what each message changes. Knows no Textual.

`apply` takes a frame of the feed and returns the topics that changed, so that only their rows are drawn again. A gap
in a sequence makes a book stale until its next snapshot: old prices are never shown as if they were new.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from sortedcontainers import SortedDict

from gateway.wire import (
    Balance,
    BalanceChange,
    Book,
    Disconnected,
    Exec,
    Frame,
    Heartbeat,
    Instrument,
    Order,
    Ticker,
    TradePrint,
    Trades,
)

TAPE = 200
RECENT = 100  # done orders that stay on the screen
CASH = "CNY"


@dataclass(slots=True)
class Ladder:
    """One instrument's book. Best bid is the last key of `bids`, best ask the first of `asks`."""

    bids: SortedDict = field(default_factory=SortedDict)
    asks: SortedDict = field(default_factory=SortedDict)
    seq: int = 0
    stale: bool = True

    def levels(self, side: str, most: int) -> list[tuple[int, int]]:
        """The best levels as (price, quantity), best first."""
        if side == "B":
            return [self.bids.peekitem(-1 - n) for n in range(min(most, len(self.bids)))]
        return [self.asks.peekitem(n) for n in range(min(most, len(self.asks)))]

    def best(self, side: str) -> int:
        """The best price of a side, 0 when it is empty."""
        found = self.levels(side, 1)
        return found[0][0] if found else 0

    def apply(self, frame: Book) -> None:
        if frame.t == "s":
            self.bids, self.asks = SortedDict(frame.b), SortedDict(frame.a)
            self.stale = False
        elif frame.prev != self.seq:
            self.stale = True
        self.seq = frame.seq
        if frame.t == "u":
            for side, levels in ((self.bids, frame.b), (self.asks, frame.a)):
                for px, qty in levels:
                    if qty:
                        side[px] = qty
                    else:
                        side.pop(px, None)


class State:
    """Everything on the screen."""

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.selected = ""
        self.ladders: dict[str, Ladder] = {}
        self.tickers: dict[str, Ticker] = {}
        self.tapes: dict[str, deque[TradePrint]] = {}
        self.orders: dict[str, Order] = {}  # by cid, oldest first
        self.balances: dict[str, Balance] = {CASH: Balance(asset=CASH, free=0, held=0)}
        self.connected = False
        self.server_ts = 0

    # --------------------------------------------------------------------------------------------------- loading

    def load(self, instruments: Iterable[Instrument], balances: Iterable[Balance], orders: Iterable[Order]) -> None:
        """Take up what was asked for at the start, and after every reconnect."""
        self.instruments = {instrument.sym: instrument for instrument in instruments}
        for sym in self.instruments:
            self.ladders.setdefault(sym, Ladder())
            self.tapes.setdefault(sym, deque(maxlen=TAPE))
        if self.selected not in self.instruments:
            self.selected = next(iter(self.instruments), "")
        self.balances |= {balance.asset: balance for balance in balances}
        self.orders = {order.cid: order for order in sorted(orders, key=lambda order: order.oid)}

    # --------------------------------------------------------------------------------------------------- messages

    def apply(self, frame: Frame | Disconnected) -> set[str]:
        """Take a message in; return the topics that it changed: `book`, `tape`, `watch`, `orders`, `balances`, `link`.

        Those of one instrument carry its symbol: `book:FEITIAN-2021-500`.
        """
        changed: set[str] = set()
        if not self.connected and not isinstance(frame, Disconnected):
            self.connected = True
            changed.add("link")
        match frame:
            case Book():
                self.ladders.setdefault(frame.sym, Ladder()).apply(frame)
                changed.add(f"book:{frame.sym}")
            case Trades():
                tape = self.tapes.setdefault(frame.sym, deque(maxlen=TAPE))
                if frame.t == "s":
                    tape.clear()
                tape.extend(frame.d)
                changed.add(f"tape:{frame.sym}")
            case Ticker():
                self._apply_ticker(frame)
                changed.add(f"watch:{frame.sym}")
            case Exec():
                self._apply_exec(frame)
                changed |= {"orders", f"book:{frame.sym}"}
            case BalanceChange():
                self.balances[frame.asset] = Balance(asset=frame.asset, free=frame.free, held=frame.held)
                changed.add("balances")
            case Heartbeat():
                changed |= self._apply_heartbeat(frame)
            case Disconnected():
                self.connected = False
                for ladder in self.ladders.values():
                    ladder.stale = True
                changed |= {"link", *(f"book:{sym}" for sym in self.ladders)}
        return changed

    def _apply_ticker(self, frame: Ticker) -> None:
        self.tickers[frame.sym] = frame
        if (instrument := self.instruments.get(frame.sym)) is not None:
            instrument.lo, instrument.hi, instrument.ref = frame.lo, frame.hi, frame.ref
            instrument.phase, instrument.last = frame.phase, frame.last

    def _apply_exec(self, frame: Exec) -> None:
        known = None if frame.et == "amended" else self.orders.get(frame.cid)
        qty = known.qty if known else frame.cum + (frame.qty if frame.et == "cancelled" else frame.lvs)
        state = {"cancelled": "cancelled", "trade": "open" if frame.lvs else "filled"}.get(frame.et, "open")
        self.orders[frame.cid] = Order(
            oid=frame.oid,
            cid=frame.cid,
            sym=frame.sym,
            side=frame.side,
            px=known.px if known else frame.px,
            qty=qty,
            cum=frame.cum,
            lvs=frame.lvs,
            tif=known.tif if known else "GTC",
            st=state,
            ts=known.ts if known else frame.ts,
        )
        done = [cid for cid, order in self.orders.items() if not order.lvs]
        for cid in done[:-RECENT]:
            del self.orders[cid]

    def _apply_heartbeat(self, frame: Heartbeat) -> set[str]:
        """Notice a lost tail: a book whose last message never came."""
        self.server_ts = frame.ts
        changed = {"link"}
        for key, seq in frame.seqs.items():
            channel, _, sym = key.partition(":")
            ladder = self.ladders.get(sym)
            if channel == "book" and ladder is not None and seq > ladder.seq and not ladder.stale:
                ladder.stale = True
                changed.add(f"book:{sym}")
        return changed

    # -------------------------------------------------------------------------------------------------- questions

    @property
    def instrument(self) -> Instrument | None:
        return self.instruments.get(self.selected)

    @property
    def ladder(self) -> Ladder:
        return self.ladders.get(self.selected) or Ladder()

    def my_qty(self, sym: str) -> dict[tuple[str, int], int]:
        """What my open orders have at each (side, price) of an instrument."""
        mine: dict[tuple[str, int], int] = {}
        for order in self.orders.values():
            if order.sym == sym and order.lvs:
                mine[order.side, order.px] = mine.get((order.side, order.px), 0) + order.lvs
        return mine

    def free(self, asset: str) -> int:
        balance = self.balances.get(asset)
        return balance.free if balance else 0
