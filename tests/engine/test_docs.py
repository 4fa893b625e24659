"""The engine's page names every op, field, event and code that the program knows, and no code that it does not."""

import re
from pathlib import Path

from engine.checks import NAMES
from engine.commands import LEG_FIELDS, Method, Phase, SelfTrade, TimeInForce, When
from engine.reject import Reason, Reject

PAGE = (Path(__file__).parents[2] / "docs" / "engine.md").read_text()


def test_every_op_and_field_is_on_the_page() -> None:
    for kind, op in NAMES.items():
        assert f"`{op}`" in PAGE
        for field in kind._fields:
            assert f"`{field}`" in PAGE, f"{op}: {field}"
    for leg, fields in LEG_FIELDS.items():
        for word in (leg, *fields):
            assert f"`{word}`" in PAGE, f"{leg}: {word}"


def test_every_word_of_the_vocabulary_is_on_the_page() -> None:
    for word in (*Reject, *Reason, *Phase, *SelfTrade, *TimeInForce, *When, *Method):
        assert f"`{word}`" in PAGE, word


def test_refusals_stand_in_their_order_of_precedence() -> None:
    section = PAGE.partition("## Refusals")[2]
    listed = [code for code in re.findall(r"`([A-Z_]+)`", section) if code in set(Reject)]

    assert list(Reject) == listed
