"""How fast commands become durable, fills reach the books, and an exchange comes back: `python -m benchmarks.ledger`.

Each figure stands beside the bare database in the same run: the same rows by plain statements of sqlite3, the same
pragmas, or on PostgreSQL by COPY, rounds interleaved. A fill is one side of a trade. The last line is JSON; `--save`
keeps it in `results/ledger-<date>.json` with machine and commit. Needs the extra `dev`, which brings PostgreSQL.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.machine import RESULTS, machine, source
from benchmarks.market import account_of
from benchmarks.orderflow import CANCEL, HI, order_flow
from benchmarks.report import Bar
from benchmarks.timing import interleaved
from engine.commands import CASH, Cancel, Command, Deposit, List, Place, Side
from engine.events import Event
from engine.exchange import Exchange
from ledger import postgresql
from ledger.backup import back_up, restore
from ledger.books import Books, Rows
from ledger.databases import JOURNAL, LEDGER, connect
from ledger.databases import rows as rows_of
from ledger.files import connect_writer
from ledger.journal import Journal
from ledger.migrations import migrate
from ledger.recovery import recover
from ledger.snapshots import Snapshots
from ledger.store import Projector
from ledger.writer import PAGES_KEPT
from tests.postgresql import empty, server

SYM = "MT"
ACCOUNTS = 1_000
LIVE = 5_000
GROUPS = {1: 500, 10: 500, 100: 300, 1_000: 100}  # groups of each size in a round
ROUNDS = 5
BATCH = 1_000  # commands that the projector takes at a time
FILLS = 100_000  # in a round
TAIL = 100_000  # commands behind the snapshot
ORDERS = 100_000  # open ones, of the exchange whose state is kept
RAW_GROUPS_ON_SERVER = """
CREATE TABLE groups (first_seq bigint PRIMARY KEY, count bigint, ts bigint, payload bytea, payload_hash bytea,
    chain_hash bytea)
"""
RAW_GROUPS = "CREATE TABLE groups (first_seq INTEGER PRIMARY KEY, count, ts, payload, payload_hash, chain_hash)"


def opening() -> list[Command]:
    """An instrument, and accounts that can pay for anything."""
    listed: list[Command] = [List(1, SYM, up_bp=-1, max_px=HI, maker_bp=5, taker_bp=12, max_qty=1 << 31)]
    funded = [Deposit(1, acct, asset, 10**12) for acct in range(1, ACCOUNTS + 1) for asset in (CASH, SYM)]
    return [*listed, *funded]


def mixed(count: int) -> list[Command]:
    """`count` orders and cancels of the core's workload, with 5,000 live orders once it is under way."""
    flow = order_flow(LIVE + count, 1, LIVE)[:count]
    columns = (flow[name].tolist() for name in ("op", "id", "side", "price", "qty"))
    return [
        Cancel(2, acct, f"c{number}") if op == CANCEL else Place(2, acct, f"c{number}", SYM, "BS"[side], price, qty)
        for acct, op, number, side, price, qty in zip(account_of(flow["id"]).tolist(), *columns, strict=True)
    ]


def trading(fills: int) -> list[Command]:
    """Orders of which each second one trades with the one before it: a fill each."""
    return [
        Place(
            2, 1 + number % ACCOUNTS, f"t{number}", SYM, (Side.SELL, Side.BUY)[number % 2], 1_000, 1 + number // 2 % 9
        )
        for number in range(fills)
    ]


def applied(exchange: Exchange, commands: list[Command]) -> Iterator[list[Event]]:
    """The events of the commands, a batch at a time."""
    for at in range(0, len(commands), BATCH):
        yield exchange.apply(commands[at : at + BATCH])


# -------------------------------------------------------------------------------------------------------- the journal


def commits(folder: Path, groups: list[list[Command]]) -> tuple[list[float], list[float]]:
    """Seconds of each group's commit: by the journal, and of the same row by plain sqlite3, one after the other."""
    path = folder / "journal.sqlite"
    with Journal(path) as journal:
        for group in groups:
            journal.append(group)
    with closing(connect_writer(path, "FULL")) as db:
        rows = db.execute("SELECT * FROM groups").fetchall()
    ours, raw = [], []
    with Journal(folder / "again.sqlite") as journal, closing(connect_writer(folder / "raw.sqlite", "FULL")) as db:
        db.execute(RAW_GROUPS)
        for group, row in zip(groups, rows, strict=True):
            start = perf_counter()
            journal.append(group)
            between = perf_counter()
            db.execute("INSERT INTO groups VALUES (?, ?, ?, ?, ?, ?)", row)
            raw.append(perf_counter() - between)
            ours.append(between - start)
    return ours, raw


