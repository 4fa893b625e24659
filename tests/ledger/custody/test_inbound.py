"""The way in: nothing exists before it is booked."""

import pytest

from engine.commands import Place
from engine.events import Rejected
from engine.reject import Reject
from ledger.accounts import LOSS
from ledger.custody.inbound import Advice, Finding, Goods, Grade
from ledger.custody.refusals import CustodyReject
from ledger.custody.stock import Filter, Owner
from tests.ledger.custody.cellar import SHANGHAI, SOUND, SYM, TWIN, Cellar, made

GOODS = Goods("L1", SYM, "2021", Owner.MEMBER)
BROKEN_SEAL = Finding(Grade.MINT, seal_intact=False, defects="seal torn", photos=("ab" * 32,))


async def advised(cellar: Cellar, qty: int = 3, acct: int = 1) -> int:
    return made(await cellar.custody.inbound.advise(cellar.by("office"), acct, SHANGHAI, GOODS, qty))


async def test_booking_brings_bottles_from_the_warehouse_to_their_owner(any_cellar: Cellar) -> None:
    await any_cellar.store(1, ["s1", "s2"])

    assert {f"avail:-1001:{SYM}": -2, f"avail:1:{SYM}": 2} == any_cellar.postings()
    assert ["stored", "stored"] == [bottle.state for bottle in await any_cellar.custody.stock.find(Filter(bin="A-01"))]


async def test_bottles_do_not_exist_before_they_are_booked(cellar: Cellar) -> None:
    inbound = cellar.custody.inbound
    advice = await advised(cellar)
    await inbound.receive(cellar.by("wang"), advice, ["s1"])
    await inbound.inspect(cellar.by("wang"), ["s1"], SOUND)

    assert (0, 0) == cellar.balance(1)


async def test_what_fails_is_quarantined_and_not_booked(cellar: Cellar) -> None:
    inbound = cellar.custody.inbound
    advice = await advised(cellar)
    await inbound.receive(cellar.by("wang"), advice, ["s1", "s2"])

    assert await inbound.inspect(cellar.by("wang"), ["s1"], SOUND) is True
    assert await inbound.inspect(cellar.by("wang"), ["s2"], BROKEN_SEAL) is False
    assert 1 == await inbound.book(cellar.by("wang"), advice, "A-01")
    assert Advice(advice, 1, SHANGHAI, "L1", SYM, 3, received=2, booked=1, passed=0, quarantined=1) == (
        await inbound.advice(advice)
    )
    assert (1, 0) == cellar.balance(1)


async def test_quarantined_bottle_can_be_seen_again_or_sent_back(cellar: Cellar) -> None:
    inbound = cellar.custody.inbound
    advice = await advised(cellar)
    await inbound.receive(cellar.by("wang"), advice, ["s1", "s2"])
    for serial in ("s1", "s2"):
        await inbound.inspect(cellar.by("wang"), [serial], BROKEN_SEAL)

    assert await inbound.inspect(cellar.by("li"), ["s1"], SOUND) is True
    assert await inbound.send_back(cellar.by("wang"), "s2") is None
    assert ["passed", "out"] == [await cellar.state_of("s1"), await cellar.state_of("s2")]


async def test_lot_that_may_not_be_resold_is_held_but_not_sold(cellar: Cellar) -> None:
    await cellar.store(1, ["x1"], lot="X", resale_forbidden=True)

    assert (1, 0) == cellar.balance(1, TWIN)
    (event,) = await cellar.submit(Place(0, 1, "c1", TWIN, "S", 100_00, 1))
    assert isinstance(event, Rejected)


async def test_bottle_that_left_may_come_back(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    pickup = await cellar.ready(1, 1)
    slip = made(await cellar.custody.pickups.issue_code(cellar.now, 1, pickup))
    await cellar.custody.pickups.release(cellar.by("wang"), pickup, slip.code, "passport")
    await cellar.store(2, ["s1"], lot="L2")

    assert (1, 0) == cellar.balance(2)
    flows = [move.flow for move in await cellar.custody.stock.history("s1")]
    assert ["receipt", "inspection", "booking", "pickup", "pick", "release"] == flows[:6]
    assert ["receipt", "inspection", "booking"] == flows[6:]


async def test_house_replaces_what_it_lost(cellar: Cellar) -> None:
    await cellar.store(LOSS, ["s1"])

    assert {f"avail:-1001:{SYM}": -1, f"avail:-4:{SYM}": 1} == cellar.postings()


async def test_serial_is_taken_in_once(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    advice = await advised(cellar)

    assert CustodyReject.DUPLICATE_SERIAL == await cellar.custody.inbound.receive(cellar.by("wang"), advice, ["s1"])


async def test_no_more_is_received_than_was_advised(cellar: Cellar) -> None:
    advice = await advised(cellar, qty=2)
    receive = cellar.custody.inbound.receive

    assert await receive(cellar.by("wang"), advice, ["s1"]) is None
    assert CustodyReject.ABOVE_ADVISED == await receive(cellar.by("wang"), advice, ["s2", "s3"])


async def test_goods_of_one_lot_are_alike(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    other = GOODS._replace(vintage="2019")

    assert CustodyReject.DUPLICATE_CODE == await cellar.custody.inbound.advise(
        cellar.by("office"), 1, SHANGHAI, other, 1
    )


async def test_only_staff_of_the_warehouse_handle_its_bottles(cellar: Cellar) -> None:
    inbound = cellar.custody.inbound
    advice = await advised(cellar)

    assert CustodyReject.NOT_STAFF == await inbound.receive(cellar.by("zhao"), advice, ["s1"])
    await inbound.receive(cellar.by("wang"), advice, ["s1"])
    assert CustodyReject.NOT_STAFF == await inbound.inspect(cellar.by("zhao"), ["s1"], SOUND)
    await inbound.inspect(cellar.by("wang"), ["s1"], SOUND)
    assert CustodyReject.NOT_STAFF == await inbound.book(cellar.by("zhao"), advice, "A-01")


async def test_unlisted_instrument_is_not_booked_and_nothing_is_lost(cellar: Cellar) -> None:
    inbound = cellar.custody.inbound
    goods = Goods("U1", "UNLISTED", "2021", Owner.HOUSE)
    advice = made(await inbound.advise(cellar.by("office"), 1, SHANGHAI, goods, 1))
    await inbound.receive(cellar.by("wang"), advice, ["u1"])
    await inbound.inspect(cellar.by("wang"), ["u1"], SOUND)

    assert Reject.UNKNOWN_INSTRUMENT == await inbound.book(cellar.by("wang"), advice, "A-01")
    assert "passed" == await cellar.state_of("u1")


@pytest.mark.parametrize("serials", [[], ["s1", "s1"], ["s 1\n"], [""], [" s1"], ["x" * 65]])
async def test_serials_are_printable_and_named_once(cellar: Cellar, serials: list[str]) -> None:
    advice = await advised(cellar)

    assert Reject.MALFORMED == await cellar.custody.inbound.receive(cellar.by("wang"), advice, serials)


@pytest.mark.parametrize("photo", ["", "AB" * 32, "ab" * 31, "ab" * 32 + "\n"])
async def test_photo_is_a_digest(cellar: Cellar, photo: str) -> None:
    await cellar.custody.inbound.receive(cellar.by("wang"), await advised(cellar), ["s1"])
    finding = SOUND._replace(photos=(photo,))

    assert Reject.MALFORMED == await cellar.custody.inbound.inspect(cellar.by("wang"), ["s1"], finding)
