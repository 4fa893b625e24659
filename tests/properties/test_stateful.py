"""The engine and its slow twin, command by command, whatever is asked of them.

`pytest --hypothesis-profile=long tests/properties` goes through ten thousand markets.
"""

import pytest
from hypothesis import settings

from engine.commands import Phase, Place, SetPhase, Side
from engine.events import Indicated
from engine.exchange import Exchange
from tests.properties.machine import Market

TestMarket = Market.TestCase
TestMarket.settings = settings(settings.default, deadline=None)


class Forgetful(Exchange):
    """An engine with a planted bug: it does not say what a call would trade."""

    def apply(self, commands):  # type: ignore[no-untyped-def]
        return [event for event in super().apply(commands) if not isinstance(event, Indicated)]


def test_a_planted_bug_is_seen() -> None:
    market = Market()
    market.exchanges = [Forgetful()]
    market.open_market("A")
    market.say(SetPhase(0, "A", Phase.OPENING_CALL))
    market.say(Place(0, 1, "b", "A", Side.BUY, 100, 1))
    with pytest.raises(AssertionError):
        market.say(Place(0, 2, "s", "A", Side.SELL, 100, 1))
