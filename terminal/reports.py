"""`cellarbook report`: statements, daily close and settlement, from the books of an exchange, also while it runs."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from terminal.options import (
    EXCHANGE,
    DatabaseOption,
    DataOption,
    DayArgument,
    Exit,
    Failure,
    JsonOption,
    LangOption,
    day_from,
    require_exchange,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from ledger.exports import Table

T = TypeVar("T")

app = typer.Typer(help="Statements, daily close and settlement 对账、日终、结算: to read, as CSV, as a workbook.")

WIDTH = 140  # columns, where there is no screen

CsvOption = Annotated[Path | None, typer.Option("--csv", help="Write a CSV file.")]
XlsxOption = Annotated[Path | None, typer.Option("--xlsx", help="Write a workbook.")]


@app.command()
def statement(
    acct: Annotated[int, typer.Argument(help="The account's number.")],
    first: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD; may be today.")],
    data: DataOption = EXCHANGE,
    database: DatabaseOption = None,
    lang: LangOption = None,
    csv: CsvOption = None,
    xlsx: XlsxOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every movement of an account, between what it had and what it has: opening + lines = closing."""
    from ledger import statements
    from ledger.custody.billing import storage_of
    from ledger.databases import LEDGER, SHOP
    from terminal.sheets import statement_tables
    from terminal.text import default_lang

    first_day, last_day = day_from(first), day_from(last)
    if first_day > last_day:
        raise Failure(Exit.USAGE, f"--from {first} is after --to {last}")
    require_exchange(data, database)
    found = _read(
        data, database, LEDGER, lambda db: statements.statement(db, acct, _number(first_day), _number(last_day))
    )
    if not found.sections:
        raise Failure(Exit.USAGE, f"there is no account {acct}")
    storage = _read(data, database, SHOP, lambda db: storage_of(db, acct, first_day, last_day))
    _put(statement_tables(found, storage, lang or default_lang()), csv, xlsx, as_json)


@app.command()
def close(
    day: DayArgument,
    data: DataOption = EXCHANGE,
    database: DatabaseOption = None,
    lang: LangOption = None,
    csv: CsvOption = None,
    xlsx: XlsxOption = None,
    as_json: JsonOption = False,
) -> None:
    """What traded on a day, by instrument and account, and what every client had at its end."""
    from ledger import closing
    from terminal.sheets import close_tables
    from terminal.text import default_lang

    found = _of_day(data, database, day, closing.close)
    _put(close_tables(found, lang or default_lang()), csv, xlsx, as_json)


@app.command()
def settlement(
    day: DayArgument,
    data: DataOption = EXCHANGE,
    database: DatabaseOption = None,
    lang: LangOption = None,
    csv: CsvOption = None,
    xlsx: XlsxOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a day made payable to and by each party that is no client, with the postings it comes from."""
    from ledger import closing
    from terminal.sheets import settlement_tables
    from terminal.text import default_lang

    found = _of_day(data, database, day, closing.settlement)
    _put(settlement_tables(found, lang or default_lang()), csv, xlsx, as_json)


def _number(day: date) -> int:
    from ledger.days import number_of

    return number_of(day)


def _of_day(data: Path, database: str | None, text: str, read: "Callable[[AsyncConnection, int], Awaitable[T]]") -> T:
    from ledger.closing import require_over
    from ledger.databases import LEDGER, databases_of
    from ledger.days import day_of
    from ledger.journal import JournalReader

    day = _number(day_from(text))
    require_exchange(data, database)
    with JournalReader(databases_of(data, database).journal) as journal:
        durable_seq = journal.last_seq

    async def over(db: "AsyncConnection") -> T:
        await require_over(db, day, day_of(time.time_ns()), durable_seq)
        return await read(db, day)

    return _read(data, database, LEDGER, over)


def _read(data: Path, database: str | None, schema: str, read: "Callable[[AsyncConnection], Awaitable[T]]") -> T:
    """Ask one of the exchange's databases, in one transaction. Raises LedgerError when it cannot be read."""
    from sqlalchemy.exc import DBAPIError

    from ledger.databases import databases_of, reading_engine, told
    from ledger.errors import LedgerError

    location = getattr(databases_of(data, database), schema)

    async def ask() -> T:
        engine = reading_engine(location, schema)
        try:
            async with engine.connect() as db:
                return await read(db)
        except DBAPIError as error:
            raise LedgerError(f"{told(location)} cannot be read: {error.orig}") from error
        finally:
            await engine.dispose()

    return asyncio.run(ask())


def _put(tables: "Sequence[Table]", csv: Path | None, xlsx: Path | None, as_json: bool) -> None:
    """Write the files that are asked for; else to the screen."""
    from ledger.exports import csv_of, plain, xlsx_of

    for path, write in ((csv, csv_of), (xlsx, xlsx_of)):
        if path:
            path.write_bytes(write(tables))
    if as_json:
        print(json.dumps({table.title: plain(table) for table in tables}, ensure_ascii=False))
    elif not (csv or xlsx):
        _print(tables)


def _print(tables: "Sequence[Table]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as Screen
    from rich.text import Text

    from ledger.exports import shown
    from terminal.format import clean

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for table in tables:
        screen = Screen(title=clean(table.title), title_justify="left", box=SIMPLE_HEAD)
        for place, column in enumerate(table.columns):
            texts = all(isinstance(row[place], str) for row in table.rows)
            screen.add_column(clean(column), justify="left" if texts else "right", no_wrap=not texts)
        for row in table.rows:
            screen.add_row(*(Text(clean(shown(cell))) for cell in row))
        console.print(screen)
