"""The operators' log: a changed byte, a missing row and a cut tail are found."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.databases import SHOP, Databases, databases_of
from ledger.migrations import migrate
from ledger.operator_log import COLUMNS, HEAD, Head, OperatorLog, Row, check, read, read_head
from ledger.shop import Shop

ROWS = 5


async def filled(databases: Databases, folder: Path) -> None:
    shop = await Shop.open(databases.shop)
    log = OperatorLog(shop, folder)
    for number in range(1, ROWS + 1):
        await log.record(number, f"p{number}", "PUT /phase", "festival 节", f'{{"n":{number}}}')
    await shop.close()


@pytest.fixture
async def kept(tmp_path: Path) -> Path:
    """A folder with a log of five rows and its head."""
    await filled(databases_of(tmp_path), tmp_path)
    return tmp_path


def findings(folder: Path) -> list[str]:
    return check(databases_of(folder), read_head(folder / HEAD)).findings


def tampered(folder: Path, *statements: str, values: Sequence[object] = ()) -> None:
    """What somebody does who has the file, and takes the triggers out of the way."""
    with closing(sqlite3.connect(folder / "shop.sqlite", isolation_level=None)) as db:
        for change in ("update", "delete"):
            db.execute(f"DROP TRIGGER IF EXISTS operator_log_no_{change}")
        for statement in statements:
            db.execute(statement, values)


async def test_a_log_as_it_was_written_has_no_findings(databases: Databases, tmp_path: Path) -> None:
    await filled(databases, tmp_path)
    report = check(databases, read_head(tmp_path / HEAD))

    assert [] == report.findings
    assert report.head == read_head(tmp_path / HEAD)
    assert ROWS == report.head.id
    assert 0o600 == (tmp_path / HEAD).stat().st_mode & 0o777


async def test_a_log_goes_on_after_reopening(kept: Path) -> None:
    await filled(databases_of(kept), kept)

    assert (2 * ROWS, []) == (check(databases_of(kept), None).head.id, findings(kept))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_found(kept: Path, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, ROWS), label="row")
    column = data.draw(st.sampled_from(COLUMNS[1:]), label="column")
    with closing(sqlite3.connect(kept / "shop.sqlite")) as db:
        (was,) = db.execute(f"SELECT {column} FROM operator_log WHERE id = ?", (number,)).fetchone()
    if isinstance(was, int):
        now: object = was ^ (1 << data.draw(st.integers(0, 40), label="bit"))
    else:
        place = data.draw(st.integers(0, len(was) - 1), label="character") if was else 0
        now = was[:place] + chr(ord(was[place]) ^ 1) + was[place + 1 :]
    update = f"UPDATE operator_log SET {column} = ? WHERE id = {number}"
    tampered(kept, update, values=[now])

    found = findings(kept)
    tampered(kept, update, values=[was])

    assert found
    assert [] == findings(kept)


@pytest.mark.parametrize("number", range(1, ROWS + 1))
def test_a_missing_row_is_found_also_the_last(kept: Path, number: int) -> None:
    tampered(kept, f"DELETE FROM operator_log WHERE id = {number}")

    assert findings(kept)


def test_a_cut_tail_is_found_by_the_head_that_was_kept(kept: Path) -> None:
    tampered(kept, "DELETE FROM operator_log WHERE id > 2")

    assert [] == check(databases_of(kept), None).findings
    assert [f"the log ends at row 2, and it had {ROWS}"] == findings(kept)


def test_a_log_that_was_made_anew_is_not_the_one_whose_head_was_kept(kept: Path) -> None:
    """Every row's hash is right, and the reason is another."""
    with closing(sqlite3.connect(kept / "shop.sqlite")) as db:
        rows = [Row._make(row) for row in db.execute("SELECT * FROM operator_log ORDER BY id")]
    tampered(kept, "DELETE FROM operator_log")
    before = ""
    for row in rows:
        forged = row._replace(reason="another reason")
        before = forged.hash_after(before)
        tampered(kept, "INSERT INTO operator_log VALUES (?, ?, ?, ?, ?, ?, ?)", values=forged._replace(hash=before))

    assert [] == check(databases_of(kept), None).findings
    assert [f"row {ROWS} is not the one whose hash was kept"] == findings(kept)


@pytest.mark.parametrize("statement", ["UPDATE operator_log SET reason = ''", "DELETE FROM operator_log"])
async def test_the_database_refuses_to_rewrite_the_log(databases: Databases, tmp_path: Path, statement: str) -> None:
    await filled(databases, tmp_path)
    shop = await Shop.open(databases.shop)
    try:
        with pytest.raises(DBAPIError, match="stays as written"):
            async with shop.begin() as db:
                await db.execute(text(statement))
    finally:
        await shop.close()

    assert [] == check(databases, read_head(tmp_path / HEAD)).findings


async def test_what_was_done_before_the_log_was_a_chain_is_in_it(databases: Databases) -> None:
    migrate(databases.shop, SHOP, "0002")
    old = text("INSERT INTO operator_actions (ts, actor, action, reason, detail) VALUES (7, 'k', 'key', '', :detail)")
    shop = Shop(databases.shop)
    async with shop.begin() as db:
        for detail in ("{}", '{"acct":1}'):
            await db.execute(old, {"detail": detail})
    await shop.close()

    shop = await Shop.open(databases.shop)
    async with shop.connect() as db:
        rows = await read(db, 0, 10)
    await shop.close()

    assert [(1, 7, "k", "key", "{}"), (2, 7, "k", "key", '{"acct":1}')] == [(*row[:4], row.detail) for row in rows]
    assert Head(2, rows[-1].hash) == check(databases, None).head
    assert [] == check(databases, None).findings


def test_an_exchange_without_a_shop_has_an_empty_log(tmp_path: Path) -> None:
    assert (Head(0, ""), []) == check(databases_of(tmp_path), None)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"id":"x","hash":""}'])
def test_a_head_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / HEAD).write_text(content)

    with pytest.raises(ValueError, match="holds no head"):
        read_head(tmp_path / HEAD)
