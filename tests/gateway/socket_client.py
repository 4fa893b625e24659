"""A plain socket client for tests: `msgspec` without our structs, so that it sees what any program would."""

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec

from gateway.client import Client
from gateway.wire import Encoding

PATH = "/ws/v1"
WAIT_S = 10  # a test that waits longer than this has failed


class Wire:
    """One raw socket. Frames that nobody asked for yet are kept in `seen`."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, encoding: Encoding) -> None:
        self.ws = ws
        self.encoding = encoding
        self.seen: list[dict[str, Any]] = []

    async def send(self, **message: Any) -> None:
        if self.encoding == "json":
            await self.ws.send_str(msgspec.json.encode(message).decode())
        else:
            await self.ws.send_bytes(msgspec.msgpack.encode(message))

    async def next(self) -> dict[str, Any]:
        message = await self.ws.receive(timeout=WAIT_S)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        decode = msgspec.json.decode if self.encoding == "json" else msgspec.msgpack.decode
        frame: dict[str, Any] = decode(message.data)
        self.seen.append(frame)
        return frame

    async def until(self, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Read on until a frame is what we wait for."""
        async with asyncio.timeout(WAIT_S):
            while not wanted(frame := await self.next()):
                pass
        return frame

    async def answer(self, request_id: int) -> dict[str, Any]:
        """Read on to the answer of a request."""
        return await self.until(lambda frame: "ch" not in frame and frame.get("id") == request_id)

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send a request with an id of its own and return its answer."""
        request_id = len(self.seen) + 1_000
        await self.send(op=op, id=request_id, **fields)
        return await self.answer(request_id)

    def of(self, channel: str) -> list[dict[str, Any]]:
        return [frame for frame in self.seen if frame.get("ch") == channel]


@contextlib.asynccontextmanager
async def wire_of(client: Client, encoding: Encoding = "json", login: bool = True) -> AsyncIterator[Wire]:
    """A socket, logged in with the client's credentials unless `login` is off."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(client.url + PATH, protocols=[f"cellarbook.v1.{encoding}"], compress=0) as ws,
    ):
        wire = Wire(ws, encoding)
        if login:
            assert client.credentials is not None
            ts, nonce, sign = client.credentials.sign("GET", PATH, b"")
            assert "err" != (await wire.ask("login", key=client.credentials.key, ts=ts, nonce=nonce, sign=sign))["op"]
        yield wire


class Stalled:
    """A reader of JSON that reads nothing until it is told to. Its own buffer is as small as the system allows."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = b""

    @classmethod
    async def open(cls, url: str) -> "Stalled":
        """Shake hands by hand: a client library would read on its own."""
        host, _, port = url.removeprefix("http://").rpartition(":")
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (host, int(port)))
        lines = (
            f"GET {PATH} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
            "Sec-WebSocket-Protocol: cellarbook.v1.json", "", "",
        )  # fmt: skip
        await loop.sock_sendall(sock, "\r\n".join(lines).encode())
        self = cls(sock)
        while b"\r\n\r\n" not in self._data:
            self._data += await loop.sock_recv(sock, 4096)
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        return self

    async def send(self, **message: Any) -> None:
        """Send one short text frame, under a mask of zeros."""
        payload = msgspec.json.encode(message)
        assert len(payload) < 126
        frame = bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload
        await asyncio.get_running_loop().sock_sendall(self._sock, frame)

    async def frames(self) -> AsyncIterator[dict[str, Any]]:
        """Wake up, and read what was sent, for as long as the caller wants more."""
        while True:
            while (size := self._frame_size()) is None or len(self._data) < sum(size):
                self._data += await asyncio.get_running_loop().sock_recv(self._sock, 1 << 16)
            head, length = size
            payload, self._data = self._data[head : head + length], self._data[head + length :]
            yield msgspec.json.decode(payload)

    def _frame_size(self) -> tuple[int, int] | None:
        """Bytes of the next frame's head and payload (RFC 6455 section 5.2), None when its head is not all here."""
        if len(self._data) < 10:
            return None
        length = self._data[1]
        if length == 127:
            return 10, int.from_bytes(self._data[2:10])
        return (4, int.from_bytes(self._data[2:4])) if length == 126 else (2, length)

    def close(self) -> None:
        self._sock.close()
