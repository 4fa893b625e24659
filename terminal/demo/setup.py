"""The demo's exchange, made once: the catalogue listed, accounts opened with cash and bottles, keys given out.

The market is one atomic group of commands, so it is either there or not. Bottles come in through a warehouse, each with
a serial (`stock`); what an earlier start left undone there, and missing keys, are made good.
"""

import json
import os
from pathlib import Path
from typing import Any

from engine.commands import CASH
from gateway.client import Client
from gateway.wire import Key
from marketplace import catalog
from terminal.demo import stock
from terminal.demo.personas import tick_of
from terminal.demo.stock import Lot

COLLECTOR = 1  # you
MAKERS = (11, 12)
COLLECTORS = (21, 22, 23, 24, 25, 26)

COLLECTOR_FEN = 500_000_00  # cash to start with
BOT_FEN = 100_000_000_000
BOTTLES = {COLLECTOR: 6} | dict.fromkeys(MAKERS, 240) | dict.fromkeys(COLLECTORS, 60)  # of a line
BAND_BP = 1000
MAKER_FEE_BP, TAKER_FEE_BP = 10, 20
ORDER_BOTTLES_MAX = 500


def market() -> list[dict[str, Any]]:
    """Return the operator's commands that make the market, in the form of `cellarbook engine`."""
    commands: list[dict[str, Any]] = []
    for sym in catalog.load():
        price_fen = catalog.reference_price(sym).price_fen
        tick = tick_of(price_fen)
        commands.append(
            {
                "op": "list", "sym": sym, "tick": tick, "lot": 1, "ref": -(-price_fen // tick) * tick,
                "up_bp": BAND_BP, "down_bp": BAND_BP, "min_qty": 1, "max_qty": ORDER_BOTTLES_MAX,
                "maker_bp": MAKER_FEE_BP, "taker_bp": TAKER_FEE_BP,
            }
        )  # fmt: skip
    for acct in (COLLECTOR, *MAKERS, *COLLECTORS):
        cash_fen = COLLECTOR_FEN if acct == COLLECTOR else BOT_FEN
        commands.append({"op": "deposit", "acct": acct, "asset": CASH, "amount": cash_fen})
    return commands


def lots() -> list[Lot]:
    """What everybody begins with: you and the makers with every line, each collector with a third of them."""
    return [
        Lot(sym, acct, qty)
        for place, sym in enumerate(catalog.load())
        for acct, qty in BOTTLES.items()
        if acct not in COLLECTORS or (acct + place) % 3 == 0
    ]


def collector_key(data: Path) -> Path:
    """The file with your credentials."""
    return data / "collector.key"


def bot_key(data: Path, acct: int) -> Path:
    return data / "bots" / f"{acct}.key"


async def prepare(operator: Client, data: Path) -> None:
    """Make what is missing of the demo; the second time nothing is. Raises ClientError."""
    listed = {instrument.sym for instrument in await operator.instruments()}
    if not listed >= catalog.load().keys():
        await operator.admin(market())
    await stock.fill(operator, lots())
    paths = {COLLECTOR: collector_key(data)} | {acct: bot_key(data, acct) for acct in (*MAKERS, *COLLECTORS)}
    for acct, path in paths.items():
        if not is_there(path):
            save(path, await operator.create_key(acct, ["read", "trade", "withdraw"]))


def is_there(path: Path) -> bool:
    return path.is_file()


def save(path: Path, key: Key) -> None:
    """Write credentials, whole or not at all, to a file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"key": key.key, "secret": key.secret}, file)
    partial.rename(path)
