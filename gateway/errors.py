"""The one table of what can go wrong for a client: code, HTTP status, and words.

Codes are grouped and stable: 1xxx who you are, 2001 how often, 30xx the request, 4xxx the market's rules, 5xxx the
order, 60xx the cellar, 900x the exchange itself. docs/api.md lists every one; a test holds the two together.
"""

from collections.abc import Mapping
from typing import NamedTuple

from engine.events import Rejected
from engine.reject import Reject
from gateway.wire import Fault
from ledger.money import yuan


class Kind(NamedTuple):
    code: int
    status: int
    words: str


class Problem(Exception):
    """A request that ends in a `Fault`."""

    def __init__(
        self,
        name: str,
        *,
        field: str = "",
        msg: str = "",
        cid: str = "",
        after_ms: int = 0,
        headers: Mapping[str, str] = {},
    ) -> None:
        super().__init__(name)
        self.fault = fault(name, field=field, msg=msg, cid=cid)
        self.fault.after_ms = after_ms or self.fault.after_ms
        self.headers = headers

    @property
    def status(self) -> int:
        return KINDS[self.fault.name].status


KINDS: dict[str, Kind] = {
    "UNAUTHENTICATED": Kind(1001, 401, "sign the request, or log in on the socket first"),
    "BAD_SIGNATURE": Kind(1002, 401, "the signature, timestamp or nonce is not valid"),
    "FORBIDDEN": Kind(1003, 403, "this key may not do that"),
    "BAD_ORIGIN": Kind(1004, 403, "this web origin is not allowed"),
    "BAD_LOGIN": Kind(1005, 401, "the name, the password or the code is not right"),
    "CODE_NEEDED": Kind(1006, 401, "give the code that your authenticator shows"),
    "BAD_SESSION": Kind(1007, 401, "this session has ended; log in"),
    "BAD_CSRF": Kind(1008, 403, "the request does not show the session's CSRF token"),
    "NOT_PRIVATE": Kind(1009, 403, "passwords and sessions go over HTTPS, or within one machine, only"),
    "FOUR_EYES": Kind(1010, 403, "this takes a second person: propose it, and let another operator approve"),
    "RATE_LIMITED": Kind(2001, 429, "too many requests"),
    "MALFORMED": Kind(3001, 400, "the request is malformed"),
    "UNKNOWN_INSTRUMENT": Kind(3002, 400, "there is no such instrument"),
    "UNKNOWN_OFFERING": Kind(3010, 404, "there is no such offering"),
    "UNKNOWN_HOLD": Kind(3011, 404, "there is no such hold"),
    "OFF_TICK": Kind(3003, 400, "the price is not on the tick of {tick} yuan"),
    "OFF_LOT": Kind(3004, 400, "the quantity is not a multiple of the lot, {lot}"),
    "BELOW_MIN_QTY": Kind(3005, 400, "the smallest order is {min_qty}"),
    "ABOVE_MAX_QTY": Kind(3006, 400, "the largest order is {max_qty}"),
    "OFF_UNIT": Kind(3012, 400, "the subscription is not a multiple of {unit}"),
    "BELOW_MIN_SUBSCRIPTION": Kind(3013, 400, "the smallest subscription is {min_qty}"),
    "ABOVE_MAX_SUBSCRIPTION": Kind(3014, 400, "the largest subscription is {max_qty}"),
    "NOT_FOUND": Kind(3007, 404, "there is nothing here"),
    "TOO_LARGE": Kind(3008, 413, "the request is too large"),
    "TOO_SLOW": Kind(3009, 408, "the request took too long to arrive"),
    "INSUFFICIENT_FUNDS": Kind(4001, 422, "not enough free cash; {free} yuan is free"),
    "PRICE_OUT_OF_BAND": Kind(4002, 422, "the price is outside the band, {lo} to {hi} yuan"),
    "HALTED": Kind(4003, 409, "trading is halted"),
    "INSUFFICIENT_BOTTLES": Kind(4004, 422, "not enough free bottles; {free} are free"),
    "ABOVE_POSITION_LIMIT": Kind(4005, 422, "the largest holding is {max_holding}"),
    "PHASE_CLOSED": Kind(4003, 409, "the market takes no orders in this phase"),
    "OFFERING_CLOSED": Kind(4003, 409, "the offering does not take this now"),
    "ABOVE_HOLD": Kind(4006, 422, "not so much is left of the hold"),
    "WRONG_SEED": Kind(4010, 422, "this is not the seed that was committed to"),
    "IN_DEBT": Kind(4011, 422, "storage fees are owed; pay them first"),
    "BELOW_FILLED": Kind(4007, 422, "the new quantity is not above what is filled"),
    "WOULD_CROSS": Kind(4008, 422, "a post-only order at this price would trade at once"),
    "NOT_FILLABLE": Kind(4009, 422, "the book cannot fill this order whole"),
    "LOGIN_TAKEN": Kind(5004, 409, "this login is somebody's already"),
    "UNKNOWN_PERSON": Kind(5005, 404, "there is no such person"),
    "UNKNOWN_KEY": Kind(5006, 404, "there is no such key of yours"),
    "UNKNOWN_SESSION": Kind(5007, 404, "there is no such session of yours"),
    "UNKNOWN_APPROVAL": Kind(5008, 404, "there is no such proposal"),
    "NOT_EMPTY": Kind(5009, 409, "the account still has money or bottles"),
    "DUPLICATE_ID": Kind(5001, 409, "this id was used before"),
    "UNKNOWN_ORDER": Kind(5002, 404, "there is no such open order"),
    "TOO_LATE": Kind(5003, 409, "its time has passed"),
    "UNKNOWN_WAREHOUSE": Kind(6001, 404, "there is no such warehouse"),
    "UNKNOWN_BIN": Kind(6001, 404, "there is no such bin in this warehouse"),
    "UNKNOWN_LOT": Kind(6001, 404, "there is no such lot"),
    "UNKNOWN_SERIAL": Kind(6001, 404, "there is no bottle of this serial number"),
    "UNKNOWN_ADVICE": Kind(6001, 404, "there is no such advice"),
    "UNKNOWN_HAUL": Kind(6001, 404, "there is no such haul"),
    "UNKNOWN_COUNT": Kind(6001, 404, "there is no such count"),
    "UNKNOWN_LIEN": Kind(6001, 404, "there is no such lien"),
    "UNKNOWN_PICKUP": Kind(6001, 404, "there is no such pickup"),
    "UNKNOWN_CLAIM": Kind(6001, 404, "there is no such claim"),
    "UNKNOWN_BILL": Kind(6001, 404, "there is nothing to pay"),
    "UNKNOWN_ALARM": Kind(6001, 404, "there is no such open alarm"),
    "DUPLICATE_CODE": Kind(6002, 409, "this code has another meaning already"),
    "DUPLICATE_SERIAL": Kind(6002, 409, "a bottle of this serial number is here already"),
    "NOT_STAFF": Kind(6003, 403, "only staff of this warehouse handle its bottles"),
    "SAME_PERSON": Kind(6004, 403, "who began this may not decide it"),
    "WRONG_STATE": Kind(6005, 409, "it is not at that step"),
    "IN_PROGRESS": Kind(6006, 409, "an earlier step is still under way"),
    "DAY_DONE": Kind(6007, 409, "this day is closed already"),
    "DAY_MISSING": Kind(6007, 409, "the day before is not closed yet"),
    "ABOVE_ADVISED": Kind(6008, 422, "more bottles than were advised"),
    "NOT_IN_STORE": Kind(6009, 422, "a bottle is reserved, in dispute, under way or gone"),
    "SHORT_IN_WAREHOUSE": Kind(6010, 422, "this warehouse has not so many to give; ask another, or for fewer"),
    "BELOW_MIN_PICKUP": Kind(6011, 422, "fewer bottles than the smallest pickup"),
    "ABOVE_MAX_PICKUP": Kind(6011, 422, "more bottles than the largest pickup"),
    "WRONG_SERIALS": Kind(6012, 422, "these are not the bottles, or not as many, as were asked for"),
    "COUNT_STALE": Kind(6013, 409, "bottles moved since they were counted; count again"),
    "NO_CODE": Kind(6014, 409, "no code was issued, or it was used"),
    "CODE_LOCKED": Kind(6015, 409, "too many wrong codes; the owner has to ask for a new one"),
    "WRONG_CODE": Kind(6016, 422, "this is not the code"),
    "UNBACKED_BOTTLES": Kind(
        6018,
        422,
        "bottles come through a warehouse, unless the server has --unbacked-bottles",
    ),
    "IDENTITY_UNCHECKED": Kind(6017, 422, "say how the bearer's identity was checked"),
    "BUSY": Kind(9002, 503, "the exchange is busy, or stopping"),
    "INTERNAL": Kind(9000, 500, "the exchange made a mistake; it is in its log"),
    "FOLLOWER": Kind(9003, 421, "this server follows another one and takes no commands; send them to that one"),
    "OUTCOME_UNKNOWN": Kind(9001, 503, "nobody knows whether this happened; ask again by cid"),
}
FIELDS = {  # what an order's refusal is about
    "DUPLICATE_ID": "cid",
    "UNKNOWN_INSTRUMENT": "sym",
    "UNKNOWN_ORDER": "cid",
    "OFF_TICK": "px",
    "PRICE_OUT_OF_BAND": "px",
    "OFF_LOT": "qty",
    "BELOW_MIN_QTY": "qty",
    "ABOVE_MAX_QTY": "qty",
    "ABOVE_POSITION_LIMIT": "qty",
    "OFF_UNIT": "qty",
    "BELOW_MIN_SUBSCRIPTION": "qty",
    "ABOVE_MAX_SUBSCRIPTION": "qty",
}
RETRY = {
    "BUSY": ("after", 200),
    "RATE_LIMITED": ("after", 1000),
    "IN_PROGRESS": ("after", 1000),
    "OUTCOME_UNKNOWN": ("unknown", 1000),
}
MONEY = {
    "PRICE_OUT_OF_BAND": ("lo", "hi"),
    "OFF_TICK": ("tick",),
    "INSUFFICIENT_FUNDS": ("free",),
}


def fault(name: str, *, field: str = "", msg: str = "", cid: str = "", detail: dict[str, int] | None = None) -> Fault:
    """Return the error of this name; `msg` replaces the table's words, `detail` fills them in."""
    kind = KINDS[name]
    said = {key: yuan(value) if key in MONEY.get(name, ()) else value for key, value in (detail or {}).items()}
    words = msg or (kind.words.format(**said) if said or "{" not in kind.words else kind.words.partition(";")[0])
    retry, after_ms = RETRY.get(name, ("never", 0))
    return Fault(code=kind.code, name=name, msg=words, field=field, cid=cid, retry=retry, after_ms=after_ms)  # type: ignore[arg-type]


def fault_of_rejection(event: Rejected) -> Fault:
    name = Reject(event.code).name
    return fault(name, field=FIELDS.get(name, ""), cid=event.cid, detail=event.detail)


def status_of(problem: Fault) -> int:
    return KINDS[problem.name].status
