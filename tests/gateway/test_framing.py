"""HTTP itself: what is no request is answered in our form, and whoever is slow is cut off."""

import asyncio
import contextlib
import json
import logging
from pathlib import Path

import pytest

from gateway import app, rest
from tests.gateway.house import House, house

GET = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"


async def spoken(exchange: House, said: bytes) -> bytes:
    """All that the server answers to raw bytes, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(exchange.server.url.rpartition(":")[2]))
    try:
        writer.write(said)
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


BROKEN = {
    "no http": b"\x16\x03\x01\x02\x00 hello\r\n\r\n",
    "a bad method": b"G@T /live HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a name": b"GET /live HTTP/1.1\r\n: x\r\n\r\n",
    "a header that is too long": b"GET /live HTTP/1.1\r\nX: " + b"x" * 10_000 + b"\r\n\r\n",
    "too many headers": b"GET /live HTTP/1.1\r\n" + b"".join(b"X%d: 1\r\n" % n for n in range(200)) + b"\r\n",
    "a path that is too long": b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a length that is none": b"POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST /api/v1/orders HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
    "a length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "after a good one": GET + b"rubbish\r\n\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_no_request_is_refused_in_our_form(
    exchange: House, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = await spoken(exchange, sent)

    head, _, body = answer[answer.rindex(b"HTTP/1.") :].partition(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert ("err", "MALFORMED") == (json.loads(body)["op"], json.loads(body)["name"])
    assert [] == caplog.records


async def trickled(exchange: House, said: bytes, each: int = 1) -> bytes:
    """What comes back while a client sends a little at a time, for as long as it may."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(exchange.server.url.rpartition(":")[2]))
    answer = bytearray()

    async def listen() -> None:
        with contextlib.suppress(ConnectionError):  # what came before the reset counts
            while heard := await reader.read(1 << 16):
                answer.extend(heard)

    listening = asyncio.create_task(listen())
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            while not listening.done():
                chunk, said = said[:each], said[each:] or b"x"
                writer.write(chunk)
                await asyncio.sleep(0.02)
    await listening
    writer.close()
    return bytes(answer)


@pytest.mark.parametrize("before", [b"", GET], ids=["first", "after another request"])
async def test_headers_that_trickle_in_are_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    monkeypatch.setattr(app, "KEEPALIVE_S", 0.4)
    async with house(tmp_path) as exchange:
        answer = await trickled(exchange, before + b"GET /live HTTP/1.1\r\nX: ", each=max(1, len(before)))

    assert (b"HTTP/1.1 200" in answer) is bool(before)
    assert 1 >= answer.count(b"HTTP/1.1")


async def test_a_body_that_trickles_in_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "BODY_TIMEOUT_S", 0.4)
    head = b"POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n"
    async with house(tmp_path) as exchange:
        answer = await trickled(exchange, head, each=len(head))

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"TOO_SLOW" in answer


async def test_a_connection_that_says_nothing_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "KEEPALIVE_S", 0.2)
    async with house(tmp_path) as exchange:
        assert b"" == await spoken(exchange, b"")
