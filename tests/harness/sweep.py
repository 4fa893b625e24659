"""sweep: kill the program, or fail its system call, at the n-th write or sync; nothing acknowledged is lost.

One point is a run with a fault, a second run that recovers under another fault, and the comparison with the history.
Needs strace and the right to trace.
"""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from engine.exchange import Exchange
from ledger.audit import audit
from tests.harness.breach import Breach, require
from tests.harness.line import history
from tests.ledger.history import opened

CALLS = {"pwrite64": 2_000, "fdatasync": 60, "fsync": 10}  # and about how many of each a whole run makes
FAULTS = ("signal=SIGKILL", "error=EIO", "error=ENOSPC")


class Run(NamedTuple):
    code: int
    told: int  # the last command that it acknowledged
    errors: str


def prove(points: int, seed: int) -> str:
    """Raise Breach when something acknowledged is lost, or when a fault ends in anything but one line."""
    strace = shutil.which("strace")
    if not strace or subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True).returncode:
        return "skipped: strace is not there, or may not trace"
    ends: Counter[str] = Counter()
    for number in range(points):
        with TemporaryDirectory(prefix="cellarbook-sweep-") as folder:
            ends += _point(Random(f"{seed} {number}"), number, Path(folder), strace)
    return f"{points} points, {ends['killed']} killed, {ends['failed']} failed, {ends['missed']} missed, 0 lost"


def _point(rng: Random, number: int, data: Path, strace: str) -> Counter[str]:
    ends: Counter[str] = Counter()
    told = 0
    for share in (1, 20):  # the second is early, where it recovers from the first
        call = rng.choice([*CALLS, "pwrite64", "pwrite64", "fdatasync"])
        fault = f"{call}:{rng.choice(FAULTS)}:when={rng.randint(1, max(1, CALLS[call] // share))}"
        run = _traced(strace, fault, data, number)
        told = max(told, run.told)
        match run.code:
            case 0:
                ends["missed"] += 1
            case 1 if run.errors.startswith("stopped: ") and run.errors.count("\n") == 1:
                ends["failed"] += 1
            case 137 | -9:
                ends["killed"] += 1
            case code:
                raise Breach(f"point {number}, {fault}: ended with {code}: {run.errors}")
    _examine(data, number, told)
    return ends


def _traced(strace: str, fault: str, data: Path, seed: int) -> Run:
    quick = [] if "SIGKILL" in fault else ["--seccomp-bpf"]  # under which strace sends no signals
    tracer = [strace, "-f", *quick, "-qq", "-o", "/dev/null", "-e", f"trace={','.join(CALLS)}", "-e", f"inject={fault}"]
    program = [sys.executable, "-m", "tests.harness.line", str(data), str(seed)]
    done = subprocess.run([*tracer, *program], capture_output=True, text=True)
    said = done.stdout.split("\n")[:-1]  # a line without its end was not said
    return Run(done.returncode, int(said[-1]) if said else 0, done.stderr)


def _examine(data: Path, seed: int, told: int) -> None:
    """Recover without faults, and compare with the history. Raises Breach."""
    with opened(data) as books:
        found, state = books.exchange.seq, books.exchange.state_hash()
    expected = Exchange()
    expected.apply(history(seed)[:found])
    require(found >= told, f"point {seed}: {told} was acknowledged, {found} is the last command")
    require(state == expected.state_hash(), f"point {seed}: another state after command {found}")
    require((report := audit(data)).ok, f"point {seed}: {report}")
