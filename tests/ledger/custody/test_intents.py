"""Crashes: between the intent and the command, and between the command and its note."""

import shutil
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.commands import CASH, Leg, LegKind
from engine.events import Repeated
from ledger.accounts import DELIVERED
from ledger.custody import tables
from ledger.custody.intents import IntentState
from ledger.custody.pickup import PickupState
from ledger.custody.refusals import CustodyReject
from ledger.custody.shipping import Remedy
from ledger.custody.stock import By, Why
from ledger.custody.storage import holdings
from ledger.custody.terms import Terms
from tests.ledger.custody.cellar import BEIJING, DAY_NS, SHANGHAI, SYM, Cellar, Crash, made, open_cellar


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


async def test_nothing_is_left_open_by_what_went_well(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await cellar.ready(1, 1)

    assert 0 == await cellar.custody.resume()


async def test_resuming_beside_a_running_flow_does_it_once(cellar: Cellar) -> None:
    """A sweeper sends an intent again while its flow waits for the answer."""
    await cellar.store(1, ["s1", "s2", "s3"])
    pickup = await cellar.ready(1, 3)
    slip = made(await cellar.custody.pickups.issue_code(cellar.now, 1, pickup))
    cellar.after_submit = cellar.custody.resume
    await cellar.custody.pickups.release(cellar.by("wang"), pickup, slip.code, "identity card", ["s1"])

    assert [1] == [found.released for found in await cellar.custody.pickups.of(1)]
    assert 1 == [move.flow for move in await cellar.custody.stock.history("s1")].count("release")


async def test_bottle_of_an_open_transfer_is_left_alone(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])
    await crash(cellar, sent, is_after=False)
    cellar.crash_before = False
    request = cellar.custody.pickups.request

    assert CustodyReject.SHORT_IN_WAREHOUSE == await request(cellar.now, 1, SYM, 1, SHANGHAI)
    assert CustodyReject.IN_PROGRESS == await request(cellar.now, 1, SYM, 1, SHANGHAI, ["s1"])


async def test_pickup_of_an_open_transfer_is_left_alone(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])
    pickup = await cellar.ready(1, 2)
    await crash(cellar, released, is_after=False)
    cellar.crash_before = False

    assert CustodyReject.IN_PROGRESS == await cellar.custody.pickups.cancel(cellar.now, 1, pickup)


# Every flow as what comes before it, and the step that crashes.


async def stored(cellar: Cellar) -> None:
    await cellar.store(1, ["s1", "s2"])


async def ready(cellar: Cellar) -> None:
    await stored(cellar)
    await cellar.custody.terms.set(cellar.by("office"), Terms(pickup_fee_fen=5_00, keep_days=1))
    await cellar.ready(1, 2)


async def ready_to_ship(cellar: Cellar) -> None:
    await stored(cellar)
    await cellar.ready(1, 2, address="address 9")


async def cancelled(cellar: Cellar) -> None:
    await cellar.custody.pickups.cancel(cellar.now, 1, 1)


async def expired(cellar: Cellar) -> None:
    cellar.now += DAY_NS
    await cellar.custody.pickups.expire(cellar.by("clock"))


async def shipped(cellar: Cellar) -> None:
    await cellar.custody.shipping.ship(cellar.by("wang"), 1, "SF Express", "SF1")


async def delivered(cellar: Cellar) -> None:
    await cellar.custody.shipping.delivered(cellar.by("wang"), 1)


async def lost(cellar: Cellar) -> None:
    await ready_to_ship(cellar)
    await shipped(cellar)
    await cellar.custody.shipping.lose(cellar.by("wang"), 1, "lost")


async def compensated(cellar: Cellar) -> None:
    await cellar.custody.shipping.decide(cellar.by("li"), 1, Remedy.BOTTLES)


async def sent(cellar: Cellar) -> None:
    await cellar.custody.hauls.send(cellar.by("wang"), SHANGHAI, BEIJING, ["s1"])


async def arrived(cellar: Cellar) -> None:
    await cellar.custody.hauls.receive(cellar.by("zhao"), 1, ["s1"], "B-01")


async def counted(cellar: Cellar) -> None:
    await stored(cellar)
    await cellar.custody.counts.take(cellar.by("wang"), SHANGHAI, "A-01", ["s1"])


async def agreed(cellar: Cellar) -> None:
    await cellar.custody.counts.agree(cellar.by("li"), 1)


async def liened(cellar: Cellar) -> None:
    await cellar.custody.liens.place(cellar.by("wang"), 1, SYM, 1, "in dispute", ["s1"])


async def lifted(cellar: Cellar) -> None:
    await cellar.custody.liens.lift(cellar.by("li"), 1)


async def accrued(cellar: Cellar) -> None:
    await stored(cellar)
    await cellar.custody.terms.set(cellar.by("office"), Terms(storage_millifen=7_000))
    await cellar.custody.billing.accrue(date(2026, 3, 1), holdings(cellar.books.exchange))


async def billed(cellar: Cellar) -> None:
    await cellar.custody.billing.bill(cellar.by("clock"), date(2026, 3, 1))


Steps = tuple[Callable[[Cellar], Awaitable[None]], ...]

FLOWS: list[Steps] = [
    (stored,),
    (stored, requested),
    (ready, released),
    (ready, cancelled),
    (ready, expired),
    (ready_to_ship, shipped),
    (ready_to_ship, shipped, delivered),
    (lost, compensated),
    (stored, sent),
    (stored, sent, arrived),
    (counted, agreed),
    (stored, liened),
    (stored, liened, lifted),
    (accrued, billed),
]


async def outcome(cellar: Cellar) -> object:
    """All that a flow comes to: balances, bottles, pickups and bills."""
    accts = {acct: cellar.books.exchange.balances(acct) for acct in cellar.books.exchange.accounts()}
    pickups = [(pickup.state, pickup.released) for pickup in await cellar.custody.pickups.of(1)]
    bottles = [(bottle.serial, bottle.state, bottle.warehouse, bottle.bin) for bottle in await cellar.bottles()]
    return accts, pickups, bottles, [bill.state for bill in await cellar.custody.billing.bills(1)]


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("steps", FLOWS, ids=lambda steps: steps[-1].__name__)
async def test_flow_that_crashed_comes_to_the_same_as_one_that_did_not(
    furnished: Path, tmp_path: Path, steps: Steps, is_after: bool
) -> None:
    outcomes = []
    for name in ("smooth", "crashed"):
        shutil.copytree(furnished, tmp_path / name)
        async with open_cellar(tmp_path / name) as cellar:
            for step in steps[:-1]:
                await step(cellar)
            if name == "smooth":
                await steps[-1](cellar)
            else:
                await crash(cellar, steps[-1], is_after=is_after)
                await cellar.require_agreement()  # an open transfer is no difference
                await cellar.restart()
            outcomes.append(await outcome(cellar))

    assert outcomes[0] == outcomes[1]


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
