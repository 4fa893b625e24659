"""Instructions that the kernel executes for each command, counted by callgrind: `python -m benchmarks.instructions`.

Counts do not depend on the machine's mood, so that a regression shows. Only `Kernel.run`'s inner loop is counted, on a
book that is filled beforehand. Prints a table beside the counts kept and writes `results/instructions.json`; with
`--check PERCENT` it writes nothing and fails when a count grew by more. Needs valgrind.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.machine import RESULTS, ROOT, source
from benchmarks.market import batches_of, calls_of, commands_of, open_market
from benchmarks.orderflow import CANCEL, MARKETABLE, jumping_flow, order_flow
from engine.codes import OP_CANCEL

KEPT = RESULTS / "instructions.json"
COMMANDS = 20_000
LIVE = 5_000
COUNTED = "__pyx_f_6engine_6kernel_6Kernel__run"

Commands = npt.NDArray[np.void]


def scenarios() -> dict[str, tuple[Commands, Commands]]:
    """By name: the commands that fill the book, and those to count."""
    flow = order_flow(LIVE + COMMANDS, live=LIVE)
    book, mix = np.split(commands_of(flow), [LIVE])
    kinds = flow["op"][LIVE:]
    passive = np.split(commands_of(order_flow(2 * LIVE, live=2 * LIVE)), [LIVE])
    cancels = book.copy()
    cancels["op"] = OP_CANCEL
    found = {
        "mix": (book, mix),
        "passive": (passive[0], passive[1]),
        "cancel": (book, cancels[np.random.default_rng(1).permutation(LIVE)]),
        "cancel too late": (mix[:0], mix[kinds == CANCEL]),
        "marketable": (book, mix[kinds == MARKETABLE]),
    }
    for name, dense in (("jumping, sparse book", False), ("jumping, dense book", True)):
        filling, jumping = jumping_flow(COMMANDS, dense)
        commands = commands_of(np.concatenate([filling, jumping]))
        found[name] = (commands[: len(filling)], commands[len(filling) :])
    return found


def count(filling: Commands, counted: Commands) -> float:
    """Instructions for each of the counted commands. Raises CalledProcessError when valgrind fails."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("filling.npy", "counted.npy", "out")]
        for path, commands in zip(paths, (filling, counted), strict=False):
            np.save(path, commands)
        subprocess.run(  # noqa: S603
            [  # noqa: S607
                "valgrind",
                "--tool=callgrind",
                "--collect-atstart=no",
                f"--toggle-collect={COUNTED}",
                f"--callgrind-out-file={paths[2]}",
                sys.executable,
                "-m",
                "benchmarks.instructions",
                "--child",
                *map(str, paths[:2]),
            ],
            check=True,
            capture_output=True,
            cwd=ROOT,
        )
        total = re.search(r"^(?:totals|summary): (\d+)", paths[2].read_text(), re.MULTILINE)
    if total is None or total[1] == "0":
        raise RuntimeError(f"nothing was counted: has the kernel still a function {COUNTED}?")
    return round(int(total[1]) / len(counted), 1)


def child(filling: Commands, counted: Commands) -> None:
    """Fill by single calls, which are not counted, then run what is."""
    kernel = open_market(np.concatenate([filling, counted]))
    for call, arguments in calls_of(filling, kernel):
        call(*arguments)
    for batch in batches_of(counted, 1_000):
        kernel.run(batch)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--check", type=float, metavar="PERCENT")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        child(np.load(options.child[0]), np.load(options.child[1]))
        return 0
    kept = json.loads(KEPT.read_text())["per_command"] if KEPT.exists() else {}
    counts = {name: count(*commands) for name, commands in scenarios().items()}
    grown = []
    print(f"{'instructions for each command':32}{'now':>9}{'kept':>9}")
    for name, now in counts.items():
        print(f"{name:32}{now:>9,.1f}{kept.get(name, float('nan')):>9,.1f}")
        if options.check is not None and now > kept.get(name, now) * (1 + options.check / 100):
            grown.append(name)
    if options.check is None:
        KEPT.write_text(json.dumps({**source(), "per_command": counts}, indent=1) + "\n")
    elif grown:
        print(f"more than {options.check:g} % above the kept count: {', '.join(grown)}", file=sys.stderr)
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
