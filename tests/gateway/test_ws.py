"""The socket against the real server: orders, what is refused, and a feed that can be trusted."""

import asyncio
import contextlib
import itertools
import random
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.client import Client, ClientError
from gateway.wire import Encoding, fen_of
from tests.gateway.house import SYM, House, house, order
from tests.gateway.socket_client import PATH, WAIT_S, Stalled, Wire, wire_of

BUY = {"sym": SYM, "side": "B", "qty": 5}
PRICE: dict[str, Any] = {"json": "2680.00", "msgpack": 268_000}


@pytest.fixture(params=["json", "msgpack"])
def encoding(request: pytest.FixtureRequest) -> Encoding:
    return request.param  # type: ignore[no-any-return]


def mirror_of(frames: list[dict[str, Any]]) -> dict[str, dict[int, int]]:
    """The book that a reader of MessagePack has after these frames; asserts that none is missing."""
    sides: dict[str, dict[int, int]] = {"b": {}, "a": {}}
    seq = None
    for frame in frames:
        if frame["t"] == "s":
            sides = {"b": {}, "a": {}}
        else:
            assert seq == frame["prev"], "a frame is missing"
            assert frame["seq"] == frame["prev"] + 1
        seq = frame["seq"]
        for side in ("b", "a"):
            for px, qty in frame[side]:
                if qty:
                    sides[side][px] = qty
                else:
                    sides[side].pop(px, None)
    return sides


def book_of(exchange: House) -> dict[str, dict[int, int]]:
    bids, asks = exchange.market.exchange.book(SYM)
    return {"b": dict(bids), "a": dict(asks)}


async def random_flow(clients: list[Client], count: int, seed: int) -> None:
    """Orders around one price from several accounts, half of those that rest cancelled again."""
    rng = random.Random(seed)
    for number in range(count):
        client = rng.choice(clients)
        cid = f"{seed}-{number}"
        px = 268_000 + 100 * rng.randint(-8, 8)
        text = f"{rng.choice('BS')} {rng.randint(1, 9)}@{px}"
        with contextlib.suppress(ClientError):  # an order that would meet one of its own account is refused or cut
            ack = await client.place(order(text, cid, rng.choice(["GTC", "IOC"])))
            if ack.st == "open" and rng.random() < 0.5:
                await client.cancel(cid)


async def caught_up(wire: Wire, exchange: House) -> None:
    """Read on until the feed stands where the exchange does."""
    async with asyncio.timeout(WAIT_S):
        while mirror_of(wire.of("book")) != book_of(exchange):
            await wire.next()


# --------------------------------------------------------------------------------------------------------- orders


async def test_an_order_is_acknowledged_under_its_request_id(exchange: House, encoding: Encoding) -> None:
    async with wire_of(await exchange.client(1), encoding) as wire:
        ack = await wire.ask("order.new", **BUY, px=PRICE[encoding], cid="c1")

        assert ("order.new", "c1", "open", 5) == (ack["op"], ack["cid"], ack["st"], ack["lvs"])
        assert exchange.market.exchange.order(1, "c1") is not None


async def test_orders_in_flight_are_acknowledged_in_the_order_of_sending(exchange: House) -> None:
    async with wire_of(await exchange.client(1), "msgpack") as wire:
        for number in range(1, 201):
            await wire.send(op="order.new", id=number, **BUY, px=268_000, cid=f"c{number}")
        await wire.answer(200)

        assert [*range(1, 201)] == [frame["id"] for frame in wire.seen if frame.get("op") == "order.new"]


async def test_an_order_is_looked_up_under_its_request_id(exchange: House, encoding: Encoding) -> None:
    async with wire_of(await exchange.client(1), encoding) as wire:
        await wire.ask("order.new", **BUY, px=PRICE[encoding], cid="c1")

        assert "c1" in str(await asyncio.wait_for(wire.ask("order.get", cid="c1"), 5))


async def test_cancel_and_cancel_all_are_answered(exchange: House) -> None:
    async with wire_of(await exchange.client(1)) as wire:
        for cid in ("c1", "c2", "c3"):
            await wire.ask("order.new", **BUY, px="2680.00", cid=cid)

        answers = [await wire.ask("order.cancel", cid="c1"), await wire.ask("order.cancel_all", sym=SYM)]

        assert ["cancelled", "cancelled"] == [answer["st"] for answer in answers]
        assert [] == exchange.market.exchange.orders(1)


