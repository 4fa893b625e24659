"""What stands where, and who may touch it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from engine.reject import Reject
from ledger.custody.inbound import Goods
from ledger.custody.refusals import CustodyReject
from ledger.custody.stock import Filter, Owner, StockLine
from tests.ledger.custody.cellar import BEIJING, SHANGHAI, SOUND, SYM, TWIN, Cellar, made


async def stocked(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"], lot="L1")
    await cellar.store(2, ["s3"], lot="L2", bin_code="A-02")
    await cellar.store(2, ["x1"], lot="X", resale_forbidden=True)
    goods = Goods("W", SYM, "1999", Owner.SUPPLIER)
    advice = made(await cellar.custody.inbound.advise(cellar.by("office"), 2, BEIJING, goods, 1))
    await cellar.custody.inbound.receive(cellar.by("zhao"), advice, ["w1"])
    await cellar.custody.inbound.inspect(cellar.by("zhao"), ["w1"], SOUND)
    await cellar.custody.inbound.book(cellar.by("zhao"), advice, "B-01")


@pytest.mark.parametrize(
    ("which", "serials"),
    [
        (Filter(serial="s2"), ["s2"]),
        (Filter(lot="L1"), ["s1", "s2"]),
        (Filter(sym=SYM), ["s1", "s2", "s3", "x1", "w1"]),
        (Filter(asset=TWIN), ["x1"]),
        (Filter(vintage="1999"), ["w1"]),
        (Filter(owner=Owner.SUPPLIER), ["w1"]),
        (Filter(warehouse=BEIJING), ["w1"]),
        (Filter(bin="A-01", asset=SYM), ["s1", "s2"]),
        (Filter(state="out"), []),
    ],
)
async def test_stock_is_found_by_any_of_its_marks(cellar: Cellar, which: Filter, serials: list[str]) -> None:
    await stocked(cellar)

    assert serials == [bottle.serial for bottle in await cellar.custody.stock.find(which)]


async def test_lines_add_bottles_that_are_alike(any_cellar: Cellar) -> None:
    await stocked(any_cellar)

    assert [
        StockLine(SHANGHAI, "A-01", SYM, "L1", "2021", "member", "stored", 2),
        StockLine(SHANGHAI, "A-01", TWIN, "X", "2021", "member", "stored", 1),
        StockLine(SHANGHAI, "A-02", SYM, "L2", "2021", "member", "stored", 1),
        StockLine(BEIJING, "B-01", SYM, "W", "1999", "supplier", "stored", 1),
    ] == await any_cellar.custody.stock.lines(Filter())


async def test_bottle_moves_between_bins_without_the_ledger(cellar: Cellar) -> None:
    await stocked(cellar)
    seq = cellar.books.exchange.seq

    assert await cellar.custody.stock.shelve(cellar.by("li"), SHANGHAI, ["s1"], "A-02") is None
    assert (["s1", "s3"], seq) == (
        [bottle.serial for bottle in await cellar.custody.stock.find(Filter(bin="A-02"))],
        cellar.books.exchange.seq,
    )


@pytest.mark.parametrize(
    ("name", "serials", "into", "refusal"),
    [
        ("zhao", ["s1"], "A-02", CustodyReject.NOT_STAFF),
        ("li", ["s1"], "B-01", CustodyReject.UNKNOWN_BIN),
        ("li", ["nobody"], "A-02", CustodyReject.UNKNOWN_SERIAL),
        ("li", ["w1"], "A-02", CustodyReject.NOT_IN_STORE),
        ("li", ["s1", "s1"], "A-02", Reject.MALFORMED),
        ("li", [], "A-02", Reject.MALFORMED),
    ],
)
async def test_bottles_are_shelved_by_their_warehouse(
    cellar: Cellar, name: str, serials: list[str], into: str, refusal: CustodyReject | Reject
) -> None:
    await stocked(cellar)

    assert refusal == await cellar.custody.stock.shelve(cellar.by(name), SHANGHAI, serials, into)


async def test_codes_are_used_once(cellar: Cellar) -> None:
    stock = cellar.custody.stock

    assert CustodyReject.DUPLICATE_CODE == await stock.add_warehouse("SH-1", "Another", "Shanghai")
    assert CustodyReject.DUPLICATE_CODE == await stock.add_bin(SHANGHAI, "A-01")
    assert CustodyReject.UNKNOWN_WAREHOUSE == await stock.add_bin(9, "A-01")
    assert Reject.MALFORMED == await stock.add_bin(SHANGHAI, "a\x1b[2J")


async def test_dismissed_staff_touches_nothing(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.custody.stock.dismiss("wang", SHANGHAI)

    assert CustodyReject.NOT_STAFF == await cellar.custody.stock.shelve(cellar.by("wang"), SHANGHAI, ["s1"], "A-02")


@pytest.mark.parametrize("statement", ["UPDATE custody_moves SET actor = 'nobody'", "DELETE FROM custody_inspections"])
async def test_history_stays_as_written(any_cellar: Cellar, statement: str) -> None:
    await any_cellar.store(1, ["s1"])

    with pytest.raises(DBAPIError, match="stays as written"):
        async with any_cellar.shop.begin() as db:
            await db.execute(text(statement))
