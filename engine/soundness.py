"""Every invariant of the exchange, said a second time: what `Exchange.check` asserts.

No balance is negative; what is held is what the open orders need; no book is crossed; levels are the sums of their
orders; nothing was created or lost.
"""

from typing import TYPE_CHECKING

from engine import codes
from engine.balances import FEES
from engine.commands import CASH

if TYPE_CHECKING:
    from engine.exchange import Exchange


def require_sound(exchange: "Exchange") -> None:
    """Assert every invariant of an exchange. O(orders)."""
    core = exchange.core
    balances = core.balances
    held: dict[tuple[int, str], int] = {}
    for hold in exchange.transfers.holds.values():
        held[hold.acct, hold.asset] = held.get((hold.acct, hold.asset), 0) + hold.left
    for offering in exchange.offerings.all.values():
        if not offering.ended:
            terms = offering.terms
            held[terms.acct, terms.sym] = held.get((terms.acct, terms.sym), 0) + terms.qty
            for acct, qty in offering.wanted.items():
                held[acct, CASH] = held.get((acct, CASH), 0) + qty * terms.px
    buys: dict[tuple[int, int], int] = {}
    live = {oid: acct for acct, orders in core.orders.live.items() for oid in orders}
    resting = 0
    for it in core.instruments.values():
        bids, asks = exchange.book(it.sym)
        assert it.called or not bids or not asks or bids[0][0] < asks[0][0], f"{it.sym}: book is crossed"
        for side, depth in ((codes.BUY, bids), (codes.SELL, asks)):
            levels: dict[int, int] = {}
            for order in core.all_orders(it, side):
                oid, account, px, left, filled, fee_base, fee_paid, flags, display, shown, instr, _ = order
                acct = balances.accts[account]
                assert live.get(oid) == acct, f"order {oid}: not in its account's list"
                assert left > 0, f"order {oid}: rests with nothing open"
                assert filled >= 0, f"order {oid}: negative fill"
                assert flags & codes.STOP or it.lo <= px <= it.hi, f"order {oid}: outside the band"
                assert px % it.tick == 0, f"order {oid}: off tick"
                if not flags & (codes.WAITING | codes.STOP):
                    seen = shown if flags & codes.ICEBERG else left
                    assert 0 < seen <= left, f"order {oid}: shows {seen} of {left}"
                    assert not display or seen <= display, f"order {oid}: shows {seen}, more than {display}"
                    levels[px] = levels.get(px, 0) + seen
                elif flags & codes.WAITING:
                    assert it.called, f"order {oid}: waits for a call that is over"
                asset = CASH if side == codes.BUY else it.sym
                needs = buy_hold_fen(it.fees, px, left, fee_base, fee_paid) if side == codes.BUY else left
                held[acct, asset] = held.get((acct, asset), 0) + needs
                if side == codes.BUY:
                    buys[account, instr] = buys.get((account, instr), 0) + left
                resting += 1
            assert list(levels.items()) == depth, f"{it.sym}: level quantities differ from their orders"
    assert resting == len(live), "an account lists an order that does not rest"
    total = dict.fromkeys(balances.supply, 0)
    cash = [(acct, CASH, *core.kernel.cash(index)) for acct, index in balances.indexes.items()]
    positions = core.kernel.all_positions()
    rest = [(balances.accts[row[0]], core.syms[row[1]], row[2], row[3]) for row in positions]
    for acct, asset, free, holds in cash + rest:
        needs = held.pop((acct, asset), 0)
        assert acct < FEES or free >= 0, f"account {acct}: negative {asset}"
        assert holds == needs, f"account {acct}: holds {holds} {asset}, what it holds for needs {needs}"
        assert balances.locked(acct, asset) <= max(0, free + holds), f"account {acct}: more {asset} locked than it has"
        total[asset] += free + holds
    assert not any(held.values()), f"held for accounts that have nothing: {held}"
    for account, instr, _, _, open_buys in positions:
        where = f"account {balances.accts[account]}, {core.syms[instr]}"
        assert open_buys == buys.get((account, instr), 0), f"{where}: open buys differ from its orders"
    assert total == balances.supply, "what the accounts have differs from what came in"


def buy_hold_fen(fees: tuple[int, int, int], px: int, qty: int, fee_base: int, fee_paid: int) -> int:
    """What a resting buy must hold: the kernel's rule, written a second time for `check`."""
    maker_bp, taker_bp, minimum = fees
    fee = max(minimum, fee_paid, -(-(fee_base + qty * px * max(maker_bp, taker_bp)) // 10_000))
    return qty * px + fee - fee_paid
