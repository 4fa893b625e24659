"""The client library: everything a program can ask of the exchange, typed, over HTTP and one socket.

    async with Client(url, Credentials.load(path)) as client:
        ack = await client.place(OrderNew(sym="FEITIAN-2021-500", side="B", px=268000, qty=1))
        async for frame in client.stream(["book"], ["FEITIAN-2021-500"]): ...

Money is integer fen here. A refusal or a missing server is a `ClientError` that carries the exchange's words.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from yarl import URL

from gateway import wire
from gateway.signing import KEY, NONCE, SIGN, TIMESTAMP, signature
from gateway.wire import (
    Ack,
    Balance,
    Band,
    BandSet,
    Book,
    Disconnected,
    Done,
    Encoding,
    Fault,
    Found,
    Frame,
    Instrument,
    Key,
    KeyNew,
    Order,
    OrderCancel,
    OrderNew,
    Trades,
)

WS_PATH = "/ws/v1"
TIMEOUT_S = 10
BACKOFF_S = (0.2, 0.5, 1, 2, 5)
SILENCE_S = 5  # without a heartbeat for so long, the socket is taken for dead

T = TypeVar("T")
Answer = Ack | Fault | Done | Order


class ClientError(Exception):
    """The exchange said no, or nothing. `fault` has its code, name, words and whether to try again.

    ClientError
    └── GatewayDown    no server answered
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.msg} ({fault.name})")
        self.fault = fault

    @property
    def name(self) -> str:
        return self.fault.name


class GatewayDown(ClientError):
    def __init__(self, url: str, why: object) -> None:
        words = f"no exchange answers at {url}: {why}"
        super().__init__(Fault(code=0, name="GATEWAY_DOWN", msg=words, retry="after", after_ms=1000))


