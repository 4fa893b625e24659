"""`cellarbook demo`: the server and the traders as children, the terminal on top, and all of them gone at the end."""

import asyncio
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Literal

from gateway.client import Client, Credentials
from terminal.demo.setup import collector_key, prepare
from terminal.options import ALONE
from terminal.server import AlreadyRunning, Child, NoServer, Server, is_ready, running
from terminal.tty import has_screen

POLL_S = 0.2


def launch(data: Path, port: int, seed: int, lang: Literal["zh", "en"] | None) -> None:
    """Run the demo until its terminal is closed, or until a signal. Raises AlreadyRunning, NoServer, ClientError."""
    found = running(data)
    if found and is_ready(found[0]):
        raise AlreadyRunning(data, *found)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with Server(data, port, None, *ALONE) as server:
            asyncio.run(_prepare(server))
            bots = ("terminal.demo.bots", server.url, str(data), str(seed))
            with Child(*bots, log=data / "bots.log") as traders:
                if has_screen():
                    from terminal.app import run_terminal

                    run_terminal(lambda: server.url, collector_key(data), lang)
                else:
                    _announce(server)
                    _watch(server, traders)
    except KeyboardInterrupt:
        pass


def _leave(number: int, _frame: FrameType | None) -> None:
    """End like Ctrl-C does, so that the children are stopped on the way out."""
    raise KeyboardInterrupt


async def _prepare(server: Server) -> None:
    async with Client(server.url, Credentials.load(server.data / "operator.key")) as operator:
        await prepare(operator, server.data)


def _announce(server: Server) -> None:
    print(f"the demo market is open at {server.url}")
    print(f"credentials: {collector_key(server.data)}")
    print(f"connect with: cellarbook terminal --data {server.data}")
    print("stop with Ctrl-C", flush=True)


def _watch(*children: Child) -> None:
    """Wait until a child ends, which none should. Raises NoServer."""
    while all(child.is_running() for child in children):
        time.sleep(POLL_S)
    for child in children:
        if not child.is_running():
            raise NoServer(f"a part of the demo stopped: {child.last_words()}")
