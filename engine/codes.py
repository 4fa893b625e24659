"""The numbers that stand for the vocabulary inside the kernel, and the layout of its batches.

A code is the member's place in its enumeration, so both sides derive it from `commands` and `reject`.
"""

import numpy as np

from engine.commands import Phase, SelfTrade, Side, TimeInForce
from engine.reject import Reason, Reject

BUY, SELL = range(len(Side))
NEITHER = -1  # side of a trade without an aggressor
CONTINUOUS, CALL, CALL_LOCKED, HALTED, CLOSED = range(5)  # what an instrument does with orders
STP_NONE, STP_NEWEST, STP_OLDEST, STP_BOTH, STP_DECREMENT = range(len(SelfTrade))
BY_USER, BY_IOC, BY_MARKET, BY_SELF_TRADE, BY_BAND, BY_EXPIRY, BY_FEES = range(len(Reason))
MATCHED, PREVENTED, INTERRUPTED = range(3)  # what ended the matching of an order

# How an order is entered: one time in force, and bits.
GTC, IOC, FOK = range(3)
TIF_MASK = 3
POST = 4  # refuse it when it would trade at once
MARKET = 8  # at the band's edge, and nothing rests
HOW_STOP = 16  # only hold: `trigger` enters it
HOW_END = 32

# What an order in the book remembers.
POSTED = 1
ICEBERG = 2
WAITING = 4  # a market order in a call: it stands in no queue of a price
STOP = 8  # it waits for its trigger: in no queue, but it holds

# What the exchange says, and what the kernel hears.
SIDES = tuple(Side)
REASONS = tuple(Reason)
SIDE_CODES: dict[str, int] = {side: code for code, side in enumerate(SIDES)}
TIF_CODES: dict[str, int] = {
    TimeInForce.GTC: GTC,
    TimeInForce.DAY: GTC,
    TimeInForce.GTD: GTC,
    TimeInForce.IOC: IOC,
    TimeInForce.FOK: FOK,
}
STATES: dict[str, int] = {
    Phase.CLOSED: CLOSED,
    Phase.PRE_OPEN: CLOSED,
    Phase.OPENING_CALL: CALL,
    Phase.OPENING_CALL_NO_CANCEL: CALL_LOCKED,
    Phase.CONTINUOUS: CONTINUOUS,
    Phase.BREAK: CLOSED,
    Phase.CLOSING_CALL: CALL_LOCKED,
    Phase.HALTED: HALTED,
    Phase.VOLATILITY_CALL: CALL,
    Phase.CANCEL_ONLY: CLOSED,
}
STP_CODES: dict[str, int] = {stp: code for code, stp in enumerate(SelfTrade)}

ACCEPTED = 0  # and the refusals by precedence
(
    MALFORMED, DUPLICATE_ID, UNKNOWN_INSTRUMENT, UNKNOWN_OFFERING, NO_ENTRY_HALTED, PHASE_CLOSED, OFFERING_CLOSED,
    UNKNOWN_ORDER, UNKNOWN_HOLD, WRONG_SEED, TOO_LATE, OFF_TICK, PRICE_OUT_OF_BAND, OFF_LOT, OFF_UNIT, BELOW_FILLED,
    BELOW_MIN_QTY, ABOVE_MAX_QTY, BELOW_MIN_SUBSCRIPTION, ABOVE_MAX_SUBSCRIPTION, ABOVE_HOLD, ABOVE_POSITION_LIMIT,
    INSUFFICIENT_FUNDS, INSUFFICIENT_BOTTLES, WOULD_CROSS, NOT_FILLABLE,
) = range(1, len(Reject) + 1)  # fmt: skip
REJECTS: tuple[Reject | None, ...] = (None, *Reject)

TRADED, CANCELLED, AMENDED, INTERRUPTION = range(4)  # kinds of kernel events
OP_PLACE, OP_CANCEL = range(2)

NO_ASK = 1 << 62  # the best ask, in ticks, of a book without one; the best bid is then 0
AMOUNT_MAX = 1 << 53  # fen or bottles in one command; fen of one order at the band's upper edge
FEE_BASE_MAX = (1 << 63) - 1  # sum of notional * basis points of one order
FEE_BP_MAX = 1000  # so that notional * basis points stays within 63 bits
WINDOW_TICKS_MAX = 1 << 24  # ticks from the band's lower edge to the upper
FEES = 0  # the kernel's index of the account that fees go to
NOBODY = 1  # the account of whoever never deposited: always empty
ID_BITS = 12  # order ids are kept in pages of 4,096
ID_PAGE = 1 << ID_BITS
OID_MAX = 1 << 40

COMMAND_DTYPE = np.dtype(
    [
        ("op", "i1"),
        ("side", "i1"),
        ("how", "i1"),
        ("pad", "i1"),
        ("instr", "i4"),
        ("account", "i4"),
        ("pad2", "i4"),
        ("oid", "i8"),
        ("price", "i8"),
        ("qty", "i8"),
    ]
)
EVENT_FIELDS_I4 = ("kind", "instr", "side", "reason", "account", "maker_account")
EVENT_FIELDS_I8 = (
    "oid",
    "maker_oid",
    "price",
    "price_before",
    "qty",
    "open",
    "maker_open",
    "fee",
    "maker_fee",
    "filled",
    "release",
)
EVENT_DTYPE = np.dtype([(f, "i4") for f in EVENT_FIELDS_I4] + [(f, "i8") for f in EVENT_FIELDS_I8])
