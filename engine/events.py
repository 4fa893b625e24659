"""What happened.

Every event carries `seq`, the number of the command that caused it, and that command's `ts`. Several events may
share a `seq`; their order is part of the result. Amounts in an event are enough to keep the books without asking
the engine: `hold` is what moved from free to held, `release` what moved back (fen for a buy, bottles for a sell).
"""

from typing import NamedTuple, TypeAlias

from engine.commands import Leg


class Listed(NamedTuple):
    seq: int
    ts: int
    sym: str
    tick: int
    lot: int
    min_qty: int
    max_qty: int


class AssetAdded(NamedTuple):
    seq: int
    ts: int
    asset: str


class Deposited(NamedTuple):
    seq: int
    ts: int
    acct: int
    asset: str
    amount: int


class Withdrawn(NamedTuple):
    seq: int
    ts: int
    acct: int
    asset: str
    amount: int


class PhaseChanged(NamedTuple):
    seq: int
    ts: int
    sym: str
    phase: str


class BandChanged(NamedTuple):
    """The band now in force; `lo` and `hi` are inclusive, in fen."""

    seq: int
    ts: int
    sym: str
    lo: int
    hi: int
    ref: int


class BandPlanned(NamedTuple):
    """The band of the next session; `ref` 0 is the close to come."""

    seq: int
    ts: int
    sym: str
    up_bp: int
    down_bp: int
    ref: int


class Accepted(NamedTuple):
    seq: int
    ts: int
    acct: int
    cid: str
    oid: int
    sym: str
    side: str
    px: int
    qty: int
    tif: str
    hold: int


class Rejected(NamedTuple):
    """A command was refused and changed nothing; `detail` says the limit that it met, such as the band."""

    seq: int
    ts: int
    acct: int
    cid: str
    code: str
    detail: dict[str, int]


class Traded(NamedTuple):
    """One match. `buy_open` and `sell_open` are what each order still has open after it.

    `aggressor` is empty in an uncross.
    The buyer's hold falls by px * qty + buy_fee + buy_release, of which buy_release becomes free again. The
    seller's held bottles fall by qty; px * qty - sell_fee becomes the seller's free cash.
    """

    seq: int
    ts: int
    trade_id: int
    sym: str
    px: int
    qty: int
    buy_acct: int
    buy_cid: str
    buy_oid: int
    buy_open: int
    buy_fee: int
    buy_release: int
    sell_acct: int
    sell_cid: str
    sell_oid: int
    sell_open: int
    sell_fee: int
    aggressor: str


class Cancelled(NamedTuple):
    """An order's open quantity `qty` left the book after `filled` had traded; `release` became free again."""

    seq: int
    ts: int
    acct: int
    cid: str
    oid: int
    sym: str
    side: str
    px: int
    qty: int
    reason: str
    release: int
    filled: int


class Amended(NamedTuple):
    """An order stands at a new price or open quantity; `release` became free, or was held on top when negative."""

    seq: int
    ts: int
    acct: int
    cid: str
    oid: int
    sym: str
    side: str
    px: int
    px_before: int
    open: int
    filled: int
    reason: str
    release: int


class Triggered(NamedTuple):
    """A stop was elected and is an order at `px` now; `release` is what it need not hold any more."""

    seq: int
    ts: int
    acct: int
    cid: str
    oid: int
    sym: str
    side: str
    px: int
    open: int
    release: int


class Indicated(NamedTuple):
    """What a call would trade if it ended now: price 匹配价 (0 for none), quantity, and what stays unmatched 未匹配量.

    `surplus` is above 0 when buys stay over, below 0 when sells do.
    """

    seq: int
    ts: int
    sym: str
    px: int
    qty: int
    surplus: int


class Uncrossed(NamedTuple):
    """A call ended: its trades, all at `px`, follow. Price 0: nothing crossed."""

    seq: int
    ts: int
    sym: str
    px: int
    qty: int
    surplus: int


class Grouped(NamedTuple):
    seq: int
    ts: int
    acct: int
    group: int


class Rolled(NamedTuple):
    """The instrument's day ended at this close."""

    seq: int
    ts: int
    sym: str
    close: int


class FeesChanged(NamedTuple):
    seq: int
    ts: int
    sym: str
    maker_bp: int
    taker_bp: int
    min_fee: int


class Transferred(NamedTuple):
    """All legs of a transfer were made: each with its account, asset and amount, however the command named them.

    A transfer moves from free to free, a hold from free to held, a capture from held to another's free, a release
    from held to free.
    """

    seq: int
    ts: int
    key: str
    legs: tuple[Leg, ...]


class Repeated(NamedTuple):
    """A transfer with this key was made by command `first`; nothing happened now."""

    seq: int
    ts: int
    key: str
    first: int


class Offered(NamedTuple):
    """An offering is announced; the issuer's bottles are held for it."""

    seq: int
    ts: int
    offering: str
    acct: int
    sym: str
    px: int
    qty: int
    opens: int
    closes: int
    commit: str


class Subscribed(NamedTuple):
    """A client now subscribes to `qty`, 0 after a withdrawal; `hold` moved from free to held, back when negative."""

    seq: int
    ts: int
    acct: int
    offering: str
    qty: int
    hold: int


class Allotted(NamedTuple):
    """A client gets `qty` of what it subscribed to: `paid` goes from its held fen to the issuer, `refund` is free."""

    seq: int
    ts: int
    acct: int
    offering: str
    sym: str
    issuer: int
    qty: int
    paid: int
    refund: int


class OfferingEnded(NamedTuple):
    """An offering is over. `returned` bottles are the issuer's free ones again; `digest` is of the subscriptions.

    `seed` is empty when it was called off.
    """

    seq: int
    ts: int
    offering: str
    acct: int
    sym: str
    sold: int
    returned: int
    digest: str
    seed: str


Event: TypeAlias = (
    Listed
    | AssetAdded
    | Deposited
    | Withdrawn
    | PhaseChanged
    | BandChanged
    | Accepted
    | Rejected
    | Traded
    | Cancelled
    | Amended
    | Triggered
    | Indicated
    | Uncrossed
    | Grouped
    | Rolled
    | BandPlanned
    | FeesChanged
    | Transferred
    | Repeated
    | Offered
    | Subscribed
    | Allotted
    | OfferingEnded
)
