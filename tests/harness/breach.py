"""What a proof ends with when a promise is broken."""


class Breach(Exception):
    pass


def require(condition: bool, what: str) -> None:
    """Raise Breach unless the condition holds."""
    if not condition:
        raise Breach(what)
