"""What the commands share: how they end, and the options that many of them have."""

from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Literal

import typer


class Exit(IntEnum):
    OK = 0
    FINDING = 1  # an audit or a replay found a difference, or an exchange's files are damaged
    USAGE = 2  # a wrong command, value or file
    NO_SERVER = 3
    REFUSED = 4  # the exchange said no
    INTERRUPTED = 130


class Failure(Exception):
    """The end of a command: one line for the user, and the exit code."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


EXCHANGE = Path("var/exchange")
DEMO = Path("var/demo")
ALONE = ("--one-operator", "--no-limits")  # how the demo and a replay serve: nobody else is there
DATABASE = "CELLARBOOK_DATABASE"  # may hold a password, which does not belong on a command line

DataOption = Annotated[Path, typer.Option(help="Data directory of the exchange.", envvar="CELLARBOOK_DATA")]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        help="PostgreSQL database of the exchange, postgresql://USER@HOST/NAME; else files of the data directory.",
        envvar=DATABASE,
    ),
]
UrlOption = Annotated[
    str | None, typer.Option(help="The server's address, if not the data directory's.", envvar="CELLARBOOK_URL")
]
OperatorOption = Annotated[Path | None, typer.Option("--credentials", help="Operator's key file.")]
PortOption = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)]
LangOption = Annotated[Literal["zh", "en"] | None, typer.Option(help="Language of the screen; else the locale's.")]
DayArgument = Annotated[str, typer.Argument(help="A day in Shanghai that is over, YYYY-MM-DD.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def day_from(text: str) -> date:
    """A day as YYYY-MM-DD. Raises Failure."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Failure(Exit.USAGE, f"{text!r} is not a day, YYYY-MM-DD") from None


def require_exchange(data: Path, database: str | None) -> None:
    """Raises Failure when there is no exchange in a data directory or a database, LedgerError when nobody can say."""
    from ledger.databases import JOURNAL, databases_of, exists, told

    if not exists(databases_of(data, database).journal, JOURNAL):
        raise Failure(Exit.USAGE, f"no exchange in {told(database) if database else data}")
