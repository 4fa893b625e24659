"""What one server is told at its start."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.limits import RATES, Rates

BODY_MAX = 16 * 1024  # bytes of a request's body
ADMIN_BODY_MAX = 1024 * 1024  # of an operator's list of commands
FRAME_MAX = 64 * 1024  # bytes of a socket's frame
KEEPALIVE_S = 15
BODY_TIMEOUT_S = 10
LINGER_S = 1  # for the rest of a body that was refused
HEARTBEAT_S = 1.0
QUEUE_MAX = 20_000  # commands waiting for the journal
BUFFER_MAX = 32 * 1024  # bytes that a slow reader may owe before it is conflated
OWED_MAX = 1024 * 1024  # bytes at which it is cut off
SNAPSHOT_EVERY = 200_000  # commands; and after
SNAPSHOT_S = 900  # with any command at all
SNAPSHOTS_KEPT = 3
FOLLOW_S = 0.02  # between looks at the journal of another server
CELLAR_S = 10  # between rounds through the cellar
USES_S = 60.0  # between writing down when keys were used
KEYS_S = 1.0  # between looks at its keys
PROJECTED_TIMEOUT_S = 5  # for its books


@dataclass(frozen=True, slots=True)
class Config:
    """Port 0 takes any free port. `clock` gives integer nanoseconds UTC.

    Journal, ledger and shop are files of `data`, or the PostgreSQL `database`, which a server that follows reads only.
    """

    data: Path
    database: str | None = None
    follow: bool = False
    host: str = "127.0.0.1"
    port: int = 8765
    tick_s: float = 0.016  # how often the feed writes
    audit_s: float = 0  # between audits of what is new, by a process beside the server; 0 is never
    unbacked_bottles: bool = False  # whether operators may deposit bottles that stand in no warehouse
    four_eyes: bool = True  # whether money and bands take a second operator
    rates: Rates | None = RATES  # None: anybody may ask as often as he likes
    proxies: tuple[str, ...] = ()  # networks of the proxies in front, which say whose request it is
    origins: tuple[str, ...] = ()  # web origins allowed beside the server's own
    clock: Callable[[], int] = time.time_ns
