"""`python -m tests.harness NAME`: run one proof; its figure is the last line, and a breach ends it with exit code 1."""

import argparse
import sys
from collections.abc import Callable

from tests.harness import diskfull, kill9, pgkill, replay, restore, sim, sweep
from tests.harness.breach import Breach

# name -> (proof, size of the short form, size of the long form); each returns its figure
PROOFS: dict[str, tuple[Callable[[int, int], str], int, int]] = {
    "kill9": (kill9.prove, 10, 100),
    "pgkill": (pgkill.prove, 2, 20),
    "diskfull": (diskfull.prove, 1, 5),
    "replay": (replay.prove, 100, 1_000),
    "restore": (restore.prove, 1, 10),
    "sweep": (sweep.prove, 20, 300),
    "sim": (sim.prove, 20_000, 5_000_000),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.harness", description=__doc__)
    parser.add_argument("name", choices=PROOFS)
    parser.add_argument("--long", action="store_true", help="the form for a release")
    parser.add_argument("--cycles", type=int, help="this many cycles, cuts or commands")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    prove, short, long = PROOFS[args.name]
    size = args.cycles or (long if args.long else short)
    if size < 1:
        parser.error("--cycles: at least 1")
    try:
        figure = prove(size, args.seed)
    except Breach as breach:
        print(f"{args.name}: breach: {breach}", file=sys.stderr)
        return 1
    print(f"{args.name}: {figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
