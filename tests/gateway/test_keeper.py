"""Snapshots are due by count and by time, are taken between two groups, and never stop the exchange."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.commands import CASH, Deposit
from engine.exchange import Exchange
from gateway.config import SNAPSHOT_EVERY, SNAPSHOT_S, SNAPSHOTS_KEPT
from gateway.keeper import Keeper
from ledger.snapshots import Snapshots


class Clock:
    ns = 0

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "snapshots")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keeper(exchange: Exchange, snapshots: Snapshots, clock: Clock) -> AsyncIterator[Keeper]:
    keeper = Keeper(exchange, snapshots, clock)
    yield keeper
    await keeper.close()


def deposit(exchange: Exchange, count: int = 1) -> None:
    exchange.apply([Deposit(1, 1, CASH, 1)] * count)


async def test_snapshot_is_due_after_so_many_commands(keeper: Keeper, exchange: Exchange) -> None:
    deposit(exchange, SNAPSHOT_EVERY - 1)
    assert not keeper.is_due
    deposit(exchange)
    assert keeper.is_due


async def test_snapshot_is_due_after_so_long_unless_nothing_happened(
    keeper: Keeper, exchange: Exchange, clock: Clock
) -> None:
    clock.ns = SNAPSHOT_S * 10**9
    assert not keeper.is_due
    deposit(exchange)
    assert keeper.is_due


async def test_snapshot_that_was_taken_is_not_due(keeper: Keeper, exchange: Exchange, clock: Clock) -> None:
    deposit(exchange)
    clock.ns = SNAPSHOT_S * 10**9
    await keeper.keep()

    assert not keeper.is_due


async def test_state_is_that_of_the_moment_whatever_comes_while_it_is_written(
    keeper: Keeper, exchange: Exchange, snapshots: Snapshots
) -> None:
    deposit(exchange, 3)
    expected = exchange.state_hash()
    keeping = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0)
    deposit(exchange, 2)
    await keeping

    kept = snapshots.newest(seq_max=5)
    assert kept is not None
    assert (3, expected) == (kept.seq, kept.state_hash())


async def test_old_snapshots_go(keeper: Keeper, exchange: Exchange, snapshots: Snapshots) -> None:
    for _ in range(SNAPSHOTS_KEPT + 2):
        deposit(exchange)
        await keeper.keep()

    assert SNAPSHOTS_KEPT == len(snapshots.seqs())


async def test_snapshot_of_nothing_is_not_written(keeper: Keeper, snapshots: Snapshots) -> None:
    await keeper.keep()

    assert [] == snapshots.seqs()


async def test_snapshot_that_cannot_be_written_is_logged(
    keeper: Keeper, exchange: Exchange, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    deposit(exchange)
    snapshots.folder.rmdir()
    with caplog.at_level(logging.ERROR):
        await keeper.keep()

    assert "no snapshot of command 1: [Errno 2] No such file or directory" in caplog.text
