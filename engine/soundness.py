"""Every invariant of the exchange, said a second time: what `Exchange.check` asserts.

No balance is negative; what is held is what the open orders need; no book is crossed; levels are the sums of their
orders; nothing was created or lost.
"""

from typing import TYPE_CHECKING

from engine import codes
from engine.commands import CASH, List
from engine.snapshot import open_orders

if TYPE_CHECKING:
    from engine.exchange import Exchange


def require_sound(exchange: "Exchange") -> None:
    """Assert every invariant of an exchange. O(orders)."""
    held_fen = dict.fromkeys(range(len(exchange._accts)), 0)
    held_bottles: dict[tuple[int, int], int] = {}
    buys: dict[tuple[int, int], int] = {}
    live = {oid: acct for acct, orders in exchange._live.items() for oid in orders}
    resting = 0
    for it in exchange._instruments.values():
        bids, asks = exchange.book(it.sym)
        assert it.called or not bids or not asks or bids[0][0] < asks[0][0], f"{it.sym}: book is crossed"
        for side, depth in ((codes.BUY, bids), (codes.SELL, asks)):
            levels: dict[int, int] = {}
            for order in open_orders(exchange, it.index, side):
                oid, account, px, left, filled, fee_base, fee_paid, flags, display, shown, instr, _ = order
                assert live.get(oid) == exchange._accts[account], f"order {oid}: not in its account's list"
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
                key = (account, instr)
                if side == codes.BUY:
                    held_fen[account] += buy_hold_fen(it.listing, px, left, fee_base, fee_paid)
                    buys[key] = buys.get(key, 0) + left
                else:
                    held_bottles[key] = held_bottles.get(key, 0) + left
                resting += 1
            assert list(levels.items()) == depth, f"{it.sym}: level quantities differ from their orders"
    assert resting == len(live), "an account lists an order that does not rest"
    total = dict.fromkeys(exchange._supply, 0)
    for index in range(len(exchange._accts)):
        free, held = exchange.kernel.cash(index)
        assert free >= 0, f"account {exchange._accts[index]}: negative cash"
        assert held == held_fen[index], f"account {exchange._accts[index]}: holds {held}, orders need {held_fen[index]}"
        total[CASH] += free + held
    for account, instr, free, held, open_buys in exchange.kernel.all_positions():
        where = f"account {exchange._accts[account]}, {exchange._syms[instr]}"
        assert free >= 0, f"{where}: negative bottles"
        assert held == held_bottles.get((account, instr), 0), f"{where}: held bottles differ from its orders"
        assert open_buys == buys.get((account, instr), 0), f"{where}: open buys differ from its orders"
        total[exchange._syms[instr]] += free + held
    assert total == exchange._supply, "what the accounts have differs from what came in"


def buy_hold_fen(listing: List, px: int, qty: int, fee_base: int, fee_paid: int) -> int:
    """What a resting buy must hold: the kernel's rule, written a second time for `check`."""
    rate_bp = max(listing.maker_bp, listing.taker_bp)
    fee = max(listing.min_fee, -(-(fee_base + qty * px * rate_bp) // 10_000))
    return qty * px + fee - fee_paid
