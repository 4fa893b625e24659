"""The messages on the wire, as structs: what programs send and what they get back.

In memory every price and amount of cash is integer fen and every quantity integer bottles. MessagePack carries
them as they are; JSON carries money as a decimal string of yuan (`"2680.00"`). `encode` and `decode` do that.
Field names follow PROTOCOL: sym, px, qty, cid, oid, seq, ts (integer nanoseconds UTC).
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ledger.money import yuan

if TYPE_CHECKING:
    Fen = int
    Amount = int
else:

    class Fen(int):
        """Integer fen: a decimal string of yuan in JSON, the integer itself in MessagePack."""

    class Amount(int):
        """Fen, and then written as Fen, or bottles: its message says of what asset."""


FEN_MAX = 1 << 53
Acct = Annotated[int, msgspec.Meta(ge=-FEN_MAX, le=FEN_MAX)]
Qty = Annotated[int, msgspec.Meta(ge=1, le=FEN_MAX)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Text = Annotated[str, msgspec.Meta(max_length=64)]
SideCode = Literal["B", "S"]
TifCode = Literal["GTC", "DAY", "IOC", "FOK", "GTD"]
TypeCode = Literal["limit", "market", "stop", "stop_limit"]


class Instrument(msgspec.Struct, kw_only=True):
    """A tradable line: the engine's limits and the catalogue's facts about it."""

    sym: str
    name_zh: str
    name_en: str
    winery: str
    vintage: int  # 0 when the line has none
    ml: int
    abv_bp: int  # alcohol by volume in hundredths of a percent
    tick: Fen
    lot: int
    min_qty: int
    max_qty: int
    lo: Fen  # band, inclusive
    hi: Fen
    ref: Fen
    phase: str
    last: Fen  # last trade, 0 before the first
    fee_bp: int = 0  # the highest fee that an order can pay, basis points of its value
    fee_min: Fen = 0


class Balance(msgspec.Struct, kw_only=True):
    """Free and held amount of one asset: money for CNY, bottles for a symbol."""

    asset: str
    free: Amount
    held: Amount


class Order(msgspec.Struct, kw_only=True):
    oid: int
    cid: str
    sym: str
    side: SideCode
    px: Fen
    qty: int
    cum: int  # filled
    lvs: int  # still open; 0 when done
    tif: str
    st: str  # open, filled, cancelled
    ts: int


class Request(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="op"):
    """What a client may ask on the socket; `id` comes back with the answer."""

    id: int = 0


class OrderNew(Request, kw_only=True, tag="order.new"):
    """A market or stop order's `px` is not read; `display` makes an iceberg; `expire_ts` goes with GTD."""

    sym: Text
    side: SideCode
    px: Fen = 0
    qty: Qty
    tif: TifCode = "GTC"
    type: TypeCode = "limit"
    post: bool = False
    display: Whole = 0
    expire_ts: Whole = 0
    stop_px: Fen = 0
    cid: Text = ""  # empty: the server gives one


class OrderCancel(Request, kw_only=True, tag="order.cancel"):
    cid: str


class OrderCancelAll(Request, kw_only=True, tag="order.cancel_all"):
    sym: str = ""


class OrderGet(Request, kw_only=True, tag="order.get"):
    cid: str


class Login(Request, kw_only=True, tag="login"):
    """The same signature as on HTTP, over GET and the socket's path with an empty body."""

    key: str
    ts: str
    nonce: str
    sign: str


class Subscribe(Request, kw_only=True, tag="subscribe"):
    """Channels `book`, `trades`, `ticker` of these symbols; `exec` and `balance` of the account, after login."""

    ch: list[str]
    sym: list[str] = []


class Unsubscribe(Request, kw_only=True, tag="unsubscribe"):
    ch: list[str]
    sym: list[str] = []


class Ping(Request, kw_only=True, tag="ping"):
    pass


AnyRequest = OrderNew | OrderCancel | OrderCancelAll | OrderGet | Login | Subscribe | Unsubscribe | Ping


class Done(msgspec.Struct, kw_only=True):
    """The answer to a request that has nothing else to say."""

    op: str
    id: int = 0
    ts: int = 0


class Found(msgspec.Struct, kw_only=True):
    """The answer to order.get."""

    order: Order
    op: str = "order.get"
    id: int = 0


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
    b: list[tuple[Fen, int]]
    a: list[tuple[Fen, int]]
    why: str = ""


class TradePrint(msgspec.Struct, kw_only=True):
    id: int
    px: Fen
    qty: int
    side: Literal["B", "S", ""]  # the aggressor's; empty in an auction
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
    last: Fen
    bid: Fen  # best bid, 0 when there is none
    bid_qty: int
    ask: Fen
    ask_qty: int
    open: Fen  # first trade since start of day, 0 before it
    high: Fen
    low: Fen
    vol: int  # bottles
    turnover: Fen  # fen
    ref: Fen
    lo: Fen
    hi: Fen
    phase: str


