"""What storage costs, bottle by bottle and day by day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.custody.storage import Layer, aged, charged, to_bill

DAYS = st.lists(st.integers(0, 50), min_size=1, max_size=30)


def history(quantities: list[int]) -> list[Layer]:
    """The layers of somebody who held these quantities on days 0, 1, 2 and so on."""
    layers: list[Layer] = []
    for day, qty in enumerate(quantities):
        layers = aged(layers, qty, day)
    return layers


@pytest.mark.parametrize(
    ("quantities", "layers"),
    [
        ([5], [Layer(0, 5)]),
        ([5, 5, 7], [Layer(0, 5), Layer(2, 2)]),
        ([5, 7, 4], [Layer(0, 2), Layer(1, 2)]),
        ([5, 7, 1], [Layer(1, 1)]),
        ([5, 0], []),
        ([5, 0, 3], [Layer(2, 3)]),
    ],
)
def test_what_was_held_longest_goes_first(quantities: list[int], layers: list[Layer]) -> None:
    assert layers == history(quantities)


@given(DAYS)
def test_layers_add_up_to_what_is_held(quantities: list[int]) -> None:
    assert quantities[-1] == sum(layer.qty for layer in history(quantities))


@given(DAYS)
def test_layers_are_those_of_bottles_told_apart(quantities: list[int]) -> None:
    """One queue entry a bottle: in at the end, out at the front."""
    queue: list[int] = []
    for day, qty in enumerate(quantities):
        queue = queue[max(0, len(queue) - qty) :] + [day] * (qty - len(queue))

    assert queue == [layer.day for layer in history(quantities) for _ in range(layer.qty)]


@pytest.mark.parametrize(("day", "bottles"), [(0, 0), (29, 0), (30, 5), (31, 5), (40, 7)])
def test_days_are_free_from_arrival_on(day: int, bottles: int) -> None:
    assert bottles == charged([Layer(0, 5), Layer(10, 2)], day, free_days=30)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=12))
def test_bills_do_not_depend_on_how_often_they_are_made(accrued: list[int]) -> None:
    total = billed = 0
    for millifen in accrued:
        total += millifen
        billed += to_bill(total, billed)

    assert to_bill(sum(accrued), 0) == billed
