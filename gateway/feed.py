"""The public feed: books, trades and tickers, encoded once and written once a tick to each reader.

Events mark what changed. A tick, some sixty times a second, turns that into one frame a channel and symbol, encodes it
once for each encoding, and hands every reader all its frames in a single write. A reader that owes too much is passed
over and gets snapshots when it caught up, so that no reader slows another.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, Protocol

from engine.commands import Side
from engine.events import (
    Accepted,
    Amended,
    BandChanged,
    Cancelled,
    Event,
    Listed,
    PhaseChanged,
    Traded,
    Triggered,
    Uncrossed,
)
from engine.exchange import Exchange
from gateway.candles import Candles
from gateway.private import Private
from gateway.tape import Tape
from gateway.wire import Book, Encoding, Frame, Heartbeat, Ticker, TradePrint, Trades, encode
from ledger.days import day_of
from ledger.rules import TradeRow

PUBLIC = ("book", "trades", "ticker")
PRIVATE = ("exec", "balance")


class Reader(Protocol):
    """A socket, as the feed sees it. `write` sends whole encoded messages at once and never waits."""

    encoding: Encoding

    @property
    def acct(self) -> int | None: ...
    def write(self, messages: list[bytes]) -> None: ...
    def is_slow(self) -> bool: ...


Key = tuple[str, str]  # channel, symbol


class Feed:
    """Who follows what, what changed since the last tick, and the sequence of every channel and symbol."""

    def __init__(self, exchange: Exchange, epoch: int) -> None:
        self._exchange = exchange
        self._private = Private(exchange)
        self._epoch = epoch
        self._seq: dict[Key, int] = defaultdict(int)
        self._readers: dict[Key, set[Reader]] = defaultdict(set)
        self._keys: dict[Reader, set[Key]] = {}
        self._late: dict[Reader, set[Key]] = {}  # passed over, to be given snapshots
        self._followers: dict[int, set[Reader]] = defaultdict(set)  # of an account's private channels
        self._out: dict[Reader, list[bytes]] = {}
        self._levels: dict[str, set[tuple[str, int]]] = defaultdict(set)  # touched: side and price
        self._anew: set[str] = set()  # books that an auction changed all over
        self._prints: dict[str, list[TradePrint]] = defaultdict(list)
        self._changed: set[str] = set()  # symbols whose ticker moved
        self._ts = exchange.ts
        self.tapes: dict[str, Tape] = defaultdict(Tape)
        self.candles = Candles()

    # -------------------------------------------------------------------------------------------------- readers

    def subscribe(self, reader: Reader, key: Key) -> None:
        """Let a reader follow a channel of a symbol; it gets a snapshot first."""
        self._keys.setdefault(reader, set()).add(key)
        self._readers[key].add(reader)
        self._give(reader, self._snapshot(key))

    def follow(self, reader: Reader, acct: int) -> None:
        """Let a reader follow an account's orders and balances."""
        self._keys.setdefault(reader, set())
        self._followers[acct].add(reader)

    def unfollow(self, reader: Reader, acct: int) -> None:
        self._followers[acct].discard(reader)

    def unsubscribe(self, reader: Reader, key: Key) -> None:
        self._keys.get(reader, set()).discard(key)
        self._late.get(reader, set()).discard(key)
        self._readers[key].discard(reader)

    def drop(self, reader: Reader) -> None:
        """Forget a reader."""
        for key in self._keys.pop(reader, set()):
            self._readers[key].discard(reader)
        if reader.acct is not None:
            self._followers[reader.acct].discard(reader)
        self._late.pop(reader, None)
        self._out.pop(reader, None)

    # --------------------------------------------------------------------------------------------------- events

    def publish(self, events: Sequence[Event]) -> None:
        """Mark what changed. Private messages are ready at once, for they are never merged."""
        for event in events:
            match event:
                case Accepted() | Cancelled() | Triggered():
                    self._levels[event.sym].add((event.side, event.px))
                    self._changed.add(event.sym)
                case Amended():
                    self._levels[event.sym] |= {(event.side, event.px), (event.side, event.px_before)}
                    self._changed.add(event.sym)
                case Traded():
                    resting = Side.SELL if event.aggressor == Side.BUY else Side.BUY
                    if event.aggressor:
                        self._levels[event.sym].add((resting, event.px))
                    trade = print_of(event)
                    self._prints[event.sym].append(trade)
                    self.tapes[event.sym].add(trade)
                    self.candles.add(event.sym, event.ts, event.px, event.qty)
                    self._changed.add(event.sym)
                case Uncrossed():
                    self._anew.add(event.sym)
                    self._changed.add(event.sym)
                case Listed() | BandChanged() | PhaseChanged():
                    self._changed.add(event.sym)
        if events:
            self._ts = events[-1].ts
            self._publish_private(events)

    def _publish_private(self, events: Sequence[Event]) -> None:
        for acct, message in self._private.messages(events):
            if followers := self._followers.get(acct):
                encoded: dict[Encoding, bytes] = {}
                for reader in followers:
                    data = encoded.get(reader.encoding) or encoded.setdefault(
                        reader.encoding, encode(message, reader.encoding)
                    )
                    self._out.setdefault(reader, []).append(data)

    # --------------------------------------------------------------------------------------------------- the tick

    def tick(self) -> None:
        """Send what changed since the last tick."""
        for sym in self._anew:
            self._levels.pop(sym, None)
            self._advance(("book", sym))
            self._send(("book", sym), self._snapshot(("book", sym)))
        for sym, touched in self._levels.items():
            self._send(("book", sym), self._book_update(sym, touched))
        for sym, prints in self._prints.items():
            key = ("trades", sym)
            prev, seq = self._advance(key)
            self._send(key, Trades(t="u", sym=sym, ep=self._epoch, seq=seq, prev=prev, d=prints))
        for sym in self._changed:
            prev, seq = self._advance(("ticker", sym))
            self._send(("ticker", sym), self._ticker(sym, prev, seq))
        self._anew.clear()
        self._levels.clear()
        self._prints.clear()
        self._changed.clear()
        self._catch_up()
        out, self._out = self._out, {}
        for reader, messages in out.items():
            reader.write(messages)

    def heartbeat(self, ts: int) -> None:
        """Tell every reader the last sequence of all that it follows, so that a lost tail shows.

        A new day begins for the tickers too, whether anybody trades or not.
        """
        self._changed |= {sym for sym, tape in self.tapes.items() if tape.begin(day_of(ts))}
        for reader, keys in self._keys.items():
            seqs = {f"{channel}:{sym}": self._seq[channel, sym] for channel, sym in keys}
            if reader.acct is not None:
                seqs["account"] = self._private.aseq(reader.acct)
            self._give(reader, Heartbeat(ts=ts, seqs=seqs))

    def _send(self, key: Key, frame: Frame) -> None:
        """Queue one frame for all who follow a channel, encoded once for each encoding."""
        readers = self._readers.get(key)
        if not readers:
            return
        encoded: dict[Encoding, bytes] = {}
        for reader in readers:
            if reader.is_slow() or (reader in self._late and key in self._late[reader]):
                self._late.setdefault(reader, set()).add(key)
                continue
            data = encoded.get(reader.encoding) or encoded.setdefault(reader.encoding, encode(frame, reader.encoding))
            self._out.setdefault(reader, []).append(data)

    def _catch_up(self) -> None:
        """Give snapshots to readers that were passed over and can take them now."""
        for reader in [reader for reader in self._late if not reader.is_slow()]:
            for key in self._late.pop(reader):
                frame = self._snapshot(key)
                if isinstance(frame, Book):
                    frame.why = "conflated"
                self._give(reader, frame)

    def _give(self, reader: Reader, frame: Frame) -> None:
        self._out.setdefault(reader, []).append(encode(frame, reader.encoding))

    def _advance(self, key: Key) -> tuple[int, int]:
        """Return the sequence before and the new one."""
        prev = self._seq[key]
        self._seq[key] = prev + 1
        return prev, prev + 1

    # ------------------------------------------------------------------------------------------------- contents

    def _book_update(self, sym: str, touched: set[tuple[str, int]]) -> Book:
        sides: dict[str, list[tuple[int, int]]] = {Side.BUY: [], Side.SELL: []}
        for side, px in sorted(touched):
            sides[side].append((px, self._exchange.level(sym, side, px)))
        prev, seq = self._advance(("book", sym))
        return Book(
            t="u", sym=sym, ep=self._epoch, seq=seq, prev=prev, ts=self._ts, b=sides[Side.BUY], a=sides[Side.SELL]
        )

    def _snapshot(self, key: Key) -> Frame:
        channel, sym = key
        seq = self._seq[key]
        match channel:
            case "book":
                bids, asks = self._exchange.book(sym)
                return Book(t="s", sym=sym, ep=self._epoch, seq=seq, prev=seq, ts=self._ts, b=bids, a=asks)
            case "trades":
                return Trades(t="s", sym=sym, ep=self._epoch, seq=seq, prev=seq, d=list(self.tapes[sym].prints))
        return self._ticker(sym, seq, seq)

    def _ticker(self, sym: str, prev: int, seq: int) -> Ticker:
        it = self._exchange.instruments[sym]
        tape = self.tapes[sym]
        bids, asks = self._exchange.book(sym, 1)
        bid, bid_qty = bids[0] if bids else (0, 0)
        ask, ask_qty = asks[0] if asks else (0, 0)
        return Ticker(
            sym=sym, ep=self._epoch, seq=seq, prev=prev, ts=self._ts, last=it.last, bid=bid, bid_qty=bid_qty, ask=ask,
            ask_qty=ask_qty, open=tape.open, high=tape.high, low=tape.low, vol=tape.vol, turnover=tape.turnover,
            ref=it.ref, lo=it.lo, hi=it.hi, phase=it.phase,
        )  # fmt: skip


def print_of(trade: Traded | TradeRow) -> TradePrint:
    """A trade of the engine, or of the books after a restart, as the tape has it."""
    number = trade.trade_id if isinstance(trade, Traded) else trade.id
    side: Literal["B", "S", ""] = "B" if trade.aggressor == Side.BUY else "S" if trade.aggressor else ""
    return TradePrint(id=number, px=trade.px, qty=trade.qty, side=side, ts=trade.ts)