async def test_another_accounts_order_cannot_be_cancelled(exchange: House) -> None:
    await (await exchange.client(1)).place(order("B 1@268000", "c1"))
    async with wire_of(await exchange.client(2)) as wire:
        assert "UNKNOWN_ORDER" == (await wire.ask("order.cancel", cid="c1"))["name"]
    assert exchange.market.exchange.order(1, "c1") is not None


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("order.new", BUY | {"px": "2680.00"}),
        ("order.cancel", {"cid": "c1"}),
        ("order.cancel_all", {}),
        ("order.get", {"cid": "c1"}),
        ("subscribe", {"ch": ["exec"]}),
        ("subscribe", {"ch": ["balance"]}),
    ],
)
async def test_without_login_nothing_private_is_answered(exchange: House, op: str, fields: dict[str, Any]) -> None:
    async with wire_of(await exchange.client(1), login=False) as wire:
        assert 1001 == (await wire.ask(op, **fields))["code"]
        assert "pong" == (await wire.ask("ping"))["op"]


async def test_a_read_key_does_not_trade(exchange: House) -> None:
    async with wire_of(await exchange.client(1, "read")) as wire:
        assert "FORBIDDEN" == (await wire.ask("order.new", **BUY, px="2680.00"))["name"]


async def test_a_socket_logs_in_once(exchange: House) -> None:
    client = await exchange.client(1)
    async with wire_of(client) as wire:
        assert client.credentials is not None
        ts, nonce, sign = client.credentials.sign("GET", PATH, b"")

        assert "err" == (await wire.ask("login", key=client.credentials.key, ts=ts, nonce=nonce, sign=sign))["op"]


BAD_FRAMES: dict[str, list[str | bytes]] = {
    "json": ["", "{", "[]", "1", '{"op":"ping","x":1}', '{"op":1}', "[" * 50_000, '{"op":"ping","id":"\\ud800"}'],
    "msgpack": [b"", b"\xc1", b"\x90", b"\x81", b"\xdd\xff\xff\xff\xff", b"\x91" * 50_000, b"\x81\xa2op\xa4nope"],
}


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [(name, bad) for name, frames in BAD_FRAMES.items() for bad in frames],
    ids=lambda v: repr(v[:20]),
)
async def test_a_malformed_frame_is_refused_and_the_socket_stays_usable(
    exchange: House, encoding: Encoding, bad: str | bytes
) -> None:
    async with wire_of(await exchange.client(1), encoding, login=False) as wire:
        await (wire.ws.send_str(bad) if isinstance(bad, str) else wire.ws.send_bytes(bad))

        assert ("err", "MALFORMED") == ((refused := await wire.next())["op"], refused["name"])
        assert "pong" == (await wire.ask("ping"))["op"]


async def test_a_refused_field_is_named(exchange: House, encoding: Encoding) -> None:
    bad = {"json": 2680.0, "msgpack": "2680.00"}[encoding]
    async with wire_of(await exchange.client(1), encoding) as wire:
        await wire.send(op="order.new", id=1, **BUY, px=bad)

        assert "px" == (await wire.until(lambda frame: frame.get("op") == "err"))["field"]


async def test_a_frame_over_the_limit_ends_the_connection(exchange: House) -> None:
    async with wire_of(await exchange.client(1), login=False) as wire:
        await wire.ws.send_str(" " * (64 * 1024 + 1))
        message = await wire.ws.receive(timeout=WAIT_S)

        assert (aiohttp.WSMsgType.CLOSE, 1009) == (message.type, message.data)


@pytest.mark.parametrize(
    ("ch", "sym"), [(["nothing"], [SYM]), (["book"], ["NONE"]), (["book"], []), (["book", "nothing"], [SYM])]
)
async def test_a_subscription_that_makes_no_sense_is_refused_whole(
    exchange: House, ch: list[str], sym: list[str]
) -> None:
    async with wire_of(await exchange.client(1), login=False) as wire:
        assert "err" == (await wire.ask("subscribe", ch=ch, sym=sym))["op"]
        await wire.ask("subscribe", ch=["trades"], sym=[SYM])
        await wire.until(lambda frame: frame.get("ch") == "trades")

        assert [] == wire.of("book")


