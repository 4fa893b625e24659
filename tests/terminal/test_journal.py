"""`cellarbook journal`: verified, counted, and exported so that anybody can replay the market."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engine.exchange import Exchange
from ledger.journal import Journal
from tests.simulation.flow import flow
from tests.terminal.test_cli import program


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A journal of 700 commands of every kind, in groups of 50, the engine's refusals among them."""
    commands = list(flow(7, 670))[:700]
    journal = Journal(tmp_path / "journal.sqlite")
    for first in range(0, len(commands), 50):
        journal.append(commands[first : first + 50])
    journal.close()
    return tmp_path


def test_sound_journal_is_verified_with_its_head(data: Path) -> None:
    done = program("journal", "verify", "--data", str(data), "--json")

    assert 0 == done.returncode
    found = json.loads(done.stdout)
    assert (True, 14, 700, 64) == (found["ok"], found["groups"], found["commands"], len(found["head"]))
    assert "journal: ok" == program("journal", "verify", "--data", str(data)).stdout.splitlines()[-1]


def test_flipped_byte_is_named_with_its_place(data: Path) -> None:
    with sqlite3.connect(data / "journal.sqlite") as db:
        db.execute("DROP TRIGGER groups_no_update")
        payload = bytearray(db.execute("SELECT payload FROM groups WHERE first_seq = 301").fetchone()[0])
        payload[len(payload) // 2] ^= 1
        db.execute("UPDATE groups SET payload = ? WHERE first_seq = 301", (bytes(payload),))

    done = program("journal", "verify", "--data", str(data))

    assert 1 == done.returncode
    assert "cellarbook: journal: group of command 301: its payload does not match its hash; " in done.stderr
    assert "the last good command is 300" in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_missing_row_is_named(data: Path) -> None:
    with sqlite3.connect(data / "journal.sqlite") as db:
        db.execute("DROP TRIGGER groups_no_delete")
        db.execute("DELETE FROM groups WHERE first_seq = 101")

    assert "command 101 is missing" in program("journal", "verify", "--data", str(data)).stderr


def test_stat_counts_what_is_there(data: Path) -> None:
    found = json.loads(program("journal", "stat", "--data", str(data), "--json").stdout)

    assert (700, 14, 50) == (found["commands"], found["groups"], found["largest_group"])
    assert 700 == sum(found["by_op"].values())


def test_exported_market_is_replayed_by_the_engine_program_to_the_same_hash(data: Path) -> None:
    exchange = Exchange()
    exchange.apply(list(flow(7, 670))[:700])
    exported = program("journal", "export", "--data", str(data)).stdout

    done = subprocess.run(
        [sys.executable, "-m", "terminal.cli", "engine"],
        input=exported + '{"op":"query","what":"hash"}\n', capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    answer = json.loads(done.stdout.splitlines()[-1])
    assert {"event": "hash", "seq": 700, "hash": exchange.state_hash()} == answer


def test_part_of_a_journal_is_exported(data: Path, tmp_path: Path) -> None:
    whole = program("journal", "export", "--data", str(data)).stdout.splitlines()
    out = tmp_path / "part.jsonl"
    program("journal", "export", "--data", str(data), "--after", "120", "--until", "130", "--out", str(out))

    assert whole[120:130] == out.read_text().splitlines()


@pytest.mark.parametrize("command", ["verify", "stat", "export"])
def test_no_exchange_is_one_line(tmp_path: Path, command: str) -> None:
    done = program("journal", command, "--data", str(tmp_path))

    assert (2, f"cellarbook: no exchange in {tmp_path}\n") == (done.returncode, done.stderr)
