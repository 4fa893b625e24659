"""Pickups that are sent: the owner's until delivered, made good when lost."""

import pytest

from engine.commands import CASH
from engine.reject import Reject
from ledger.custody.pickup import PickupState
from ledger.custody.refusals import CustodyReject
from ledger.custody.shipping import Remedy
from ledger.custody.terms import Terms
from tests.ledger.custody.cellar import SYM, Cellar, made


async def shipped(cellar: Cellar) -> int:
    await cellar.store(1, ["s1", "s2"])
    await cellar.custody.terms.set(cellar.by("office"), Terms(pickup_fee_fen=30_00))
    pickup = await cellar.ready(1, 2, address="address 9")
    assert await cellar.custody.shipping.ship(cellar.by("wang"), pickup, "SF Express", "SF123") is None
    return pickup


async def lost(cellar: Cellar) -> int:
    return made(await cellar.custody.shipping.lose(cellar.by("wang"), await shipped(cellar), "truck burnt"))


async def test_shipped_bottles_are_on_the_road_and_still_the_owners(cellar: Cellar) -> None:
    await shipped(cellar)

    assert {
        f"avail:-1000:{SYM}": -2,
        f"avail:-1001:{SYM}": 2,
        f"hold:1:{CASH}": -30_00,
        f"avail:-1:{CASH}": 30_00,
    } == cellar.postings()
    assert (0, 2) == cellar.balance(1)


async def test_delivered_bottles_leave_the_books(cellar: Cellar) -> None:
    pickup = await shipped(cellar)

    assert await cellar.custody.shipping.delivered(cellar.by("wang"), pickup) is None
    assert {f"hold:1:{SYM}": -2, f"avail:-1000:{SYM}": 2} == cellar.postings()
    (found,) = await cellar.custody.pickups.of(1)
    assert (PickupState.RELEASED, 2) == (found.state, found.released)


async def test_tracking_is_told(cellar: Cellar) -> None:
    shipment = made(await cellar.custody.shipping.shipment(await shipped(cellar)))

    assert ("SF Express", "SF123", "wang") == (shipment.carrier, shipment.tracking, shipment.actor)


async def test_lost_shipment_gives_the_owner_bottles_that_the_house_owes(cellar: Cellar) -> None:
    claim = await lost(cellar)

    assert await cellar.custody.shipping.decide(cellar.by("li"), claim, Remedy.BOTTLES) is None
    assert {
        f"avail:-4:{SYM}": -2,
        f"avail:-1000:{SYM}": 2,
        f"hold:1:{SYM}": -2,
        f"avail:1:{SYM}": 2,
    } == cellar.postings()
    assert "missing" == await cellar.state_of("s1")


async def test_lost_shipment_may_be_paid_for(cellar: Cellar) -> None:
    claim = await lost(cellar)

    assert await cellar.custody.shipping.decide(cellar.by("li"), claim, Remedy.CASH, 200_00) is None
    assert {
        f"hold:1:{SYM}": -2,
        f"avail:-1000:{SYM}": 2,
        f"avail:-4:{CASH}": -200_00,
        f"avail:1:{CASH}": 200_00,
    } == cellar.postings()


async def test_lost_shipment_that_turns_up_is_delivered(cellar: Cellar) -> None:
    claim = await lost(cellar)
    (found,) = await cellar.custody.shipping.claims()
    await cellar.custody.shipping.decide(cellar.by("li"), claim, Remedy.FOUND)

    assert await cellar.custody.shipping.delivered(cellar.by("wang"), found.pickup) is None
    assert [] == await cellar.custody.shipping.claims()


async def test_claim_is_decided_by_somebody_else_and_once(cellar: Cellar) -> None:
    claim = await lost(cellar)
    decide = cellar.custody.shipping.decide

    assert CustodyReject.SAME_PERSON == await decide(cellar.by("wang"), claim, Remedy.BOTTLES)
    assert await decide(cellar.by("li"), claim, Remedy.BOTTLES) is None
    assert CustodyReject.WRONG_STATE == await decide(cellar.by("li"), claim, Remedy.BOTTLES)


@pytest.mark.parametrize(("remedy", "fen"), [(Remedy.CASH, 0), (Remedy.CASH, -1), (Remedy.BOTTLES, 5)])
async def test_amount_goes_with_cash(cellar: Cellar, remedy: Remedy, fen: int) -> None:
    claim = await lost(cellar)

    assert Reject.MALFORMED == await cellar.custody.shipping.decide(cellar.by("li"), claim, remedy, fen)


async def test_collected_pickup_is_not_shipped_and_shipped_one_has_no_code(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    collected = await cellar.ready(1, 1)
    sent = await cellar.ready(1, 1, address="address 9")

    assert CustodyReject.WRONG_STATE == await cellar.custody.shipping.ship(cellar.by("wang"), collected, "SF", "1")
    assert CustodyReject.WRONG_STATE == await cellar.custody.pickups.issue_code(cellar.now, 1, sent)


async def test_what_is_under_way_cannot_be_cancelled(cellar: Cellar) -> None:
    pickup = await shipped(cellar)

    assert CustodyReject.WRONG_STATE == await cellar.custody.pickups.cancel(cellar.now, 1, pickup)
