"""Numbers and names as the screen shows them: aligned by cells, never by characters, and harmless.

A Chinese character fills two cells. What the server sends is text of strangers: control, escape and bidirectional
characters are taken out before anything is shown.
"""

import time
import unicodedata
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """Return text of others as one harmless line."""
    return "".join(char for char in unicodedata.normalize("NFC", text) if unicodedata.category(char) not in HIDDEN)


def left(text: str, width: int) -> str:
    """Exactly `width` cells, cut or filled on the right."""
    return set_cell_size(text, max(width, 0))


def fit(name: str, width: int) -> str:
    """Exactly `width` cells; a name that is too long keeps its last word, for that is often the vintage."""
    if cell_len(name) <= width:
        return left(name, width)
    first, _, last = name.rpartition(" ")
    room = width - cell_len(last) - 1
    return left(first, room) + "~" + last if first and room >= 4 else left(name, width)


def right(text: str, width: int) -> str:
    """Exactly `width` cells, filled on the left; a number that does not fit shows as dots, never cut."""
    missing = width - cell_len(text)
    return " " * missing + text if missing >= 0 else "." * max(width, 0)


def money(fen: int) -> str:
    """`268000` fen as `2,680.00`."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def short_money(fen: int) -> str:
    """Without the fen when there are none: what a narrow column has room for."""
    return f"{fen // 100:,}" if fen % 100 == 0 else money(fen)


def count(number: int) -> str:
    return f"{number:,}"


def change_bp(px: int, ref: int) -> int:
    """How far a price is from the reference, in basis points, rounded half away from zero."""
    if not px or not ref:
        return 0
    distance = abs(px - ref) * 20_000 // ref
    rounded = (distance + 1) // 2
    return rounded if px >= ref else -rounded


def percent(bp: int) -> str:
    """`-123` basis points as `-1.23%`; the sign is always there, so that colour is not needed."""
    sign = "+" if bp > 0 else "-" if bp < 0 else " "
    return f"{sign}{abs(bp) // 100}.{abs(bp) % 100:02d}%"


def clock(ts: int) -> str:
    """Nanoseconds UTC as the local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(ts // 10**9)) if ts else "--:--:--"


def parse_money(text: str) -> int | None:
    """What someone typed as yuan, in fen; None when it is no amount with at most two decimals."""
    whole, _, cents = text.replace(",", "").strip().partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 12) or len(cents) > 2:
        return None
    if cents and not (cents.isascii() and cents.isdigit()):
        return None
    return int(whole) * 100 + int((cents + "00")[:2])
