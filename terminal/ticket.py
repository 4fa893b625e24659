"""The order ticket's rules: what may be sent, and why not, in words. Knows no Textual.

The exchange decides; this only saves the user a round trip.
"""

from dataclasses import dataclass
from typing import Literal

from gateway.wire import OrderNew
from terminal.format import count, money, parse_money
from terminal.state import CASH, State
from terminal.text import Text


@dataclass(slots=True)
class Ticket:
    """What is being written: a side, and price and quantity as typed."""

    side: Literal["B", "S"] = "B"
    px: str = ""
    qty: str = ""

    def max_qty(self, state: State) -> int:
        """How many bottles the balance allows, at the typed price or else the best ask."""
        if self.side == "S":
            return state.free(state.selected)
        px, instrument = parse_money(self.px) or state.ladder.best("S"), state.instrument
        if not px or instrument is None:
            return 0
        cash = state.free(CASH)
        with_rate = cash * 10_000 // (px * (10_000 + instrument.fee_bp))  # exact, though the fee rounds up
        return min(with_rate, max(cash - instrument.fee_min, 0) // px)

    def order(self, state: State, text: Text) -> OrderNew | str:
        """The order, or why it cannot be sent, in words."""
        instrument = state.instrument
        px, qty = parse_money(self.px), self.qty.strip()
        if instrument is None or not px:
            return text("bad_price")
        if not (qty.isascii() and qty.isdigit() and 0 < int(qty) < 1 << 53):
            return text("bad_qty")
        number = int(qty)
        if px % instrument.tick:
            return text("off_tick", tick=money(instrument.tick))
        if not instrument.lo <= px <= instrument.hi:
            return text("out_of_band", lo=money(instrument.lo), hi=money(instrument.hi))
        if number % instrument.lot:
            return text("off_lot", lot=count(instrument.lot))
        if number < instrument.min_qty:
            return text("below_min", min=count(instrument.min_qty))
        if instrument.max_qty and number > instrument.max_qty:
            return text("above_max", max=count(instrument.max_qty))
        most = self.max_qty(state)
        if number > most:
            return text("no_funds" if self.side == "B" else "no_bottles", max=count(most))
        return OrderNew(sym=instrument.sym, side=self.side, px=px, qty=number)
