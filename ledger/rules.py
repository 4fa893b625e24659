"""From an event to what it means for the books. Pure: an event carries every amount that is needed."""

from typing import NamedTuple

from engine.balances import FEES
from engine.commands import CASH, Leg, LegKind, Side
from engine.events import (
    Accepted,
    Allotted,
    Amended,
    Cancelled,
    Deposited,
    Event,
    Offered,
    OfferingEnded,
    Subscribed,
    Traded,
    Transferred,
    Triggered,
    Withdrawn,
)
from ledger.accounts import Account, avail, hold, source
from ledger.entries import Entry, EntryKind, Posting


class OrderRow(NamedTuple):
    """An order's history so far. `notional` and `fee` in fen over its fills; `reason` is empty unless cancelled."""

    oid: int
    acct: int
    cid: str
    sym: str
    side: str
    px: int
    qty: int
    tif: str
    seq: int
    ts: int
    open: int
    filled: int
    notional: int
    fee: int
    reason: str
    ts_last: int


class TradeRow(NamedTuple):
    """A trade as the books keep it; `id` is the engine's trade number."""

    id: int
    seq: int
    ts: int
    sym: str
    px: int
    qty: int
    buy_acct: int
    buy_oid: int
    buy_fee: int
    sell_acct: int
    sell_oid: int
    sell_fee: int
    aggressor: str


def entry_of(event: Event) -> Entry | None:
    """Return the entry that an event makes, None when it moves nothing."""
    match event:
        case Traded():
            return _settlement(event)
        case Accepted():
            out_of, into = _order_accounts(event)
            return _entry(event, EntryKind.HOLD, event.oid, (out_of, -event.hold), (into, event.hold))
        case Triggered():
            free, held = _order_accounts(event)
            return _entry(event, EntryKind.RELEASE, event.oid, (held, -event.release), (free, event.release))
        case Cancelled():
            into, out_of = _order_accounts(event)
            return _entry(event, EntryKind.RELEASE, event.oid, (out_of, -event.release), (into, event.release))
        case Amended():
            free, held = _order_accounts(event)
            kind = EntryKind.RELEASE if event.release > 0 else EntryKind.HOLD
            return _entry(event, kind, event.oid, (held, -event.release), (free, event.release))
        case Deposited(acct=acct, asset=asset, amount=amount):
            return _entry(event, EntryKind.DEPOSIT, 0, (source(asset), -amount), (avail(acct, asset), amount))
        case Withdrawn(acct=acct, asset=asset, amount=amount):
            return _entry(event, EntryKind.WITHDRAWAL, 0, (avail(acct, asset), -amount), (source(asset), amount))
        case Transferred():
            lines = [line for leg in event.legs for line in _lines(leg)]
            return _entry(event, EntryKind.TRANSFER, 0, *lines, key=event.key)
        case Offered(acct=acct, sym=sym, qty=qty):
            return _entry(
                event, EntryKind.OFFER, 0, (avail(acct, sym), -qty), (hold(acct, sym), qty), key=event.offering
            )
        case Subscribed(acct=acct, hold=held):
            lines = [(avail(acct, CASH), -held), (hold(acct, CASH), held)]
            return _entry(event, EntryKind.SUBSCRIPTION, 0, *lines, key=event.offering)
        case Allotted():
            return _allotment(event)
        case OfferingEnded(acct=acct, sym=sym, returned=qty):
            return _entry(
                event, EntryKind.OFFER, 0, (hold(acct, sym), -qty), (avail(acct, sym), qty), key=event.offering
            )
        case _:
            return None


def _lines(leg: Leg) -> tuple[tuple[Account, int], tuple[Account, int]]:
    """What one leg of a transfer takes from where, and where it brings it."""
    out_of = avail if leg.kind in (LegKind.TRANSFER, LegKind.HOLD) else hold
    into = hold if leg.kind == LegKind.HOLD else avail
    owner = leg.to if leg.kind in (LegKind.TRANSFER, LegKind.CAPTURE) else leg.acct
    return (out_of(leg.acct, leg.asset), -leg.amount), (into(owner, leg.asset), leg.amount)


def _allotment(event: Allotted) -> Entry | None:
    """Cash from the client's hold to the issuer, bottles from the issuer's hold to the client; the rest goes back."""
    return _entry(
        event,
        EntryKind.ALLOTMENT,
        0,
        (hold(event.acct, CASH), -(event.paid + event.refund)),
        (avail(event.acct, CASH), event.refund),
        (avail(event.issuer, CASH), event.paid),
        (hold(event.issuer, event.sym), -event.qty),
        (avail(event.acct, event.sym), event.qty),
        key=event.offering,
    )


def _settlement(trade: Traded) -> Entry | None:
    """Cash from the buyer's hold to the seller and the fees, bottles from the seller's hold to the buyer."""
    notional = trade.px * trade.qty
    return _entry(
        trade,
        EntryKind.TRADE,
        trade.trade_id,
        (hold(trade.buy_acct, CASH), -(notional + trade.buy_fee + trade.buy_release)),
        (avail(trade.buy_acct, CASH), trade.buy_release),
        (avail(trade.sell_acct, CASH), notional - trade.sell_fee),
        (avail(FEES, CASH), trade.buy_fee + trade.sell_fee),
        (hold(trade.sell_acct, trade.sym), -trade.qty),
        (avail(trade.buy_acct, trade.sym), trade.qty),
    )


def _order_accounts(event: Accepted | Amended | Cancelled | Triggered) -> tuple[Account, Account]:
    """Where an order's cover is free, and where it is held: cash for a buy, bottles for a sell."""
    asset = CASH if event.side == Side.BUY else event.sym
    return avail(event.acct, asset), hold(event.acct, asset)


def _entry(event: Event, kind: EntryKind, ref: int, *lines: tuple[Account, int], key: str = "") -> Entry | None:
    postings = tuple(Posting(account, amount) for account, amount in lines if amount)
    return Entry(event.seq, event.ts, kind, ref, key, postings) if postings else None


def order_accepted(event: Accepted) -> OrderRow:
    return OrderRow(
        event.oid, event.acct, event.cid, event.sym, event.side, event.px, event.qty, event.tif, event.seq, event.ts,
        open=event.qty, filled=0, notional=0, fee=0, reason="", ts_last=event.ts,
    )  # fmt: skip


def order_traded(order: OrderRow, trade: Traded, fee: int, left: int) -> OrderRow:
    """The order after a trade that cost it `fee` and leaves `left` open."""
    notional = order.notional + trade.px * trade.qty
    return OrderRow(
        *order[:10], left, order.filled + trade.qty, notional, order.fee + fee, order.reason, trade.ts
    )  # fmt: skip


def order_amended(order: OrderRow, event: Amended) -> OrderRow:
    """The order at its new price and open quantity; its total is what it filled and has open."""
    total = event.filled + event.open
    return order._replace(px=event.px, qty=total, open=event.open, ts_last=event.ts)


def order_cancelled(order: OrderRow, event: Cancelled) -> OrderRow:
    return OrderRow(*order[:10], 0, order.filled, order.notional, order.fee, event.reason, event.ts)


def trade_row(trade: Traded) -> TradeRow:
    return TradeRow(
        trade.trade_id, trade.seq, trade.ts, trade.sym, trade.px, trade.qty, trade.buy_acct, trade.buy_oid,
        trade.buy_fee, trade.sell_acct, trade.sell_oid, trade.sell_fee, trade.aggressor,
    )  # fmt: skip
