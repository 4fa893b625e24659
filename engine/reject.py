"""Why a command is refused.

Members stand in order of precedence: of several faults the first one here is reported. Values are stable and
never reused.
"""

from enum import StrEnum


class Reject(StrEnum):
    """A refusal is a value, never an exception."""

    # the request itself
    MALFORMED = "MALFORMED"
    DUPLICATE_ID = "DUPLICATE_ID"
    # the instrument and its phase
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_OFFERING = "UNKNOWN_OFFERING"
    HALTED = "HALTED"
    PHASE_CLOSED = "PHASE_CLOSED"
    OFFERING_CLOSED = "OFFERING_CLOSED"
    # the order that an amend or cancel names, the hold that a capture or release does, the seed that was committed to
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    UNKNOWN_HOLD = "UNKNOWN_HOLD"
    WRONG_SEED = "WRONG_SEED"
    # time
    TOO_LATE = "TOO_LATE"
    # price
    OFF_TICK = "OFF_TICK"
    PRICE_OUT_OF_BAND = "PRICE_OUT_OF_BAND"
    # quantity
    OFF_LOT = "OFF_LOT"
    OFF_UNIT = "OFF_UNIT"
    BELOW_FILLED = "BELOW_FILLED"
    BELOW_MIN_QTY = "BELOW_MIN_QTY"
    ABOVE_MAX_QTY = "ABOVE_MAX_QTY"
    BELOW_MIN_SUBSCRIPTION = "BELOW_MIN_SUBSCRIPTION"
    ABOVE_MAX_SUBSCRIPTION = "ABOVE_MAX_SUBSCRIPTION"
    ABOVE_HOLD = "ABOVE_HOLD"
    ABOVE_POSITION_LIMIT = "ABOVE_POSITION_LIMIT"
    # cover: no margin, no short selling
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    INSUFFICIENT_BOTTLES = "INSUFFICIENT_BOTTLES"
    # what the book would do with it
    WOULD_CROSS = "WOULD_CROSS"
    NOT_FILLABLE = "NOT_FILLABLE"


class Reason(StrEnum):
    """Why an accepted order left the book without a fill."""

    USER = "USER"
    IOC = "IOC"
    MARKET = "MARKET"
    SELF_TRADE = "SELF_TRADE"
    BAND_CHANGED = "BAND_CHANGED"
    EXPIRED = "EXPIRED"
    FEES_CHANGED = "FEES_CHANGED"
