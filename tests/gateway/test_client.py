"""The client library against the real server, also when that goes away."""

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.client import Client, ClientError, Credentials, GatewayDown
from gateway.sequencer import Sequencer
from gateway.wire import Ack, Book, Disconnected, Encoding, Ping
from tests.gateway.house import SYM, House, house, order

ODD = ["a/b", "a b", "..", "!*'()", "a%2Fb", "x?y=1#z", "~", "酒", "+&;:@,"]


@pytest.mark.parametrize("cid", ODD)
async def test_an_order_is_found_and_cancelled_by_any_printable_cid(exchange: House, cid: str) -> None:
    client = await exchange.client(1)
    await client.place(order("B 1@268000", cid))

    assert cid == (await client.order(cid)).cid
    assert "cancelled" == (await client.cancel(cid)).st


async def test_a_refusal_carries_the_exchanges_words(exchange: House) -> None:
    client = await exchange.client(1)

    with pytest.raises(ClientError) as caught:
        await client.cancel("none")

    assert (5002, "UNKNOWN_ORDER", "cid") == (caught.value.fault.code, caught.value.name, caught.value.fault.field)


async def test_no_server_is_said_in_one_line() -> None:
    async with Client("http://127.0.0.1:9") as client:
        with pytest.raises(GatewayDown, match=r"127\.0\.0\.1:9") as caught:
            await client.time()

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[::1", "http://127.0.0.1:99999"])
async def test_an_address_that_is_none_is_a_missing_server(url: str) -> None:
    async with Client(url) as client:
        with pytest.raises(GatewayDown):
            await client.time()
        with pytest.raises(GatewayDown):
            await client.connect()


async def test_a_socket_for_orders_only_is_not_taken_for_dead(exchange: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.client.SILENCE_S", 0.05)
    async with await (await exchange.client(1)).connect() as stream:
        await asyncio.sleep(0.3)

        assert "open" == (await stream.place(order("B 1@268000"))).st


async def test_bands_are_shown_with_what_they_were_made_from(exchange: House) -> None:
    [band] = await exchange.operator.bands()

    assert (SYM, 241_200, 294_800, 268_000, 1000, 1000) == (
        band.sym, band.lo, band.hi, band.ref, band.up_bp, band.down_bp,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_many_orders_in_flight_are_each_answered(exchange: House, encoding: Encoding) -> None:
    client = await exchange.client(1, encoding=encoding)
    async with await client.connect() as stream:
        acks = await asyncio.gather(*(stream.place(order("B 1@268000", f"c{n}")) for n in range(300)))

    assert [f"c{n}" for n in range(300)] == [ack.cid for ack in acks]
    assert 300 == len(await client.orders())


async def test_orders_in_flight_when_the_server_stops_are_still_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as exchange:
        assert isinstance(exchange.market.sequencer, Sequencer)
        journal, commit = exchange.market.sequencer._journal, threading.Event()
        append = journal.append
        monkeypatch.setattr(journal, "append", lambda commands: commit.wait(10) and append(commands))
        async with await (await exchange.client(1)).connect() as stream:
            answers = [await stream.send(order("B 1@268000", f"c{n}")) for n in range(100)]
            await stream.request(Ping())  # requests are handled in order: all of them wait for the disk now
            stop = asyncio.ensure_future(exchange.server.stop())
            await asyncio.sleep(0)
            commit.set()
            await stop
            acks = await asyncio.gather(*answers)

        assert ["open"] * 100 == [ack.st for ack in acks if isinstance(ack, Ack)]


async def test_a_stream_survives_a_restart_and_begins_again_with_a_snapshot(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        port = int(exchange.server.url.rpartition(":")[2])
    seen: list[object] = []
    async with Client(f"http://127.0.0.1:{port}") as watcher, asyncio.timeout(30):
        async with house(tmp_path, port=port) as exchange:
            frames = watcher.stream(["book"], [SYM])
            seen.append(await anext(frames))
            epoch = seen[0].ep  # type: ignore[attr-defined]
        while not isinstance(seen[-1], Disconnected):
            seen.append(await anext(frames))
        async with house(tmp_path, port=port):
            while not isinstance(seen[-1], Book):
                seen.append(await anext(frames))
            await frames.aclose()  # type: ignore[attr-defined]

    assert isinstance(seen[0], Book)
    assert ("s", True) == (seen[-1].t, seen[-1].ep != epoch)


async def test_a_refused_subscription_ends_the_stream_with_the_reason(exchange: House) -> None:
    with pytest.raises(ClientError, match="instrument"):
        await anext(aiter((await exchange.client(1)).stream(["book"], ["NONE"])))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"key":"k"}', '{"key":"k","secret":"not hex"}'])
def test_a_file_that_holds_no_key_is_a_value_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "operator.key"
    path.write_text(text)

    with pytest.raises(ValueError):  # noqa: PT011
        Credentials.load(path)
