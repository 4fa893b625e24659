"""The colours: a dark room, one accent, and red for up 红涨 green for down 绿跌, as Chinese markets have it."""

from rich.style import Style
from textual.theme import Theme

ROOM, PANE, LINE = "#0f1317", "#151b21", "#222b34"
TEXT, DIM, ACCENT = "#d5dce3", "#6d7a87", "#d8a657"
UP, DOWN = "#f0605b", "#3dbb85"
UP_BAR, DOWN_BAR = "#3d2126", "#18352c"
WARN = "#e0b050"

THEME = Theme(
    name="cellar",
    primary=ACCENT,
    secondary=DIM,
    accent=ACCENT,
    foreground=TEXT,
    background=ROOM,
    surface=PANE,
    panel=LINE,
    success=DOWN,
    warning=WARN,
    error=UP,
    dark=True,
)

NORMAL = Style(color=TEXT, bgcolor=PANE)
FAINT = Style(color=DIM, bgcolor=PANE)
HEAD = Style(color=DIM, bgcolor=LINE)
TITLE = Style(color=ACCENT, bgcolor=LINE, bold=True)
RISING = Style(color=UP, bgcolor=PANE)
FALLING = Style(color=DOWN, bgcolor=PANE)
MARKED = Style(color=ACCENT, bgcolor=PANE, bold=True)
CURSOR = Style(bgcolor="#2d3a47")
ALARM = Style(color=ROOM, bgcolor=WARN, bold=True)


def by_change(change: int) -> Style:
    """Red above the reference, green below, plain at it."""
    return RISING if change > 0 else FALLING if change < 0 else NORMAL


def by_side(side: str) -> Style:
    """Red for a buy, green for a sell, plain for an auction's trade."""
    return {"B": RISING, "S": FALLING}.get(side, NORMAL)
