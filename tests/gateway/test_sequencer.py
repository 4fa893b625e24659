"""The pipeline: durable before applied, applied before visible, and nothing after a fault."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from engine.commands import CASH, Command, Deposit
from engine.events import Event
from engine.exchange import Exchange
from gateway.errors import Problem
from gateway.sequencer import Sequencer
from ledger.journal import Journal
from ledger.recovery import recover


class Line:
    """A sequencer on real files, what it published, and the fault that it reported."""

    def __init__(self, data: Path) -> None:
        self.files = recover(data)
        self.now = 1_000
        self.published: list[Event] = []
        self.faults: list[BaseException] = []
        self.durable_when_published: list[int] = []
        self.sequencer = Sequencer(
            self.files.journal,
            self.files.exchange,
            self.files.projector,
            lambda: self.now,
            self.publish,
            self.faults.append,
        )

    @property
    def exchange(self) -> Exchange:
        return self.files.exchange

    def publish(self, events: Sequence[Event]) -> None:
        self.published += events
        self.durable_when_published.append(self.files.journal.last_seq)

    async def fault_of(self, *commands: Command) -> str:
        """The name of the problem that a submission ends in."""
        with pytest.raises(Problem) as caught:
            await self.sequencer.submit(*commands)
        return caught.value.fault.name


@contextlib.asynccontextmanager
async def line_at(data: Path) -> AsyncIterator[Line]:
    line = Line(data)
    line.files.projector.start()
    line.sequencer.start()
    try:
        yield line
    finally:
        await line.sequencer.stop()
        await line.files.projector.stop()
        line.files.journal.close()


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with line_at(tmp_path) as running:
        yield running


def deposit(amount: int, ts: int = 0) -> Deposit:
    return Deposit(ts, 7, CASH, amount)


async def test_each_submission_gets_the_events_of_its_own_commands(line: Line) -> None:
    futures = [line.sequencer.submit(deposit(amount), deposit(10 * amount)) for amount in range(1, 21)]

    amounts = [[event.amount for event in await future] for future in futures]  # type: ignore[union-attr]

    assert [[amount, 10 * amount] for amount in range(1, 21)] == amounts


async def test_what_queues_up_during_a_commit_is_one_group(line: Line) -> None:
    first = line.sequencer.submit(deposit(1))
    await asyncio.sleep(0)  # the first commit is on its way
    await asyncio.gather(first, *(line.sequencer.submit(deposit(1)) for _ in range(50)))

    assert [1, 50] == [len(group.commands) for group in line.files.journal.groups()]


async def test_commands_are_durable_before_anybody_sees_their_events(line: Line) -> None:
    for _ in range(3):
        await line.sequencer.submit(deposit(1))

    assert [1, 2, 3] == line.durable_when_published


async def test_the_time_of_commands_never_goes_back_and_is_the_servers(line: Line) -> None:
    times = []
    for line.now in (1_000, 400, 2_000):
        times += [event.ts for event in await line.sequencer.submit(deposit(1, ts=9_999))]

    assert [1_000, 1_000, 2_000] == times


async def test_the_books_get_all_that_was_acknowledged(line: Line) -> None:
    await asyncio.gather(*(line.sequencer.submit(deposit(1)) for _ in range(100)))
    await line.sequencer.projected()

    assert 100 == line.files.exchange.seq == line.files.projector.projected_seq


async def test_what_was_queued_is_finished_at_a_stop_and_nothing_after_it_is_taken(line: Line) -> None:
    queued = [line.sequencer.submit(deposit(1)) for _ in range(10)]
    await line.sequencer.stop()

    assert [1] * 10 == [len(future.result()) for future in queued]
    assert "BUSY" == await line.fault_of(deposit(1))


async def test_a_full_queue_refuses_more_before_memory_grows(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sequencer.QUEUE_MAX", 10)
    queued = [line.sequencer.submit(deposit(1)) for _ in range(10)]

    assert "BUSY" == await line.fault_of(deposit(1))
    await asyncio.gather(*queued)
    assert 1 == len(await line.sequencer.submit(deposit(1)))


async def test_after_a_failed_commit_nothing_is_applied_and_the_outcome_is_unknown(line: Line) -> None:
    await line.sequencer.submit(deposit(1))
    line.files.journal._db.close()  # every commit fails from now on
    doomed = [line.sequencer.submit(deposit(1)) for _ in range(3)]

    names = [result.fault.name for result in await asyncio.gather(*doomed, return_exceptions=True)]  # type: ignore[union-attr]

    assert ["OUTCOME_UNKNOWN"] * 3 == names
    assert (1, 1) == (line.exchange.seq, len(line.faults))
    assert "BUSY" == await line.fault_of(deposit(1))


@pytest.mark.parametrize("error", [AssertionError("book is crossed"), ZeroDivisionError()], ids=repr)
async def test_a_mistake_in_the_engine_stops_everything(
    line: Line, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(_commands: object) -> list[Event]:
        raise error

    monkeypatch.setattr(line.exchange, "apply", broken)

    assert "OUTCOME_UNKNOWN" == await line.fault_of(deposit(1))
    assert [error] == line.faults
    assert [] == line.published


async def test_a_client_that_gave_up_waiting_disturbs_nobody(line: Line) -> None:
    gone, waiting = line.sequencer.submit(deposit(1)), line.sequencer.submit(deposit(2))
    gone.cancel()

    assert 2 == (await waiting)[0].amount  # type: ignore[union-attr]
    assert 2 == line.exchange.seq


def test_a_journal_is_for_one_process_at_a_time(tmp_path: Path) -> None:
    with contextlib.closing(Journal(tmp_path / "journal.sqlite")), pytest.raises(Exception, match="in use"):
        recover(tmp_path)
