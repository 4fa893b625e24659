"""Liens: nobody sells or takes what is in dispute, and two people end it."""

import pytest

from engine.commands import Place
from engine.reject import Reject
from ledger.custody.liens import Liens, LienState
from ledger.custody.refusals import CustodyReject
from tests.ledger.custody.cellar import SHANGHAI, SYM, Cellar, made


async def liened(cellar: Cellar, qty: int = 1, serials: tuple[str, ...] = ()) -> int:
    await cellar.store(1, ["s1", "s2"])
    return made(await cellar.custody.liens.place(cellar.by("wang"), 1, SYM, qty, "ownership disputed", serials))


async def test_lien_holds_the_bottles(any_cellar: Cellar) -> None:
    await liened(any_cellar)

    assert {f"avail:1:{SYM}": -1, f"hold:1:{SYM}": 1} == any_cellar.postings()


async def test_liened_bottles_cannot_be_sold(cellar: Cellar) -> None:
    await liened(cellar, 2)
    (event,) = await cellar.submit(Place(0, 1, "c1", SYM, "S", 100_00, 1))

    assert Reject.INSUFFICIENT_BOTTLES == event.code  # type: ignore[union-attr]


async def test_lifting_releases_them(cellar: Cellar) -> None:
    lien = await liened(cellar, 1, ("s1",))
    assert "liened" == await cellar.state_of("s1")

    assert await cellar.custody.liens.lift(cellar.by("li"), lien) is None
    assert {f"hold:1:{SYM}": -1, f"avail:1:{SYM}": 1} == cellar.postings()
    assert "stored" == await cellar.state_of("s1")
    assert [LienState.LIFTED] == [found.state for found in await cellar.custody.liens.of(1)]


async def test_serial_in_dispute_is_kept_from_everybody(cellar: Cellar) -> None:
    await liened(cellar, 1, ("s1",))
    request = cellar.custody.pickups.request

    assert CustodyReject.NOT_IN_STORE == await request(cellar.now, 1, SYM, 1, SHANGHAI, ["s1"])
    assert ["s2"] == await cellar.serials(pickup=await cellar.ready(1, 1))


async def test_who_placed_a_lien_does_not_lift_it(cellar: Cellar) -> None:
    lien = await liened(cellar)

    assert CustodyReject.SAME_PERSON == await cellar.custody.liens.lift(cellar.by("wang"), lien)
    assert await cellar.custody.liens.lift(cellar.by("li"), lien) is None
    assert CustodyReject.WRONG_STATE == await cellar.custody.liens.lift(cellar.by("li"), lien)


async def test_lien_on_more_than_is_free_is_refused_whole(cellar: Cellar) -> None:
    await cellar.store(1, ["s1"])

    assert Reject.INSUFFICIENT_BOTTLES == await cellar.custody.liens.place(
        cellar.by("wang"), 1, SYM, 2, "too much", ("s1",)
    )
    assert "stored" == await cellar.state_of("s1")


@pytest.mark.parametrize("qty", [0, -1, 2**60])
async def test_lien_is_on_some_bottles(cellar: Cellar, qty: int) -> None:
    assert Reject.MALFORMED == await cellar.custody.liens.place(cellar.by("wang"), 1, SYM, qty, "what for")


def test_bottles_can_be_held_and_let_go_and_nothing_else() -> None:
    assert {"place", "lift", "of"} == {name for name in vars(Liens) if not name.startswith("_")}
