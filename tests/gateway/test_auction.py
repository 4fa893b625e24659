"""An auction through the gateway: the book's readers follow it, and the audit finds nothing."""

from pathlib import Path
from typing import Any

from gateway.app import serving
from gateway.client import Client, Credentials
from gateway.config import Config
from gateway.wire import Book, OrderNew, Trades
from ledger.audit import audit
from terminal.state import Ladder

SYM = "X"
OPENING: list[dict[str, Any]] = [
    {"op": "list", "sym": SYM, "ref": 10_000, "stp": "none"},
    {"op": "deposit", "acct": 1, "asset": "CNY", "amount": 10**9},
    {"op": "deposit", "acct": 1, "asset": SYM, "amount": 1_000},
    {"op": "phase", "sym": SYM, "phase": "OPENING_CALL"},
]


async def test_mirror_of_the_book_is_right_after_an_uncross(tmp_path: Path) -> None:
    async with serving(Config(data=tmp_path, port=0, unbacked_bottles=True, four_eyes=False, rates=None)) as server:
        operator = Client(server.url, Credentials.load(tmp_path / "operator.key"))
        async with operator:
            await operator.admin(OPENING)
            key = await operator.create_key(1, ["read", "trade"])
            async with (
                Client(server.url, Credentials(key.key, bytes.fromhex(key.secret))) as client,
                await client.connect() as stream,
            ):
                await stream.subscribe(["book", "trades"], [SYM])
                for side, px, qty in (("B", 10_200, 4), ("B", 9_900, 2), ("S", 9_800, 3), ("S", 10_300, 5)):
                    await client.place(OrderNew(sym=SYM, side=side, px=px, qty=qty))  # type: ignore[arg-type]

                await operator.admin([{"op": "phase", "sym": SYM, "phase": "CONTINUOUS"}])

                mirror, sides = Ladder(), list[str]()
                expected = await client.book(SYM)
                async for frame in stream:
                    if isinstance(frame, Book):
                        mirror.apply(frame)
                    elif isinstance(frame, Trades):
                        sides += [trade.side for trade in frame.d]
                    if sides and not mirror.stale and mirror.levels("B", 9) == expected.b:
                        break

    assert ([(10_200, 1), (9_900, 2)], [(10_300, 5)]) == (mirror.levels("B", 9), mirror.levels("S", 9))
    assert [""] == sides
    assert audit(tmp_path).ok
