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


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"


class SelfTrade(StrEnum):
    """What happens when an order meets one of its own account."""

    NONE = "none"
    NEWEST = "newest"


class Phase(StrEnum):
    CONTINUOUS = "CONTINUOUS"
    HALTED = "HALTED"
    CLOSED = "CLOSED"


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
    ts: int
    acct: int
    cid: str
    sym: str
    side: str
    px: int
    qty: int
    tif: str = TimeInForce.GTC


class Cancel(NamedTuple):
    ts: int
    acct: int
    cid: str


class CancelAll(NamedTuple):
    """Cancel every open order of the account, in one instrument when `sym` is given."""

    ts: int
    acct: int
    sym: str = ""


Command: TypeAlias = List | Deposit | Withdraw | SetPhase | SetBand | Place | Cancel | CancelAll
