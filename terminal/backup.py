"""`cellarbook backup`, `restore` and `migrate`: an exchange copied while it runs, made again, and made newer."""

import json
from pathlib import Path
from typing import Annotated

import typer

from terminal.options import EXCHANGE, DatabaseOption, DataOption, JsonOption, require_exchange


def backup(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    data: DataOption = EXCHANGE,
    as_json: JsonOption = False,
) -> None:
    """Copy the exchange, also while it runs: databases, newest snapshot and keys."""
    from ledger.backup import back_up

    require_exchange(data, None)
    made = back_up(data, folder)
    if as_json:
        print(json.dumps({"folder": str(folder), **made._asdict()}))
    else:
        print(f"{made.commands:,} commands in {len(made.files)} files", f"head {made.head}", "backup: ok", sep="\n")


def restore(
    folder: Annotated[Path, typer.Argument(help="What `cellarbook backup` made.")],
    data: Annotated[Path, typer.Option(help="A new or empty directory for the exchange.")],
    as_json: JsonOption = False,
) -> None:
    """Make an exchange from a backup, verified file by file and recovered."""
    from ledger.backup import restore as restore_exchange

    made = restore_exchange(folder, data)
    if as_json:
        print(json.dumps({"data": str(data), **made._asdict()}))
    else:
        print(f"{made.commands:,} commands restored to {data}", f"head {made.head}", "restore: ok", sep="\n")


def migrate(data: DataOption = EXCHANGE, database: DatabaseOption = None) -> None:
    """Bring a stopped exchange's databases to this version, and recover it; serving does so too."""
    from ledger.databases import told
    from ledger.recovery import recover

    require_exchange(data, database)
    books = recover(data, database)
    books.projector.close()
    books.journal.close()
    print(f"{told(database) if database else data} is of this version, at command {books.exchange.seq:,}")
