"""The books follow the seeded adversary: after every group they say what the engine says."""

import pytest

from engine.exchange import Exchange
from ledger.books import Books, differences
from tests.simulation.flow import flow


@pytest.mark.parametrize("seed", range(3))
def test_books_equal_the_engine_after_every_group(seed: int) -> None:
    exchange, books = Exchange(), Books()
    history = list(flow(seed, 2_000))
    for first in range(0, len(history), 50):
        rows = books.post(exchange.apply(history[first : first + 50]))

        assert [] == differences(exchange, books.balances())
        for order in rows.orders:
            assert order.open >= 0
            assert order.open + order.filled <= order.qty

    open_orders = {order.oid: (order.px, order.open) for order in books.open_orders.values()}
    resting = {o.oid: (o.px, o.open) for acct in exchange.accounts() for o in exchange.orders(acct)}
    assert resting == open_orders
