"""What a holder's file proves, and that nothing in it can be changed."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.proof.commitment import FORMAT, BadProof, Shelf, as_json, root_of_document, salt_of, told, verify

SECRET = bytes(range(32))
DAY = "2026-11-22"


def published(stock: dict[str, dict[int, int]], acct: int) -> dict[str, Any]:
    """A holder's file, of bottles by account by asset."""
    shelves = {asset: Shelf(SECRET, DAY, asset, holdings) for asset, holdings in stock.items()}
    assets = [{"asset": asset, "bottles": s.tree.size, "root": s.tree.root.hex()} for asset, s in shelves.items()]
    document = {"format": FORMAT, "day": DAY, "assets": assets}
    mine = [told(acct, asset, shelves[asset].part(acct)) for asset, held in stock.items() if acct in held]
    made: dict[str, Any] = json.loads(
        as_json({"document": document, "root": root_of_document(document), "holdings": mine})
    )
    return made


@given(st.dictionaries(st.integers(0, 99), st.integers(1, 40), min_size=1, max_size=12))
def test_every_holder_is_proven_and_the_total_is_the_sum(holdings: dict[int, int]) -> None:
    for acct, qty in holdings.items():
        proof = published({"茅台": holdings}, acct)

        assert [f"{qty} of {sum(holdings.values())} 茅台 are account {acct}'s"] == verify(proof, proof["root"])


def test_no_bottle_is_shown_to_two_holders() -> None:
    shelf = Shelf(SECRET, DAY, "MT", {1: 3, 2: 4, 9: 5})
    runs = [range(part.first, part.first + part.qty) for part in map(shelf.part, (1, 2, 9))]

    assert list(range(12)) == sorted(place for run in runs for place in run)


def test_places_say_nothing_about_accounts_and_change_every_day() -> None:
    holdings = dict.fromkeys(range(100), 1)
    shelves = [Shelf(SECRET, f"2026-11-{day}", "MT", holdings) for day in (20, 21, 22)]
    orders = {tuple(shelf.part(acct).first for acct in holdings) for shelf in shelves}

    assert 3 == len(orders)
    assert tuple(range(100)) not in orders
    assert salt_of(SECRET, DAY, 1, "MT") != salt_of(SECRET, DAY, 2, "MT") != salt_of(SECRET, DAY, 1, "MT2")


def changed(proof: dict[str, Any], *path: str | int, to: object) -> dict[str, Any]:
    proof = copy.deepcopy(proof)
    place: Any = proof
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return proof


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("holdings", 0, "qty"), 6),
        (("holdings", 0, "qty"), 4),
        (("holdings", 0, "qty"), 10**9),
        (("holdings", 0, "qty"), 0),
        (("holdings", 0, "qty"), "5"),
        (("holdings", 0, "first"), 0),
        (("holdings", 0, "first"), -1),
        (("holdings", 0, "acct"), 8),
        (("holdings", 0, "asset"), "X"),
        (("holdings", 0, "salt"), "00" * 32),
        (("holdings", 0, "salt"), "no hex"),
        (("holdings", 0, "path", 0), "00" * 32),
        (("holdings", 0, "path"), []),
        (("holdings", 0, "path"), None),
        (("document", "assets", 0, "bottles"), 13),
        (("document", "assets", 0, "root"), "00" * 32),
        (("document", "day"), "2026-11-23"),
        (("document", "format"), "another"),
        (("root",), "00" * 32),
        (("document",), []),
    ],
)
def test_any_change_is_noticed(path: tuple[str | int, ...], to: object) -> None:
    proof = published({"MT": {1: 3, 2: 4, 9: 5}}, 9)
    assert verify(proof)

    with pytest.raises(BadProof):
        verify(changed(proof, *path, to=to))


def test_total_cannot_be_made_smaller_by_a_document_of_ones_own() -> None:
    """Who leaves holders out has another root than the one that was published."""
    honest, short = published({"MT": {1: 3, 2: 4, 9: 5}}, 9), published({"MT": {1: 3, 9: 5}}, 9)
    verify(short)

    with pytest.raises(BadProof, match="not the one that was published"):
        verify(short, honest["root"])
