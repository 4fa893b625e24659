"""Posting rules: what each event moves between accounts. Pure: an event in, an entry out."""

from engine.commands import CASH, Side
from engine.events import Accepted, Cancelled, Deposited, Event, Traded, Withdrawn
from engine.exchange import FEES
from ledger.accounts import Account, avail, hold, source
from ledger.entries import Entry, balanced


def entry_of(event: Event) -> Entry | None:
    """Return the entry of an event, or None when it moves nothing.

    | event | from -> to |
    |---|---|
    | deposit, withdrawal | bank or warehouse -> avail, and back |
    | order accepted | avail -> hold: fen of a buy, bottles of a sell |
    | trade | buyer's cash hold -> seller, fees, and buyer (released); seller's bottle hold -> buyer |
    | order cancelled | hold -> avail |
    """
    match event:
        case Deposited(seq, ts, acct, asset, amount):
            return balanced(seq, ts, "deposit", (source(asset), -amount), (avail(acct, asset), amount))
        case Withdrawn(seq, ts, acct, asset, amount):
            return balanced(seq, ts, "withdrawal", (avail(acct, asset), -amount), (source(asset), amount))
        case Accepted():
            free, held = order_accounts(event)
            return balanced(event.seq, event.ts, "hold", (free, -event.hold), (held, event.hold))
        case Cancelled():
            free, held = order_accounts(event)
            return balanced(event.seq, event.ts, "release", (held, -event.release), (free, event.release))
        case Traded():
            notional = event.px * event.qty
            return balanced(
                event.seq,
                event.ts,
                "trade",
                (hold(event.buy_acct, CASH), -(notional + event.buy_fee + event.buy_release)),
                (avail(event.buy_acct, CASH), event.buy_release),
                (avail(event.sell_acct, CASH), notional - event.sell_fee),
                (avail(FEES, CASH), event.buy_fee + event.sell_fee),
                (hold(event.sell_acct, event.sym), -event.qty),
                (avail(event.buy_acct, event.sym), event.qty),
            )
    return None


def order_accounts(event: Accepted | Cancelled) -> tuple[Account, Account]:
    """Where an order takes from and where it holds: cash for a buy, bottles for a sell."""
    asset = CASH if event.side == Side.BUY else event.sym
    return avail(event.acct, asset), hold(event.acct, asset)
