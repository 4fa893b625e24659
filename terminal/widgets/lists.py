"""The panes that list: the tape, my orders and my balances."""

from rich.cells import cell_len
from textual import events

from gateway.wire import Order
from terminal.format import clean, clock, count, fit, money, short_money
from terminal.state import CASH
from terminal.theme import CURSOR, FAINT, HEAD, NORMAL, by_side
from terminal.widgets.board import Board, Cell, columns

FREE, HELD = 12, 10  # cells


class Tape(Board):
    """Trades 分笔成交, the newest first; the arrow and the colour are the aggressor's."""

    title_key = "tape"

    def row(self, y: int) -> list[Cell]:
        tape = self.state.tapes.get(self.state.selected)
        if not tape:
            return [(" " + self.text("no_trades"), FAINT)] if y == 0 else []
        if y >= len(tape):
            return []
        trade = tape[-1 - y]
        style = by_side(trade.side)
        wide = self.size.width >= 30
        return columns(
            self.size.width,
            *([(clock(trade.ts), 8, "<", FAINT)] if wide else []),
            (money(trade.px) if wide else short_money(trade.px), 10 if wide else 8, ">", style),
            (count(trade.qty), 6 if wide else 4, ">", NORMAL),
            ({"B": "▲", "S": "▼"}.get(trade.side, " "), 1, "<", style),
        )


class Orders(Board):
    """My orders 委托, the newest first; the cursor stays on the order that `c` cancels, wherever it moves to."""

    title_key = "orders"
    can_focus = True

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.cursor = ""  # the chosen order's cid
        self.top = 0

    def listed(self) -> list[Order]:
        """Open ones first, then the done ones."""
        newest = sorted(self.state.orders.values(), key=lambda order: -order.oid)
        return [order for order in newest if order.lvs] + [order for order in newest if not order.lvs]

    @property
    def chosen(self) -> Order | None:
        return self.state.orders.get(self.cursor)

    @property
    def state_width(self) -> int:
        return max(cell_len(self.text(f"st_{state}")) for state in ("open", "filled", "cancelled"))

    def heading(self) -> list[Cell]:
        waiting = sum(1 for order in self.state.orders.values() if order.lvs)
        return [(f" {waiting} {self.text('open')}", HEAD)]

    def row(self, y: int) -> list[Cell]:
        listed = self.listed()
        at = y + self.top
        if at >= len(listed):
            return [(" " + self.text("no_orders"), FAINT)] if y == 0 else []
        order = listed[at]
        instrument = self.state.instruments.get(order.sym)
        name = order.sym
        if instrument is not None:
            name = clean(instrument.name_zh if self.text.lang == "zh" else instrument.name_en)
        faded = None if order.lvs else FAINT
        state = self.text(f"st_{order.st}")
        width = max(self.size.width - 25 - self.state_width, 6)
        cells = columns(
            self.size.width,
            (self.text("buy" if order.side == "B" else "sell"), 4, "<", faded or by_side(order.side)),
            (fit(name, width), width, "<", faded or NORMAL),
            (short_money(order.px), 9, ">", faded or NORMAL),
            (f"{count(order.cum)}/{count(order.qty)}", 7, ">", faded or NORMAL),
            (state, self.state_width, "<", faded or NORMAL),
        )
        if order.cid == self.cursor and self.has_focus:
            return [(words, style + CURSOR) for words, style in cells]
        return cells

    def on_focus(self) -> None:
        if self.chosen is None:
            self.choose(0)

    def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "down"):
            event.stop()
            at = next((at for at, order in enumerate(self.listed()) if order.cid == self.cursor), 0)
            self.choose(at + (1 if event.key == "down" else -1))

    def on_click(self, event: events.Click) -> None:
        self.choose(event.y - 1 + self.top)

    def choose(self, at: int) -> None:
        listed = self.listed()
        if not listed:
            return
        at = min(max(at, 0), len(listed) - 1)
        self.cursor = listed[at].cid
        if at < self.top:
            self.top = at
        elif self.rows and at >= self.top + self.rows:
            self.top = at - self.rows + 1
        self.touch()


class Balances(Board):
    """What I have 资产: cash, bottles of the chosen instrument, then of every other line."""

    title_key = "balances"

    def heading(self) -> list[Cell]:
        return [(f" {self.text('free')} / {self.text('held')}", HEAD)]

    def row(self, y: int) -> list[Cell]:
        first = [asset for asset in (CASH, self.state.selected) if asset in self.state.balances]
        assets = [*first, *sorted(self.state.balances.keys() - set(first))]
        if y >= len(assets):
            return []
        balance = self.state.balances[assets[y]]
        instrument = self.state.instruments.get(balance.asset)
        if balance.asset == CASH:
            name, free, held = self.text("cash"), money(balance.free), money(balance.held)
        else:
            words = (instrument.name_zh if self.text.lang == "zh" else instrument.name_en) if instrument else ""
            name, free, held = clean(words or balance.asset), count(balance.free), count(balance.held)
        width = max(self.size.width - FREE - HELD - 4, 4)
        return columns(
            self.size.width,
            (fit(name, width), width, "<", NORMAL),
            (free, FREE, ">", NORMAL),
            (held, HELD, ">", FAINT if not balance.held else NORMAL),
        )
