"""The ladder 盘口: the levels around the touch, with our own orders on their rows, and bars for the quantities."""

from rich.style import Style
from textual import events
from textual.message import Message

from terminal.format import count, left, money, right
from terminal.state import Ladder
from terminal.theme import ALARM, CURSOR, DOWN_BAR, FAINT, HEAD, MARKED, NORMAL, UP_BAR, by_change
from terminal.widgets.board import Board, Cell, columns

PRICE = 10
Row = tuple[str, int, int]  # side, price, quantity


class LadderPane(Board):
    title_key = "ladder"
    can_focus = True

    class Picked(Message):
        """A price was chosen: to buy at it, sell at it, or (no side) just to write it on the ticket."""

        def __init__(self, px: int, side: str = "") -> None:
            super().__init__()
            self.px = px
            self.side = side

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.cursor = 0  # price under the cursor, 0 for none
        self._drawn: list[Row | None] = []
        self._drawn_stale = True

    # ------------------------------------------------------------------------------------------------------ layout

    def layout_rows(self) -> list[Row | None]:
        """Asks from far to near, a line for the spread, bids from near to far; None is that line."""
        half = max((self.rows - 1) // 2, 0)
        ladder = self.ladder
        asks = [("S", px, qty) for px, qty in ladder.levels("S", half)]
        bids = [("B", px, qty) for px, qty in ladder.levels("B", self.rows - 1 - half)]
        blank: list[Row | None] = [("", 0, 0)] * (half - len(asks))
        return [*blank, *reversed(asks), None, *bids]

    @property
    def ladder(self) -> Ladder:
        return self.state.ladder

    @property
    def mine_width(self) -> int:
        return 3 if self.size.width < 36 else 5

    @property
    def side_width(self) -> int:
        return max((self.size.width - PRICE - 2 * self.mine_width - 4) // 2, 4)

    def heading(self) -> list[Cell]:
        if self.ladder.stale:
            return [(f" {self.text('stale')} ", ALARM)]
        return []

    def row(self, y: int) -> list[Cell]:
        rows = self._drawn
        if not self.state.selected or y >= len(rows):
            return []
        found = rows[y]
        if found is None:
            return self._middle()
        side, px, qty = found
        if not px:
            return []
        instrument = self.state.instrument
        ref = instrument.ref if instrument else 0
        mine = self.state.my_qty(self.state.selected)
        faded = FAINT if self.ladder.stale else None
        width, room = self.side_width, self.mine_width
        buy_mine, sell_mine = mine.get(("B", px), 0), mine.get(("S", px), 0)
        cells = [
            (" " + right(count(buy_mine) if buy_mine else "", room), MARKED),
            *self._bar(qty if side == "B" else 0, width, faded, UP_BAR, to_right=True),
            (" " + right(money(px), PRICE) + " ", faded or by_change(px - ref)),
            *self._bar(qty if side == "S" else 0, width, faded, DOWN_BAR, to_right=False),
            (left(" " + (count(sell_mine) if sell_mine else ""), room + 1), MARKED),
        ]
        if px == self.cursor and self.has_focus:
            return [(words, style + CURSOR) for words, style in cells]
        return cells

    def _bar(self, qty: int, width: int, faded: Style | None, colour: str, *, to_right: bool) -> list[Cell]:
        """A quantity with a background as long as it is large; spaces only, so that every font keeps the columns."""
        words = right(count(qty) if qty else "", width) if to_right else left(" " + count(qty) if qty else "", width)
        largest = max((row[2] for row in self._drawn if row), default=0)
        filled = min(-(-qty * width // largest), width) if largest and not faded else 0
        plain, shaded = faded or NORMAL, NORMAL + Style(bgcolor=colour)
        if to_right:
            return [(words[: width - filled], plain), (words[width - filled :], shaded)]
        return [(words[:filled], shaded), (words[filled:], plain)]

    def _middle(self) -> list[Cell]:
        bid, ask = self.ladder.best("B"), self.ladder.best("S")
        if not bid and not ask:
            return [(" " + self.text("no_book"), FAINT)]
        spread = money(ask - bid) if bid and ask else "-"
        words = f"{self.text('bid')}     {self.text('spread')} {spread}     {self.text('ask')}"
        pad = max((self.size.width - len(words)) // 2, 0)
        return columns(self.size.width + 1, (" " * pad + words, self.size.width - 1, "<", HEAD))

    # --------------------------------------------------------------------------------------------------- repainting

    def flush(self) -> None:
        """Find the rows that differ from what is drawn, and mark those."""
        if self.dirty is None or self.dirty:
            rows, drawn = self.layout_rows(), self._drawn
            was_stale, self._drawn_stale = self._drawn_stale, self.ladder.stale
            self._drawn = rows
            biggest = [max((row[2] for row in some if row), default=0) for some in (rows, drawn)]
            if self.dirty is not None:
                if len(rows) != len(drawn) or biggest[0] != biggest[1] or was_stale != self._drawn_stale:
                    self.dirty = None
                else:
                    self.dirty = {y for y, (new, old) in enumerate(zip(rows, drawn, strict=True)) if new != old}
                    self.dirty |= {y for y, row in enumerate(rows) if row is None}
        super().flush()

    # -------------------------------------------------------------------------------------------------------- input

    def prices(self) -> list[int]:
        return [row[1] for row in self._drawn if row and row[1]]

    def move(self, step: int) -> None:
        prices = self.prices()
        if not prices:
            return
        if self.cursor in prices:
            at = min(max(prices.index(self.cursor) + step, 0), len(prices) - 1)
        else:
            at = prices.index(self.ladder.best("S") or prices[0])
        self.cursor = prices[at]
        self.touch()

    def on_key(self, event: events.Key) -> None:
        match event.key:
            case "up" | "down":
                event.stop()
                self.move(-1 if event.key == "up" else 1)
            case "enter" if self.cursor:
                event.stop()
                self.post_message(self.Picked(self.cursor))

    def on_click(self, event: events.Click) -> None:
        """The bid column buys at that price, the ask column sells at it."""
        row = self._drawn[event.y - 1] if 0 < event.y <= len(self._drawn) else None
        if row and row[1]:
            middle = self.size.width // 2
            near = abs(event.x - middle) <= PRICE // 2
            self.cursor = row[1]
            self.touch()
            self.post_message(self.Picked(row[1], "" if near else "B" if event.x < middle else "S"))
