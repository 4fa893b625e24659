"""Bands, RULES §3: the published A-share roundings, in fen."""

import pytest

from engine.band import Band, band_of


@pytest.mark.parametrize(("ref", "hi"), [(605, 666), (595, 655), (1142, 1256)])
def test_upper_bound_rounds_half_up_to_the_tick(ref: int, hi: int) -> None:
    band = band_of(ref, 1000, 1000, 1)

    assert band is not None
    assert hi == band.hi


def test_lower_bound_rounds_half_up_to_the_tick() -> None:
    assert Band(545, 666) == band_of(605, 1000, 1000, 1)  # 5.445 -> 5.45


def test_bound_that_rounds_to_the_reference_moves_one_tick_outwards() -> None:
    assert Band(95, 105) == band_of(100, 10, 10, 5)


def test_up_and_down_percentages_may_differ() -> None:
    assert Band(8_000, 10_500) == band_of(10_000, 500, 2000, 1)


def test_lower_bound_is_never_below_one_tick() -> None:
    assert Band(5, 200) == band_of(100, 10_000, 10_000, 5)


def test_no_band_reaches_from_one_tick_to_max_px() -> None:
    assert Band(5, 995) == band_of(0, -1, 0, 5, max_px=999)


@pytest.mark.parametrize(
    ("ref", "up_bp", "down_bp", "max_px"),
    [(0, 1000, 1000, 0), (100, -2, 1000, 0), (100, 1000, 10_001, 0), (0, -1, 0, 0)],
)
def test_numbers_that_make_no_band_are_refused(ref: int, up_bp: int, down_bp: int, max_px: int) -> None:
    assert band_of(ref, up_bp, down_bp, 1, max_px) is None
