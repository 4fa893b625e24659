"""Finding the server of a data directory, and running one as a child process.

A running server writes `server.json` {url, pid} into its data directory, and the first one writes `operator.key`.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from terminal.options import DATABASE

STOP_S = 15  # for a clean shutdown, before the child is killed
START_S = 60  # for recovery of a long journal
POLL_S = 0.05


class NoServer(Exception):
    """There is no server where one should be; the message says where it was looked for."""


class AlreadyRunning(Exception):
    def __init__(self, data: Path, url: str, pid: int) -> None:
        super().__init__(
            f"an exchange runs on {data} already, at {url} (process {pid}); "
            f"connect with `cellarbook terminal --data {data}`"
        )


class Child:
    """A module of this program as a process, in a session of its own so that Ctrl-C reaches it only through `stop`."""

    def __init__(self, *arguments: str, log: Path, database: str | None = None) -> None:
        """The database is handed over where other users of the machine cannot see it, and none is inherited."""
        self.log = log
        environment = {name: value for name, value in os.environ.items() if name != DATABASE}
        with log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own program and arguments
                [sys.executable, "-P", "-m", "terminal.child", *arguments],
                stdin=subprocess.PIPE,  # its end tells the child that we are gone
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=environment | ({DATABASE: database} if database else {}),
            )

    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask the child to end, and make it end if it does not."""
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.communicate()

    def last_words(self) -> str:
        """Why it ended: the signal that killed it, or the last line of its log."""
        if (self.process.poll() or 0) < 0:
            return f"killed by signal {-self.process.returncode}"
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1].removeprefix("cellarbook: ") if lines else "it said nothing"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Server(Child):
    """An exchange server on a data directory, answering when the constructor returns. Raises NoServer."""

    def __init__(self, data: Path, port: int = 0, database: str | None = None, *options: str) -> None:
        """`options` are more of `cellarbook serve`."""
        data.mkdir(parents=True, exist_ok=True)
        arguments = ("serve", "--data", str(data), "--port", str(port), *options)
        super().__init__("terminal.cli", *arguments, log=data / "server.log", database=database)
        self.data = data
        try:
            self.url = self._await_ready()
        except BaseException:
            self.stop()
            raise

    def _await_ready(self) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if not self.is_running():
                raise NoServer(f"the server on {self.data} did not start: {self.last_words()}")
            found = running(self.data)
            if found and found[1] == self.process.pid and is_ready(found[0]):
                return found[0]
            time.sleep(POLL_S)
        raise NoServer(f"the server on {self.data} was not ready within {START_S} s; see {self.log}")


def running(data: Path) -> tuple[str, int] | None:
    """The url and pid of the server that runs on a data directory, by what it wrote there."""
    try:
        said = json.loads((data / "server.json").read_text())
        url, pid = str(said["url"]), int(said["pid"])
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url, pid


def find(url: str | None, data: Path) -> str:
    """The url to talk to: the given one, or that of the server on the data directory. Raises NoServer."""
    if url:
        return url
    found = running(data)
    if found is None:
        raise NoServer(f"no server runs on {data}; start one with `cellarbook serve`, or say where it is with --url")
    return found[0]


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=2) as answer:  # noqa: S310 - our own server's url
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False
