"""Ledger bottles = serials in store; a difference halts and alarms."""

import pytest
from sqlalchemy import update

from engine.commands import AddAsset, Leg, LegKind, Phase, Transfer
from ledger.accounts import warehouse
from ledger.audit import audit
from ledger.custody import tables
from ledger.custody.reconciliation import Difference, owed_now, reconcile
from ledger.custody.refusals import CustodyReject
from ledger.custody.stock import BottleState
from tests.ledger.custody.cellar import BEIJING, SHANGHAI, SYM, Cellar, Crash


async def lose_quietly(cellar: Cellar, serial: str, state: str = BottleState.OUT) -> None:
    """Take a bottle off the books of the cellar alone."""
    async with cellar.shop.begin() as db:
        await db.execute(update(tables.bottles).where(tables.bottles.c.serial == serial).values(state=state))


async def test_difference_is_an_alarm_and_halts_its_instrument(any_cellar: Cellar) -> None:
    exchange = any_cellar.books.exchange
    await any_cellar.store(1, ["s1", "s2"])
    await lose_quietly(any_cellar, "s2")
    found = await any_cellar.custody.check(exchange, any_cellar.now)

    assert [Difference(SHANGHAI, SYM, ledger=2, low=1, high=1)] == found
    assert Phase.HALTED == exchange.instruments[SYM].phase
    (alarm,) = await any_cellar.custody.alarms()
    assert (SHANGHAI, SYM, 2, 1) == (alarm.warehouse, alarm.asset, alarm.ledger, alarm.serials)
    await lose_quietly(any_cellar, "s2", BottleState.STORED)


async def test_known_difference_is_told_once(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await lose_quietly(cellar, "s1")
    await cellar.custody.check(cellar.books.exchange, cellar.now)
    seq = cellar.books.exchange.seq

    assert 1 == len(await cellar.custody.check(cellar.books.exchange, cellar.now))
    assert (seq, 1) == (cellar.books.exchange.seq, len(await cellar.custody.alarms()))
    await lose_quietly(cellar, "s1", BottleState.STORED)


async def test_alarm_is_cleared_once(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await lose_quietly(cellar, "s1")
    await cellar.custody.check(cellar.books.exchange, cellar.now)
    (alarm,) = await cellar.custody.alarms()

    assert await cellar.custody.clear_alarm(cellar.by("li"), alarm.id) is None
    assert CustodyReject.UNKNOWN_ALARM == await cellar.custody.clear_alarm(cellar.by("li"), alarm.id)
    assert [] == await cellar.custody.alarms()
    await lose_quietly(cellar, "s1", BottleState.STORED)


async def test_bottles_that_the_ledger_alone_has_are_found(cellar: Cellar) -> None:
    legs = (Leg(LegKind.TRANSFER, warehouse(BEIJING), 1, "GHOST", 3),)
    await cellar.submit(AddAsset(0, "GHOST"), Transfer(0, "by hand", legs))
    balances = cellar.books.projector.books.balances()

    assert ["GHOST in warehouse 2: ledger 3, serials 0"] == await reconcile(cellar.shop, balances)
    back = (Leg(LegKind.TRANSFER, 1, warehouse(BEIJING), "GHOST", 3),)
    await cellar.submit(Transfer(0, "back", back))


async def test_ledger_that_lags_is_compared_as_of_its_own_command(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    balances, seq = cellar.books.projector.books.balances(), cellar.books.exchange.seq
    await cellar.store(1, ["s2", "s3"], lot="L2")
    await cellar.custody.hauls.send(cellar.by("wang"), SHANGHAI, BEIJING, ["s1"])

    assert [] == await reconcile(cellar.shop, balances, seq)
    assert [] != await reconcile(cellar.shop, balances)


@pytest.mark.parametrize("is_after", [False, True])
async def test_open_transfer_may_count_or_not_but_hides_nothing_else(cellar: Cellar, is_after: bool) -> None:
    await cellar.store(1, ["s1", "s2"])
    cellar.crash_before, cellar.crash_after = not is_after, is_after
    with pytest.raises(Crash):
        await cellar.custody.hauls.send(cellar.by("wang"), SHANGHAI, BEIJING, ["s1"])
    cellar.crash_before = cellar.crash_after = False
    owed = owed_now(cellar.books.exchange)
    expected = Difference(SHANGHAI, SYM, owed[SHANGHAI, SYM], 3 - 1, 3)

    assert [] == await cellar.custody.check(cellar.books.exchange, cellar.now)
    await cellar.store(1, ["s3"], lot="L3")
    await lose_quietly(cellar, "s2")
    await lose_quietly(cellar, "s3")
    assert [expected._replace(ledger=owed[SHANGHAI, SYM] + 1, low=0, high=1)] == (
        await cellar.custody.check(cellar.books.exchange, cellar.now)
    )
    await lose_quietly(cellar, "s2", BottleState.STORED)
    await lose_quietly(cellar, "s3", BottleState.STORED)


async def test_audit_names_the_warehouse_whose_serials_differ(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    assert audit(cellar.data_dir).ok

    async with cellar.shop.begin() as db:
        await db.exec_driver_sql("UPDATE custody_bottles SET state = 'out' WHERE serial = 's2'")
    found = audit(cellar.data_dir).findings
    async with cellar.shop.begin() as db:
        await db.exec_driver_sql("UPDATE custody_bottles SET state = 'stored' WHERE serial = 's2'")

    assert [f"serials follow from the ledger: {SYM} in warehouse 1: ledger 2, serials 1"] == [str(f) for f in found]
