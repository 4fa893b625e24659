"""Pickup: held, picked, released once against a code, gone."""

import asyncio

import pytest

from engine.commands import CASH, Place
from engine.reject import Reject
from ledger.custody import codes
from ledger.custody.pickup import TRIES_MAX, PickupState
from ledger.custody.refusals import CustodyReject
from ledger.custody.terms import Terms
from tests.ledger.custody.cellar import BEIJING, DAY_NS, SHANGHAI, SYM, TWIN, Cellar, made

FEE = Terms(pickup_fee_fen=20_00)


async def coded(cellar: Cellar, acct: int, pickup: int) -> codes.Slip:
    return made(await cellar.custody.pickups.issue_code(cellar.now, acct, pickup))


async def state_of(cellar: Cellar, pickup: int) -> str:
    (found,) = [p for acct in (1, 2) for p in await cellar.custody.pickups.of(acct) if p.id == pickup]
    return found.state


async def test_request_holds_bottles_and_fee(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2", "s3"])
    await cellar.custody.terms.set(cellar.by("office"), FEE)
    await cellar.custody.pickups.request(cellar.now, 1, SYM, 2, SHANGHAI)

    assert {
        f"avail:1:{SYM}": -2,
        f"hold:1:{SYM}": 2,
        f"avail:1:{CASH}": -20_00,
        f"hold:1:{CASH}": 20_00,
    } == cellar.postings()


async def test_release_takes_bottles_out_of_the_books_and_earns_the_fee(any_cellar: Cellar) -> None:
    await any_cellar.store(1, ["s1", "s2", "s3"])
    await any_cellar.custody.terms.set(any_cellar.by("office"), FEE)
    pickup = await any_cellar.ready(1, 2)
    slip = await coded(any_cellar, 1, pickup)

    assert 2 == await any_cellar.custody.pickups.release(any_cellar.by("wang"), pickup, slip.code, "identity card")
    assert {
        f"hold:1:{SYM}": -2,
        f"avail:-1001:{SYM}": 2,
        f"hold:1:{CASH}": -20_00,
        f"avail:-1:{CASH}": 20_00,
    } == any_cellar.postings()
    assert ["out", "out", "stored"] == [await any_cellar.state_of(serial) for serial in ("s1", "s2", "s3")]
    assert PickupState.RELEASED == await state_of(any_cellar, pickup)


async def test_oldest_lot_goes_first(cellar: Cellar) -> None:
    await cellar.store(1, ["b1"], lot="B")
    await cellar.store(1, ["a1", "a2"], lot="A")
    pickup = await cellar.ready(1, 2)

    assert ["b1", "a1"] == await cellar.serials(pickup=pickup)


async def test_owner_may_choose_the_serials(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2", "s3"])
    pickup = await cellar.ready(1, 1, ["s3"])

    assert ["s3"] == await cellar.serials(pickup=pickup)


async def test_picker_may_take_another_bottle_that_is_alike(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    pickups = cellar.custody.pickups
    pickup = made(await pickups.request(cellar.now, 1, SYM, 1, SHANGHAI))

    assert await pickups.pick(cellar.by("wang"), pickup, ["s2"]) is None
    assert ["stored", "picked"] == [await cellar.state_of("s1"), await cellar.state_of("s2")]


async def test_picker_brings_what_the_owner_chose(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    pickups = cellar.custody.pickups
    pickup = made(await pickups.request(cellar.now, 1, SYM, 1, SHANGHAI, ["s1"]))

    assert CustodyReject.WRONG_SERIALS == await pickups.pick(cellar.by("wang"), pickup, ["s2"])
    assert CustodyReject.WRONG_SERIALS == await pickups.pick(cellar.by("wang"), pickup, ["s1", "s2"])


async def test_tasks_are_for_the_warehouse_by_bin(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"], bin_code="A-02")
    await cellar.store(1, ["s2"], bin_code="A-01")
    await cellar.custody.pickups.request(cellar.now, 1, SYM, 2, SHANGHAI)

    (task,) = await cellar.custody.pickups.tasks(SHANGHAI)
    assert [("A-01", "s2"), ("A-02", "s1")] == [(bottle.bin, bottle.serial) for bottle in task.bottles]
    assert [] == await cellar.custody.pickups.tasks(BEIJING)


# ---------------------------------------------------------------------------------------------- what cannot be had


async def test_bottles_in_an_order_cannot_be_picked_up(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    await cellar.submit(Place(0, 1, "c1", SYM, "S", 100_00, 2))

    assert Reject.INSUFFICIENT_BOTTLES == await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI)
    assert ["stored", "stored"] == [await cellar.state_of("s1"), await cellar.state_of("s2")]


async def test_bottles_that_were_sold_cannot_be_picked_up(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.submit(Place(0, 1, "s", SYM, "S", 100_00, 1), Place(0, 2, "b", SYM, "B", 100_00, 1))

    assert Reject.INSUFFICIENT_BOTTLES == await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI)
    assert ["s1"] == await cellar.serials(pickup=await cellar.ready(2, 1))


async def test_liened_bottles_cannot_be_picked_up(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    made(await cellar.custody.liens.place(cellar.by("office"), 1, SYM, 2, "owner disputed"))

    assert Reject.INSUFFICIENT_BOTTLES == await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI)


async def test_bottles_of_a_pickup_cannot_be_had_twice(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    await cellar.ready(1, 2)

    assert CustodyReject.SHORT_IN_WAREHOUSE == await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI)
    assert CustodyReject.NOT_IN_STORE == await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI, ["s1"])


async def test_held_bottles_cannot_be_sold(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI)
    (event,) = await cellar.submit(Place(0, 1, "c1", SYM, "S", 100_00, 1))

    assert Reject.INSUFFICIENT_BOTTLES == event.code  # type: ignore[union-attr]


async def test_other_warehouse_is_named_rather_than_chosen_silently(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])

    assert CustodyReject.SHORT_IN_WAREHOUSE == await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, BEIJING)


async def test_pickup_keeps_to_the_least_and_the_most(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2", "s3"])
    await cellar.custody.terms.set(cellar.by("office"), Terms(pickup_min=2, pickup_max=2), SYM)
    request = cellar.custody.pickups.request

    assert CustodyReject.BELOW_MIN_PICKUP == await request(cellar.now, 1, SYM, 1, SHANGHAI)
    assert CustodyReject.ABOVE_MAX_PICKUP == await request(cellar.now, 1, SYM, 3, SHANGHAI)


async def test_request_that_cannot_pay_its_fee_holds_nothing(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.custody.terms.set(cellar.by("office"), Terms(pickup_fee_fen=10_000_01))

    assert Reject.INSUFFICIENT_FUNDS == await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI)
    assert ((1, 0), "stored") == (cellar.balance(1), await cellar.state_of("s1"))


async def test_what_may_not_be_resold_can_be_picked_up(cellar: Cellar) -> None:
    await cellar.store(1, ["x1"], lot="X", resale_forbidden=True)
    pickup = await cellar.ready(1, 1, asset=TWIN)
    slip = await coded(cellar, 1, pickup)

    assert 1 == await cellar.custody.pickups.release(cellar.by("wang"), pickup, slip.code, "identity card")


# --------------------------------------------------------------------------------------------------------- the code


async def test_two_scans_of_one_code_release_once(any_cellar: Cellar) -> None:
    await any_cellar.store(1, ["s1", "s2"])
    pickup = await any_cellar.ready(1, 2)
    slip = await coded(any_cellar, 1, pickup)
    release = any_cellar.custody.pickups.release
    outcomes = await asyncio.gather(
        release(any_cellar.by("wang"), pickup, slip.code, "identity card"),
        release(any_cellar.by("li"), pickup, slip.code, "identity card"),
    )

    assert 1 == outcomes.count(2)
    assert any(isinstance(outcome, CustodyReject) for outcome in outcomes)
    assert (0, 0) == any_cellar.balance(1)


async def test_guessing_locks_the_code(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    pickup = await cellar.ready(1, 1)
    slip = await coded(cellar, 1, pickup)
    release = cellar.custody.pickups.release

    for _ in range(TRIES_MAX):
        assert CustodyReject.WRONG_CODE == await release(cellar.by("wang"), pickup, "0000", "identity card")
    assert CustodyReject.CODE_LOCKED == await release(cellar.by("wang"), pickup, slip.code, "identity card")
    assert (0, 1) == cellar.balance(1)


async def test_owner_of_a_locked_code_gets_another(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    pickup = await cellar.ready(1, 1)
    before = await coded(cellar, 1, pickup)
    slip = await coded(cellar, 1, pickup)
    release = cellar.custody.pickups.release

    assert CustodyReject.WRONG_CODE == await release(cellar.by("wang"), pickup, before.code, "identity card")
    assert 1 == await release(cellar.by("wang"), pickup, slip.code, "identity card")


async def test_code_is_kept_as_a_digest_only(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    pickup = await cellar.ready(1, 1)
    slip = await coded(cellar, 1, pickup)
    kept = b"".join(path.read_bytes() for path in cellar.data_dir.rglob("*") if path.is_file())

    assert codes.digest(pickup, slip.code).encode() in kept
    assert slip.code.encode() not in kept
    assert slip.code.replace("-", "").encode() not in kept


async def test_code_opens_nothing_in_another_warehouse(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    pickup = await cellar.ready(1, 1)
    slip = await coded(cellar, 1, pickup)

    assert CustodyReject.NOT_STAFF == await cellar.custody.pickups.release(
        cellar.by("zhao"), pickup, slip.code, "identity card"
    )


async def test_nothing_is_released_without_an_identity_check(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    pickup = await cellar.ready(1, 1)
    slip = await coded(cellar, 1, pickup)

    assert CustodyReject.IDENTITY_UNCHECKED == await cellar.custody.pickups.release(
        cellar.by("wang"), pickup, slip.code, ""
    )


async def test_code_is_for_the_owner_alone(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    pickup = await cellar.ready(1, 1)

    assert CustodyReject.UNKNOWN_PICKUP == await cellar.custody.pickups.issue_code(cellar.now, 2, pickup)


async def test_partial_release_leaves_the_rest_for_a_new_code(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2", "s3"])
    await cellar.custody.terms.set(cellar.by("office"), FEE)
    pickup = await cellar.ready(1, 3)
    release = cellar.custody.pickups.release
    slip = await coded(cellar, 1, pickup)

    assert 1 == await release(cellar.by("wang"), pickup, slip.code, "identity card", ["s2"])
    assert (0, 2) == cellar.balance(1)
    assert CustodyReject.NO_CODE == await release(cellar.by("wang"), pickup, slip.code, "identity card")
    slip = await coded(cellar, 1, pickup)
    assert CustodyReject.WRONG_SERIALS == await release(cellar.by("wang"), pickup, slip.code, "identity card", ["s2"])
    assert 2 == await release(cellar.by("wang"), pickup, slip.code, "identity card")
    assert {f"hold:1:{SYM}": -2, f"avail:-1001:{SYM}": 2} == cellar.postings()  # the fee was taken before


# ------------------------------------------------------------------------------------------------- how it may end


async def test_cancelling_gives_bottles_and_fee_back(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.custody.terms.set(cellar.by("office"), FEE)
    pickup = await cellar.ready(1, 1)

    assert await cellar.custody.pickups.cancel(cellar.now, 1, pickup) is None
    assert ((1, 0), (10_000_00, 0)) == (cellar.balance(1), cellar.balance(1, CASH))
    assert ("stored", PickupState.CANCELLED) == (await cellar.state_of("s1"), await state_of(cellar, pickup))


async def test_only_its_owner_cancels_a_pickup(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    pickup = await cellar.ready(1, 1)

    assert CustodyReject.UNKNOWN_PICKUP == await cellar.custody.pickups.cancel(cellar.now, 2, pickup)


async def test_what_left_cannot_be_cancelled(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    pickup = await cellar.ready(1, 1)
    slip = await coded(cellar, 1, pickup)
    await cellar.custody.pickups.release(cellar.by("wang"), pickup, slip.code, "identity card")

    assert CustodyReject.WRONG_STATE == await cellar.custody.pickups.cancel(cellar.now, 1, pickup)


async def test_expired_pickup_costs_its_fee_and_returns_the_bottles(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.custody.terms.set(cellar.by("office"), FEE._replace(keep_days=7))
    pickup = await cellar.ready(1, 1)
    slip = await coded(cellar, 1, pickup)
    cellar.now += 7 * DAY_NS - 2

    assert 0 == await cellar.custody.pickups.expire(cellar.by("clock"))
    cellar.now += 1
    assert Reject.TOO_LATE == await cellar.custody.pickups.release(cellar.by("wang"), pickup, slip.code, "passport")
    assert 1 == await cellar.custody.pickups.expire(cellar.by("clock"))
    assert ((1, 0), (9_980_00, 0)) == (cellar.balance(1), cellar.balance(1, CASH))
    assert ("stored", PickupState.EXPIRED) == (await cellar.state_of("s1"), await state_of(cellar, pickup))


async def test_late_pickup_is_compensated_when_it_is_ready(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    terms = Terms(ready_days=2, late_fen=5_00, late_days_max=10)
    await cellar.custody.terms.set(cellar.by("office"), terms)
    pickup = made(await cellar.custody.pickups.request(cellar.now, 1, SYM, 2, SHANGHAI))
    cellar.now += 4 * DAY_NS  # by() adds a nanosecond: the third day has begun
    await cellar.custody.pickups.pick(cellar.by("wang"), pickup, ["s1", "s2"])

    assert {f"avail:-4:{CASH}": -30_00, f"avail:1:{CASH}": 30_00} == cellar.postings()
    (found,) = await cellar.custody.pickups.of(1)
    assert 30_00 == found.late_paid_fen


@pytest.mark.parametrize(
    ("late_ns", "fen"), [(0, 0), (1, 10), (DAY_NS, 10), (DAY_NS + 1, 20), (99 * DAY_NS, 30), (-DAY_NS, 0)]
)
def test_lateness_counts_days_begun_up_to_a_most(late_ns: int, fen: int) -> None:
    assert fen == Terms(late_fen=5, late_days_max=3).late(10 * DAY_NS, 10 * DAY_NS + late_ns, qty=2)


async def test_pickup_times_are_public(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    began = cellar.now
    pickup = made(await cellar.custody.pickups.request(began, 1, SYM, 1, SHANGHAI))
    cellar.now = began + 99
    await cellar.custody.pickups.pick(cellar.by("wang"), pickup, ["s1"])
    slip = await coded(cellar, 1, pickup)
    cellar.now += 49
    await cellar.custody.pickups.release(cellar.by("wang"), pickup, slip.code, "identity card")
    times = await cellar.custody.pickup_times(0)

    assert ((1, 100, 100, 100), (1, 50, 50, 50)) == times