class Exec(msgspec.Struct, kw_only=True, tag_field="ch", tag="exec"):
    """One event in the life of one of your orders. `et`: accepted, trade, amended, triggered, cancelled."""

    aseq: int
    prev: int
    oid: int
    cid: str
    sym: str
    side: SideCode
    et: str
    px: Fen
    qty: int
    cum: int
    lvs: int
    fee: Fen
    role: Literal["maker", "taker", ""]
    tid: int
    why: str
    ts: int


class BalanceChange(msgspec.Struct, kw_only=True, tag_field="ch", tag="balance"):
    """The account's new balance of one asset."""

    aseq: int
    prev: int
    asset: str
    free: Amount
    held: Amount
    ts: int


class Heartbeat(msgspec.Struct, kw_only=True, tag_field="ch", tag="heartbeat"):
    """Once a second: the last sequence of each subscription, by `channel:sym`, and of the `account`."""

    ts: int
    seqs: dict[str, int]


class Key(msgspec.Struct, kw_only=True):
    """A key as its owner gets it, once. `acct` is the account that it acts for."""

    key: str
    secret: str
    acct: int
    scopes: list[str]


class Band(msgspec.Struct, kw_only=True):
    """An instrument's band and what it was made from; `up_bp` -1 means that there is none."""

    sym: str
    lo: Fen
    hi: Fen
    ref: Fen
    up_bp: int
    down_bp: int


class BandSet(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An operator's band: percentages in basis points; `ref` 0 keeps the reference price."""

    up_bp: int
    down_bp: int
    ref: Fen = 0
    reason: str = ""


class KeyNew(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    acct: Acct
    scopes: list[str]


class Disconnected(msgspec.Struct, kw_only=True):
    """The client's own word in a stream: the socket is gone, and what was shown may be stale."""

    why: str


Frame = Book | Trades | Ticker | Exec | BalanceChange | Heartbeat
Encoding = Literal["json", "msgpack"]
SUBPROTOCOLS: dict[str, Encoding] = {"cellarbook.v1.json": "json", "cellarbook.v1.msgpack": "msgpack"}

MONEY = frozenset(
    {
        "stop_px",
        "px",
        "tick",
        "lo",
        "hi",
        "ref",
        "last",
        "bid",
        "ask",
        "open",
        "high",
        "low",
        "turnover",
        "close",
        "fee",
        "fee_min",
        "amount",
        "late",
        "late_paid",
        "pickup_fee",
    }
)


def fen_of(text: str) -> int:
    """`"2680.00"`, `"2680.5"` or `"2680"` as fen, exactly. Raises ValueError for anything else."""
    whole, dot, cents = text.partition(".")
    digits = whole.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 14):
        raise ValueError(f"{text[:20]!r} is not an amount of yuan")
    if (dot and not cents) or len(cents) > 2 or (cents and not (cents.isascii() and cents.isdigit())):
        raise ValueError(f"{text[:20]!r} is not an amount of yuan with at most two decimals")
    fen = int(digits) * 100 + int((cents + "00")[:2])
    return -fen if whole.startswith("-") else fen


def _from_json(kind: type[int], value: object) -> int:
    if type(value) is int and kind is Amount:
        return kind(value)
    if type(value) is not str:
        raise ValueError("money is a decimal string of yuan")
    return kind(_bounded(fen_of(value)))


def _from_msgpack(kind: type[int], value: object) -> int:
    if type(value) is not int:
        raise ValueError("money is an integer of fen")
    return kind(_bounded(value))


def _bounded(fen: int) -> int:
    if not 0 <= fen <= FEN_MAX:
        raise ValueError("amount out of range")
    return fen


def decoder(kind: Any, encoding: Encoding) -> "msgspec.json.Decoder[Any] | msgspec.msgpack.Decoder[Any]":
    """A strict decoder for a struct or a union of them. Its `decode` raises msgspec.DecodeError."""
    if encoding == "json":
        return msgspec.json.Decoder(kind, dec_hook=_from_json)
    return msgspec.msgpack.Decoder(kind, dec_hook=_from_msgpack)


_JSON = msgspec.json.Encoder()
_MSGPACK = msgspec.msgpack.Encoder(enc_hook=int)  # money that was decoded is of a class of its own


def encode(message: Any, encoding: Encoding) -> bytes:
    """Encode a struct, or a list of them."""
    if encoding == "msgpack":
        return _MSGPACK.encode(message)
    return _JSON.encode(_with_yuan(msgspec.to_builtins(message, enc_hook=int)))


def _with_yuan(data: Any) -> Any:
    """Turn the money in plain data into decimal strings, in place."""
    if isinstance(data, list):
        return [_with_yuan(item) for item in data]
    if not isinstance(data, dict):
        return data
    for name, value in data.items():
        if name in MONEY:
            data[name] = yuan(value)
        elif name in ("b", "a"):
            data[name] = [(yuan(px), qty) for px, qty in value]
        elif isinstance(value, list | dict):
            data[name] = _with_yuan(value)
    if data.get("asset") == "CNY":
        data["free"], data["held"] = yuan(data["free"]), yuan(data["held"])
    return data
