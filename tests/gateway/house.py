"""A whole exchange in this process for one test: real files, real sockets, port 0."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from gateway.app import Server
from gateway.client import Client, Credentials
from gateway.config import Config
from gateway.market import Market
from gateway.signing import KEY, NONCE, SIGN, TIMESTAMP
from gateway.wire import Encoding, OrderNew

SYM = "X"
ALL_SCOPES = ("read", "trade", "withdraw", "admin")
CASH_FEN, BOTTLES = 10**10, 10_000
LISTING = {"op": "list", "sym": SYM, "tick": 100, "lot": 1, "ref": 268_000, "max_qty": 500}


@dataclass
class House:
    """A running server, its parts, and clients that end with it."""

    server: Server
    market: Market
    stack: contextlib.AsyncExitStack
    operator: Client = field(init=False)

    async def client(self, acct: int, *scopes: str, encoding: Encoding = "msgpack") -> Client:
        """A client with a new key for an account: read and trade, unless `scopes` say otherwise."""
        key = await self.market.store.create_key(acct, list(scopes or ("read", "trade")))
        credentials = Credentials(key.key, bytes.fromhex(key.secret))
        return await self.stack.enter_async_context(Client(self.server.url, credentials, encoding))

    async def call(
        self,
        credentials: Credentials | None,
        method: str,
        path: str,
        body: bytes = b"",
        changed: Mapping[str, str] = {},
        at: str = "",
    ) -> tuple[int, Any]:
        """A raw request, signed when there are credentials, with headers `changed`: the status and the answer.

        It goes to the server of this house, or to the one `at` another URL.
        """
        headers = {}
        if credentials is not None:
            ts, nonce, sign = credentials.sign(method, path, body)
            headers = {KEY: credentials.key, TIMESTAMP: ts, NONCE: nonce, SIGN: sign}
        headers |= changed
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, (at or self.server.url) + path, data=body, headers=headers) as response,
        ):
            return response.status, json.loads(await response.read())


@contextlib.asynccontextmanager
async def house(data: Path, accounts: int = 2, **config: Any) -> AsyncIterator[House]:
    """One instrument, and accounts 1 to n with ample cash and bottles when the data is new; none under four eyes."""
    server = Server(
        Config(data=data, **{"port": 0, "unbacked_bottles": True, "four_eyes": False, "rates": None, **config})
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        it = House(server, await server.start(), stack)
        it.operator = await stack.enter_async_context(Client(server.url, Credentials.load(data / "operator.key")))
        if SYM not in it.market.exchange.instruments:
            commands: list[dict[str, Any]] = [LISTING]
            for acct in range(1, accounts + 1) if not server.config.four_eyes else ():
                commands.append({"op": "deposit", "acct": acct, "asset": "CNY", "amount": CASH_FEN})
                commands.append({"op": "deposit", "acct": acct, "asset": SYM, "amount": BOTTLES})
            await it.operator.admin(commands)
        yield it


def order(text: str, cid: str = "", tif: str = "GTC", sym: str = SYM) -> OrderNew:
    """`order("B 5@268000")`: side, quantity, price in fen."""
    side, rest = text.split()
    qty, px = rest.split("@")
    return OrderNew(sym=sym, side=side, px=int(px), qty=int(qty), cid=cid, tif=tif)  # type: ignore[arg-type]
