"""Seeded commands that trade, cancel, are refused and pay fees, for tests that need a history with something in it."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from engine.commands import CASH, Cancel, Command, Deposit, List, Place, Withdraw
from ledger import postgresql
from ledger.databases import JOURNAL, LEDGER, Location, databases_of
from ledger.days import DAY_NS
from ledger.recovery import Recovered, recover


def history(count: int = 300, seed: int = 1) -> list[Command]:
    """`count` orders and cancels of four accounts in one instrument, after its listing and their deposits."""
    rng = random.Random(seed)
    commands: list[Command] = [List(1, "MT", ref=10_000, maker_bp=5, taker_bp=12, min_fee=3, stp="newest")]
    for acct in range(1, 5):
        commands += [Deposit(2, acct, CASH, 10**9), Deposit(2, acct, "MT", 2_000)]
    for number in range(count):
        acct = rng.randint(1, 4)
        if rng.random() < 0.25:
            commands.append(Cancel(number, acct, f"c{rng.randrange(number + 1)}"))
        else:
            side, px, qty = rng.choice("BS"), rng.randint(9_950, 10_050), rng.randint(1, 9)
            commands.append(Place(number, acct, f"c{number}", "MT", side, px, qty, rng.choice(["GTC", "IOC"])))
    commands.append(Withdraw(DAY_NS, 1, CASH, 1_000))  # on the next day
    return commands


def grouped(commands: list[Command], size: int = 10) -> list[list[Command]]:
    return [commands[at : at + size] for at in range(0, len(commands), size)]


def trade(books: Recovered, commands: list[Command]) -> None:
    """Put commands through journal, exchange and ledger, as the server does, in this thread."""
    for group in grouped(commands):
        books.journal.append(group)
        books.projector.project(books.exchange.apply(group))


def close(books: Recovered) -> None:
    books.projector.close()
    books.journal.close()


@contextmanager
def opened(data_dir: Path, url: str | None = None) -> Iterator[Recovered]:
    books = recover(data_dir, url)
    try:
        yield books
    finally:
        close(books)


def kept(data_dir: Path, count: int = 300, url: str | None = None) -> Path:
    """An exchange with a history in it, closed: the files of a data directory, or the database of a URL."""
    with opened(data_dir, url) as books:
        trade(books, history(count))
    return data_dir


def tamper(data_dir: Path, *statements: str, url: str | None = None, schema: str = LEDGER) -> None:
    """Change a database behind its writer's back, past its triggers."""
    for statement in statements:
        change(getattr(databases_of(data_dir, url), schema), schema, statement)


def tamper_journal(data_dir: Path, *statements: str, url: str | None = None) -> None:
    tamper(data_dir, *statements, url=url, schema=JOURNAL)


def change(location: Location, schema: str, statement: str, *values: object) -> None:
    """Run one statement with `?` for each value, past the triggers."""
    if isinstance(location, Path):
        with closing(sqlite3.connect(location, isolation_level=None)) as db:
            for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {name}")
            db.execute(statement, values)
    else:
        with closing(postgresql.connect(location, schema, session_replication_role="replica")) as server:
            server.execute(statement.replace("?", "%s").encode(), values)
