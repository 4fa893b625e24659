"""What the exchange can be asked.

Every command is an immutable tuple that carries its time: `ts`, integer nanoseconds UTC. `acct` is an integer,
`sym` an instrument's symbol, `cid` the client's order id, unique per account. Prices and cash are integer fen,
quantities integer bottles, rates basis points (`_bp`). The field order is the journal's format: append only.
"""

from enum import StrEnum
from typing import NamedTuple, TypeAlias

CASH = "CNY"


class Side(StrEnum):
    BUY = "B"
    SELL = "S"


class OrderType(StrEnum):
    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"  # a market order, once the last trade reached its trigger
    STOP_LIMIT = "stop_limit"


STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


class TimeInForce(StrEnum):
    GTC = "GTC"
    DAY = "DAY"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


class SelfTrade(StrEnum):
    """What happens when an order meets one of its own account's group."""

    NONE = "none"
    NEWEST = "newest"  # the aggressor's remainder is cancelled
    OLDEST = "oldest"  # the resting order is cancelled, and the aggressor goes on
    BOTH = "both"
    DECREMENT = "decrement"  # both shrink by the smaller open quantity, without a trade


class Phase(StrEnum):
    """RULES §5. The calls collect orders and trade them at one price when they end."""

    CLOSED = "CLOSED"
    PRE_OPEN = "PRE_OPEN"
    OPENING_CALL = "OPENING_CALL"
    OPENING_CALL_NO_CANCEL = "OPENING_CALL_NO_CANCEL"
    CONTINUOUS = "CONTINUOUS"
    BREAK = "BREAK"
    CLOSING_CALL = "CLOSING_CALL"
    HALTED = "HALTED"


CALLS = frozenset({Phase.OPENING_CALL, Phase.OPENING_CALL_NO_CANCEL, Phase.CLOSING_CALL})
LOCKED = frozenset({Phase.OPENING_CALL_NO_CANCEL, Phase.CLOSING_CALL})  # nothing is cancelled or amended
UNCROSSING = frozenset({Phase.CONTINUOUS, Phase.CLOSED, Phase.BREAK})  # a call that was not uncrossed is, on entry


class List(NamedTuple):
    """List an instrument. 0 means none; `up_bp` -1 means no band: prices then run from one tick to `max_px`."""

    ts: int
    sym: str
    tick: int = 1
    lot: int = 1
    ref: int = 0
    up_bp: int = 1000
    down_bp: int = 1000
    min_qty: int = 1
    max_qty: int = 0
    max_holding: int = 0
    maker_bp: int = 0
    taker_bp: int = 0
    min_fee: int = 0
    stp: str = SelfTrade.NEWEST
    max_px: int = 0


class Deposit(NamedTuple):
    """Bring cash (`asset` CNY) or bottles (`asset` a symbol) into an account; the first one opens it."""

    ts: int
    acct: int
    asset: str
    amount: int


class Withdraw(NamedTuple):
    """Take free cash or bottles out of an account."""

    ts: int
    acct: int
    asset: str
    amount: int


class SetPhase(NamedTuple):
    ts: int
    sym: str
    phase: str


class SetBand(NamedTuple):
    """Set an instrument's band; `ref` 0 keeps the reference price."""

    ts: int
    sym: str
    up_bp: int
    down_bp: int
    ref: int = 0


class Place(NamedTuple):
    """A new order.

    The `px` of a market or stop order is not read; `display` above 0 makes an iceberg, `expire_ts` is for GTD, and
    `stop_px` is the trigger of a stop.
    """

    ts: int
    acct: int
    cid: str
    sym: str
    side: str
    px: int = 0
    qty: int = 0
    tif: str = TimeInForce.GTC
    type: str = OrderType.LIMIT
    post: bool = False
    display: int = 0
    expire_ts: int = 0
    stop_px: int = 0


class Cancel(NamedTuple):
    ts: int
    acct: int
    cid: str


class CancelAll(NamedTuple):
    """Cancel every open order of the account, of one instrument or side when `sym` or `side` is given."""

    ts: int
    acct: int
    sym: str = ""
    side: str = ""


class Amend(NamedTuple):
    """Give an order a new price, a new total quantity (filled and open), or both; 0 keeps the one it has."""

    ts: int
    acct: int
    cid: str
    px: int = 0
    qty: int = 0


class Group(NamedTuple):
    """Put an account into a group whose accounts must not trade with each other; group 0 is its own again."""

    ts: int
    acct: int
    group: int


class Roll(NamedTuple):
    """End an instrument's day: DAY orders expire, and the close becomes the reference of the next day's band."""

    ts: int
    sym: str


Command: TypeAlias = List | Deposit | Withdraw | SetPhase | SetBand | Place | Cancel | CancelAll | Amend | Group | Roll
