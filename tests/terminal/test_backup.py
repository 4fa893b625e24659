"""`cellarbook backup`, `restore` and `migrate` end in a sound exchange or in one line."""

import json
from pathlib import Path

import pytest

from tests.ledger.history import kept, opened
from tests.terminal.test_cli import program


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return kept(tmp_path / "exchange", 40)


def test_backup_is_restored_and_audited(data: Path, tmp_path: Path) -> None:
    folder, restored = str(tmp_path / "backup"), str(tmp_path / "restored")

    made = json.loads(program("backup", folder, "--data", str(data), "--json").stdout)
    said = program("restore", folder, "--data", restored)

    assert (50, folder) == (made["commands"], made["folder"])
    assert [f"50 commands restored to {restored}", f"head {made['head']}", "restore: ok"] == said.stdout.splitlines()
    assert "audit: ok" == program("audit", "--data", restored).stdout.splitlines()[-1]


def test_backup_can_be_verified_and_audited_where_it_lies(data: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "backup")
    assert "backup: ok" == program("backup", folder, "--data", str(data)).stdout.splitlines()[-1]

    assert "journal: ok" == program("journal", "verify", "--data", folder).stdout.splitlines()[-1]
    assert "audit: ok" == program("audit", "--data", folder).stdout.splitlines()[-1]
    assert 0 == program("restore", folder, "--data", str(tmp_path / "restored")).returncode


def test_migrated_exchange_stands_where_it_stood(data: Path) -> None:
    assert f"{data} is of this version, at command 50\n" == program("migrate", "--data", str(data)).stdout


def test_exchange_that_runs_is_not_migrated(data: Path) -> None:
    with opened(data):
        done = program("migrate", "--data", str(data))

    assert (4, 1) == (done.returncode, done.stderr.count("\n"))
    assert f"{data} is in use by process" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["backup", "new", "--data", "nothere"], 2, "no exchange in nothere"),
        (["backup", "docs", "--data", "EXCHANGE"], 2, "docs: Directory not empty"),
        (["backup", "README.md", "--data", "EXCHANGE"], 2, "README.md: Not a directory"),
        (["restore", "docs", "--data", "new"], 1, "docs is not a whole backup"),
        (["restore", "docs"], 2, "Missing option '--data'"),
        (["migrate", "--data", "nothere"], 2, "no exchange in nothere"),
    ],
)
def test_mistake_is_one_line_and_its_exit_code(data: Path, arguments: list[str], code: int, words: str) -> None:
    done = program(*[str(data) if argument == "EXCHANGE" else argument for argument in arguments])

    assert (code, 1) == (done.returncode, done.stderr.count("\n"))
    assert done.stderr.startswith(f"cellarbook: {words}")
