"""Storage is accrued every day, billed by the month, and owed when there is no cash."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from engine.commands import CASH, Deposit, Withdraw
from engine.reject import Reject
from ledger.custody import tables
from ledger.custody.billing import BillState
from ledger.custody.refusals import CustodyReject
from ledger.custody.storage import holdings
from ledger.custody.terms import Terms
from tests.ledger.custody.cellar import SHANGHAI, SYM, Cellar

FIRST = date(2026, 3, 1)
LAST = date(2026, 3, 10)


async def stored_ten_days(cellar: Cellar) -> None:
    """Ten days with two bottles, three of them free, at 1.5 fen: 2 x 7 x 1.5 = 21 fen."""
    await cellar.store(1, ["s1", "s2"])
    await cellar.custody.terms.set(cellar.by("office"), Terms(free_days=3, storage_millifen=1_500))
    for number in range(10):
        day = FIRST + timedelta(number)
        assert await cellar.custody.billing.accrue(day, holdings(cellar.books.exchange)) is None


async def poor(cellar: Cellar) -> None:
    await stored_ten_days(cellar)
    await cellar.submit(Withdraw(0, 1, CASH, 10_000_00 - 20))
    await cellar.custody.billing.bill(cellar.by("clock"), LAST)


async def test_bill_takes_cash_to_the_fees(any_cellar: Cellar) -> None:
    await stored_ten_days(any_cellar)
    (bill,) = await any_cellar.custody.billing.bill(any_cellar.by("clock"), LAST)

    assert (1, 21, BillState.PAID) == (bill.acct, bill.fen, bill.state)
    assert {f"avail:1:{CASH}": -21, f"avail:-1:{CASH}": 21} == any_cellar.postings()


async def test_accrual_says_how_many_bottles_were_charged(cellar: Cellar) -> None:
    await stored_ten_days(cellar)
    c = tables.accruals.c
    async with cellar.shop.connect() as db:
        rows = (await db.execute(select(c.qty, c.charged, c.millifen).order_by(c.day))).all()

    assert [(2, 0, 0)] * 3 + [(2, 2, 3_000)] * 7 == [tuple(row) for row in rows]


async def test_day_is_accrued_once_and_none_is_left_out(cellar: Cellar) -> None:
    await stored_ten_days(cellar)
    accrue = cellar.custody.billing.accrue

    assert CustodyReject.DAY_DONE == await accrue(LAST, {})
    assert CustodyReject.DAY_MISSING == await accrue(LAST + timedelta(2), {})


async def test_billing_again_makes_no_second_bill(cellar: Cellar) -> None:
    await stored_ten_days(cellar)
    first = await cellar.custody.billing.bill(cellar.by("clock"), LAST)

    assert first == await cellar.custody.billing.bill(cellar.by("clock"), LAST)
    assert [] == await cellar.custody.billing.bill(cellar.by("clock"), LAST + timedelta(1))
    assert (10_000_00 - 21, 0) == cellar.balance(1, CASH)


async def test_only_bottles_of_the_cellar_are_charged(cellar: Cellar) -> None:
    await stored_ten_days(cellar)

    assert await cellar.custody.billing.accrue(LAST + timedelta(1), {(2, "POINT"): 1_000}) is None
    assert [1] == [bill.acct for bill in await cellar.custody.billing.bill(cellar.by("clock"), LAST + timedelta(1))]


async def test_bill_that_cannot_be_paid_is_a_debt_and_takes_nothing(cellar: Cellar) -> None:
    await poor(cellar)

    assert ((20, 0), (2, 0)) == (cellar.balance(1, CASH), cellar.balance(1))
    assert (21, 0) == (cellar.custody.in_debt(1), cellar.custody.in_debt(2))


async def test_debtor_takes_no_bottles_away(cellar: Cellar) -> None:
    await poor(cellar)

    assert CustodyReject.IN_DEBT == await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI)


async def test_debt_is_known_after_a_restart(cellar: Cellar) -> None:
    await poor(cellar)
    await cellar.restart()

    assert 21 == cellar.custody.in_debt(1)


async def test_debt_ends_when_it_is_collected(cellar: Cellar) -> None:
    await poor(cellar)

    assert Reject.INSUFFICIENT_FUNDS == await cellar.custody.billing.collect(cellar.by("clock"), 1)
    await cellar.submit(Deposit(0, 1, CASH, 1))
    assert await cellar.custody.billing.collect(cellar.by("clock"), 1) is None
    assert (0, (0, 0)) == (cellar.custody.in_debt(1), cellar.balance(1, CASH))
    assert CustodyReject.UNKNOWN_BILL == await cellar.custody.billing.collect(cellar.by("clock"), 1)


@pytest.mark.parametrize("wrong", [{"free_days": -1}, {"free_days": 1_001}, {"storage_millifen": 10**9 + 1}])
async def test_terms_are_bounded(cellar: Cellar, wrong: dict[str, int]) -> None:
    assert Reject.MALFORMED == await cellar.custody.terms.set(cellar.by("office"), Terms(**wrong))


async def test_terms_of_an_asset_come_before_those_of_all(cellar: Cellar) -> None:
    for terms, asset in ((Terms(free_days=1), SYM), (Terms(free_days=2), ""), (Terms(free_days=3), SYM)):
        await cellar.custody.terms.set(cellar.by("office"), terms, asset)

    assert [3, 2] == [(await cellar.custody.terms.get(asset)).free_days for asset in (SYM, "OTHER")]
