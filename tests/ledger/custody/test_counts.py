"""Stocktaking: one counts, another agrees, the books follow."""

from collections.abc import Sequence

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ledger.custody import tables
from ledger.custody.counts import CountState, Difference, Line
from ledger.custody.refusals import CustodyReject
from tests.ledger.custody.cellar import SHANGHAI, SYM, Cellar, made


async def counted(cellar: Cellar, serials: Sequence[str], bin_code: str = "A-01") -> int:
    return made(await cellar.custody.counts.take(cellar.by("wang"), SHANGHAI, bin_code, serials))


async def state_of(cellar: Cellar, count: int) -> str:
    return made(await cellar.custody.counts.get(count)).state


async def test_missing_bottle_is_owed_by_losses_and_no_holder_loses(any_cellar: Cellar) -> None:
    await any_cellar.store(1, ["s1", "s2"])
    count = await counted(any_cellar, ["s1"])

    assert await any_cellar.custody.counts.agree(any_cellar.by("li"), count) is None
    assert {f"avail:-4:{SYM}": -1, f"avail:-1001:{SYM}": 1} == any_cellar.postings()
    assert ("missing", (2, 0)) == (await any_cellar.state_of("s2"), any_cellar.balance(1))
    assert CountState.AGREED == await state_of(any_cellar, count)


async def test_found_bottle_is_owed_by_the_warehouse_again(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    await cellar.custody.counts.agree(cellar.by("li"), await counted(cellar, ["s1"]))
    count = await counted(cellar, ["s2"], "A-02")

    assert [Line("s2", Difference.FOUND)] == made(await cellar.custody.counts.get(count)).lines
    assert await cellar.custody.counts.agree(cellar.by("li"), count) is None
    assert {f"avail:-1001:{SYM}": -1, f"avail:-4:{SYM}": 1} == cellar.postings()
    assert "stored" == await cellar.state_of("s2")


async def test_misplaced_bottle_changes_its_bin_and_no_balance(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    count = await counted(cellar, ["s1"], "A-02")
    before = cellar.books.exchange.seq

    assert await cellar.custody.counts.agree(cellar.by("li"), count) is None
    assert before == cellar.books.exchange.seq
    assert ["A-01", "A-02"] == [move.bin for move in await cellar.custody.stock.history("s1")][2:]


async def test_strange_bottle_is_told_and_not_posted(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    count = await counted(cellar, ["s1", "who knows"])

    assert [Line("who knows", Difference.STRANGE)] == made(await cellar.custody.counts.get(count)).lines
    assert await cellar.custody.counts.agree(cellar.by("li"), count) is None
    assert CountState.AGREED == await state_of(cellar, count)


async def test_count_without_a_difference_needs_nobody_else(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    count = await counted(cellar, ["s1"])

    assert CountState.AGREED == await state_of(cellar, count)


async def test_who_counted_does_not_agree(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    count = await counted(cellar, [])

    assert CustodyReject.SAME_PERSON == await cellar.custody.counts.agree(cellar.by("wang"), count)
    assert CustodyReject.SAME_PERSON == await cellar.custody.counts.reject(cellar.by("wang"), count)


async def test_database_itself_wants_two_people(any_cellar: Cellar) -> None:
    await any_cellar.store(1, ["s1"])
    await counted(any_cellar, [])

    with pytest.raises(IntegrityError, match="four_eyes"):
        async with any_cellar.shop.begin() as db:
            await db.execute(update(tables.counts).values(decided_by="wang"))


async def test_rejected_count_changes_nothing(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    count = await counted(cellar, [])

    assert await cellar.custody.counts.reject(cellar.by("li"), count) is None
    assert "stored" == await cellar.state_of("s1")
    assert CustodyReject.WRONG_STATE == await cellar.custody.counts.agree(cellar.by("li"), count)


async def test_count_is_stale_when_the_bottles_moved(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    count = await counted(cellar, [])
    await cellar.custody.stock.shelve(cellar.by("wang"), SHANGHAI, ["s1"], "A-02")

    assert CustodyReject.COUNT_STALE == await cellar.custody.counts.agree(cellar.by("li"), count)


async def test_bottle_of_a_pickup_is_not_written_off(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.ready(1, 1)
    count = await counted(cellar, [])

    assert CustodyReject.COUNT_STALE == await cellar.custody.counts.agree(cellar.by("li"), count)


async def test_missing_bottle_is_not_reserved(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.custody.counts.agree(cellar.by("li"), await counted(cellar, []))

    assert CustodyReject.SHORT_IN_WAREHOUSE == await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI)
