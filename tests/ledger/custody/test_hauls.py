"""Between warehouses: both sides are right while the bottles are on the road."""

from ledger.custody.refusals import CustodyReject
from ledger.custody.stock import Filter
from tests.ledger.custody.cellar import BEIJING, SHANGHAI, SYM, Cellar, made


async def sent(cellar: Cellar) -> int:
    await cellar.store(1, ["s1", "s2", "s3"])
    return made(await cellar.custody.hauls.send(cellar.by("wang"), SHANGHAI, BEIJING, ["s1", "s2"]))


async def test_departure_moves_bottles_to_the_road(any_cellar: Cellar) -> None:
    await sent(any_cellar)

    assert {f"avail:-1000:{SYM}": -2, f"avail:-1001:{SYM}": 2} == any_cellar.postings()
    assert ((3, 0), "moving") == (any_cellar.balance(1), await any_cellar.state_of("s1"))


async def test_arrival_moves_them_to_the_other_warehouse(cellar: Cellar) -> None:
    haul = await sent(cellar)

    assert [haul] == [found.id for found in await cellar.custody.hauls.under_way()]
    assert await cellar.custody.hauls.receive(cellar.by("zhao"), haul, ["s2", "s1"], "B-01") is None
    assert {f"avail:-1002:{SYM}": -2, f"avail:-1000:{SYM}": 2} == cellar.postings()
    assert ["s1", "s2"] == [bottle.serial for bottle in await cellar.custody.stock.find(Filter(bin="B-01"))]
    assert [] == await cellar.custody.hauls.under_way()


async def test_haul_is_received_whole(cellar: Cellar) -> None:
    haul = await sent(cellar)
    receive = cellar.custody.hauls.receive

    assert CustodyReject.WRONG_SERIALS == await receive(cellar.by("zhao"), haul, ["s1"], "B-01")
    assert CustodyReject.WRONG_SERIALS == await receive(cellar.by("zhao"), haul, ["s1", "s2", "s3"], "B-01")


async def test_haul_is_received_once_by_staff_of_its_target(cellar: Cellar) -> None:
    haul = await sent(cellar)
    receive = cellar.custody.hauls.receive

    assert CustodyReject.NOT_STAFF == await receive(cellar.by("wang"), haul, ["s1", "s2"], "A-01")
    assert await receive(cellar.by("zhao"), haul, ["s1", "s2"], "B-01") is None
    assert CustodyReject.WRONG_STATE == await receive(cellar.by("zhao"), haul, ["s1", "s2"], "B-01")


async def test_bottle_on_the_road_is_not_picked_up(cellar: Cellar) -> None:
    await sent(cellar)

    assert CustodyReject.SHORT_IN_WAREHOUSE == await cellar.custody.pickups.request(cellar.now, 1, SYM, 2, SHANGHAI)


async def test_reserved_bottle_is_not_sent_away(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.ready(1, 1)

    assert CustodyReject.NOT_IN_STORE == await cellar.custody.hauls.send(cellar.by("wang"), SHANGHAI, BEIJING, ["s1"])