def commits_on_server(url: str, groups: list[list[Command]]) -> tuple[list[float], list[float]]:
    """The same on PostgreSQL: beside COPY of the row."""
    empty(url)
    with Journal(url) as journal:
        for group in groups:
            journal.append(group)
    with closing(connect(url, JOURNAL)) as db:
        rows = rows_of(db, "SELECT * FROM groups ORDER BY first_seq")
    empty(url)
    ours, raw = [], []
    with Journal(url) as journal, closing(postgresql.connect(url, "public")) as db:
        db.execute("DROP TABLE IF EXISTS groups")
        db.execute(RAW_GROUPS_ON_SERVER.encode())
        for group, row in zip(groups, rows, strict=True):
            start = perf_counter()
            journal.append(group)
            between = perf_counter()
            with db.cursor() as cursor, cursor.copy("COPY groups FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["bigint", "bigint", "bigint", "bytea", "bytea", "bytea"])
                copy.write_row(row)
            raw.append(perf_counter() - between)
            ours.append(between - start)
    return ours, raw


def measure_journal(rounds: int, url: str | None = None) -> dict[str, Any]:
    """By medians: a commit waits for the disk, and now and then for whatever else the disk does."""
    found: dict[str, Any] = {}
    commands = mixed(max(size * count for size, count in GROUPS.items()))
    for size, count in GROUPS.items():
        groups = [commands[at : at + size] for at in range(0, size * count, size)]
        ours: list[float] = []
        raw: list[float] = []
        for _ in range(rounds):
            with TemporaryDirectory(prefix="cellarbook-journal-") as folder:
                taken = commits_on_server(url, groups) if url else commits(Path(folder), groups)
            ours += taken[0]
            raw += taken[1]
        found[str(size)] = {
            "commands_per_s": round(size / median(ours)),
            "commit_ms": round(1e3 * median(ours), 3),
            "raw_commit_ms": round(1e3 * median(raw), 3),
            "over_raw": round(median(raw) / median(ours), 2),
        }
    return found


# ----------------------------------------------------------------------------------------------------- the projection


def project(batches: list[list[Event]], url: str | None = None) -> float:
    if url:
        empty(url)
    with TemporaryDirectory(prefix="cellarbook-ledger-") as folder:
        projector = Projector(url or Path(folder) / "ledger.sqlite")
        start = perf_counter()
        for events in batches:
            projector.project(events)
        taken = perf_counter() - start
        projector.close()
    return taken


def project_raw(batches: list[Rows]) -> float:
    """The rows of the same batches, by plain statements into the same tables, a transaction a batch."""
    with TemporaryDirectory(prefix="cellarbook-raw-") as folder:
        path = Path(folder) / "ledger.sqlite"
        migrate(path)
        with closing(connect_writer(path, "NORMAL", *PAGES_KEPT)) as db:
            start = perf_counter()
            for rows in batches:
                db.execute("BEGIN")
                for name in Rows.__slots__:
                    if batch := getattr(rows, name):
                        values = ", ".join("?" * len(batch[0]))
                        db.executemany(f"INSERT OR REPLACE INTO {name} VALUES ({values})", batch)  # noqa: S608
                db.execute("COMMIT")
            return perf_counter() - start


def copy_raw(batches: list[Rows], url: str) -> float:
    """The rows that the batches add, by COPY into the same tables without their triggers, a transaction a batch.

    Balances and orders change, which COPY cannot do: each batch adds them as rows of a plain table.
    """
    empty(url)
    migrate(url)
    with closing(postgresql.connect(url, LEDGER, synchronous_commit="off", session_replication_role="replica")) as db:
        for name in ("balances", "orders"):
            db.execute(f"CREATE TABLE raw_{name} AS TABLE {name}".encode())
        start = perf_counter()
        for rows in batches:
            with db.transaction(), db.cursor() as cursor:
                for name in Rows.__slots__:
                    if batch := getattr(rows, name):
                        table = f"raw_{name}" if name in ("balances", "orders") else name
                        types = ["bigint" if isinstance(cell, int) else "text" for cell in batch[0]]
                        with cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()) as copy:
                            copy.set_types(_with_null(name, types))
                            for row in batch:
                                copy.write_row(row)
        return perf_counter() - start


def _with_null(name: str, types: list[str]) -> list[str]:
    """An account's number may be null in the first row, and is a number all the same."""
    return ["bigint", "text", "bigint", "text"] if name == "accounts" else types


def measure_projection(rounds: int, url: str | None = None) -> dict[str, Any]:
    exchange = Exchange()
    opened = exchange.apply(opening())
    batches = [opened, *applied(exchange, trading(FILLS))]
    books = Books()
    raw = [books.post(events) for events in batches]
    runs = {
        "ours": lambda: project(batches, url),
        "raw": lambda: copy_raw(raw, url) if url else project_raw(raw),
    }
    seconds = interleaved(runs, rounds)
    return {
        "fills_per_s": round(FILLS / seconds["ours"].median),
        "raw_fills_per_s": round(FILLS / seconds["raw"].median),
        "over_raw": round(seconds["raw"].median / seconds["ours"].median, 2),
        "spread": round(seconds["ours"].spread, 2),
    }


# ------------------------------------------------------------------------------------------------------- the recovery


