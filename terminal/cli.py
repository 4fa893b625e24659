"""The `cellarbook` command line.

A mistake of the user's ends in one line on stderr and one of the exit codes below, never in a traceback. Imports wait
until a command needs them, so that help and errors come at once.
"""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import typer
from typer.exceptions import TyperException

from terminal import backup, journal, proof, reports
from terminal.options import (
    ALONE,
    DEMO,
    EXCHANGE,
    DatabaseOption,
    DataOption,
    Exit,
    Failure,
    JsonOption,
    LangOption,
    OperatorOption,
    PortOption,
    UrlOption,
    require_exchange,
)

if TYPE_CHECKING:
    from io import BufferedIOBase

    from gateway.client import Client, Credentials
    from gateway.wire import Instrument
    from terminal.recording import Recording
    from terminal.replay import Totals

T = TypeVar("T")


app = typer.Typer(
    help="An exchange for collectible liquor: serve it, trade on it, replay and audit it.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
band = typer.Typer(help="Price-limit bands of the instruments 涨跌限幅.")
app.add_typer(band, name="band")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # unwind, so that children are stopped
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Raises only what is a fault of this program."""
    try:
        return int(app(list(arguments) or ["--help"], prog_name="cellarbook", standalone_mode=False) or Exit.OK)
    except TyperException as error:
        failure = Failure(Exit.USAGE, error.format_message())
    except Exception as error:
        failure = failure_of(error)
    words = " ".join(str(failure).split())
    print("cellarbook:", "".join(char if char.isprintable() else "?" for char in words), file=sys.stderr)
    return failure.code


def failure_of(error: Exception) -> Failure:
    """Say in a line what an exception means to the user. Raises it again when it means a fault of this program."""
    from gateway.client import ClientError, GatewayDown
    from ledger.errors import BadDatabase, DataInUse, LedgerError, NoDatabase
    from terminal.recording import BadRecording
    from terminal.replay import ReplayFault
    from terminal.server import AlreadyRunning, NoServer

    match error:
        case Failure():
            return error
        case NoServer() | GatewayDown() | NoDatabase():
            return Failure(Exit.NO_SERVER, str(error))
        case ClientError() | DataInUse() | AlreadyRunning():
            return Failure(Exit.REFUSED, str(error))
        case BadRecording() | BadDatabase():
            return Failure(Exit.USAGE, str(error))
        case LedgerError() | ReplayFault():
            return Failure(Exit.FINDING, str(error))
        case OSError():
            return Failure(
                Exit.USAGE, f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror or error}"
            )
    raise error


def show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        from engine.kernel import COMPILED

        try:
            number = version("cellarbook")
        except PackageNotFoundError:
            number = "(not installed)"
        print(f"cellarbook {number}, {'compiled' if COMPILED else 'pure Python'} kernel")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Say the version and stop.")
    ] = False,
) -> None:
    pass


# ------------------------------------------------------------------------------------------------------- the server


def networks(texts: list[str] | None) -> list[str]:
    """The networks themselves. Raises BadParameter for what is none."""
    for text in texts or ():
        try:
            ip_network(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    return texts or []


@app.command()
def serve(
    data: DataOption = EXCHANGE,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: PortOption = 8765,
    database: DatabaseOption = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Show what the database's server does, and take no commands.")
    ] = False,
    unbacked: Annotated[
        bool,
        typer.Option("--unbacked-bottles", help="For trials: let operators deposit bottles that no warehouse has."),
    ] = False,
    audit_every: Annotated[float, typer.Option(help="Seconds between audits of what is new; 0 for none.", min=0)] = 30,
    alone: Annotated[
        bool,
        typer.Option("--one-operator", help="Money, bands and posts take no second operator."),
    ] = False,
    unlimited: Annotated[bool, typer.Option("--no-limits", help="Anybody may ask as often as he likes.")] = False,
    proxies: Annotated[
        list[str] | None,
        typer.Option("--proxy", help="A network whose proxies say whose request it is; repeatable.", callback=networks),
    ] = None,
) -> None:
    """Run the exchange of a data directory, or of a database, until it is told to stop."""
    from gateway.app import run as serve_exchange
    from gateway.config import Config

    config = Config(
        data,
        database,
        follow,
        host,
        port,
        unbacked_bottles=unbacked,
        audit_s=audit_every,
        four_eyes=not alone,
        proxies=tuple(proxies or ()),
    )
    if unlimited:
        config = replace(config, rates=None)
    raise typer.Exit(serve_exchange(config))


@app.command()
def demo(
    data: DataOption = DEMO,
    port: PortOption = 0,
    seed: Annotated[int, typer.Option(help="Decides what the simulated traders do.")] = 1,
    lang: LangOption = None,
) -> None:
    """Start the demo market, and open the terminal on it."""
    from terminal.demo.launch import launch

    launch(data, port, seed, lang)


@app.command()
def terminal(
    data: DataOption = EXCHANGE,
    url: UrlOption = None,
    credentials: Annotated[
        Path | None, typer.Option(help="Key file; else collector.key of the data directory.")
    ] = None,
    lang: LangOption = None,
) -> None:
    """Open the trading terminal."""
    from terminal.server import NoServer, find, is_ready
    from terminal.tty import has_screen

    path = credentials or data / "collector.key"
    load_credentials(path)
    address = find(url, data)
    if not is_ready(address):
        raise NoServer(f"no exchange answers at {address}")
    if not has_screen():
        raise Failure(Exit.USAGE, "the terminal needs a screen: stdin, stdout and stderr must be a TTY")
    from terminal.app import run_terminal

    run_terminal(lambda: find(url, data), path, lang)


@app.command()
def engine() -> None:
    """Run the engine alone: a JSON command a line in, a JSON event a line out."""
    from engine.program import main as answer

    if sys.stdin is None or sys.stdout is None:
        raise Failure(Exit.USAGE, "engine: standard input or output is closed")
    answer(cast("BufferedIOBase", sys.stdin.buffer), cast("BufferedIOBase", sys.stdout.buffer))


# ----------------------------------------------------------------------------------------------- proof


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Recorded order flow, CSV or CSV.xz; docs/replay.md has the columns.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Keep the exchange here, not in a temporary directory.", envvar="CELLARBOOK_DATA"),
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="Keep the exchange in this PostgreSQL database, and its keys in --data.")
    ] = None,
    url: UrlOption = None,
    credentials: OperatorOption = None,
) -> None:
    """Send a recorded order flow through the whole stack, and audit the books."""
    from terminal.recording import read
    from terminal.replay import report
    from terminal.server import Server, running

    if database is not None and data is None:
        raise Failure(Exit.USAGE, "--database: give the data directory for its keys too, with --data")
    recording = read(file)
    with contextlib.ExitStack() as stack:
        if url is None and data is None:
            data = Path(stack.enter_context(TemporaryDirectory(prefix="cellarbook-")))
        key = credentials or (data / "operator.key" if data else None)
        if key is None:
            raise Failure(Exit.USAGE, "--url: give the operator's key too, with --credentials or the --data directory")
        with (
            Server(data, 0, database, "--unbacked-bottles", *ALONE)
            if url is None and data and not running(data)
            else contextlib.nullcontext()
        ):
            totals = asyncio.run(with_client(url, data or Path(), key, partial(drive, recording)))
        print(*report(recording, totals), sep="\n")
        if data is None:
            print("audit: not here; run `cellarbook audit` where the server's data is")
        else:
            print_audit(data, database)


async def drive(recording: "Recording", operator: "Client") -> "Totals":
    """Replay with a progress bar, when somebody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from terminal.replay import Replay

    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("replay", total=len(recording.steps))
        return await Replay(operator, recording, lambda sent: bar.update(task, completed=sent)).run()


@app.command()
def audit(data: DataOption = EXCHANGE, database: DatabaseOption = None) -> None:
    """Replay the journal of an exchange, and compare it with the books."""
    require_exchange(data, database)
    print_audit(data, database)


def print_audit(data: Path, database: str | None) -> None:
    """Print what was checked and every finding. Raises Failure when there is one."""
    from ledger import operator_log
    from ledger.audit import audit as examine
    from ledger.databases import databases_of, told

    try:
        log = operator_log.check(databases_of(data, database), operator_log.read_head(data / operator_log.HEAD))
    except ValueError as error:
        raise Failure(Exit.FINDING, str(error)) from error
    print(f"operators' log: {log.head.id} rows, head {log.head.hash or 'none'}")
    for finding in log.findings:
        print(f"operators' log: {finding}")
    report = examine(data, database)
    print(report)
    place = told(database) if database else data
    if not report.ok:
        raise Failure(Exit.FINDING, f"the books of {place} do not agree")
    if log.findings:
        raise Failure(Exit.FINDING, f"the operators' log of {place} is not as it was written")


app.add_typer(journal.app, name="journal")
app.add_typer(reports.app, name="report")
app.add_typer(proof.app, name="proof")
for keep in (backup.backup, backup.restore, backup.migrate):
    app.command()(keep)


# -------------------------------------------------------------------------------------------------------------- bands


@band.command("show")
def band_show(
    sym: Annotated[str | None, typer.Argument(help="One instrument; all without it.")] = None,
    data: DataOption = EXCHANGE,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show reference prices and bands."""
    found = asyncio.run(with_client(url, data, None, lambda client: client.instruments()))
    if sym is not None:
        found = [instrument for instrument in found if instrument.sym == sym]
        if not found:
            raise Failure(Exit.REFUSED, f"there is no instrument {sym}")
    print_bands(found, as_json)


@band.command("set")
def band_set(
    sym: Annotated[str, typer.Argument(help="The instrument.")],
    up: Annotated[str, typer.Option(help="Percent above the reference price, such as 10 or 7.5.")],
    down: Annotated[str, typer.Option(help="Percent below it.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with who and when.")],
    ref: Annotated[str | None, typer.Option(help="New reference price in yuan, such as 2680.00.")] = None,
    data: DataOption = EXCHANGE,
    url: UrlOption = None,
    credentials: OperatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set an instrument's band. Resting orders outside it are cancelled."""
    from gateway.wire import BandSet

    wanted = BandSet(
        up_bp=hundredths(up, "--up", "percent"),
        down_bp=hundredths(down, "--down", "percent"),
        ref=hundredths(ref, "--ref", "yuan") if ref is not None else 0,
        reason=reason.strip(),
    )
    if not wanted.reason:
        raise Failure(Exit.USAGE, "--reason: say why")
    if ref is not None and not wanted.ref:
        raise Failure(Exit.USAGE, "--ref: must be above 0")
    key = credentials or data / "operator.key"
    print_bands([asyncio.run(with_client(url, data, key, lambda client: client.set_band(sym, wanted)))], as_json)


def print_bands(instruments: "list[Instrument]", as_json: bool) -> None:
    from ledger.money import yuan

    rows = [
        {
            "sym": it.sym,
            "ref": yuan(it.ref),
            "lo": yuan(it.lo),
            "hi": yuan(it.hi),
            "last": yuan(it.last),
            "phase": it.phase,
        }
        for it in instruments
    ]
    if as_json:
        print(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("instrument", box=None)
    for title in ("reference", "lowest", "highest", "last"):
        table.add_column(title, justify="right")
    table.add_column("phase")
    for row in rows:
        table.add_row(*row.values())
    Console(highlight=False, markup=False).print(table)


# ---------------------------------------------------------------------------------------------------- what they share


def hundredths(text: str, option: str, unit: str) -> int:
    """Percent as basis points, or yuan as fen, exactly. Raises Failure."""
    from gateway.wire import fen_of

    with contextlib.suppress(ValueError):
        if (found := fen_of(text)) >= 0:
            return found
    raise Failure(Exit.USAGE, f"{option}: {text!r} is not a decimal of {unit} with at most two places")


def load_credentials(path: Path) -> "Credentials":
    """Read a key file. Raises Failure."""
    from gateway.client import Credentials

    try:
        return Credentials.load(path)
    except OSError as error:
        raise Failure(Exit.USAGE, f"credentials {path}: {error.strerror}") from error
    except ValueError as error:
        raise Failure(Exit.USAGE, f"credentials {path}: not a key file") from error


async def with_client(url: str | None, data: Path, key: Path | None, ask: "Callable[[Client], Awaitable[T]]") -> T:
    """Ask the exchange at `url`, or the one that runs on `data`. Raises NoServer, ClientError, Failure."""
    from gateway.client import Client
    from terminal.server import find

    async with Client(find(url, data), load_credentials(key) if key else None) as client:
        return await ask(client)


if __name__ == "__main__":
    main()
