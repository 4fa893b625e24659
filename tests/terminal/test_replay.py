"""A recording goes through the whole stack in its own order, and comes out as an independent matcher says."""

import asyncio
import os
import signal
from itertools import chain
from pathlib import Path

import pytest

from gateway.app import serving
from gateway.client import Client, Credentials, GatewayDown
from gateway.config import Config
from ledger.audit import audit
from terminal import cli
from terminal.options import ALONE, Exit
from terminal.recording import Place, Recording, read
from terminal.replay import ACCOUNTS, BURST_MAX, Replay, ReplayFault, Totals, cover, turns
from terminal.server import Server
from tests.terminal.flows import write_flow
from tests.terminal.matcher import match

REAL = Path(__file__).parents[3] / "shared" / "data" / "bitstamp_orders_2015-05-01.csv.xz"


def fields(output: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)


def test_turns_keep_the_order_and_give_each_cancel_to_its_orders_account(tmp_path: Path) -> None:
    recording = read(write_flow(tmp_path / "flow.csv", seed=3, rows=5_000))

    bursts = list(turns(recording))

    assert recording.steps == list(chain.from_iterable(burst for _, burst in bursts))
    assert BURST_MAX >= max(len(burst) for _, burst in bursts)
    assert set(range(ACCOUNTS)) == {account for account, _ in bursts}
    owners = {step.cid: account for account, burst in bursts for step in burst if isinstance(step, Place)}
    assert all(owners[step.cid] == account for account, burst in bursts for step in burst)


def test_cover_is_what_all_orders_together_need(tmp_path: Path) -> None:
    recording = read(write_flow(tmp_path / "flow.csv", seed=3, rows=1_000))
    orders = [step for step in recording.steps if isinstance(step, Place)]

    cash, quantity = cover(recording)

    assert sum(order.px * order.qty for order in orders if order.side == "B") == sum(cash)
    assert sum(order.qty for order in orders if order.side == "S") == sum(quantity)


def test_recording_larger_than_an_exchange_is_refused() -> None:
    orders = [Place(str(number), "B", 1 << 24, 1 << 40) for number in range(5)]

    with pytest.raises(ReplayFault, match="worth more"):
        cover(Recording(steps=[*orders], created=5))


def test_replay_trades_what_an_independent_matcher_trades(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_flow(tmp_path / "flow.csv", seed=1, rows=6_000)

    assert Exit.OK == cli.run(["replay", str(path)])

    out = capsys.readouterr().out
    expected = match(read(path).steps)
    found = fields(out)
    assert expected == (int(found["trades"]), int(found["quantity"]), int(found["notional"]))
    assert expected.trades > 500
    assert "0" == found["rejected"]
    assert found["cancels"] == str(int(found["cancelled"]) + int(found["already done"]))
    assert "audit: ok" == out.splitlines()[-1]


def test_replay_into_a_kept_directory_can_be_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_flow(tmp_path / "flow.csv", seed=2, rows=300)
    command = ["replay", str(path), "--data", str(tmp_path / "exchange")]

    first, second = (cli.run(command), capsys.readouterr().out), (cli.run(command), capsys.readouterr().out)

    assert (Exit.OK, Exit.OK) == (first[0], second[0])
    trades = [fields(out)["trades"] for _, out in (first, second)]
    assert trades[0] == trades[1]


def test_orders_too_large_for_the_exchange_are_rejects_by_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "flow.csv"
    path.write_text(
        "id,timestamp,exchange.timestamp,price,volume,action,direction\n"
        f"1,1,1,1000.00,{1 << 37},created,bid\n2,2,2,1000.00,5,created,bid\n3,3,3,999.00,4,created,ask\n"
    )

    assert Exit.OK == cli.run(["replay", str(path)])

    found = fields(capsys.readouterr().out)
    assert ("1", "2", "1", "4") == tuple(
        found[name] for name in ("rejected ABOVE_MAX_QTY", "accepted", "trades", "quantity")
    )


def test_bad_line_is_reported_and_nothing_is_applied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_flow(tmp_path / "flow.csv", seed=1, rows=100)
    with path.open("a") as file:
        file.write("9,1,1,1.001,1,created,bid\n")
    data = tmp_path / "exchange"

    assert Exit.USAGE == cli.run(["replay", str(path), "--data", str(data)])

    error = capsys.readouterr().err
    assert f"cellarbook: {path} line 102: price '1.001': not a decimal with at most 2 places\n" == error
    assert not data.exists()


@pytest.mark.slow
def test_replay_of_a_real_market_matches_the_independent_matcher(capsys: pytest.CaptureFixture[str]) -> None:
    if not REAL.exists():
        pytest.skip(f"the shared recording is not there: {REAL.name}")

    assert Exit.OK == cli.run(["replay", str(REAL)])

    found = fields(capsys.readouterr().out)
    totals = match(read(REAL).steps)
    assert totals == (int(found["trades"]), int(found["quantity"]), int(found["notional"]))
    assert ("50414", "24894", "0", "ok") == tuple(found[name] for name in ("rows", "accepted", "rejected", "audit"))


def test_killed_server_comes_back_with_every_acknowledged_order(tmp_path: Path) -> None:
    data = tmp_path / "exchange"
    recording = read(write_flow(tmp_path / "flow.csv", seed=5, rows=6_000))

    with Server(data, 0, None, "--unbacked-bottles", *ALONE) as server:
        totals = asyncio.run(replay_until_killed(server, recording, 1_500))
    with Server(data, 0, None, "--unbacked-bottles", *ALONE) as server:
        known = asyncio.run(known_orders(server))

    assert 500 < len(totals.acks) < recording.created
    assert set() == totals.acks.keys() - known
    assert [] == audit(data).findings


async def replay_until_killed(server: Server, recording: Recording, sent: int) -> Totals:
    """Replay, and kill -9 the server with requests in flight after `sent` answers."""
    async with Client(server.url, Credentials.load(server.data / "operator.key")) as operator:
        reached = asyncio.Event()
        replay = Replay(operator, recording, lambda so_far: reached.set() if so_far >= sent else None)

        async def kill() -> None:
            await reached.wait()
            os.kill(server.process.pid, signal.SIGKILL)

        killing = asyncio.create_task(kill())
        with pytest.raises(GatewayDown):
            await replay.run()
        await killing
        return replay.totals


async def known_orders(server: Server) -> set[str]:
    """The client order ids of every order that the exchange knows, open or done."""
    found: set[str] = set()
    async with Client(server.url, Credentials.load(server.data / "operator.key")) as operator:
        for place in range(1, ACCOUNTS + 1):
            key = await operator.create_key(1_000_000 + place, ["read"])
            async with Client(server.url, Credentials(key.key, bytes.fromhex(key.secret))) as client:
                found |= {order.cid for order in await client.orders("all", 1_000)}
    return found


async def test_replay_counts_while_it_runs(tmp_path: Path) -> None:
    recording = read(write_flow(tmp_path / "flow.csv", seed=4, rows=2_000))
    seen: list[int] = []

    async with (
        serving(Config(tmp_path / "exchange", port=0, unbacked_bottles=True, four_eyes=False, rates=None)) as server,
        Client(server.url, Credentials.load(tmp_path / "exchange" / "operator.key")) as operator,
    ):
        await Replay(operator, recording, seen.append).run()

    assert sorted(seen) == seen
    assert len(recording.steps) == seen[-1]
