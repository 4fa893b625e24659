"""The watchlist 自选: every instrument with its last price and how far it is from the reference."""

from rich.cells import cell_len
from textual import events
from textual.message import Message

from terminal.format import change_bp, clean, count, fit, percent, short_money
from terminal.theme import CURSOR, FAINT, HEAD, NORMAL, by_change
from terminal.widgets.board import Board, Cell, columns

PRICE, CHANGE, VOLUME = 9, 7, 7


class Watchlist(Board):
    title_key = "watchlist"
    can_focus = True

    class Chosen(Message):
        def __init__(self, sym: str) -> None:
            super().__init__()
            self.sym = sym

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.top = 0

    @property
    def syms(self) -> list[str]:
        return list(self.state.instruments)

    def widths(self) -> tuple[int, bool]:
        """How wide the name is, and whether the volume has room too."""
        wide = self.size.width >= 48
        return max(self.size.width - PRICE - CHANGE - (VOLUME + 1 if wide else 0) - 4, 8), wide

    def heading(self) -> list[Cell]:
        name, wide = self.widths()
        used = cell_len(self.text("watchlist")) + 3
        cells = columns(
            self.size.width,
            ("", max(name - used, 0), "<", HEAD),
            (self.text("last"), PRICE, ">", HEAD),
            (self.text("change"), CHANGE, ">", HEAD),
            *([(self.text("volume"), VOLUME, ">", HEAD)] if wide else []),
        )
        return cells

    def row(self, y: int) -> list[Cell]:
        syms = self.syms
        if y + self.top >= len(syms):
            return []
        sym = syms[y + self.top]
        instrument = self.state.instruments[sym]
        ticker = self.state.tickers.get(sym)
        last = instrument.last or instrument.ref
        change = change_bp(last, instrument.ref)
        name, wide = self.widths()
        words = clean(instrument.name_zh if self.text.lang == "zh" else instrument.name_en)
        shade = CURSOR if sym == self.state.selected else None
        style = by_change(change) if ticker and ticker.last else FAINT
        arrow = "▲" if change > 0 else "▼" if change < 0 else " "
        cells = columns(
            self.size.width,
            (fit(words, name), name, "<", NORMAL),
            (short_money(last), PRICE, ">", style),
            (percent(change), CHANGE, ">", style),
            *([(count(ticker.vol if ticker else 0), VOLUME, ">", FAINT)] if wide else []),
        )
        cells.append((arrow, style))
        return [(text, style + shade) for text, style in cells] if shade else cells

    def show(self, sym: str) -> None:
        """Keep the chosen line in sight."""
        at = self.syms.index(sym) if sym in self.state.instruments else 0
        if not self.top <= at < self.top + self.rows:
            self.top = max(0, at - self.rows + 1) if at >= self.top + self.rows else at
        self.touch()

    def touch_sym(self, sym: str) -> None:
        if sym in self.state.instruments:
            self.touch([self.syms.index(sym) - self.top])

    def choose(self, at: int) -> None:
        if 0 <= at < len(self.syms):
            self.post_message(self.Chosen(self.syms[at]))

    def on_key(self, event: events.Key) -> None:
        step = {"up": -1, "down": 1, "pageup": -self.rows, "pagedown": self.rows}.get(event.key)
        if step is not None and self.state.selected:
            event.stop()
            at = self.syms.index(self.state.selected) + step
            self.choose(min(max(at, 0), len(self.syms) - 1))

    def on_click(self, event: events.Click) -> None:
        self.choose(event.y - 1 + self.top)
