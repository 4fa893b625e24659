"""`cellarbook proof`: the daily proof of custody, published, shown to a holder, and verified by anybody."""

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from terminal.options import (
    EXCHANGE,
    DatabaseOption,
    DataOption,
    DayArgument,
    Exit,
    Failure,
    day_from,
    require_exchange,
)

if TYPE_CHECKING:
    from ledger.proof.publishing import Proofs

app = typer.Typer(help="Proof of custody 存货证明: every bottle that is owed, committed to once a day.")

OutOption = Annotated[Path | None, typer.Option(help="Write to this file; else to standard output.")]


@app.command()
def publish(
    day: DayArgument, data: DataOption = EXCHANGE, database: DatabaseOption = None, out: OutOption = None
) -> None:
    """Commit to what everybody had at a day's end: totals and roots, and nobody's name. Once a day."""
    _put(asyncio.run(_proofs(data, database).publish(day_from(day), time.time_ns())), out)


@app.command()
def show(
    acct: Annotated[int, typer.Argument(help="The holder's account.")],
    day: DayArgument,
    data: DataOption = EXCHANGE,
    database: DatabaseOption = None,
    out: OutOption = None,
) -> None:
    """A holder's own part of a day's proof, for them alone."""
    _put(asyncio.run(_proofs(data, database).show(day_from(day), acct)), out)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A holder's file, or what was published.")],
    root: Annotated[str | None, typer.Option(help="The root as it was published elsewhere.")] = None,
) -> None:
    """Check a file by itself: it takes no server and no secret."""
    from ledger.proof.commitment import BadProof, verify

    try:
        proof = json.loads(file.read_text(encoding="utf-8"))
        said = verify(proof if "holdings" in proof else proof | {"holdings": []}, root)
    except (ValueError, TypeError) as error:
        raise Failure(Exit.USAGE, f"{file} is not JSON of a proof: {error}") from None
    except BadProof as error:
        raise Failure(Exit.FINDING, f"proof: {error}") from None
    for line in said:
        print(line)
    if root is None:
        print(f"as of {proof['document']['day']}, if this is the root that was published: {proof['root']}")
    print("proof: ok")


def _proofs(data: Path, database: str | None) -> "Proofs":
    from ledger.databases import databases_of
    from ledger.proof.publishing import Proofs

    require_exchange(data, database)
    return Proofs(data, databases_of(data, database))


def _put(found: Any, out: Path | None) -> None:
    text = json.dumps(found, ensure_ascii=False, indent=1)
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
