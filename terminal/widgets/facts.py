"""The header: what the instrument is and how its day goes. The footer: the link, the last word, the keys."""

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from terminal.format import change_bp, clean, clock, count, left, money, percent
from terminal.text import WORDS
from terminal.theme import ACCENT, ALARM, DIM, DOWN, LINE, ROOM, TEXT, UP
from terminal.widgets.board import Board, Cell

PLAIN = Style(color=TEXT, bgcolor=ROOM)
FAINT = Style(color=DIM, bgcolor=ROOM)
NAME = Style(color=ACCENT, bgcolor=ROOM, bold=True)
BAR = Style(color=DIM, bgcolor=LINE)
WORD = Style(color=TEXT, bgcolor=LINE)
GOOD = Style(color=DOWN, bgcolor=LINE)


class Facts(Board):
    """Two rows: name, price and change of the line; its band and its day."""

    def _strip(self, y: int) -> Strip:
        cells = self._line() if y == 0 else self._day()
        return filled(cells, self.size.width, PLAIN)

    def _line(self) -> list[Cell]:
        instrument = self.state.instrument
        if instrument is None:
            return [(" " + self.text("title"), NAME)]
        zh = self.text.lang == "zh"
        last = instrument.last or instrument.ref
        change = change_bp(last, instrument.ref)
        style = Style(color=UP if change > 0 else DOWN if change < 0 else TEXT, bgcolor=ROOM, bold=True)
        arrow = "▲" if change > 0 else "▼" if change < 0 else " "
        facts = [instrument.sym, f"{instrument.ml} ml", f"{instrument.abv_bp / 100:g}% vol"]
        phase = [] if instrument.phase == "CONTINUOUS" else [(f" {self._phase(instrument.phase)} ", ALARM)]
        return [
            (f" {clean(instrument.name_zh if zh else instrument.name_en)} ", NAME),
            (f" {money(last)} {arrow}{percent(change)}  ", style),
            *phase,
            (clean("  ".join(facts)) if instrument.ml else instrument.sym, FAINT),
            (f"  {clean(instrument.winery)}", FAINT),
        ]

    def _phase(self, phase: str) -> str:
        """A phase in words; one that this terminal does not know yet by its name."""
        key = f"phase_{phase}"
        return self.text(key) if key in WORDS else clean(phase)

    def _day(self) -> list[Cell]:
        instrument = self.state.instrument
        if instrument is None:
            return []
        ticker = self.state.tickers.get(instrument.sym)
        shown = [(self.text("band"), f"{money(instrument.lo)} - {money(instrument.hi)}")]
        shown.append((self.text("ref"), money(instrument.ref)))
        if ticker and ticker.last:
            shown += [
                (self.text("high"), money(ticker.high)),
                (self.text("low"), money(ticker.low)),
                (self.text("volume"), count(ticker.vol)),
                (self.text("turnover"), money(ticker.turnover)),
            ]
        cells: list[Cell] = []
        for label, value in shown:
            cells += [(f" {label} ", FAINT), (value + " ", PLAIN)]
        return cells


class Status(Board):
    """One row: the link and the exchange's time, what was said last, the keys."""

    said = ""
    alarm = False

    def say(self, words: str, *, alarm: bool = False) -> None:
        self.said, self.alarm = words, alarm
        self.touch()

    def _strip(self, y: int) -> Strip:
        link = self.text("connected" if self.state.connected else "disconnected")
        cells: list[Cell] = [
            (f" ● {link} ", GOOD if self.state.connected else ALARM),
            (f" {clock(self.state.server_ts)} ", BAR),
        ]
        if self.said:
            cells.append((f" {clean(self.said)} ", ALARM if self.alarm else WORD))
        used = sum(cell_len(words) for words, _ in cells)
        keys = self.text("keys") + " "
        room = self.size.width - used
        if room >= cell_len(keys) + 1:
            cells += [(left("", room - cell_len(keys)), BAR), (keys, BAR)]
        elif not self.said:
            cells.append((left(" " + keys, room), BAR))
        return filled(cells, self.size.width, BAR)


def filled(cells: list[Cell], width: int, style: Style) -> Strip:
    segments = [Segment(words, how) for words, how in cells]
    return Strip(segments).extend_cell_length(width, style).crop(0, width)
