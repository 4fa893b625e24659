"""How fen are written for people."""


def yuan(fen: int) -> str:
    """`268000` fen as `"2680.00"`."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
