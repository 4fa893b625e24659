"""The projector keeps the ledger exactly once; the reader sees what it wrote."""

from contextlib import closing
from pathlib import Path

import pytest

from engine.events import Event
from engine.exchange import Exchange
from ledger.accounts import avail, hold
from ledger.databases import LEDGER, Databases, Location, connect, rows
from ledger.errors import ProjectorFault
from ledger.rules import OrderRow
from ledger.store import QUEUE_EVENTS_MAX, LedgerReader, Projector, read_balances
from tests.ledger.history import history


@pytest.fixture
def path(databases: Databases) -> Location:
    return databases.ledger


def groups_of(count: int = 300, size: int = 10) -> tuple[Exchange, list[list[Event]]]:
    exchange, commands = Exchange(), history(count)
    return exchange, [exchange.apply(commands[at : at + size]) for at in range(0, len(commands), size)]


def contents(location: Location) -> list[object]:
    with closing(connect(location, LEDGER)) as db:
        names = ("accounts", "entries", "postings", "balances", "orders", "trades", "days", "closings", "progress")
        return [rows(db, f"SELECT * FROM {name} ORDER BY 1") for name in names]


def project_all(path: Location, groups: list[list[Event]]) -> None:
    projector = Projector(path)
    for group in groups:
        projector.project(group)
    projector.close()


async def test_offered_events_are_in_the_ledger_after_drain(path: Location) -> None:
    exchange, groups = groups_of()
    projector = Projector(path)
    projector.start()
    for group in groups:
        projector.offer(group[-1].seq, group)
    await projector.drain()

    assert exchange.seq == projector.projected_seq
    assert 0 == projector.fullness
    with closing(connect(path, LEDGER)) as db:
        balances = dict(read_balances(db))
        assert exchange.balance(1, "MT").free == balances[avail(1, "MT")]
        assert exchange.balance(1, "CNY").held == balances[hold(1, "CNY")]
    await projector.stop()


async def test_stop_finishes_what_was_offered(path: Location) -> None:
    exchange, groups = groups_of()
    projector = Projector(path)
    projector.start()
    for group in groups:
        projector.offer(group[-1].seq, group)
    await projector.stop()

    assert exchange.seq == projector.projected_seq


async def test_events_offered_before_start_are_projected(path: Location) -> None:
    _, groups = groups_of()
    projector = Projector(path)
    projector.offer(groups[0][-1].seq, groups[0])
    assert len(groups[0]) / QUEUE_EVENTS_MAX == projector.fullness

    projector.start()
    await projector.drain()
    assert groups[0][-1].seq == projector.projected_seq
    await projector.stop()


def test_how_events_are_batched_changes_no_row(path: Location, tmp_path: Path) -> None:
    _, groups = groups_of()
    project_all(tmp_path / "by group", groups)
    project_all(path, [[event for group in groups for event in group]])

    expected, found = contents(tmp_path / "by group"), contents(path)
    assert expected == found


def test_events_offered_again_after_a_restart_are_passed_over(path: Location, tmp_path: Path) -> None:
    _, groups = groups_of()
    project_all(tmp_path / "once", groups)
    project_all(path, groups[:17])
    project_all(path, groups)

    assert contents(tmp_path / "once") == contents(path)


async def test_fault_is_told_at_once_and_raised_from_then_on(path: Location) -> None:
    _, groups = groups_of()
    projector = Projector(path)
    told: list[ProjectorFault] = []
    projector.on_fault = told.append
    projector.start()
    projector.offer(groups[0][-1].seq, groups[0])
    await projector.drain()
    projector.offer(groups[2][-1].seq, groups[2])  # groups[1] is missing

    with pytest.raises(ProjectorFault, match="came after"):
        await projector.drain()
    with pytest.raises(ProjectorFault):
        projector.offer(groups[1][-1].seq, groups[1])
    await projector.stop()
    assert ["the ledger stops after command 10: events of command 21 came after those of 10"] == [str(f) for f in told]


def test_failed_batch_leaves_no_row(path: Location) -> None:
    _, groups = groups_of()
    project_all(path, groups[:5])
    before = contents(path)
    projector = Projector(path)
    if isinstance(path, Path):
        refuse = "CREATE TEMP TRIGGER is_full BEFORE INSERT ON trades BEGIN SELECT RAISE(ABORT, 'is_full'); END"
    else:
        refuse = "ALTER TABLE trades ADD CONSTRAINT is_full CHECK (id < 0) NOT VALID"
    projector._writer.db.execute(refuse)

    with pytest.raises(ProjectorFault, match=r"the ledger stops after command 50: .*full"):
        projector.project([event for group in groups for event in group])
    projector.close()
    assert before == contents(path)


async def test_reader_answers_from_the_ledger(path: Location) -> None:
    exchange, groups = groups_of()
    project_all(path, groups)
    reader = LedgerReader(path)

    open_orders = await reader.orders(1, is_open=True)
    assert [order.oid for order in reversed(exchange.orders(1))] == [order.oid for order in open_orders]
    done = await reader.orders(1, is_open=False, limit=5)
    assert 5 == len(done)
    assert all(order.open == 0 for order in done)
    assert sorted({order.oid for order in done}, reverse=True) == [order.oid for order in done]

    bought = next(order for order in await reader.orders(1, limit=1000) if order.side == "B" and order.filled)
    assert bought == await reader.order(1, bought.cid)
    fills = await reader.fills(bought.oid)
    assert bought.filled == sum(fill.qty for fill in fills)
    assert bought.notional == sum(fill.qty * fill.px for fill in fills)
    assert bought.fee == sum(fill.buy_fee for fill in fills)

    trades = await reader.trades("MT", limit=3)
    assert [trades[0].id, trades[0].id - 1, trades[0].id - 2] == [trade.id for trade in trades]
    assert exchange.balances(1) == await reader.balances(1)
    assert await reader.order(1, "never was") is None
    await reader.close()


async def test_reader_sees_new_rows_beside_the_writer(path: Location) -> None:
    _, groups = groups_of()
    projector = Projector(path)
    reader = LedgerReader(path)
    assert [] == await reader.orders(1)

    projector.project([event for group in groups for event in group])

    newest: OrderRow = (await reader.orders(1, limit=1))[0]
    assert newest.oid > 0
    await reader.close()
    projector.close()
