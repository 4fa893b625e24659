"""Follow one book and print its best prices, in plain JSON: feed_json.py URL SYMBOL"""

import asyncio
import json
import sys

import aiohttp


async def main(url: str, sym: str) -> None:
    book: dict[str, dict[str, int]] = {"b": {}, "a": {}}
    seq = 0
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + "/ws/v1", protocols=["cellarbook.v1.json"]) as ws,
    ):
        await ws.send_str(json.dumps({"op": "subscribe", "ch": ["book"], "sym": [sym]}))
        async for message in ws:
            frame = json.loads(message.data)
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
            print(max(book["b"], key=float, default="-"), min(book["a"], key=float, default="-"), flush=True)


asyncio.run(main(sys.argv[1], sys.argv[2]))
