"""Numbers, widths and the names of strangers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from terminal.format import change_bp, clean, fit, left, money, parse_money, percent, right


@pytest.mark.parametrize(
    "nasty",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "a\u202eb",
        "a\u200fb",
        "a\u2066b",
        "a\nb\tc",
        "\x00",
        "a\u200bb",
        "\x9b1m",
    ],
)
def test_no_control_escape_or_bidi_character_gets_through(nasty: str) -> None:
    shown = clean(nasty)

    assert shown.isprintable() or not shown
    assert not set(shown) & set("\x1b\x9b\u202e\u200f\u2066\u200b\n\t\x00")


def test_rich_markup_is_only_text() -> None:
    assert "[red]茅台[/]" == clean("[red]茅台[/]")


@given(st.text(max_size=30), st.integers(0, 40))
def test_cut_and_filled_text_has_exactly_its_width(text: str, width: int) -> None:
    shown = clean(text)

    assert width == cell_len(left(shown, width))
    assert width == cell_len(fit(shown, width))


def test_long_name_keeps_its_vintage() -> None:
    assert "Moutai F~2021" == fit("Moutai Feitian 2021", 13)
    assert "飞天茅~2021" == fit("飞天茅台酒 2021", 11)
    assert "飞天茅台 2021" == fit("飞天茅台 2021", 13)


def test_number_without_room_is_never_cut() -> None:
    assert " 42" == right("42", 3)
    assert "..." == right("12,345", 3)


@pytest.mark.parametrize(
    ("fen", "shown"), [(0, "0.00"), (5, "0.05"), (268_000, "2,680.00"), (-123_456_78, "-123,456.78")]
)
def test_fen_are_shown_as_yuan(fen: int, shown: str) -> None:
    assert shown == money(fen)


@given(st.integers(0, 10**13))
def test_what_is_shown_can_be_typed(fen: int) -> None:
    assert fen == parse_money(money(fen))


@pytest.mark.parametrize("typed", ["", ".", "1.234", "1e5", "-1", "nan", "١", "1.x", "9" * 13])
def test_what_is_no_amount_is_none(typed: str) -> None:
    assert parse_money(typed) is None


@pytest.mark.parametrize(
    ("px", "ref", "bp", "shown"),
    [
        (110, 100, 1000, "+10.00%"),
        (90, 100, -1000, "-10.00%"),
        (100, 100, 0, " 0.00%"),
        (20_001, 20_000, 1, "+0.01%"),
        (19_999, 20_000, -1, "-0.01%"),
        (0, 100, 0, " 0.00%"),
    ],
)
def test_change_is_rounded_half_away_from_zero_and_always_signed(px: int, ref: int, bp: int, shown: str) -> None:
    assert bp == change_bp(px, ref)
    assert shown == percent(bp)
