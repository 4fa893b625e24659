"""A recorded order flow: CSV rows of a real market to the orders and cancels that replay it. Pure.

The format is described in docs/replay.md. A file is read and checked whole before anything of it is used.
"""

import csv
import lzma
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TextIO, cast

from engine.codes import AMOUNT_MAX, WINDOW_TICKS_MAX
from gateway.wire import fen_of
from ledger.money import yuan

COLUMNS = ("id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction")
SIDES = {"bid": "B", "ask": "S"}
ACTIONS = ("created", "changed", "deleted")

XZ_MAGIC = b"\xfd7zXZ\x00"
PX_MAX = WINDOW_TICKS_MAX  # cents, which are the ticks

ID = re.compile(r"[A-Za-z0-9._:-]{1,40}")
WHOLE = re.compile(r"[0-9]{1,19}")


class BadRecording(Exception):
    """The file cannot be replayed; the message says which line and why."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path} line {line}: {why}" if line else f"{path}: {why}")


class Row(NamedTuple):
    """One line of the file. `px` in the recorded currency's cents, `qty` in the file's volume units."""

    id: str
    ts_ms: int
    px: int
    qty: int
    action: str
    side: str


class Place(NamedTuple):
    cid: str
    side: str
    px: int
    qty: int


class Cancel(NamedTuple):
    cid: str


@dataclass(slots=True)
class Recording:
    """What to send, in order, and what the file holds beside it."""

    steps: list[Place | Cancel] = field(default_factory=list)
    rows: int = 0
    created: int = 0
    deleted: int = 0
    changed: int = 0  # ignored: fills arise again
    unknown: int = 0  # deleted, but never created in this file
    px_max: int = 1


def read(path: Path) -> Recording:
    """Read and check a whole recording, plain CSV or xz. Raises BadRecording."""
    return flow(rows(path))


def flow(found: list[Row]) -> Recording:
    """Return the orders and cancels of the rows, in timestamp order, file order on ties.

    An id may be used again after its order: each use gets a client order id of its own, and `deleted` means the latest.
    """
    recording = Recording(rows=len(found))
    uses: dict[str, int] = {}
    for row in sorted(found, key=lambda row: row.ts_ms):
        if row.action == "created":
            recording.created += 1
            uses[row.id] = uses.get(row.id, 0) + 1
            recording.px_max = max(recording.px_max, row.px)
            recording.steps.append(Place(cid_of(row.id, uses[row.id]), row.side, row.px, row.qty))
        elif row.action == "changed":
            recording.changed += 1
        elif row.id in uses:
            recording.deleted += 1
            recording.steps.append(Cancel(cid_of(row.id, uses[row.id])))
        else:
            recording.unknown += 1
    return recording


def cid_of(id: str, use: int) -> str:
    """The client order id of the `use`-th order, from 1, that carries an id; `~` is not part of any id."""
    return id if use == 1 else f"{id}~{use}"


def rows(path: Path) -> list[Row]:
    """Return the rows in file order. Raises BadRecording."""
    line = 0
    try:
        with _open(path) as lines:
            reader = csv.reader(lines, strict=True)
            if tuple(next(reader, ())) != COLUMNS:
                raise BadRecording(path, 1, f"the columns are {','.join(COLUMNS)}")
            found = []
            for fields in reader:
                line = reader.line_num
                found.append(_row(fields))
            return found
    except (ValueError, csv.Error) as error:
        raise BadRecording(path, reader.line_num, str(error)) from error
    except (lzma.LZMAError, EOFError) as error:
        raise BadRecording(path, line + 1, "the compressed data is damaged or ends here") from error
    except OSError as error:
        raise BadRecording(path, 0, error.strerror or "cannot be read") from error


def _open(path: Path) -> TextIO:
    """Open as text; bytes that are no text become characters that no field takes."""
    with path.open("rb") as file:
        packed = file.read(len(XZ_MAGIC)) == XZ_MAGIC
    return cast(TextIO, (lzma.open if packed else open)(path, "rt", encoding="utf-8-sig", errors="replace", newline=""))


def _row(fields: list[str]) -> Row:
    """Check one line. Raises ValueError."""
    if len(fields) != len(COLUMNS):
        raise ValueError(f"{len(fields)} fields instead of {len(COLUMNS)}")
    id, ts, exchange_ts, price, volume, action, direction = fields
    if not ID.fullmatch(id):
        raise ValueError(f"id {id[:50]!r}: not 1 to 40 letters, digits or . _ : -")
    if action not in ACTIONS:
        raise ValueError(f"action {action[:50]!r}: not one of {', '.join(ACTIONS)}")
    if direction not in SIDES:
        raise ValueError(f"direction {direction[:50]!r}: not one of {', '.join(SIDES)}")
    _whole("exchange.timestamp", exchange_ts)
    row = Row(id, _whole("timestamp", ts), _cents(price), _whole("volume", volume), action, SIDES[direction])
    if action == "created" and not 0 < row.px <= PX_MAX:
        raise ValueError(f"price {price}: not from 0.01 to {yuan(PX_MAX)}")
    if action == "created" and not 0 < row.qty <= AMOUNT_MAX:
        raise ValueError(f"volume {volume}: not from 1 to {AMOUNT_MAX}")
    return row


def _whole(name: str, text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{name} {text[:50]!r}: not a whole number")
    return int(text)


def _cents(text: str) -> int:
    try:
        if text.startswith("-"):
            raise ValueError
        return fen_of(text)
    except ValueError:
        raise ValueError(f"price {text[:50]!r}: not a decimal with at most 2 places") from None
