"""A real server process, and a client that keeps it busy and remembers what it was told."""

import asyncio
import itertools
import json
import sys
from pathlib import Path
from typing import Any

from gateway.client import Client, ClientError, Credentials, Stream
from gateway.wire import Ack, OrderCancel
from tests.gateway.house import SYM, order

SERVE = "import sys; from pathlib import Path; from gateway.app import run; from gateway.config import Config; "
SERVE += "data, url = Path(sys.argv[1]), (*sys.argv[2:], None)[0]; "
SERVE += "sys.exit(run(Config(data, url, port=0, unbacked_bottles=True, four_eyes=False, rates=None)))"
ROOT = Path(__file__).parents[2]
START_S = 120  # on a machine with much else to do


class Process:
    """`cellarbook serve` without its command line, on a port of its own choice."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.url = ""  # until it answers

    @classmethod
    async def launch(cls, data: Path, database: str | None = None) -> "Process":
        """Start it, and do not wait until it answers."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", SERVE, str(data), *filter(None, [database]),
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
            )
        )  # fmt: skip

    @classmethod
    async def start(cls, data: Path, database: str | None = None) -> "Process":
        server = await cls.launch(data, database)
        assert server.process.stdout is not None
        line = await asyncio.wait_for(server.process.stdout.readline(), START_S)
        assert line.startswith(b"cellarbook: http://"), line
        server.url = json.loads((data / "server.json").read_text())["url"]
        return server

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
    """Orders of one stream, and cancels of some, many in flight, until the server is gone.

    `acked` are the orders that it acknowledged, `acks` everything; `under_way` is set after the first `enough` orders.
    """

    def __init__(self, stream: Stream, enough: int = 500, prefix: str = "c") -> None:
        self.acked: dict[str, Ack] = {}
        self.acks: list[Ack] = []
        self.under_way = asyncio.Event()
        self._stream = stream
        self._enough = enough
        self._prefix = prefix

    async def run(self) -> None:
        for number in itertools.count():
            text = f"{'BS'[number % 2]} 1@{268_000 + 100 * (number % 7)}"
            try:
                (await self._stream.send(order(text, f"{self._prefix}{number}"))).add_done_callback(self._note)
                if number % 5 == 4:
                    cancel = OrderCancel(cid=f"{self._prefix}{number - 4}")
                    (await self._stream.send(cancel)).add_done_callback(self._note)
            except ClientError:
                return
            if number % 50 == 0:
                await asyncio.sleep(0)

    def _note(self, answer: "asyncio.Future[Any]") -> None:
        if answer.exception() is None:
            ack = answer.result()
            self.acks.append(ack)
            if ack.op == "order.new":
                self.acked[ack.cid] = ack
            if len(self.acked) == self._enough:
                self.under_way.set()