async def test_a_page_of_another_origin_may_not_open_a_socket(exchange: House) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(exchange.server.url + PATH, origin="https://elsewhere.example")

    assert 403 == caught.value.status


# ----------------------------------------------------------------------------------------------------------- feed


async def test_the_mirror_of_a_gapless_feed_is_the_exchanges_book(exchange: House) -> None:
    clients = [await exchange.client(1), await exchange.client(2)]
    await random_flow(clients, 30, seed=1)
    async with wire_of(clients[0], "msgpack", login=False) as wire:
        await wire.ask("subscribe", ch=["book", "trades", "ticker"], sym=[SYM])
        await random_flow(clients, 200, seed=2)
        await caught_up(wire, exchange)

        assert wire.of("book")[0]["t"] == "s"
        assert len(wire.of("book")) > 2
        for channel in ("trades", "ticker"):
            later = wire.of(channel)[1:]
            assert [frame["seq"] - 1 for frame in later] == [frame["prev"] for frame in later]
            assert [frame["seq"] for frame in wire.of(channel)[:-1]] == [frame["prev"] for frame in later]


async def test_every_trade_is_printed_once_and_in_order(exchange: House) -> None:
    buyer, seller = await exchange.client(1), await exchange.client(2)
    async with wire_of(buyer, login=False) as wire:
        await wire.ask("subscribe", ch=["trades"], sym=[SYM])
        for number in range(20):
            await seller.place(order(f"S 1@{268_000 + 100 * number}"))
            await buyer.place(order(f"B 1@{268_000 + 100 * number}"))
        await wire.until(lambda frame: frame.get("ch") == "trades" and 20 in [trade["id"] for trade in frame["d"]])

        prints = [trade for frame in wire.of("trades") if frame["t"] == "u" for trade in frame["d"]]
        assert [*range(1, 21)] == [trade["id"] for trade in prints]
        assert ("2680.00", "B", 1) == (prints[0]["px"], prints[0]["side"], prints[0]["qty"])


async def test_a_trade_just_before_a_subscription_is_printed_once(tmp_path: Path) -> None:
    async with house(tmp_path, tick_s=60) as exchange:
        buyer, seller = await exchange.client(1), await exchange.client(2)
        async with wire_of(buyer, login=False) as wire:
            await seller.place(order("S 1@268000"))
            await buyer.place(order("B 1@268000"))
            await wire.ask("subscribe", ch=["trades"], sym=[SYM])
            exchange.market.feed.tick()
            await wire.ask("ping")

            assert [1] == [trade["id"] for frame in wire.of("trades") for trade in frame["d"]]


async def test_a_symbol_that_is_named_many_times_is_answered_once(exchange: House) -> None:
    async with wire_of(await exchange.client(1), login=False) as wire:
        await wire.ask("subscribe", ch=["book", "book"], sym=[SYM] * 1_000)
        await wire.until(lambda frame: frame.get("ch") == "heartbeat")

        assert 1 == len(wire.of("book"))


async def test_the_ticker_shows_the_best_prices_and_the_day(exchange: House) -> None:
    buyer, seller = await exchange.client(1), await exchange.client(2)
    async with wire_of(buyer, "msgpack", login=False) as wire:
        await wire.ask("subscribe", ch=["ticker"], sym=[SYM])
        for client, text in (
            (seller, "S 5@268000"),
            (buyer, "B 2@268000"),
            (buyer, "B 1@267900"),
            (buyer, "B 1@268000"),
        ):
            await client.place(order(text))
        ticker = await wire.until(lambda frame: frame.get("vol") == 3)

        assert (267_900, 1, 268_000, 2) == tuple(ticker[name] for name in ("bid", "bid_qty", "ask", "ask_qty"))
        assert (268_000, 268_000, 268_000, 3 * 268_000) == tuple(
            ticker[name] for name in ("open", "high", "low", "turnover")
        )


async def test_the_heartbeat_tells_the_last_sequence_of_all_that_is_followed(exchange: House) -> None:
    client = await exchange.client(1)
    async with wire_of(client, "msgpack") as wire:
        await wire.ask("subscribe", ch=["book", "exec"], sym=[SYM])
        await random_flow([client], 5, seed=3)
        await caught_up(wire, exchange)
        beat = await wire.until(lambda frame: frame.get("ch") == "heartbeat")

        assert wire.of("book")[-1]["seq"] == beat["seqs"][f"book:{SYM}"]
        assert wire.of("exec")[-1]["aseq"] <= beat["seqs"]["account"]


