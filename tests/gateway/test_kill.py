"""A real server process, killed under load: what was acknowledged is there after the next start."""

import asyncio
import itertools
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.client import Client, ClientError, Credentials, Stream
from gateway.wire import Ack
from ledger.audit import audit
from tests.gateway.house import SYM, order

SERVE = "import sys; from pathlib import Path; from gateway.app import run; from gateway.config import Config; "
SERVE += "sys.exit(run(Config(data=Path(sys.argv[1]), port=0)))"
ROOT = Path(__file__).parents[2]
START_S = 30


class Process:
    """`cellarbook serve` without its command line, on a port of its own choice."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    @classmethod
    async def start(cls, data: Path) -> "Process":
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVE, str(data),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_S)
        assert line.startswith(b"cellarbook: http://"), line
        return cls(process, json.loads((data / "server.json").read_text())["url"])

    async def end(self, number: int) -> tuple[int, str]:
        """Send a signal; return the exit code and what was said on standard error."""
        self.process.send_signal(number)
        _, errors = await asyncio.wait_for(self.process.communicate(), START_S)
        assert self.process.returncode is not None
        return self.process.returncode, errors.decode()


async def trader_of(url: str, data: Path) -> Credentials:
    """List the instrument, give account 1 cash and bottles, and return a key for it."""
    async with Client(url, Credentials.load(data / "operator.key")) as operator:
        deposits = [{"op": "deposit", "acct": 1, "asset": asset, "amount": 10**12} for asset in ("CNY", SYM)]
        await operator.admin([{"op": "list", "sym": SYM, "ref": 268_000, "tick": 100, "stp": "none"}, *deposits])
        key = await operator.create_key(1, ["read", "trade"])
    return Credentials(key.key, bytes.fromhex(key.secret))


class Load:
    """Orders of one stream, many in flight, until the server is gone; `acked` are those that it acknowledged."""

    def __init__(self, stream: Stream, enough: int = 500) -> None:
        self.acked: dict[str, Ack] = {}
        self.under_way = asyncio.Event()
        self._stream = stream
        self._enough = enough

    async def run(self) -> None:
        for number in itertools.count():
            text = f"{'BS'[number % 2]} 1@{268_000 + 100 * (number % 7)}"
            try:
                (await self._stream.send(order(text, f"c{number}"))).add_done_callback(self._note)
            except ClientError:
                return
            if number % 50 == 0:
                await asyncio.sleep(0)

    def _note(self, answer: "asyncio.Future[Any]") -> None:
        if answer.exception() is None:
            self.acked[answer.result().cid] = answer.result()
            if len(self.acked) == self._enough:
                self.under_way.set()


async def test_every_acknowledged_order_outlives_a_kill_under_load(tmp_path: Path) -> None:
    server = await Process.start(tmp_path)
    credentials = await trader_of(server.url, tmp_path)
    async with Client(server.url, credentials) as client, await client.connect() as stream:
        load = Load(stream)
        running = asyncio.create_task(load.run())
        await asyncio.wait_for(load.under_way.wait(), START_S)
        code, _ = await server.end(signal.SIGKILL)
        await running
    assert -signal.SIGKILL == code

    server = await Process.start(tmp_path)
    async with Client(server.url, credentials) as client:
        found = [await client.order(cid) for cid in load.acked]
    assert [(ack.cid, ack.oid) for ack in load.acked.values()] == [(order.cid, order.oid) for order in found]
    assert (0, "") == await server.end(signal.SIGTERM)
    assert [] == audit(tmp_path).findings
    assert not (tmp_path / "server.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
async def test_a_failed_commit_ends_the_server_with_one_line_and_nothing_acknowledged_after_it(tmp_path: Path) -> None:
    """The file may not grow any more, as on a full disk."""
    import resource

    server = await Process.start(tmp_path)
    credentials = await trader_of(server.url, tmp_path)
    async with Client(server.url, credentials) as client, await client.connect() as stream:
        size = (tmp_path / "journal.sqlite-wal").stat().st_size
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, size))
        load = Load(stream)
        await load.run()
        _, errors = await asyncio.wait_for(server.process.communicate(), START_S)

    assert 1 == server.process.returncode
    assert 1 == sum(line.startswith(b"cellarbook: stopped:") for line in errors.splitlines())
    server = await Process.start(tmp_path)
    async with Client(server.url, credentials) as client:
        for cid, ack in load.acked.items():
            assert ack.oid == (await client.order(cid)).oid
    assert 0 == (await server.end(signal.SIGINT))[0]
