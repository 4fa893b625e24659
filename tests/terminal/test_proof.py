"""`cellarbook proof` on a real exchange's files."""

import json
from pathlib import Path

import pytest

from ledger.databases import databases_of
from ledger.shop import Shop
from terminal import cli
from terminal.options import Exit
from tests.ledger.history import kept

DAY = "1970-01-01"


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    kept(tmp_path)
    await (await Shop.open(databases_of(tmp_path).shop)).close()
    return tmp_path


def proof(*arguments: str) -> int:
    return cli.run(["proof", *arguments])


def test_published_shown_and_verified(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Exit.OK == proof("publish", DAY, "--data", str(data))
    root = json.loads(capsys.readouterr().out)["root"]
    mine = str(data / "mine.json")
    assert Exit.OK == proof("show", "2", DAY, "--data", str(data), "--out", mine)
    assert Exit.OK == proof("verify", mine, "--root", root)
    assert capsys.readouterr().out.endswith("of 8000 MT are account 2's\nproof: ok\n")

    Path(mine).write_text(Path(mine).read_text().replace('"acct": 2', '"acct": 3'))
    assert Exit.FINDING == proof("verify", mine, "--root", root)
    assert "proof: MT: these bottles are not in the tree" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["publish", "2999-01-01"], Exit.FINDING, "2999-01-01 is not over yet"),
        (["publish", "soon"], Exit.USAGE, "'soon' is not a day"),
        (["show", "1", DAY], Exit.FINDING, "no proof of 1970-01-01 was published"),
    ],
)
def test_mistake_is_one_line(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: Exit, words: str
) -> None:
    assert code == proof(*arguments, "--data", str(data))
    said = capsys.readouterr().err
    assert words in said
    assert 1 == said.count("\n")


@pytest.mark.parametrize("content", ["", "[]", "7", "{}", '{"document": {}, "root": "x", "holdings": []}', "\x00"])
def test_what_is_no_proof_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (tmp_path / "x.json").write_text(content)

    assert proof("verify", str(tmp_path / "x.json")) in (Exit.USAGE, Exit.FINDING)
    assert 1 == capsys.readouterr().err.count("\n")
