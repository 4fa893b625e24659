"""The auditor finds what was changed by hand, and names it; and finds nothing where nothing is wrong."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.commands import Command
from ledger.audit import Auditor, audit
from ledger.databases import databases_of
from ledger.errors import LedgerError
from ledger.history import HISTORY
from tests.ledger.history import grouped, history, kept, opened, tamper, tamper_journal, trade
from tests.strategies import commands, opening


def test_sound_exchange_has_no_findings(tmp_path: Path, database_url: str | None) -> None:
    report = audit(kept(tmp_path, url=database_url), database_url)

    assert [] == report.findings
    assert 310 == report.counts["commands"]
    assert report.counts["trades"] > 50
    assert str(report).splitlines()[-1] == "audit: ok"


@settings(max_examples=10, deadline=None)
@given(st.lists(commands(), max_size=80))
def test_any_history_audits_clean(tmp_path_factory: pytest.TempPathFactory, history: list[Command]) -> None:
    data_dir = tmp_path_factory.mktemp("any")
    with opened(data_dir) as books:
        trade(books, opening() + history)

    assert [] == audit(data_dir).findings


def test_audit_beside_a_running_exchange_stops_where_the_ledger_stands(
    tmp_path: Path, database_url: str | None
) -> None:
    with opened(kept(tmp_path, url=database_url), database_url) as books:
        for group in grouped(history(500)[310:]):
            books.journal.append(group)
            books.exchange.apply(group)  # durable and applied, not yet in the ledger

        report = audit(tmp_path, database_url)

    assert [] == report.findings
    assert 310 == report.counts["commands"]


@pytest.mark.parametrize(
    ("statement", "check", "named"),
    [
        ("UPDATE postings SET amount = amount + 5 WHERE id = 700", "entries balance", "out by 5"),
        ("UPDATE postings SET amount = amount + 5 WHERE id = 700", "balances are sums of postings", "add up to"),
        ("UPDATE postings SET amount = -amount WHERE entry_id = 9", HISTORY, "postings: (17"),
        ("DELETE FROM postings WHERE id = 4", HISTORY, "postings: (4, 2"),
        ("DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)", HISTORY, "no row"),
        ("UPDATE balances SET amount = amount + 3 WHERE account_id = 2", "assets sum to zero", "CNY: out by 3"),
        ("UPDATE balances SET amount = amount + 3 WHERE account_id = 2", "engine equals ledger", "avail:1:CNY: engine"),
        ("UPDATE trades SET px = px + 1 WHERE id = 7", HISTORY, "trades: (7,"),
        ("UPDATE orders SET fee = fee + 1 WHERE oid = 3", HISTORY, "orders: (3,"),
        ("INSERT INTO trades SELECT id + 10000, 1, 1, sym, 1, 1, 1, 1, 1, 1, 1, 1, 'B' FROM trades LIMIT 1",
         HISTORY, "trades: no row expected"),
        ("INSERT INTO orders SELECT oid + 10000, acct, 'x', sym, side, px, qty, tif, 1, 1, 0, 0, 0, 0, '', 1 "
         "FROM orders LIMIT 1", HISTORY, "rows expected"),
        ("DELETE FROM progress", "ledger can be read", "does not say how far it came"),
        ("UPDATE progress SET projected_seq = 999", "journal is intact", "the ledger stands at 999"),
    ],
)  # fmt: skip
def test_ledger_changed_by_hand_is_found(
    tmp_path: Path, database_url: str | None, statement: str, check: str, named: str
) -> None:
    tamper(kept(tmp_path, url=database_url), statement, url=database_url)

    found = [finding.message for finding in audit(tmp_path, database_url).findings if finding.check == check]
    assert any(named in message for message in found), found


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM groups WHERE first_seq = 101", "command 101 is missing; the last good command is 100"),
        ("UPDATE groups SET payload = payload_hash WHERE first_seq = 101", "group of command 101: its payload"),
        ("DELETE FROM groups WHERE first_seq > 250", "ends at command 250, the ledger stands at 310"),
    ],
)
def test_journal_changed_by_hand_is_found(tmp_path: Path, database_url: str | None, statement: str, named: str) -> None:
    tamper_journal(kept(tmp_path, url=database_url), statement, url=database_url)

    report = audit(tmp_path, database_url)
    assert any(named in str(finding) for finding in report.findings), report
    assert "findings" in str(report).splitlines()[-1]


def test_unreadable_ledger_is_a_finding(tmp_path: Path) -> None:
    (kept(tmp_path) / "ledger.sqlite").write_bytes(b"no database" * 1000)

    assert ["ledger can be read"] == [finding.check for finding in audit(tmp_path).findings]


def test_place_without_an_exchange_is_refused(tmp_path: Path, database_url: str | None) -> None:
    with pytest.raises(LedgerError, match="no exchange in"):
        audit(tmp_path, database_url)


def test_auditor_goes_on_from_where_it_was(tmp_path: Path, database_url: str | None) -> None:
    commands = history(300)
    with opened(tmp_path, database_url) as books:
        auditor = Auditor(databases_of(tmp_path, database_url))
        assert [] == auditor.go_on()
        for at in range(0, len(commands), 70):
            trade(books, commands[at : at + 70])
            assert [] == auditor.go_on()
            assert books.exchange.seq == auditor.seq
        assert [] == auditor.go_on()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE postings SET amount = amount + 1 WHERE id = (SELECT max(id) FROM postings)", "postings: ("),
        ("UPDATE entries SET kind = 'gift' WHERE id = (SELECT max(id) FROM entries)", "'gift'"),
        ("UPDATE balances SET amount = amount + 7 WHERE account_id = 2", "(+7)"),
        ("INSERT INTO trades SELECT id + 1, seq, ts, sym, px, qty, buy_acct, buy_oid, buy_fee, sell_acct, sell_oid, "
         "sell_fee, aggressor FROM trades WHERE id = (SELECT max(id) FROM trades)", "trades: no row expected"),
        ("UPDATE orders SET px = px + 1 WHERE open > 0", "orders: ("),
        ("UPDATE orders SET notional = 0 WHERE oid = (SELECT max(oid) FROM orders WHERE open = 0)", "orders: ("),
    ],
)  # fmt: skip
def test_auditor_finds_what_is_wrong_in_what_is_new(tmp_path: Path, statement: str, words: str) -> None:
    commands = history(300)
    with opened(tmp_path) as books:
        auditor = Auditor(databases_of(tmp_path))
        trade(books, commands[:150])
        assert [] == auditor.go_on()
        trade(books, commands[150:300])
    tamper(tmp_path, statement)
    found = auditor.go_on()

    assert found
    assert words in " ".join(map(str, found))


def test_auditor_finds_a_journal_that_was_changed(tmp_path: Path) -> None:
    with opened(tmp_path) as books:
        trade(books, history(300))
    tamper_journal(tmp_path, "UPDATE groups SET ts = ts + 1 WHERE first_seq > 200")

    assert ["journal is intact"] == [finding.check for finding in Auditor(databases_of(tmp_path)).go_on()]
