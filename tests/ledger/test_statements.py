"""Statements: opening + lines = closing, for every account, asset and period, whatever was traded when."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.commands import CASH, Command, Deposit, Withdraw
from ledger.closing import close, require_over, settlement
from ledger.databases import LEDGER, Location, databases_of, reading_engine
from ledger.days import DAY_NS, start_of
from ledger.errors import LedgerError
from ledger.statements import Standing, Statement, statement
from tests.ledger.history import history, kept, opened, tamper, trade

T = TypeVar("T")
FIRST = 20_000  # the day on which these histories begin


def ask(location: Location, question: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    async def asked() -> T:
        engine = reading_engine(location, LEDGER)
        try:
            async with engine.connect() as db:
                return await question(db)
        finally:
            await engine.dispose()

    return asyncio.run(asked())


def of(location: Location, acct: int, first: int, last: int) -> Statement:
    return ask(location, lambda db: statement(db, acct, first, last))


def spread(commands: list[Command], hours: int) -> list[Command]:
    """The commands so many hours apart, from the first day on."""
    return [command._replace(ts=start_of(FIRST) + at * hours * 3_600 * 10**9) for at, command in enumerate(commands)]


def kept_over_days(data_dir: Path, url: str | None = None) -> Location:
    with opened(data_dir, url) as books:
        trade(books, spread(history(200), hours=1))
    return databases_of(data_dir, url).ledger


def test_closing_of_a_period_is_the_opening_of_the_next(tmp_path: Path, database_url: str | None) -> None:
    books = kept_over_days(tmp_path, database_url)
    for acct in (1, 2, -1):
        before, after = of(books, acct, FIRST, FIRST + 3), of(books, acct, FIRST + 4, FIRST + 30)
        whole = of(books, acct, FIRST, FIRST + 30)

        assert {s.asset: s.closing for s in before.sections} == {s.asset: s.opening for s in after.sections}
        assert all(Standing(0, 0) == section.opening for section in whole.sections)
        for one, two, both in zip(before.sections, after.sections, whole.sections, strict=True):
            assert one.lines + two.lines == both.lines


def test_last_line_says_what_the_exchange_says(tmp_path: Path) -> None:
    with opened(tmp_path) as books:
        trade(books, spread(history(200), hours=1))
        found = of(databases_of(tmp_path).ledger, 3, FIRST, FIRST + 30)

        assert {CASH, "MT"} == {section.asset for section in found.sections}
        for section in found.sections:
            assert Standing(*books.exchange.balance(3, section.asset)) == section.closing == section.lines[-1].after
        assert books.exchange.seq == found.seq


@settings(max_examples=25, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 30), min_size=1, max_size=12),
    first=st.integers(0, 12),
    length=st.integers(0, 12),
    restart=st.integers(1, 12),
)
def test_opening_and_lines_come_to_the_closing_of_any_period(
    gaps: list[int], first: int, length: int, restart: int
) -> None:
    """A slow twin adds up the deposits and withdrawals by their days."""
    hours = 0
    commands: list[Command] = []
    for number, gap in enumerate(gaps):
        hours += gap
        ts = start_of(FIRST) + hours * 3_600 * 10**9
        commands.append(Deposit(ts, 1, CASH, 100 + number))
        commands.append(Withdraw(ts, 1, CASH, 1 + number))
    with TemporaryDirectory() as folder:
        for part in (commands[:restart], commands[restart:]):
            with opened(Path(folder)) as books:
                trade(books, part)
        found = of(databases_of(Path(folder)).ledger, 1, FIRST + first, FIRST + first + length)
    moves = [
        ((command.ts - start_of(FIRST)) // DAY_NS, command.amount if isinstance(command, Deposit) else -command.amount)
        for command in commands
        if isinstance(command, Deposit | Withdraw)
    ]
    (section,) = found.sections

    assert sum(amount for day, amount in moves if day < first) == section.opening.free
    assert [amount for day, amount in moves if first <= day <= first + length] == [line.free for line in section.lines]
    assert sum(amount for day, amount in moves if day <= first + length) == section.closing.free


def test_account_that_never_was_has_an_empty_statement(tmp_path: Path) -> None:
    assert [] == of(kept_over_days(tmp_path), 77, FIRST, FIRST + 30).sections


@pytest.mark.parametrize(
    "statement_",
    [f"UPDATE closings SET amount = amount + 1 WHERE day > {FIRST}", f"DELETE FROM closings WHERE day > {FIRST}"],
)
def test_closing_that_was_changed_is_noticed(tmp_path: Path, statement_: str) -> None:
    books = kept_over_days(tmp_path)
    tamper(tmp_path, statement_)

    with pytest.raises(LedgerError, match="its balance says"):
        of(books, 1, FIRST + 1, FIRST + 2)


def test_day_is_closed_from_its_trades(tmp_path: Path, database_url: str | None) -> None:
    books = kept_over_days(tmp_path, database_url)
    found = ask(books, lambda db: close(db, FIRST + 3))
    trades = [s for s in of(books, -1, FIRST + 3, FIRST + 3).sections if s.asset == CASH]
    (line,) = found.instruments

    assert line.trades > 0
    assert line.low <= min(line.open, line.close) <= max(line.open, line.close) <= line.high
    assert line.fees == sum(t.fees for t in found.turnover) == sum(one.free for s in trades for one in s.lines)
    assert line.turnover == sum(t.bought for t in found.turnover) == sum(t.sold for t in found.turnover)
    for holding in found.holdings:
        sections = {s.asset: s.closing for s in of(books, holding.acct, FIRST, FIRST + 3).sections}
        assert (holding.free, holding.held) == sections[holding.asset]


def test_quiet_day_has_no_trades_and_the_holdings_of_before(tmp_path: Path) -> None:
    books = kept_over_days(tmp_path)
    last = ask(books, lambda db: close(db, FIRST + 40))
    later = ask(books, lambda db: close(db, FIRST + 41))

    assert ([], last.holdings) == (later.instruments, later.holdings)


def test_what_is_payable_adds_up_to_what_the_parties_have(tmp_path: Path, database_url: str | None) -> None:
    books = kept_over_days(tmp_path, database_url)
    sums: dict[tuple[str, str], int] = {}
    for day in range(FIRST, FIRST + 12):
        for payable in ask(books, lambda db, day=day: settlement(db, day)):  # type: ignore[misc]
            place = payable.party, payable.asset
            sums[place] = sums.get(place, 0) + payable.came - payable.went
    fees = of(books, -1, FIRST, FIRST + 30).sections[0].closing.free

    assert fees == sums["fees", CASH]
    assert -8_000 == sums["outside", "MT"]
    assert -(4 * 10**9 - 1_000) == sums["outside", CASH]


def test_report_of_a_day_is_the_same_whenever_it_is_asked_for(tmp_path: Path) -> None:
    with opened(tmp_path) as books:
        commands = spread(history(200), hours=1)
        trade(books, commands[:120])
        place = databases_of(tmp_path).ledger
        before = [ask(place, lambda db: close(db, FIRST + 2)), ask(place, lambda db: settlement(db, FIRST + 2))]
        trade(books, commands[120:])

        assert before == [ask(place, lambda db: close(db, FIRST + 2)), ask(place, lambda db: settlement(db, FIRST + 2))]


def test_day_that_may_still_change_is_not_closed(tmp_path: Path) -> None:
    books = databases_of(kept(tmp_path)).ledger
    for day, today, durable_seq, words in ((5, 5, 0, "is not over yet"), (1, 5, 10**6, "not at the end of 1970-01-02")):
        with pytest.raises(LedgerError, match=words):
            ask(books, lambda db, d=day, t=today, s=durable_seq: require_over(db, d, t, s))  # type: ignore[misc]
    ask(books, lambda db: require_over(db, 1, 5, 1))
    ask(books, lambda db: require_over(db, 0, 5, 10**6))
