"""The kernel and its slow twin, command by command."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.commands import Command
from engine.exchange import Exchange
from tests.engine.conftest import KERNELS
from tests.reference_book import ReferenceExchange
from tests.strategies import commands, opening

HISTORIES = st.lists(commands(), min_size=1, max_size=60)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HISTORIES)
def test_engine_and_reference_agree_on_every_event_and_balance(history: list[Command]) -> None:
    exchanges = [Exchange(kernel) for kernel in KERNELS.values()]
    reference = ReferenceExchange()
    for command in opening() + history:
        expected = reference.apply([command])
        for exchange in exchanges:
            assert expected == exchange.apply([command])
            exchange.check()
    for exchange in exchanges:
        for sym in reference.lines:
            assert reference.book(sym) == exchange.book(sym)
        for acct in exchange.accounts():
            for asset, (free, held) in exchange.balances(acct).items():
                assert (reference.free.get((acct, asset), 0), reference.held.get((acct, asset), 0)) == (free, held)
    assert len({exchange.state_hash() for exchange in exchanges}) == 1


@settings(max_examples=100, deadline=None)
@given(HISTORIES, st.data())
def test_restored_exchange_goes_on_as_if_never_stopped(history: list[Command], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(history)))
    for kernel in KERNELS.values():
        exchange = Exchange(kernel)
        exchange.apply(opening() + history[:cut])

        restored = Exchange.restore(exchange.snapshot(), kernel)

        assert exchange.state_hash() == restored.state_hash()
        assert exchange.apply(history[cut:]) == restored.apply(history[cut:])
        assert exchange.state_hash() == restored.state_hash()
