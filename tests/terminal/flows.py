"""Made-up recordings: a seeded market in the format of docs/replay.md."""

import random
from pathlib import Path

HEADER = "id,timestamp,exchange.timestamp,price,volume,action,direction"


def write_flow(path: Path, seed: int, rows: int) -> Path:
    """Write a recording that trades, cancels, uses ids again, and deletes what was never created."""
    rng = random.Random(seed)
    live: list[tuple[str, str]] = []
    lines = [HEADER]
    for number in range(rows):
        ts = 1_430_438_400_000 + number // 3  # ties
        kind = rng.random()
        if kind < 0.30 and live:
            id, direction = live.pop(rng.randrange(len(live)))
            lines.append(f"{id},{ts},{ts},1.00,0,deleted,{direction}")
        elif kind < 0.33 and live:
            id, direction = rng.choice(live)
            lines.append(f"{id},{ts},{ts},1.00,5,changed,{direction}")
        elif kind < 0.34:
            lines.append(f"never{number},{ts},{ts},1.00,5,deleted,bid")
        else:
            id = str(rng.randrange(rows * 10)) if rng.random() < 0.9 else str(rng.randrange(20))
            direction = rng.choice(("bid", "ask"))
            price_cents = 10_000 + rng.randint(-60, 40) * (1 if direction == "bid" else -1)
            lines.append(f"{id},{ts},{ts},{price_cents / 100:.2f},{rng.randint(1, 1_000_000_000)},created,{direction}")
            live.append((id, direction))
    path.write_text("\n".join(lines) + "\n")
    return path
