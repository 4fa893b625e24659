"""The engine as a program: one JSON command a line in, one JSON event a line out.

No server, no database, no clock: what `cellarbook engine` runs, and how anyone can replay a market or check a rule.
"""

import json
from io import BufferedIOBase
from typing import Any

from engine.codec import Malformed, command_from_json, event_to_json
from engine.codes import AMOUNT_MAX
from engine.events import Deposited, Listed, Withdrawn
from engine.exchange import Exchange
from engine.reject import Reject

LINE_MAX = 1 << 16  # bytes; a longer line is refused unread


def main(source: BufferedIOBase, sink: BufferedIOBase) -> None:
    """Answer every line of `source` on `sink`, until it ends.

    Reads what there is, answers all complete lines of it, flushes, and only then waits for more: quick for a
    program that asks line by line, and as fast as a file can be read.
    """
    session = Session()
    rest = b""
    skipping = False
    while chunk := source.read1(LINE_MAX):
        *lines, rest = (rest + chunk).split(b"\n")
        out: list[dict[str, Any]] = []
        for line in lines:
            too_long = skipping or len(line) > LINE_MAX
            out += [session.malformed("line too long")] if too_long else session.answer(line)
            skipping = False
        if len(rest) > LINE_MAX:
            skipping, rest = True, b""
        _write(sink, out)
    if rest or skipping:
        _write(sink, [session.malformed("line too long")] if skipping else session.answer(rest))


def _write(sink: BufferedIOBase, answers: list[dict[str, Any]]) -> None:
    sink.write(b"".join(json.dumps(a, separators=(",", ":")).encode() + b"\n" for a in answers))
    sink.flush()


class Session:
    """One exchange and the answers to the lines put to it."""

    def __init__(self) -> None:
        self.exchange = Exchange()

    def answer(self, line: bytes) -> list[dict[str, Any]]:
        """Apply one line and return its events. An empty line has none."""
        if not line.strip():
            return []
        try:
            data = json.loads(line.decode(), parse_constant=_no_constant, object_pairs_hook=_no_repetition)
            if isinstance(data, dict) and data.get("op") == "query":
                return [self.query(data)]
            events = self.exchange.apply([command_from_json(data)])
        except (ValueError, RecursionError) as error:
            return [self.malformed(str(error))]
        return [
            self.balances(event.acct) if isinstance(event, Deposited | Withdrawn) else event_to_json(event)
            for event in events
            if not isinstance(event, Listed)  # its band says as much
        ]

    def malformed(self, why: str) -> dict[str, Any]:
        return {"event": "rejected", "code": Reject.MALFORMED, "why": why[:200]}

    def balances(self, acct: int) -> dict[str, Any]:
        assets = {asset: balance._asdict() for asset, balance in self.exchange.balances(acct).items()}
        for asset, found in assets.items():
            if locked := self.exchange.locked(acct, asset):
                found["locked"] = locked
        return {"event": "balances", "acct": acct, "assets": assets}

    def query(self, data: dict[str, Any]) -> dict[str, Any]:
        """Answer a question about the state; it has no number and changes nothing. Raises Malformed."""
        if type(data.pop("ts", 0)) is not int:
            raise Malformed("ts: not an integer")
        if type(acct := data.get("acct", 0)) is int and abs(acct) > AMOUNT_MAX:
            raise Malformed("acct: out of range")
        match data:
            case {"op": "query", "what": "hash", **rest} if not rest:
                return {"event": "hash", "seq": self.exchange.seq, "hash": self.exchange.state_hash()}
            case {"op": "query", "what": "balances", "acct": int(acct), **rest} if not rest and type(acct) is int:
                return self.balances(acct)
            case {"op": "query", "what": "orders", "acct": int(acct), **rest} if not rest and type(acct) is int:
                orders = [order._asdict() for order in self.exchange.orders(acct)]
                return {"event": "orders", "acct": acct, "orders": orders}
            case {"op": "query", "what": "book", "sym": str(sym), **rest} if not rest:
                if sym not in self.exchange.instruments:
                    return {"event": "rejected", "code": Reject.UNKNOWN_INSTRUMENT}
                bids, asks = self.exchange.book(sym)
                return {"event": "book", "sym": sym, "bids": bids, "asks": asks}
        raise Malformed("query: what is balances or orders (acct), book (sym) or hash")


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise Malformed("a field is given twice")
    return data


def _no_constant(name: str) -> None:
    raise Malformed(f"{name} is not a number here")
