"""Crashes: between the intent and the command, and between the command and its note."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from engine.commands import CASH, Leg, LegKind
from engine.events import Repeated
from ledger.accounts import DELIVERED
from ledger.custody import tables
from ledger.custody.intents import IntentState
from ledger.custody.pickup import PickupState
from ledger.custody.stock import By, Why
from tests.ledger.custody.cellar import SHANGHAI, SYM, Cellar, Crash, made


async def requested(cellar: Cellar) -> None:
    await cellar.custody.pickups.request(cellar.now, 1, SYM, 2, SHANGHAI)


async def released(cellar: Cellar) -> None:
    (pickup,) = await cellar.custody.pickups.of(1)
    slip = made(await cellar.custody.pickups.issue_code(cellar.now, 1, pickup.id))
    await cellar.custody.pickups.release(cellar.by("wang"), pickup.id, slip.code, "identity card")


async def crash(cellar: Cellar, step: Callable[[Cellar], Awaitable[None]], *, is_after: bool) -> None:
    cellar.crash_before, cellar.crash_after = not is_after, is_after
    with pytest.raises(Crash):
        await step(cellar)


@pytest.mark.parametrize("is_after", [False, True])
async def test_release_is_finished_once_after_a_crash(any_cellar: Cellar, is_after: bool) -> None:
    await any_cellar.store(1, ["s1", "s2"])
    await any_cellar.ready(1, 2)
    await crash(any_cellar, released, is_after=is_after)
    assert (PickupState.WAITING, "picked") == (
        (await any_cellar.custody.pickups.of(1))[0].state,
        await any_cellar.state_of("s1"),
    )
    await any_cellar.require_agreement()  # an open transfer is no difference
    await any_cellar.restart()

    assert PickupState.RELEASED == (await any_cellar.custody.pickups.of(1))[0].state
    assert ((0, 0), "out") == (any_cellar.balance(1), await any_cellar.state_of("s1"))
    assert is_after == any(isinstance(event, Repeated) for event in any_cellar.events)


@pytest.mark.parametrize("is_after", [False, True])
async def test_request_that_crashed_keeps_its_serials_until_it_is_settled(cellar: Cellar, is_after: bool) -> None:
    await cellar.store(1, ["s1", "s2"])
    await crash(cellar, requested, is_after=is_after)

    assert ["reserved", "reserved"] == [await cellar.state_of(serial) for serial in ("s1", "s2")]
    await cellar.restart()
    assert ((0, 2), PickupState.HELD) == (cellar.balance(1), (await cellar.custody.pickups.of(1))[0].state)


@pytest.mark.parametrize("is_after", [False, True])
async def test_booking_that_crashed_makes_its_bottles_once(cellar: Cellar, is_after: bool) -> None:
    cellar.crash_before, cellar.crash_after = not is_after, is_after
    with pytest.raises(Crash):
        await cellar.store(1, ["s1", "s2"])
    await cellar.require_agreement()
    await cellar.restart()

    assert ((2, 0), "stored") == (cellar.balance(1), await cellar.state_of("s1"))


async def test_nothing_is_left_open_by_what_went_well(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.ready(1, 1)

    assert 0 == await cellar.custody.resume()


async def test_resuming_beside_a_running_flow_does_it_once(cellar: Cellar) -> None:
    """A sweeper sends an intent again while its flow waits for the answer."""
    await cellar.store(1, ["s1"])
    custody, submit = cellar.custody, cellar.submit
    resumed: list[bool] = []

    async def submit_and_resume(*commands: object) -> list[object]:
        events = await submit(*commands)  # type: ignore[arg-type]
        if not resumed:
            resumed.append(True)
            await custody.resume()
        return events  # type: ignore[return-value]

    custody._intents.submit = submit_and_resume  # type: ignore[assignment]
    await requested_one(cellar)

    flows = [move.flow for move in await custody.stock.history("s1")]
    assert ["receipt", "inspection", "booking", "pickup"] == flows
    assert (0, 1) == cellar.balance(1)


async def requested_one(cellar: Cellar) -> None:
    made(await cellar.custody.pickups.request(cellar.now, 1, SYM, 1, SHANGHAI))


async def test_refused_transfer_is_closed_with_its_code(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.custody.liens.place(cellar.by("office"), 2, SYM, 5, "has none")
    c = tables.intents.c
    async with cellar.shop.connect() as db:
        row = (await db.execute(select(c.state, c.code).order_by(c.id.desc()))).first()

    assert (IntentState.REFUSED, "INSUFFICIENT_BOTTLES") == row


async def test_transfer_that_the_engine_cannot_read_is_never_written_down(cellar: Cellar) -> None:
    leg = Leg(LegKind.TRANSFER, DELIVERED, 1, CASH, 0)
    with pytest.raises(ValueError, match="amount"):
        async with cellar.shop.begin() as db:
            await cellar.custody._intents.add(db, Why(By("office", 1), "lien", 1), [leg])

    assert 0 == await cellar.custody.resume()
