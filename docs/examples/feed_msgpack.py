"""Follow one book and print its best prices, in plain MessagePack: feed_msgpack.py URL SYMBOL"""

import asyncio
import sys

import aiohttp
import msgpack


async def main(url: str, sym: str) -> None:
    book: dict[str, dict[int, int]] = {"b": {}, "a": {}}
    seq = 0
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + "/ws/v1", protocols=["cellarbook.v1.msgpack"]) as ws,
    ):
        await ws.send_bytes(msgpack.packb({"op": "subscribe", "ch": ["book"], "sym": [sym]}))
        async for message in ws:
            frame = msgpack.unpackb(message.data)
            if frame.get("ch") != "book":
                continue
            if frame["t"] == "s":  # a snapshot: begin anew
                book = {"b": {}, "a": {}}
            elif frame["prev"] != seq:
                raise SystemExit("a frame is missing: subscribe again")
            seq = frame["seq"]
            for side in ("b", "a"):
                book[side] |= dict(frame[side])
                book[side] = {px: qty for px, qty in book[side].items() if qty}
            print(max(book["b"], default="-"), min(book["a"], default="-"), flush=True)  # in fen


asyncio.run(main(sys.argv[1], sys.argv[2]))
