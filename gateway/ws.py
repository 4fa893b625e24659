"""The socket: one connection for orders and feed, in JSON or MessagePack.

Requests are handled in the order in which they come; an order is submitted at once and answered when it is durable,
so a client may have many in flight. What the feed sends goes out in one write a tick.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from engine.commands import Cancel, CancelAll
from engine.events import Event, Rejected
from gateway import wire
from gateway.access.sessions import shows_session
from gateway.auth import require
from gateway.config import BUFFER_MAX, FRAME_MAX, OWED_MAX
from gateway.errors import Problem
from gateway.feed import PRIVATE, PUBLIC
from gateway.limits import neighbours
from gateway.market import Market
from gateway.orders import cancel_ack, place_ack
from gateway.rest import MARKET, malformed
from gateway.store import Identity
from gateway.wire import Ack, Done, Encoding, Fault, Found

PATH = "/ws/v1"
DECODERS = {encoding: wire.decoder(wire.AnyRequest, encoding) for encoding in wire.SUBPROTOCOLS.values()}
IN_FLIGHT_MAX = 1_024  # orders of one socket that wait for their ack; beyond, we stop reading from it


class Socket:
    """One connection. Writes go straight to the transport, whole frames at a time."""

    def __init__(
        self,
        market: Market,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport,
        encoding: Encoding,
        ip: str,
        identity: Identity | None = None,
    ) -> None:
        self.market = market
        self.ws = ws
        self.encoding: Encoding = encoding
        self.identity = identity
        self._ip = ip
        self._transport = transport
        self._opcode = b"\x81" if encoding == "json" else b"\x82"
        self._in_flight = 0
        self._room = asyncio.Event()
        self._room.set()

    @property
    def acct(self) -> int | None:
        return self.identity.acct if self.identity else None

    # --------------------------------------------------------------------------------------------------- sending

    def write(self, messages: list[bytes]) -> None:
        """Send encoded messages. A client that does not read its own answers is cut off: they are not conflated."""
        if self._transport.get_write_buffer_size() > OWED_MAX:
            self._transport.abort()
        elif not self._transport.is_closing():
            self._transport.write(b"".join(self._framed(message) for message in messages))

    def cut_off(self) -> None:
        """Close, for this client may not go on."""
        self._transport.write(struct.pack("!BBH", 0x88, 2, WSCloseCode.POLICY_VIOLATION))
        self._transport.close()

    def is_slow(self) -> bool:
        return self._transport.get_write_buffer_size() > BUFFER_MAX

    def _framed(self, payload: bytes) -> bytes:
        """A whole unmasked frame (RFC 6455 section 5.2)."""
        size = len(payload)
        if size < 126:
            return self._opcode + struct.pack("!B", size) + payload
        if size < 1 << 16:
            return self._opcode + struct.pack("!BH", 126, size) + payload
        return self._opcode + struct.pack("!BQ", 127, size) + payload

    def say(self, message: Ack | Done | Fault | Found) -> None:
        self.write([wire.encode(message, self.encoding)])

    # -------------------------------------------------------------------------------------------------- receiving

    async def serve(self) -> None:
        """Handle requests until the client leaves."""
        decode = DECODERS[self.encoding].decode
        wanted = WSMsgType.TEXT if self.encoding == "json" else WSMsgType.BINARY
        async for message in self.ws:
            await self._room.wait()
            if message.type is not wanted:
                self.say(Problem("MALFORMED", msg=f"send {wanted.name.lower()} frames").fault)
                continue
            try:
                request = decode(message.data)
            except msgspec.ValidationError as error:
                self.say(malformed(error).fault)
                continue
            except (msgspec.DecodeError, RecursionError) as error:
                self.say(Problem("MALFORMED", msg=f"not {self.encoding}: {error}").fault)
                continue
            try:
                await self.handle(request)
            except Problem as error:
                self.fail(request, error)

    def fail(self, request: Any, error: Problem) -> None:
        error.fault.id = request.id
        error.fault.cid = error.fault.cid or getattr(request, "cid", "")
        self.say(error.fault)

    async def handle(self, request: Any) -> None:
        self.limit(request)
        match request:
            case wire.OrderNew():
                acct, ts = self.allowed("trade").acct, self.market.config.clock()
                command = self.market.place(acct, request)
                self.submit(request, command, lambda events, out: place_ack(request, events, ts, out))
            case wire.OrderCancel():
                acct, ts = self.allowed("trade").acct, self.market.config.clock()
                self.submit(
                    request,
                    Cancel(0, acct, request.cid),
                    lambda events, out: cancel_ack("order.cancel", request.id, events, ts, out),
                )
            case wire.OrderCancelAll():
                acct, ts = self.allowed("trade").acct, self.market.config.clock()
                if request.sym:
                    self.market.known(request.sym)
                self.submit(
                    request,
                    CancelAll(0, acct, request.sym),
                    lambda events, out: all_cancelled(request, events, ts, out),
                )
            case wire.OrderGet():
                found = await self.market.order(self.allowed("read").acct, request.cid)
                self.say(Found(id=request.id, order=found))
            case wire.Login():
                self.login(request)
            case wire.Subscribe() | wire.Unsubscribe():
                self.subscribe(request)
            case wire.Ping():
                self.done(request, "pong")

    def limit(self, request: Any) -> None:
        """Raise Problem when this is asked too often: by the key, or else from this address."""
        if self.identity is None or isinstance(request, wire.Ping):
            self.market.limits.take("address", neighbours(self._ip), self.market.config.clock())
        elif isinstance(request, wire.OrderNew):
            self.market.take("orders", self.identity)
        elif isinstance(request, wire.OrderCancel | wire.OrderCancelAll):
            self.market.take("cancels", self.identity)
        else:
            self.market.take("reads", self.identity)

    def allowed(self, scope: str) -> Identity:
        if self.identity is None:
            raise Problem("UNAUTHENTICATED")
        require(self.identity, scope)
        return self.identity

    def submit(self, request: Any, command: Any, ack: Callable[[Sequence[Event], int], Ack | Fault]) -> None:
        """Queue a command now; answer when its future is done, without a task for each."""

        def answer(future: "asyncio.Future[list[Event]]") -> None:
            self._in_flight -= 1
            if self._in_flight < IN_FLIGHT_MAX:
                self._room.set()
            error = future.exception()
            if isinstance(error, Problem):
                self.fail(request, error)
            else:
                self.say(ack(future.result(), self.market.config.clock()))

        done = self.market.sequencer.submit(command)
        self._in_flight += 1
        if self._in_flight >= IN_FLIGHT_MAX:
            self._room.clear()
        done.add_done_callback(answer)

    def login(self, request: wire.Login) -> None:
        if self.identity is not None:
            raise Problem("MALFORMED", msg="a socket logs in once")
        self.identity = self.market.authenticator.verify(
            request.key, request.ts, request.nonce, request.sign, "GET", PATH, b"", self._ip
        )
        self.done(request, "login")

    def subscribe(self, request: wire.Subscribe | wire.Unsubscribe) -> None:
        """Check the whole request, then do all of it."""
        feed = self.market.feed
        public = [channel for channel in PUBLIC if channel in request.ch]
        private = [channel for channel in PRIVATE if channel in request.ch]
        if unknown := set(request.ch) - {*PUBLIC, *PRIVATE}:
            raise Problem("MALFORMED", field="ch", msg=f"unknown channel {sorted(unknown)[0][:20]!r}")
        if public and not request.sym:
            raise Problem("MALFORMED", field="sym", msg="name the symbols to follow")
        syms = [self.market.known(sym) for sym in dict.fromkeys(request.sym)]  # each once, however often it is named
        identity = self.allowed("read") if private else None
        is_new = isinstance(request, wire.Subscribe)
        self.done(request, "subscribed" if is_new else "unsubscribed")
        feed.tick()  # what happened before is in the snapshots, and not in the next update as well
        for key in [(channel, sym) for channel in public for sym in syms]:
            if is_new:
                feed.subscribe(self, key)
            else:
                feed.unsubscribe(self, key)
        if identity is not None:
            if is_new:
                feed.follow(self, identity.acct)
            else:
                feed.unfollow(self, identity.acct)

    def done(self, request: Any, op: str) -> None:
        self.say(Done(op=op, id=request.id, ts=self.market.config.clock()))


def all_cancelled(request: wire.OrderCancelAll, events: Sequence[Event], ts_in: int, ts_out: int) -> Ack | Fault:
    """The answer to cancelling everything; nothing to cancel is no error."""
    if isinstance(events[0], Rejected):
        return Ack(
            op="order.cancel_all", id=request.id, cid="", oid=0, st="cancelled", seq=events[0].seq, cum=0, lvs=0,
            ts_in=ts_in, ts_out=ts_out,
        )  # fmt: skip
    return cancel_ack("order.cancel_all", request.id, events, ts_in, ts_out)


async def socket(request: web.Request) -> web.StreamResponse:
    """Open a socket. Pages of other origins may not."""
    market = request.app[MARKET]
    origin = request.headers.get("Origin")
    if (
        origin is not None
        and origin not in market.config.origins
        and origin != f"{market.authenticator.proxies.scheme_of(request)}://{request.host}"
    ):
        raise Problem("BAD_ORIGIN")
    identity = await market.authenticator.identify(request) if shows_session(request) else None
    ws = web.WebSocketResponse(protocols=tuple(wire.SUBPROTOCOLS), max_msg_size=FRAME_MAX, compress=False, heartbeat=30)
    await ws.prepare(request)
    transport = request.transport
    if transport is None:
        return ws
    encoding = wire.SUBPROTOCOLS.get(ws.ws_protocol or "", "json")
    client = Socket(market, ws, transport, encoding, market.address_of(request), identity)
    market.sockets.add(client)
    try:
        await client.serve()
    finally:
        market.sockets.discard(client)
        market.feed.drop(client)
    return ws


async def close_all(market: Market) -> None:
    """Tell every client that the server goes away."""
    for client in list(market.sockets):
        await client.ws.close(code=WSCloseCode.GOING_AWAY, message=b"the exchange is stopping")