@dataclass(frozen=True, slots=True)
class Credentials:
    key: str
    secret: bytes

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read {"key", "secret"} from a JSON file. Raises OSError, or ValueError for anything else."""
        data = json.loads(path.read_text())
        if not isinstance(data, dict) or not {"key", "secret"} <= data.keys():
            raise ValueError(f"{path} does not hold a key and its secret")
        return cls(str(data["key"]), bytes.fromhex(str(data["secret"])))

    def sign(self, method: str, path: str, body: bytes) -> tuple[str, str, str]:
        """Return timestamp, nonce and signature of a request made now."""
        ts, nonce = str(time.time_ns()), secrets.token_hex(12)
        return ts, nonce, signature(self.secret, ts, nonce, method, path, body)


class Client:
    """A connection to one exchange. Use it as an async context manager."""

    def __init__(self, url: str, credentials: Credentials | None = None, encoding: Encoding = "msgpack") -> None:
        self.url = url.rstrip("/")
        self.credentials = credentials
        self.encoding: Encoding = encoding
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None, "use the client as an async context manager"
        return self._session

    # ------------------------------------------------------------------------------------------------ market data

    async def time(self) -> int:
        """The exchange's clock, integer nanoseconds UTC."""
        return int((await self._call(dict[str, int], "GET", "/api/v1/time"))["ts"])

    async def instruments(self) -> list[Instrument]:
        return await self._call(list[Instrument], "GET", "/api/v1/instruments")

    async def book(self, sym: str) -> Book:
        return await self._call(Book, "GET", f"/api/v1/instruments/{quote(sym, safe='')}/book")

    async def trades(self, sym: str) -> Trades:
        """The last trades, oldest first."""
        return await self._call(Trades, "GET", f"/api/v1/instruments/{quote(sym, safe='')}/trades")

    # ------------------------------------------------------------------------------------------------ the account

    async def balances(self) -> list[Balance]:
        return await self._call(list[Balance], "GET", "/api/v1/balances")

    async def orders(self, status: str = "open", limit: int = 100) -> list[Order]:
        """Open orders; with status `all` the last ones, newest first."""
        return await self._call(list[Order], "GET", "/api/v1/orders", query={"status": status, "limit": limit})

    async def order(self, cid: str) -> Order:
        return await self._call(Order, "GET", f"/api/v1/orders/{quote(cid, safe='')}")

    async def place(self, order: OrderNew) -> Ack:
        """Place an order; returns when it is durable."""
        return await self._call(Ack, "POST", "/api/v1/orders", _untagged(order))

    async def cancel(self, cid: str) -> Ack:
        return await self._call(Ack, "DELETE", f"/api/v1/orders/{quote(cid, safe='')}")

    async def cancel_all(self, sym: str = "") -> int:
        """Cancel every open order, of one instrument when `sym` is given; returns how many there were."""
        query = {"sym": sym} if sym else None
        return (await self._call(dict[str, int], "DELETE", "/api/v1/orders", query=query))["cancelled"]

    async def call(self, method: str, path: str, **body: Any) -> Any:
        """Any other route of the API, as plain JSON both ways."""
        return await self._call(Any, method, path, msgspec.json.encode(body) if body else b"")

    # -------------------------------------------------------------------------------------------------- operators

    async def admin(self, commands: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Apply engine commands, in the form of `cellarbook engine`, as one durable step; return their events."""
        body = msgspec.json.encode(commands)
        return await self._call(list[dict[str, Any]], "POST", "/api/v1/admin/commands", body)

    async def create_key(self, acct: int, scopes: Sequence[str]) -> Key:
        body = wire.encode(KeyNew(acct=acct, scopes=list(scopes)), "json")
        return await self._call(Key, "POST", "/api/v1/admin/keys", body)

    async def state(self) -> dict[str, Any]:
        """Where the exchange stands: `seq`, the `hash` of its state, `projected_seq`, and whether it `follows`."""
        return await self._call(dict[str, Any], "GET", "/api/v1/state")

    async def bands(self) -> list[Band]:
        return await self._call(list[Band], "GET", "/api/v1/bands")

    async def set_band(self, sym: str, band: BandSet) -> Instrument:
        return await self._call(Instrument, "PUT", f"/api/v1/bands/{quote(sym, safe='')}", wire.encode(band, "json"))

    # ------------------------------------------------------------------------------------------------ the socket

    async def connect(self) -> "Stream":
        """Open a socket, logged in when there are credentials. Raises ClientError."""
        try:
            ws = await self.session.ws_connect(
                self.url + WS_PATH, protocols=[f"cellarbook.v1.{self.encoding}"], max_msg_size=0, compress=0
            )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:  # ValueError: not a URL
            raise GatewayDown(self.url, error) from error
        stream = Stream(ws, self.encoding)
        if self.credentials is not None:
            ts, nonce, sign = self.credentials.sign("GET", WS_PATH, b"")
            await stream.request(wire.Login(key=self.credentials.key, ts=ts, nonce=nonce, sign=sign))
        return stream

    async def stream(
        self, channels: Sequence[str], syms: Sequence[str], private: bool = False
    ) -> AsyncIterator[Frame | Disconnected]:
        """Yield the feed for ever: `Disconnected` when the socket is lost, and after it fresh snapshots.

        Raises ClientError when the exchange refuses the subscription.
        """
        wanted = wire.Subscribe(ch=[*channels, *(("exec", "balance") if private else ())], sym=list(syms))
        attempts = itertools.count()
        while True:
            try:
                async with await self.connect() as stream:
                    await stream.request(wanted)
                    attempts = itertools.count()
                    async for frame in stream:
                        yield frame
                why = stream.why
            except GatewayDown as error:
                why = str(error)
            yield Disconnected(why=why)
            await asyncio.sleep(BACKOFF_S[min(next(attempts), len(BACKOFF_S) - 1)])

    # -------------------------------------------------------------------------------------------------- plumbing

    async def _call(
        self, kind: type[T], method: str, path: str, body: bytes = b"", query: Mapping[str, Any] | None = None
    ) -> T:
        target = f"{path}?{urlencode(query)}" if query else path
        headers = {"Content-Type": "application/json"}
        if self.credentials is not None:
            ts, nonce, sign = self.credentials.sign(method, target, body)
            headers |= {KEY: self.credentials.key, TIMESTAMP: ts, NONCE: nonce, SIGN: sign}
        try:
            async with self.session.request(
                method, URL(self.url + target, encoded=True), data=body, headers=headers
            ) as response:
                data = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:  # ValueError: not a URL
            raise GatewayDown(self.url, str(error) or type(error).__name__) from error
        try:
            if response.status >= 400:
                raise ClientError(wire.decoder(Fault, "json").decode(data))
            decoded: T = wire.decoder(kind, "json").decode(data)
        except msgspec.DecodeError as error:
            raise GatewayDown(self.url, f"status {response.status}, and not in this protocol") from error
        return decoded


class Stream:
    """One socket: requests with many in flight, and the feed's frames by iterating."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, encoding: Encoding) -> None:
        self.why = ""
        self._ws = ws
        self._encoding: Encoding = encoding
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._follows = False  # the feed has begun, so a heartbeat comes every second
        self._raw = msgspec.json.decode if encoding == "json" else msgspec.msgpack.decode
        self._frame = wire.decoder(Frame, encoding).decode
        self._fault = wire.decoder(Fault, encoding).decode
        self._found = wire.decoder(Found, encoding).decode
        self._ack = wire.decoder(Ack, encoding).decode
        self._done = wire.decoder(Done, encoding).decode
        self._task = asyncio.get_running_loop().create_task(self._receive())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._ws.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        """The next frame of the feed; the end when the socket is gone."""
        frame = await self._frames.get()
        if frame is None:
            raise StopAsyncIteration
        return frame

    async def subscribe(self, channels: Sequence[str], syms: Sequence[str] = ()) -> None:
        await self.request(wire.Subscribe(ch=list(channels), sym=list(syms)))

    async def place(self, order: OrderNew) -> Ack:
        """Place an order; returns when it is durable. Many may be in flight; they are handled in order of sending."""
        ack = await self.request(order)
        assert isinstance(ack, Ack)
        return ack

    async def cancel(self, cid: str) -> Ack:
        ack = await self.request(OrderCancel(cid=cid))
        assert isinstance(ack, Ack)
        return ack

    async def request(self, request: wire.Request) -> Answer:
        """Send a request and wait for its answer. Raises ClientError."""
        return await (await self.send(request))

    async def send(self, request: wire.Request) -> "asyncio.Future[Answer]":
        """Send a request; the future has its answer, or a ClientError."""
        request.id = next(self._ids)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self._task.done():
            raise GatewayDown("the socket", self.why)
        self._answers[request.id] = answer
        data = wire.encode(request, self._encoding)
        try:
            if self._encoding == "json":
                await self._ws.send_str(data.decode())
            else:
                await self._ws.send_bytes(data)
        except (aiohttp.ClientError, ConnectionError) as error:
            self._answers.pop(request.id, None)
            raise GatewayDown("the socket", error) from error
        return answer

    async def _receive(self) -> None:
        try:
            while True:
                message = await self._ws.receive(timeout=SILENCE_S if self._follows else None)
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    self.why = f"the exchange closed the socket ({message.extra or message.type.name.lower()})"
                    break
                self._take(message.data)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.why = f"the socket is gone: {str(error) or 'silent for too long'}"
        finally:
            self._frames.put_nowait(None)
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(GatewayDown("the socket", self.why or "closed"))
                    answer.exception()  # whoever waits sees it; nobody else is warned

    def _take(self, data: Any) -> None:
        """Hand a message to whoever waits for it. Messages of kinds that we do not know are passed over."""
        plain = self._raw(data)
        op = plain.get("op")
        if "ch" in plain:
            self._follows = True
            with contextlib.suppress(msgspec.ValidationError):
                self._frames.put_nowait(self._frame(data))
            return
        answer = self._answers.pop(plain.get("id", 0), None)
        if answer is None or answer.done():
            return
        if op == "err":
            fault: Fault = self._fault(data)
            answer.set_exception(ClientError(fault))
        elif op in ("order.new", "order.cancel", "order.cancel_all"):
            answer.set_result(self._ack(data))
        elif op == "order.get":
            answer.set_result(self._found(data).order)
        else:
            answer.set_result(self._done(data))


def _untagged(order: OrderNew) -> bytes:
    """A new order as REST takes it, whose path says the operation."""
    data = msgspec.json.decode(wire.encode(order, "json"))
    del data["id"], data["op"]
    return msgspec.json.encode(data)
