"""Whether somebody sits at a screen."""

import sys


def has_screen() -> bool:
    """Textual reads keys from stdin and draws on stderr, so all three streams must be a terminal's."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
