"""The demo market: made once, kept moving by traders, and gone without a trace of a process when it is told to stop."""

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from gateway.app import serving
from gateway.client import Client, Credentials
from gateway.config import Config
from gateway.wire import Trades
from ledger.audit import audit
from ledger.journal import JournalReader
from marketplace import catalog
from terminal import cli
from terminal.demo import bots, setup
from terminal.options import Exit
from terminal.server import Child, running

SEED = 3


@asynccontextmanager
async def prepared(data: Path) -> AsyncIterator[Client]:
    """The operator's client of a demo exchange in this process."""
    async with (
        serving(Config(data, port=0, four_eyes=False, rates=None)) as server,
        Client(server.url, Credentials.load(data / "operator.key")) as operator,
    ):
        await setup.prepare(operator, data)
        yield operator


def keys_of(data: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in data.rglob("*.key")}


def commands_of(data: Path) -> int:
    """How many commands the exchange ever took, by its journal."""
    with closing(JournalReader(data / "journal.sqlite")) as journal:
        return journal.last_seq


async def test_demo_lists_the_catalogue_at_its_latest_prices(tmp_path: Path) -> None:
    async with prepared(tmp_path) as operator:
        listed = {instrument.sym: instrument for instrument in await operator.instruments()}

    assert list(catalog.load()) == list(listed)
    for sym, instrument in listed.items():
        assert 0 <= instrument.ref - catalog.reference_price(sym).price_fen < instrument.tick


async def test_demo_is_made_once(tmp_path: Path) -> None:
    async with prepared(tmp_path) as operator:
        keys = keys_of(tmp_path)
        await setup.prepare(operator, tmp_path)

    assert keys == keys_of(tmp_path)
    assert len(setup.market()) + len(setup.lots()) == commands_of(tmp_path)


async def test_collector_has_cash_bottles_and_a_key_of_their_own(tmp_path: Path) -> None:
    async with prepared(tmp_path) as operator:
        key = setup.collector_key(tmp_path)
        async with Client(operator.url, Credentials.load(key)) as collector:
            balances = {balance.asset: balance.free for balance in await collector.balances()}

    assert 0o600 == stat.S_IMODE(key.stat().st_mode)
    assert setup.COLLECTOR_FEN == balances.pop("CNY")
    assert dict.fromkeys(catalog.load(), setup.BOTTLES[setup.COLLECTOR]) == balances


async def test_traders_trade_and_the_books_balance(tmp_path: Path) -> None:
    traded: set[str] = set()
    async with prepared(tmp_path) as operator:
        trading = asyncio.create_task(bots.trade(operator.url, tmp_path, SEED))
        async with asyncio.timeout(30), await operator.connect() as feed:
            await feed.subscribe(["trades"], list(catalog.load()))
            async for frame in feed:
                if isinstance(frame, Trades) and frame.d:
                    traded.add(frame.sym)
                if len(traded) >= 10 or trading.done():
                    break
        trading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await trading

    assert 10 == len(traded)
    assert [] == audit(tmp_path).findings


@contextmanager
def demo(data: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A demo without a terminal, and what it says when it is open."""
    process = subprocess.Popen(
        [sys.executable, "-m", "terminal.cli", "demo", "--data", str(data)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process, [process.stdout.readline().strip() for _ in range(4)]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_demo_says_where_it_is_and_stops_with_all_its_processes(tmp_path: Path) -> None:
    with demo(tmp_path) as (process, said):
        found = running(tmp_path)
        assert found is not None
        assert f"the demo market is open at {found[0]}" == said[0]
        assert f"credentials: {setup.collector_key(tmp_path)}" == said[1]
        assert Exit.REFUSED == cli.run(["demo", "--data", str(tmp_path)])
        started = children(process.pid)
        assert 2 == len(started)

    assert 0 == process.returncode
    assert [] == [pid for pid in started if is_alive(pid)]
    assert running(tmp_path) is None
    first = commands_of(tmp_path)
    assert [] == audit(tmp_path).findings

    with demo(tmp_path) as (_, said):
        assert "the demo market is open" in said[0]
    assert first <= commands_of(tmp_path)
    assert [] == audit(tmp_path).findings


def test_killed_demo_takes_its_processes_with_it(tmp_path: Path) -> None:
    with demo(tmp_path) as (process, _):
        assert running(tmp_path) is not None
        process.kill()
        deadline = time.monotonic() + 20
        while running(tmp_path) is not None and time.monotonic() < deadline:
            time.sleep(0.05)

    assert running(tmp_path) is None
    assert [] == audit(tmp_path).findings


def test_window_that_is_closed_takes_everything_with_it(tmp_path: Path) -> None:
    """Closed at the worst moment: while a screen is drawn on that nobody reads any more."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    program = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from terminal.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "demo", "--data", str(tmp_path)],
        stdin=follower, stdout=follower, stderr=follower, start_new_session=True, env=os.environ | {"TERM": "xterm"},
    )  # fmt: skip
    os.close(follower)
    while b"FEITIAN" not in os.read(leader, 1 << 16):
        pass
    os.close(leader)
    try:
        assert 128 + signal.SIGHUP == process.wait(30)
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 20
    while running(tmp_path) is not None and time.monotonic() < deadline:
        time.sleep(0.05)

    assert running(tmp_path) is None
    assert [] == audit(tmp_path).findings


def test_last_words_of_a_killed_child_are_the_signal(tmp_path: Path) -> None:
    with Child("http.server", "0", "--bind", "127.0.0.1", log=tmp_path / "child.log") as child:
        child.process.kill()
        child.process.wait()

        assert "killed by signal 9" == child.last_words()