def build(data: Path, commands: list[Command]) -> None:
    """An exchange that was closed after the commands, with a snapshot from before the last 100,000."""
    books = recover(data)
    for events in applied_durably(books.journal, books.exchange, commands):
        books.projector.project(events)
        if len(commands) - books.exchange.seq == TAIL:
            books.snapshots.write(books.exchange)
    books.projector.close()
    books.journal.close()


def applied_durably(journal: Journal, exchange: Exchange, commands: list[Command]) -> Iterator[list[Event]]:
    for at in range(0, len(commands), BATCH):
        journal.append(commands[at : at + BATCH])
        yield exchange.apply(commands[at : at + BATCH])


def seconds_of(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return round(perf_counter() - start, 2)


def recovered(data: Path) -> None:
    books = recover(data)
    books.projector.close()
    books.journal.close()


def measure_recovery(count: int, rounds: int) -> dict[str, Any]:
    funded = opening()
    with TemporaryDirectory(prefix="cellarbook-recovery-") as name:
        data, folder = Path(name) / "data", Path(name)
        build(data, [*funded, *mixed(count - len(funded))])
        tail = [seconds_of(lambda: recovered(data)) for _ in range(rounds)]
        found = {
            "commands": count,
            "tail_s": min(tail),
            "backup_s": seconds_of(lambda: back_up(data, folder / "backup")),
            "restore_s": seconds_of(lambda: restore(folder / "backup", folder / "restored")),
        }
        for path in (data / "snapshots").iterdir():
            path.unlink()
        return found | {"whole_s": seconds_of(lambda: recovered(data))}


def measure_snapshot(orders: int) -> dict[str, Any]:
    """How long the state of an exchange with so many open orders keeps it from working, and is written."""
    exchange = Exchange()
    exchange.apply(opening())
    exchange.apply(
        [
            Place(2, 1 + n % ACCOUNTS, f"s{n}", SYM, "BS"[n % 2], 4_000 + 2_000 * (n % 2) + n % 900, 5)
            for n in range(orders)
        ]
    )
    start = perf_counter()
    records = list(exchange.snapshot())
    taken = perf_counter() - start
    with TemporaryDirectory(prefix="cellarbook-snapshot-") as folder:
        written = seconds_of(lambda: Snapshots(Path(folder)).write_records(records))
    return {"orders": orders, "stopped_s": round(taken, 3), "written_beside_s": written}


# -------------------------------------------------------------------------------------------------------------- all


def bars(found: dict[str, Any]) -> list[Bar]:
    journal, projection, recovery = found["journal"], found["projection"], found["recovery"]
    return [
        Bar("journal, commands/s, groups of 100", 200_000, journal["100"]["commands_per_s"], True),
        *(Bar(f"journal over raw rows, groups of {size}", 0.8, journal[size]["over_raw"], True) for size in journal),
        Bar("projection, fills/s", 25_000, projection["fills_per_s"], True),
        Bar("projection over raw executemany", 0.6, projection["over_raw"], True),
        Bar("recovery without a snapshot, s", 10, recovery["whole_s"], False),
        Bar("recovery with one and a 100,000 tail, s", 2, recovery["tail_s"], False),
        Bar("restore, s", 60, recovery["restore_s"], False),
        Bar("PostgreSQL, journal over COPY, groups of 100", 0.8, found["pg_journal"]["100"]["over_raw"], True),
        Bar("PostgreSQL, projection, fills/s", 8_000, found["pg_projection"]["fills_per_s"], True),
        Bar("PostgreSQL, projection over COPY", 0.6, found["pg_projection"]["over_raw"], True),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--commands", type=int, default=1_000_000, help="of the exchange that is recovered")
    parser.add_argument("--save", action="store_true", help="keep the result")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.commands < 2 * TAIL:
        parser.error(f"at least 1 round and {2 * TAIL:,} commands")
    found: dict[str, Any] = {"date": date.today().isoformat(), **source(), "machine": machine()}
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "journal": lambda: measure_journal(options.rounds),
        "projection": lambda: measure_projection(options.rounds),
        "recovery": lambda: measure_recovery(options.commands, options.rounds),
        "snapshot": lambda: measure_snapshot(ORDERS),
    }
    with server() as url:
        parts |= {
            "pg_journal": lambda: measure_journal(options.rounds, url),
            "pg_projection": lambda: measure_projection(options.rounds, url),
        }
        for name, measure in parts.items():
            found[name] = measure()
            print(f"{name}: {json.dumps(found[name], indent=1)}", flush=True)
    held = bars(found)
    print(f"\n{'':44}{'wanted':>14}{'measured':>14}")
    for bar in held:
        print(f"{bar.name:44}{bar.wanted:>14,.1f}{bar.measured:>14,.2f}  {'met' if bar.met else 'NOT met'}")
    found["bars"] = [{**bar._asdict(), "met": bar.met} for bar in held]
    if options.save:
        path = RESULTS / f"ledger-{found['date']}.json"
        path.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
