"""A ledger of ten million entries: how long a statement and the audit take there. `python -m benchmarks.big`.

Trading of 1,000 accounts over 30 days is put through journal, engine and books; then statements of random accounts and
days are read, the whole is audited, and once more only what is new. The last line is JSON. Takes some twenty minutes
and three gigabytes at its full size.
"""

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.ledger import ACCOUNTS, BATCH, opening, trading
from engine.commands import Command
from ledger.audit import Auditor, audit
from ledger.databases import LEDGER, databases_of, reading_engine
from ledger.days import DAY_NS, start_of
from ledger.recovery import Recovered, recover
from ledger.shop import Shop
from ledger.statements import statement

ENTRIES = 10_000_000
DAYS = 30
FIRST = 20_000
STATEMENTS = 50
NEW = 10_000  # commands for the incremental audit


def traded(count: int) -> Iterator[list[Command]]:
    """`count` commands in groups, spread evenly over the days."""
    made = 0
    while made < count:
        group = trading(min(BATCH, count - made))
        ts = start_of(FIRST) + made * DAYS * DAY_NS // count
        yield [command._replace(ts=ts, cid=f"t{made + place}") for place, command in enumerate(group)]  # type: ignore[call-arg]
        made += len(group)


def put(books: Recovered, commands: list[Command]) -> None:
    books.journal.append(commands)
    books.projector.project(books.exchange.apply(commands))


async def statements(data: Path, rng: Random) -> list[float]:
    """Seconds of each statement: an account, one day."""
    taken = []
    engine = reading_engine(databases_of(data).ledger, LEDGER)
    for _ in range(STATEMENTS):
        day = FIRST + rng.randrange(DAYS)
        async with engine.connect() as db:
            start = perf_counter()
            await statement(db, rng.randint(1, ACCOUNTS), day, day)
            taken.append(perf_counter() - start)
    await engine.dispose()
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.big", description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="cellarbook-big-") as folder:
        data = Path(folder)
        books = recover(data)
        put(books, [command._replace(ts=start_of(FIRST)) for command in opening()])
        start = perf_counter()
        for group in traded(options.entries * 2 // 3):  # two orders and a trade are three entries
            put(books, group)
        found = {"entries": books.projector.books.entry_last, "built_s": round(perf_counter() - start, 1)}
        taken = asyncio.run(_statements(data))
        found |= {"statement_ms": round(1e3 * median(taken), 1), "slowest_ms": round(1e3 * max(taken), 1)}
        print(found, flush=True)
        start = perf_counter()
        report = audit(data)
        found |= {"audit_s": round(perf_counter() - start, 1), "audit_ok": report.ok}
        print(found, flush=True)
        auditor = Auditor(databases_of(data))
        auditor.go_on()
        for group in traded(NEW):
            later = start_of(FIRST + DAYS)
            put(books, [command._replace(ts=later, cid=f"n{command.cid}") for command in group])  # type: ignore[union-attr,call-arg]
        start = perf_counter()
        findings = auditor.go_on()
        found |= {"incremental_s": round(perf_counter() - start, 2), "new": NEW, "incremental_ok": not findings}
        books.projector.close()
        books.journal.close()
    print(json.dumps(found))


async def _statements(data: Path) -> list[float]:
    await (await Shop.open(databases_of(data).shop)).close()
    return await statements(data, Random(1))


if __name__ == "__main__":
    main()