async def test_after_unsubscribing_nothing_more_comes(exchange: House) -> None:
    client = await exchange.client(1)
    async with wire_of(client, login=False) as wire:
        await wire.ask("subscribe", ch=["book", "ticker"], sym=[SYM])
        await wire.until(lambda frame: frame.get("ch") == "book")
        await wire.ask("unsubscribe", ch=["book"], sym=[SYM])
        before = len(wire.of("book"))
        await client.place(order("B 1@268000"))
        await wire.until(lambda frame: frame.get("bid") == "2680.00")

        assert before == len(wire.of("book"))


async def test_private_messages_are_gapless_and_only_for_their_account(exchange: House) -> None:
    buyer, seller = await exchange.client(1), await exchange.client(2)
    async with wire_of(buyer, "msgpack") as mine, wire_of(seller, "msgpack") as theirs:
        for wire in (mine, theirs):
            await wire.ask("subscribe", ch=["exec", "balance"])
        await random_flow([buyer, seller], 60, seed=4)
        for wire, acct in ((mine, 1), (theirs, 2)):
            await wire.until(lambda frame: frame.get("ch") == "heartbeat" and frame["seqs"]["account"] > 0)
            private = [frame for frame in wire.seen if frame.get("ch") in ("exec", "balance")]
            assert [frame["prev"] + 1 for frame in private] == [frame["aseq"] for frame in private]
            assert [frame["aseq"] for frame in private[:-1]] == [frame["prev"] for frame in private[1:]]
            accepted = {frame["oid"] for frame in private if frame.get("et") == "accepted"}
            assert {
                oid for (owner, _), oid in exchange.market.exchange.core.orders.oids.items() if owner == acct
            } == accepted


async def test_a_fill_tells_price_quantity_role_and_what_is_left(exchange: House) -> None:
    buyer, seller = await exchange.client(1), await exchange.client(2)
    await seller.place(order("S 2@267900", "s"))
    async with wire_of(buyer, "msgpack") as wire:
        await wire.ask("subscribe", ch=["exec"])
        await buyer.place(order("B 5@268000", "b"))
        fill = await wire.until(lambda frame: frame.get("et") == "trade")

        assert ("b", 267_900, 2, 2, 3, "taker") == tuple(fill[k] for k in ("cid", "px", "qty", "cum", "lvs", "role"))


async def test_a_reader_that_stalls_is_conflated_and_slows_nobody(tmp_path: Path) -> None:
    async with house(tmp_path, tick_s=0.001) as exchange, asyncio.timeout(60):
        trader = await exchange.client(1)
        stalled = await Stalled.open(exchange.server.url)
        [connection] = exchange.market.sockets
        transport = connection._transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await stalled.send(op="subscribe", ch=["book"], sym=[SYM])
        prices = itertools.cycle(range(245_000, 265_000, 100))
        async with wire_of(trader, "msgpack", login=False) as healthy, await trader.connect() as stream:
            await healthy.ask("subscribe", ch=["book"], sym=[SYM])
            while connection not in exchange.market.feed._late:
                await stream.place(order(f"B 1@{next(prices)}"))
            for _ in range(100):
                await stream.place(order(f"B 1@{next(prices)}"))
            await caught_up(healthy, exchange)

        assert transport.get_write_buffer_size() <= 64 * 1024
        books = []
        async for frame in stalled.frames():
            if frame.get("ch") == "book":
                books.append(frame | {side: [(fen_of(px), qty) for px, qty in frame[side]] for side in ("b", "a")})
                if frame["why"]:
                    break
        stalled.close()
        assert ("s", "conflated") == (books[-1]["t"], books[-1]["why"])
        assert book_of(exchange) == mirror_of(books[-1:])


async def test_stopping_tells_every_socket_that_the_server_goes_away(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        client = await exchange.client(1)
        async with wire_of(client) as wire:
            stop = asyncio.ensure_future(exchange.server.stop())
            message = await wire.ws.receive(timeout=WAIT_S)
            while message.type is aiohttp.WSMsgType.TEXT:
                message = await wire.ws.receive(timeout=WAIT_S)
            await stop

            assert (aiohttp.WSMsgType.CLOSE, 1001) == (message.type, message.data)
