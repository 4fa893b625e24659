"""The pages for programs, tried: the worked example's signature, and the two plain feed readers."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from gateway.signing import signature
from tests.gateway.house import SYM, House, order

DOCS = Path(__file__).parents[2] / "docs"


def test_the_worked_examples_signature_is_right() -> None:
    page = (DOCS / "api.md").read_text()
    [signed] = re.findall(r"```\n(\d{19}\n.*?)\n```", page, re.DOTALL)
    ts, nonce, method, path, body = signed.split("\n")
    [secret] = re.findall(r"secret `([0-9a-f]{32})`", page)

    assert re.findall(r"CB-SIGN: (\w+)", page) == [
        signature(bytes.fromhex(secret), ts, nonce, method, path, body.encode())
    ]


PRINTED = {
    "feed_json.py": ["- -", "2679.00 -", "2679.00 2681.00", "2679.00 -"],
    "feed_msgpack.py": ["- -", "267900 -", "267900 268100", "267900 -"],
}


@pytest.mark.parametrize(("name", "lines"), PRINTED.items())
async def test_a_plain_reader_follows_the_book(exchange: House, name: str, lines: list[str]) -> None:
    client = await exchange.client(1)
    program = await asyncio.create_subprocess_exec(
        sys.executable, DOCS / "examples" / name, exchange.server.url, SYM, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    printed = []
    async with asyncio.timeout(30):
        for step in (
            lambda: asyncio.sleep(0),
            lambda: client.place(order("B 1@267900")),
            lambda: client.place(order("S 1@268100", "ask")),
            lambda: client.cancel("ask"),
        ):
            await step()
            printed.append((await program.stdout.readline()).decode().strip())
        program.terminate()
        await program.wait()

    assert lines == printed
