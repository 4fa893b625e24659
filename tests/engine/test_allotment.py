"""RULES §8: pro rata and by draw, and that anyone can compute both again."""

from fractions import Fraction
from hashlib import shake_256
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from engine.allotment import digest_of, draw, pro_rata, tickets

WANTED = st.lists(st.integers(1, 40), min_size=1, max_size=25)


def slow_ticket(seed: str, digest: str, number: int) -> int:
    stream = shake_256(f"{seed}:{digest}".encode()).digest(8 * number + 8)
    return int.from_bytes(stream[-8:], "big")


def test_sebi_2012_pro_rata_example() -> None:
    """3,500,000 for sale, 100,000 applicants for 14,000,000: lot 20 each, single units beyond."""
    counts = {320: 20_000, 220: 20_000, 120: 16_000, 60: 10_000, 20: 34_000}
    wanted = [qty for qty, count in counts.items() for _ in range(count)]
    assert (14_000_000, 100_000) == (sum(wanted), len(wanted))

    given_out = pro_rata(wanted, 3_500_000, 20, 1, "seed", "digest")

    assert 3_500_000 == sum(given_out)
    found = {qty: {got for asked, got in zip(wanted, given_out, strict=True) if asked == qty} for qty in counts}
    # 37.5 and 12.5 are halves: rounded up as far as there are bottles, by draw.
    assert {320: {57, 58}, 220: {45}, 120: {32, 33}, 60: {25}, 20: {20}} == found


def test_published_draw_has_a_number_for_each_unit() -> None:
    """100,500 shares in units of 500 are 201 winning numbers."""
    given_out = draw([1_000] * 400, 100_500, 500, "seed", "digest")

    assert 100_500 == sum(given_out)
    assert 201 == sum(got // 500 for got in given_out)


@given(WANTED, st.integers(1, 300), st.integers(1, 4))
def test_draw_gives_whole_units_to_the_smallest_tickets(units: list[int], available: int, unit: int) -> None:
    wanted = [unit * n for n in units]
    given_out = draw(wanted, available, unit, "seed", "digest")

    if sum(wanted) <= available:
        assert wanted == given_out
        return
    owners = [owner for owner, n in enumerate(units) for _ in range(n)]
    order = sorted(range(len(owners)), key=lambda number: (slow_ticket("seed", "digest", number), number))
    won = [owners[number] for number in order[: available // unit]]
    assert [unit * won.count(owner) for owner in range(len(units))] == given_out


@given(WANTED, st.integers(1, 500), st.integers(1, 5), st.integers(1, 3))
def test_pro_rata_is_fair_and_gives_out_all_that_whole_steps_can(
    beyond: list[int], available: int, minimum: int, step: int
) -> None:
    wanted = [minimum + step * (n - 1) for n in beyond]
    given_out = pro_rata(wanted, available, minimum, step, "seed", "digest")

    assert all(0 <= got <= asked for got, asked in zip(given_out, wanted, strict=True))
    if sum(wanted) <= available:
        assert wanted == given_out
    elif minimum * len(wanted) > available:
        assert {0, minimum} >= set(given_out)
        assert available // minimum * minimum == sum(given_out)
    else:
        left = (available - minimum * len(wanted)) // step
        assert minimum * len(wanted) + min(left, sum(beyond) - len(beyond)) * step == sum(given_out)
        for asked, got in zip(wanted, given_out, strict=True):
            exact = Fraction((asked - minimum) // step * left, max(1, sum(beyond) - len(beyond)))
            share = (got - minimum) // step
            assert floor(exact) <= share <= floor(exact) + 1 or share == (asked - minimum) // step
            if exact.denominator == 1 and exact <= (asked - minimum) // step:
                assert exact == share


def test_tickets_are_the_published_bytes() -> None:
    assert [slow_ticket("s", "d", number) for number in range(50)] == tickets("s", "d", 50).tolist()


def test_digest_depends_on_every_subscription_and_their_order() -> None:
    digests = {digest_of(subs) for subs in ([(1, 5), (2, 6)], [(2, 6), (1, 5)], [(1, 5), (2, 7)], [(1, 5)], [])}

    assert 5 == len(digests)
