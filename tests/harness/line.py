"""The exchange without its gateway, as a program: `python -m tests.harness.line DATA SEED`.

Recovers, makes the rest of a seeded history durable group by group, says the number of the last command after each, and
closes in order. A fault ends it with one line and exit code 1, as it ends the server.
"""

import sys
from pathlib import Path
from random import Random

from engine.commands import Command
from ledger.errors import LedgerError
from ledger.recovery import recover
from tests.harness.replay import groups
from tests.simulation.flow import flow

COMMANDS = 2_000


def history(seed: int) -> list[Command]:
    return list(flow(seed, COMMANDS))


def main(data: Path, seed: int) -> None:
    books = recover(data)
    rest = history(seed)[books.exchange.seq :]
    for number, group in enumerate(groups(Random(seed), rest)):
        books.journal.append(group)
        events = books.exchange.apply(group)
        print(books.exchange.seq, flush=True)
        books.projector.project(events)
        if number % 10 == 9:
            books.snapshots.write(books.exchange)
    books.projector.close()
    books.journal.close()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]))
    except (LedgerError, OSError) as error:
        sys.exit(f"stopped: {error}")
