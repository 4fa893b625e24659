"""The benchmark prints what it promises, counts what trades rightly, and drives its peers rightly."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import core, peers
from benchmarks.market import ACCOUNTS, Tally, account_of, calls_of, commands_of, open_market, tally
from benchmarks.orderflow import CANCEL, MARKETABLE, PASSIVE, WORKLOAD_DTYPE, order_flow
from engine.codes import BUY, SELL, TRADED

KEYS = [
    "commands_per_s",
    "per_call_per_s",
    "p50_ns",
    "p99_ns",
    "trades",
    "lots",
    "notional",
    "compiled",
    "peers",
]


def workload(*rows: tuple[int, int, int, int, int, int]) -> Any:
    """Rows of (id, price, qty, instr, op, side)."""
    return np.array([(*row, 0) for row in rows], WORKLOAD_DTYPE)


CROSSING = workload(
    (0, 10_001, 5, 0, PASSIVE, SELL),
    (7, 10_002, 5, 0, PASSIVE, SELL),
    (8, 10_002, 8, 0, MARKETABLE, BUY),
    (7, 0, 0, 0, CANCEL, 0),
    (9, 10_002, 4, 3, PASSIVE, SELL),
)


def last_line(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_tally_counts_trades_lots_and_fen() -> None:
    assert (Tally(2, 8, 5 * 10_001 + 3 * 10_002), 0) == tally(commands_of(CROSSING))


def test_every_order_has_one_account_and_all_accounts_trade() -> None:
    accounts = account_of(np.arange(100_000, dtype=np.uint32))

    assert set(range(1, ACCOUNTS + 1)) == set(accounts.tolist())


def test_calls_do_what_the_batch_does() -> None:
    commands = commands_of(order_flow(4_000, live=500))
    batched, called = open_market(commands), open_market(commands)
    codes, events = batched.run(commands)

    assert codes.tolist() == [call(*arguments) for call, arguments in calls_of(commands, called)]
    assert events.tolist() == called.drain()
    assert np.any(events["kind"] == TRADED)


def test_last_line_has_exactly_the_keys_named(capsys: pytest.CaptureFixture[str]) -> None:
    core.main(["--commands", "2000", "--live", "300", "--rounds", "1"])
    line = last_line(capsys)

    assert KEYS == list(line)
    assert {} == line["peers"]
    assert line["trades"] > 0


def test_workload_of_a_file_is_run_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "flow.npy"
    np.save(path, CROSSING)
    core.main(["--workload", str(path), "--rounds", "1"])
    line = last_line(capsys)

    assert [2, 8, 5 * 10_001 + 3 * 10_002] == [line["trades"], line["lots"], line["notional"]]


@pytest.mark.parametrize("content", [np.zeros(3), CROSSING[:0], CROSSING[["id", "price"]]])
def test_file_of_another_shape_is_an_error(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "flow.npy"
    np.save(path, content)

    with pytest.raises(ValueError, match=r"flow\.npy"):
        core.read_workload(path)


@pytest.mark.parametrize("instruments", [1, 3])
def test_peers_trade_what_the_kernel_trades(instruments: int) -> None:
    pytest.importorskip("bourse")
    pytest.importorskip("liquibook")
    flow = order_flow(6_000, instruments, live=600)
    expected, _ = tally(commands_of(flow))

    for peer in (peers.Bourse(flow), peers.Liquibook(flow, listens=True)):
        peers.run(peer)

        assert expected == peer.tally()


def test_peers_skip_cancels_of_orders_never_placed() -> None:
    pytest.importorskip("bourse")
    pytest.importorskip("liquibook")
    flow = workload((5, 0, 0, 0, CANCEL, 0), (1, 10_000, 1, 0, PASSIVE, BUY))

    for peer in (peers.Bourse(flow), peers.Liquibook(flow)):
        assert 1 == len(peer.calls)


def test_a_peer_that_disagrees_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    flow = order_flow(2_000, live=300)
    result = core.measure(flow, 300, rounds=1, with_peers=False)
    seconds = {**result.seconds, core.BOURSE: result.seconds[core.PER_CALL]}
    wrong = result._replace(seconds=seconds, peers={core.BOURSE: Tally(1, 1, 1)})

    assert "bourse: DISAGREES" in core.table(wrong)
    assert "agree" not in core.table(result)
