"""`--database`: one URL, and everything is on PostgreSQL."""

import json
import os
from pathlib import Path

import pytest

from gateway.client import Credentials
from ledger.recovery import recover
from terminal import cli
from terminal.options import DATABASE, Exit
from terminal.server import Server
from tests.ledger.history import close, kept


def test_exchange_in_a_database_is_served_and_audited_while_it_runs(
    tmp_path: Path, postgresql_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path, url=postgresql_url)
    with Server(tmp_path, database=postgresql_url):
        codes = [cli.run([*command, "--database", postgresql_url]) for command in (["audit"], ["journal", "verify"])]
        said = capsys.readouterr().out
        assert Credentials.load(tmp_path / "operator.key").key

    assert [Exit.OK, Exit.OK] == codes
    assert "audited 310 commands" in said
    assert "audit: ok" in said
    assert "journal: ok" in said
    assert [] == sorted(tmp_path.glob("*.sqlite"))


def test_second_server_on_a_database_is_refused_with_the_first_ones_process(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(DATABASE, postgresql_url)
    books = recover(tmp_path / "first", postgresql_url)
    code = cli.run(["serve", "--data", str(tmp_path / "second"), "--port", "0"])
    close(books)

    assert Exit.REFUSED == code
    assert f"is in use by process {os.getpid()} on " in capsys.readouterr().err


def test_a_server_that_is_started_for_files_inherits_no_database(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE, postgresql_url)
    with Server(tmp_path):
        assert (tmp_path / "journal.sqlite").is_file()


def test_journal_in_a_database_is_counted(
    tmp_path: Path, postgresql_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path, url=postgresql_url)

    assert Exit.OK == cli.run(["journal", "stat", "--database", postgresql_url, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (310, 31) == (found["commands"], found["groups"])
    assert found["bytes"] > 0


SECRET = "postgresql://me:hush@127.0.0.1:1/exchange"


@pytest.mark.parametrize(
    ("database", "code", "words"),
    [
        ("mysql://me:hush@host/name", Exit.USAGE, "a database is given as postgresql://USER@HOST/NAME"),
        ("postgresql://me:hush@host", Exit.USAGE, "a database is given as postgresql://USER@HOST/NAME"),
        ("me:hush@host", Exit.USAGE, "a database is given as postgresql://USER@HOST/NAME"),
        (SECRET, Exit.NO_SERVER, "postgresql://me:***@127.0.0.1:1/exchange cannot be reached"),
    ],
)
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["serve", "--follow"], ["audit"], ["journal", "stat"]])
def test_database_that_cannot_be_used_is_one_line_without_the_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], database: str, code: Exit, words: str
) -> None:
    assert code == cli.run([*command, "--data", str(tmp_path), "--database", database])

    said = capsys.readouterr().err
    assert said.startswith(f"cellarbook: {words}")
    assert 1 == said.count("\n")
    assert "hush" not in said


def test_missing_driver_is_one_line_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ledger.postgresql.find_spec", lambda name: None)

    assert Exit.USAGE == cli.run(["serve", "--data", str(tmp_path), "--database", SECRET])
    assert "cellarbook: PostgreSQL needs its driver: pip install 'cellarbook[postgresql]'\n" == capsys.readouterr().err


def test_files_are_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Exit.USAGE == cli.run(["serve", "--data", str(tmp_path), "--follow"])
    assert "takes the PostgreSQL database" in capsys.readouterr().err
