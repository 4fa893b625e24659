"""A pane drawn as rows: each row is a cached strip, and a frame repaints only the rows that changed."""

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from terminal.format import left, right
from terminal.state import State
from terminal.text import Text
from terminal.theme import HEAD, NORMAL, TITLE

Cell = tuple[str, Style]


class Board(Widget):
    """Subclasses draw `row(y)` for the rows below the heading; `flush` puts the dirty ones on the screen."""

    title_key = ""

    def __init__(self, state: State, text: Text, *, id: str) -> None:
        super().__init__(id=id)
        self.state = state
        self.text = text
        self.dirty: set[int] | None = None  # None: all
        self._strips: dict[int, Strip] = {}

    # ------------------------------------------------------------------------------------------ what subclasses say

    def heading(self) -> list[Cell]:
        """What stands beside the title."""
        return []

    def row(self, y: int) -> list[Cell]:
        """The cells of a row, from 0 below the heading."""
        return []

    # -------------------------------------------------------------------------------------------------- repainting

    def touch(self, rows: Iterable[int] | None = None) -> None:
        """Mark rows, or everything, to be drawn again at the next frame."""
        if rows is None or self.dirty is None:
            self.dirty = None
        else:
            self.dirty.update(rows)

    def flush(self) -> None:
        """Repaint what was marked."""
        if self.dirty is None:
            self._strips.clear()
            self.refresh()
        elif self.dirty:
            for y in self.dirty:
                self._strips.pop(y + 1, None)
            self.refresh(*(Region(0, y + 1, self.size.width, 1) for y in self.dirty))
        self.dirty = set()

    def render_line(self, y: int) -> Strip:
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self._strip(y)
        return strip

    def on_resize(self) -> None:
        self.touch()

    def on_focus(self) -> None:
        self.touch()

    def on_blur(self) -> None:
        self.touch()

    @property
    def rows(self) -> int:
        """How many rows there are below the heading."""
        return max(self.size.height - 1, 0)

    def _strip(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            mark = "» " if self.has_focus else "  "
            cells, fill = [(mark + self.text(self.title_key) + " ", TITLE), *self.heading()], HEAD
        else:
            cells, fill = self.row(y - 1), NORMAL
        segments = [Segment(words, style) for words, style in cells]
        used = sum(segment.cell_length for segment in segments)
        if used < width:
            segments.append(Segment(" " * (width - used), segments[-1].style if segments and y else fill))
        return Strip(segments).crop(0, width)


def columns(width: int, *cells: tuple[str, int, str, Style]) -> list[Cell]:
    """Cells of fixed widths: (words, width, `<` or `>`, style), as many as fit, a space between them."""
    found: list[Cell] = []
    for words, wanted, align, style in cells:
        if wanted + 1 > width:
            break
        found.append((" " + (left(words, wanted) if align == "<" else right(words, wanted)), style))
        width -= wanted + 1
    return found
