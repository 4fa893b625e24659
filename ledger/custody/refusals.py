"""Why the cellar refuses what it is asked. The engine's own refusals are `engine.reject.Reject`."""

from enum import StrEnum
from typing import TypeAlias

from engine.reject import Reject


class CustodyReject(StrEnum):
    """Values are stable and never reused."""

    # what the request names
    UNKNOWN_WAREHOUSE = "UNKNOWN_WAREHOUSE"
    UNKNOWN_BIN = "UNKNOWN_BIN"
    UNKNOWN_LOT = "UNKNOWN_LOT"
    UNKNOWN_SERIAL = "UNKNOWN_SERIAL"
    UNKNOWN_ADVICE = "UNKNOWN_ADVICE"
    UNKNOWN_HAUL = "UNKNOWN_HAUL"
    UNKNOWN_COUNT = "UNKNOWN_COUNT"
    UNKNOWN_LIEN = "UNKNOWN_LIEN"
    UNKNOWN_PICKUP = "UNKNOWN_PICKUP"
    UNKNOWN_CLAIM = "UNKNOWN_CLAIM"
    UNKNOWN_BILL = "UNKNOWN_BILL"
    UNKNOWN_ALARM = "UNKNOWN_ALARM"
    DUPLICATE_CODE = "DUPLICATE_CODE"
    DUPLICATE_SERIAL = "DUPLICATE_SERIAL"
    # who asks
    NOT_STAFF = "NOT_STAFF"  # of that warehouse
    SAME_PERSON = "SAME_PERSON"  # who began it may not decide it
    IN_DEBT = "IN_DEBT"
    # when
    WRONG_STATE = "WRONG_STATE"
    IN_PROGRESS = "IN_PROGRESS"  # an earlier step waits for the engine's answer
    DAY_DONE = "DAY_DONE"
    DAY_MISSING = "DAY_MISSING"  # the day before has not been accrued
    # which bottles, and how many
    ABOVE_ADVISED = "ABOVE_ADVISED"
    NOT_IN_STORE = "NOT_IN_STORE"  # reserved, liened, under way or gone
    SHORT_IN_WAREHOUSE = "SHORT_IN_WAREHOUSE"
    BELOW_MIN_PICKUP = "BELOW_MIN_PICKUP"
    ABOVE_MAX_PICKUP = "ABOVE_MAX_PICKUP"
    WRONG_SERIALS = "WRONG_SERIALS"  # not as many, or not of the kind, that was asked for
    COUNT_STALE = "COUNT_STALE"  # the bottles moved since they were counted
    # the code
    NO_CODE = "NO_CODE"  # none was issued, or it was used
    CODE_LOCKED = "CODE_LOCKED"
    WRONG_CODE = "WRONG_CODE"
    IDENTITY_UNCHECKED = "IDENTITY_UNCHECKED"


Refusal: TypeAlias = CustodyReject | Reject
