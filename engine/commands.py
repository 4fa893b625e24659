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
    VOLATILITY_CALL = "VOLATILITY_CALL"
    CANCEL_ONLY = "CANCEL_ONLY"


CALLS = frozenset({Phase.OPENING_CALL, Phase.OPENING_CALL_NO_CANCEL, Phase.CLOSING_CALL, Phase.VOLATILITY_CALL})
LOCKED = frozenset({Phase.OPENING_CALL_NO_CANCEL, Phase.CLOSING_CALL})  # nothing is cancelled or amended
UNCROSSING = frozenset({Phase.CONTINUOUS, Phase.CLOSED, Phase.BREAK})  # a call that was not uncrossed is, on entry


class When(StrEnum):
    NOW = "now"
    ROLL = "roll"  # with the next session


class Method(StrEnum):
    """How an oversubscribed offering is allotted."""

    PRO_RATA = "pro_rata"
    DRAW = "draw"


class LegKind(StrEnum):
    TRANSFER = "transfer"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"


class List(NamedTuple):
    """List an instrument. 0 means none; `up_bp` -1 means no band: prices then run from one tick to `max_px`.

    The first `first_days` days have the band of `first_up_bp` and `first_down_bp`. `dyn_bp` and `static_bp` are the
    volatility ranges; bottles that were bought may be sold after `resale_lock_days` rolls.
    """

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
    dyn_bp: int = 0
    static_bp: int = 0
    resale_lock_days: int = 0
    first_up_bp: int = 0
    first_down_bp: int = 0
    first_days: int = 0


class AddAsset(NamedTuple):
    """Admit an asset that is held and moved, but never traded: points, coupons, lots that may not be resold."""

    ts: int
    asset: str


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
    """Set an instrument's band, now or from the next session; `ref` 0 keeps the reference price."""

    ts: int
    sym: str
    up_bp: int
    down_bp: int
    ref: int = 0
    when: str = When.NOW


class SetFees(NamedTuple):
    """Set an instrument's fees; open buys hold anew by them, and those not covered any more are cancelled."""

    ts: int
    sym: str
    maker_bp: int
    taker_bp: int
    min_fee: int = 0


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


class Leg(NamedTuple):
    """One step of a transfer; each kind has its own fields, see `LEG_FIELDS`, and leaves the others as they are.

    `hold` names a hold: one that a hold leg makes, or that a capture or a release takes from. `amount` 0 in those two
    is all that is left of it.
    """

    kind: str
    acct: int = 0
    to: int = 0
    asset: str = ""
    amount: int = 0
    hold: str = ""


LEG_FIELDS: dict[str, frozenset[str]] = {
    LegKind.TRANSFER: frozenset({"acct", "to", "asset", "amount"}),
    LegKind.HOLD: frozenset({"hold", "acct", "asset", "amount"}),
    LegKind.CAPTURE: frozenset({"hold", "to", "amount"}),
    LegKind.RELEASE: frozenset({"hold", "amount"}),
}


class Transfer(NamedTuple):
    """Move what is not traded: all legs in order, or none. A `key` seen before gives its first outcome again."""

    ts: int
    key: str
    legs: tuple[Leg, ...]


class Offer(NamedTuple):
    """Offer `qty` bottles of an issuer at a fixed price, from `opens` until `closes` (0: until it is allotted).

    Clients subscribe in units of `unit`, at least `min_qty` and at most `max_qty` (0: no limit). What goes beyond
    the minimum is allotted in steps of `step` (0: of `unit`). `commit` is the SHA-256 of the seed that `Allot`
    reveals, in hex. A `final` offering takes no change and no withdrawal.
    """

    ts: int
    offering: str
    acct: int
    sym: str
    px: int
    qty: int
    commit: str
    unit: int = 1
    min_qty: int = 1
    max_qty: int = 0
    step: int = 0
    method: str = Method.PRO_RATA
    opens: int = 0
    closes: int = 0
    final: bool = False


class Subscribe(NamedTuple):
    """Subscribe to an offering, or change the quantity; 0 withdraws. The cost is held in full."""

    ts: int
    acct: int
    offering: str
    qty: int


class Allot(NamedTuple):
    """Close an offering and give its bottles out by the seed that was committed to."""

    ts: int
    offering: str
    seed: str


class Recall(NamedTuple):
    """Call an offering off: everything goes back."""

    ts: int
    offering: str


Command: TypeAlias = (
    List
    | AddAsset
    | Deposit
    | Withdraw
    | SetPhase
    | SetBand
    | SetFees
    | Place
    | Cancel
    | CancelAll
    | Amend
    | Group
    | Roll
    | Transfer
    | Offer
    | Subscribe
    | Allot
    | Recall
)
