"""Whether somebody sits at a screen, and what happens when it is gone."""

import os
import signal
import sys
from threading import Thread


def has_screen() -> bool:
    """Textual reads keys from stdin and draws on stderr, so all three streams must be a terminal's."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def end_with_the_window() -> None:
    """End at once when the window is closed; processes that we started follow by themselves.

    A program that draws may then be stuck in drawing, where no handler of a signal gets its turn, so a thread waits.
    Call it before any other thread begins.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    Thread(target=_await_hangup, name="hangup", daemon=True).start()


def _await_hangup() -> None:
    signal.sigwait({signal.SIGHUP})
    os._exit(128 + signal.SIGHUP)
