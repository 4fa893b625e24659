"""The messages on the wire, as structs: what programs send and what they get back.

In memory every price and amount of cash is integer fen and every quantity integer bottles. MessagePack carries
them as they are; JSON carries money as a decimal string of yuan (`"2680.00"`). `encode` and `decode` do that.
Field names follow PROTOCOL: sym, px, qty, cid, oid, seq, ts (integer nanoseconds UTC).
"""

from typing import Literal

import msgspec

SideCode = Literal["B", "S"]
TifCode = Literal["GTC", "IOC"]


class Instrument(msgspec.Struct, kw_only=True):
    """A tradable line: the engine's limits and the catalogue's facts about it."""

    sym: str
    name_zh: str
    name_en: str
    winery: str
    vintage: int  # 0 when the line has none
    ml: int
    abv_bp: int  # alcohol by volume in hundredths of a percent
    tick: int
    lot: int
    min_qty: int
    max_qty: int
    lo: int  # band, inclusive
    hi: int
    ref: int
    phase: str
    last: int  # last trade, 0 before the first


class Balance(msgspec.Struct, kw_only=True):
    """Free and held amount of one asset: fen for CNY, bottles for a symbol."""

    asset: str
    free: int
    held: int


class Order(msgspec.Struct, kw_only=True):
    oid: int
    cid: str
    sym: str
    side: SideCode
    px: int
    qty: int
    cum: int  # filled
    lvs: int  # still open; 0 when done
    tif: TifCode
    st: str  # open, filled, cancelled
    ts: int


class OrderNew(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    sym: str
    side: SideCode
    px: int
    qty: int
    tif: TifCode = "GTC"
    cid: str = ""  # empty: the server gives one


class Ack(msgspec.Struct, kw_only=True):
    """The durable answer to order.new and order.cancel. `st`: open, filled, cancelled."""

    op: str
    cid: str
    oid: int
    st: str
    seq: int
    cum: int
    lvs: int
    ts_in: int
    ts_out: int
    id: int = 0  # echoes the request's id on the socket


class Fault(msgspec.Struct, kw_only=True, tag_field="op", tag="err"):
    """A refusal or failure in PROTOCOL's form; also the body of every HTTP error."""

    code: int
    name: str
    msg: str
    id: int = 0
    cid: str = ""
    field: str = ""
    retry: Literal["never", "after", "unknown"] = "never"
    after_ms: int = 0


class Book(msgspec.Struct, kw_only=True, tag_field="ch", tag="book"):
    """A snapshot (`t` s) or update (`t` u) of the L2 book; absolute quantities, 0 deletes a level."""

    t: Literal["s", "u"]
    sym: str
    ep: int
    seq: int
    prev: int
    ts: int
    b: list[tuple[int, int]]
    a: list[tuple[int, int]]
    why: str = ""


class TradePrint(msgspec.Struct, kw_only=True):
    id: int
    px: int
    qty: int
    side: SideCode  # the aggressor's
    ts: int


class Trades(msgspec.Struct, kw_only=True, tag_field="ch", tag="trades"):
    """Trades in order, oldest first; the first frame after subscribing holds the latest ones (`t` s)."""

    t: Literal["s", "u"]
    sym: str
    ep: int
    seq: int
    prev: int
    d: list[TradePrint]


class Ticker(msgspec.Struct, kw_only=True, tag_field="ch", tag="ticker"):
    sym: str
    ep: int
    seq: int
    prev: int
    ts: int
    last: int
    bid: int  # best bid, 0 when there is none
    bid_qty: int
    ask: int
    ask_qty: int
    open: int  # first trade since start of day, 0 before it
    high: int
    low: int
    vol: int  # bottles
    turnover: int  # fen
    ref: int
    lo: int
    hi: int
    phase: str


class Exec(msgspec.Struct, kw_only=True, tag_field="ch", tag="exec"):
    """One event in the life of one of your orders. `et`: accepted, trade, cancelled."""

    aseq: int
    prev: int
    oid: int
    cid: str
    sym: str
    side: SideCode
    et: str
    px: int
    qty: int
    cum: int
    lvs: int
    fee: int
    role: Literal["maker", "taker", ""]
    tid: int
    why: str
    ts: int


class BalanceChange(msgspec.Struct, kw_only=True, tag_field="ch", tag="balance"):
    """The account's new balance of one asset."""

    aseq: int
    prev: int
    asset: str
    free: int
    held: int
    ts: int


class Heartbeat(msgspec.Struct, kw_only=True, tag_field="ch", tag="heartbeat"):
    """Once a second: the last sequence of each subscription, keyed `channel:sym`."""

    ts: int
    last: dict[str, int]


Frame = Book | Trades | Ticker | Exec | BalanceChange | Heartbeat | Fault
