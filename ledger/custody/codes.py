"""The pickup code: what the holder shows and the warehouse checks. Only its digest is kept.

80 random bits in Crockford's base 32, which has no letters that look like digits. The digest needs neither salt nor a
slow hash: nobody goes through 2^80 codes.
"""

import hmac
import io
import secrets
from hashlib import sha256
from typing import NamedTuple

import segno

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16  # symbols of 5 bits
PREFIX = "CELLARBOOK"
_READ_AS = str.maketrans("OIL", "011", "- ")


class Slip(NamedTuple):
    """A code for its holder, told once. `text` is what the QR says, `terminal` draws it with block characters."""

    pickup: int
    code: str
    text: str
    svg: str
    terminal: str


def new_slip(pickup: int) -> Slip:
    symbols = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    code = "-".join(symbols[at : at + 4] for at in range(0, LENGTH, 4))
    text = f"{PREFIX}:{pickup}:{code}"
    drawn = segno.make_qr(text, error="m")
    blocks = io.StringIO()
    drawn.terminal(blocks, compact=True)
    return Slip(pickup, code, text, drawn.svg_inline(scale=4), blocks.getvalue())


def read(scanned: str) -> tuple[int, str] | None:
    """The pickup's number and the code in what a scanner saw, None when it is something else."""
    prefix, _, rest = scanned.strip().partition(":")
    number, _, code = rest.partition(":")
    if prefix != PREFIX or not (number.isascii() and number.isdecimal()) or len(number) > 18 or not code:
        return None
    return int(number), code


def digest(pickup: int, code: str) -> str:
    """What is kept of a code, however it was typed: case, dashes and letters that look like digits do not matter."""
    return sha256(f"{pickup}:{code.upper().translate(_READ_AS)}".encode()).hexdigest()


def matches(pickup: int, code: str, kept: str) -> bool:
    return hmac.compare_digest(digest(pickup, code), kept)
