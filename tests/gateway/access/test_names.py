"""Text from people is folded to one form, and what a screen would act on is refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.names import REFUSED, clean, login_name
from gateway.errors import Problem


@pytest.mark.parametrize(
    ("text", "kept"),
    [("  Wang   Fang ", "Wang Fang"), ("Ａｌｉｃｅ", "Alice"), ("王芳", "王芳"), ("e\u0301", "é"), ("a\u3000b", "a b")],
)
def test_a_name_is_kept_in_one_form(text: str, kept: str) -> None:
    assert kept == clean(text, "name")


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "a\nb", "a\tb", "\u202eevil", "a\u200bb", "\ue000", "\u2028", "\ufeffx", "a\x00"]
)
def test_what_a_screen_would_act_on_is_no_name(text: str) -> None:
    with pytest.raises(Problem) as caught:
        clean(text, "name")

    assert ("MALFORMED", "name") == (caught.value.fault.name, caught.value.fault.field)


@given(st.text(max_size=80))
def test_whatever_is_kept_is_text_and_is_kept_the_same_again(text: str) -> None:
    try:
        kept = clean(text, "name")
    except Problem:
        return

    assert not {unicodedata.category(char) for char in kept} & REFUSED
    assert kept == clean(kept, "name")


def test_a_login_is_the_same_in_any_case_and_width() -> None:
    assert {"alice"} == {login_name(text) for text in ("Alice", "ALICE", "ａｌｉｃｅ", " alice ")}


@pytest.mark.parametrize("text", ["", "ab", "a b c", "x" * 65])
def test_a_login_has_3_to_64_characters_and_no_space(text: str) -> None:
    with pytest.raises(Problem):
        login_name(text)
