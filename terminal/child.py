"""Run a module as a child process that ends when its parent does, however that ends.

`python -m terminal.child MODULE ARGUMENTS…`. The parent holds our standard input open and writes nothing; the end of it
is the end of the parent, and then we ask ourselves to stop like anybody else would.
"""

import os
import runpy
import signal
import sys
from threading import Thread


def end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    Thread(target=end_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
