"""The auction that is timed is an auction: it crosses, trades, and ends the same at both doors."""

import json

import pytest

from benchmarks import auction
from benchmarks.market import open_market
from benchmarks.orderflow import REF
from engine.codes import CALL
from engine.commands import SetPhase
from engine.events import Traded
from engine.kernel import Kernel


def test_kernel_and_exchange_trade_the_same_in_it() -> None:
    commands = auction.orders(400, seed=3)
    kernel: Kernel = open_market(commands)
    kernel.set_state(1, CALL)
    kernel.run(commands)
    price, qty, _ = kernel.equilibrium(1, REF)

    traded = [
        event for event in auction.called(commands).apply([SetPhase(0, "X", "CONTINUOUS")]) if isinstance(event, Traded)
    ]

    assert qty > 0
    assert {price} == {trade.px for trade in traded}
    assert qty == kernel.uncross(1, price) == sum(trade.qty for trade in traded)


def test_last_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    auction.main(["--orders", "300", "--rounds", "1"])

    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"orders", "trades", "lots", "ms"} == said.keys()
    assert said["trades"] > 0
