"""Text from people: one form for what looks the same, and nothing that a screen would act on."""

import unicodedata

from gateway.errors import Problem

NAME_MAX = 64  # characters
REFUSED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format, half characters, private, unassigned, breaks


def clean(text: str, field: str, most: int = NAME_MAX) -> str:
    """A name as it is kept: NFKC, single spaces, none around it. Raises Problem for what is no name."""
    folded = " ".join(part for part in unicodedata.normalize("NFKC", text).split(" ") if part)
    if any(unicodedata.category(char) in REFUSED for char in folded):
        raise Problem("MALFORMED", field=field, msg=f"{field} has characters that are not text")
    if len(folded) > most:
        raise Problem("MALFORMED", field=field, msg=f"{field} has at most {most} characters")
    return folded


def login_name(text: str) -> str:
    """The name to log in with: the same whatever its case. Raises Problem."""
    name = unicodedata.normalize("NFKC", clean(text, "login").casefold())
    if len(name) < 3 or " " in name:
        raise Problem("MALFORMED", field="login", msg="a login has 3 to 64 characters and no space")
    return name
