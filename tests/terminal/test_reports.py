"""`cellarbook report` on a real exchange's files."""

import json
from pathlib import Path

import pytest

from ledger.databases import databases_of
from ledger.shop import Shop
from terminal import cli
from terminal.options import Exit
from tests.ledger.history import kept

DAY = ["--from", "1970-01-01", "--to", "1970-01-02"]


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """An exchange that traded on the first day and paid out on the second."""
    kept(tmp_path)
    shop = await Shop.open(databases_of(tmp_path).shop)
    await shop.close()
    return tmp_path


def report(*arguments: str, data: Path) -> int:
    return cli.run(["report", *arguments, "--data", str(data)])


def test_statement_is_told_in_both_languages(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for lang, words in (("en", ("opening", "trade", "closing", "storage")), ("zh", ("期初", "成交", "期末", "仓储"))):
        assert Exit.OK == report("statement", "1", *DAY, "--lang", lang, data=data)
        said = capsys.readouterr().out
        assert all(word in said for word in words)


def test_json_has_fen_and_the_whole_statement(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Exit.OK == report("statement", "1", *DAY, "--lang", "en", "--json", data=data)
    found = json.loads(capsys.readouterr().out)

    assert ["statement", "CNY", "MT", "storage"] == list(found)
    lines = found["CNY"]
    assert 10**9 == lines[1]["free"] == lines[1]["free change"]
    assert lines[-1]["free"] == sum(line["free change"] for line in lines[1:-1])


def test_files_are_written_and_the_same_again(data: Path) -> None:
    for again in ("a", "b"):
        files = [str(data / f"{again}.{kind}") for kind in ("csv", "xlsx")]
        assert Exit.OK == report("close", "1970-01-01", "--csv", files[0], "--xlsx", files[1], data=data)
        assert Exit.OK == report("settlement", "1970-01-01", "--csv", str(data / f"{again}.s"), data=data)

    for kind in ("csv", "xlsx", "s"):
        assert (data / f"a.{kind}").read_bytes() == (data / f"b.{kind}").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["statement", "9", *DAY], Exit.USAGE, "there is no account 9"),
        (["statement", "1", "--from", "1970-1-1", "--to", "1970-01-02"], Exit.USAGE, "'1970-1-1' is not a day"),
        (["statement", "1", "--from", "1970-01-03", "--to", "1970-01-02"], Exit.USAGE, "is after"),
        (["close", "2999-01-01"], Exit.FINDING, "2999-01-01 is not over yet"),
        (["settlement", "today"], Exit.USAGE, "'today' is not a day"),
        (["close", "1970-01-01", "--csv", "/nowhere/x"], Exit.USAGE, "/nowhere/x"),
    ],
)
def test_mistake_is_one_line(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: Exit, words: str
) -> None:
    assert code == report(*arguments, data=data)
    said = capsys.readouterr().err
    assert words in said
    assert 1 == said.count("\n")


def test_report_on_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Exit.USAGE == report("close", "1970-01-01", data=tmp_path)
    assert "no exchange in" in capsys.readouterr().err
