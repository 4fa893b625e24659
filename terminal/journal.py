"""`cellarbook journal`: read the journal of an exchange, also of one that runs, and never write to it."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from terminal.options import EXCHANGE, DatabaseOption, DataOption, JsonOption, require_exchange

if TYPE_CHECKING:
    from engine.commands import Command
    from ledger.journal import Group, JournalReader

app = typer.Typer(help="The journal of commands 日志: verify it, count it, export it.")


def open_journal(data: Path, database: str | None) -> "JournalReader":
    """Raises Failure when there is no exchange, LedgerError when it is damaged."""
    from ledger.databases import databases_of
    from ledger.journal import JournalReader

    require_exchange(data, database)
    return JournalReader(databases_of(data, database).journal)


@app.command()
def verify(data: DataOption = EXCHANGE, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Check every command's hash and the chain of all groups; name the first place that is wrong."""
    with open_journal(data, database) as journal:
        groups = commands = 0
        for group in journal.groups():
            groups, commands = groups + 1, commands + len(group.commands)
        head = journal.head.hex()
    if as_json:
        print(json.dumps({"ok": True, "groups": groups, "commands": commands, "head": head}))
    else:
        print(f"verified {commands:,} commands in {groups:,} groups", f"head {head}", "journal: ok", sep="\n")


@app.command()
def stat(data: DataOption = EXCHANGE, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Count what the journal holds."""
    from engine.checks import NAMES
    from ledger.databases import JOURNAL, databases_of, size_bytes

    kinds: Counter[str] = Counter()
    groups = largest = first_ts = last_ts = 0
    with open_journal(data, database) as journal:
        for group in journal.groups():
            groups += 1
            largest = max(largest, len(group.commands))
            first_ts = first_ts or group.commands[0].ts
            last_ts = group.commands[-1].ts
            kinds.update(NAMES[type(command)] for command in group.commands)
        head = journal.head.hex()
    found: dict[str, object] = {
        "commands": kinds.total(),
        "groups": groups,
        "largest_group": largest,
        "first_ts": first_ts,
        "last_ts": last_ts,
        "bytes": size_bytes(databases_of(data, database).journal, JOURNAL),
        "head": head,
        "by_op": dict(kinds.most_common()),
    }
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name}: {', '.join(f'{op} {n:,}' for op, n in kinds.most_common()) if name == 'by_op' else value}")


@app.command()
def export(
    data: DataOption = EXCHANGE,
    database: DatabaseOption = None,
    after: Annotated[int, typer.Option(help="Begin behind this command.", min=0)] = 0,
    until: Annotated[int | None, typer.Option(help="End with this command.", min=1)] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file; else to standard output.")] = None,
) -> None:
    """Write commands as JSON lines; all of them replayed by `cellarbook engine` give the same state hash."""
    from engine.codec import command_to_json

    with open_journal(data, database) as journal, out.open("w", encoding="utf-8") if out else sys.stdout as sink:
        for command in commands_of(journal.groups(after), until):
            sink.write(json.dumps(command_to_json(command), ensure_ascii=False, separators=(",", ":")) + "\n")
        sink.flush()


def commands_of(groups: "Iterator[Group]", until: int | None) -> Iterator["Command"]:
    for group in groups:
        for seq, command in enumerate(group.commands, group.first_seq):
            if until is not None and seq > until:
                return
            yield command
