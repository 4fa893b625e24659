"""`cellarbook engine`: JSON lines in, JSON lines out, whatever comes in."""

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.program import main

OPENING = [
    '{"op":"list","sym":"X","tick":1,"lot":1,"ref":10000,"up_bp":1000,"down_bp":1000,"stp":"none"}',
    '{"op":"deposit","acct":1,"asset":"CNY","amount":1000000}',
    '{"op":"deposit","acct":2,"asset":"X","amount":10}',
]


class Trickle(BytesIO):
    """Input that arrives a few bytes at a time."""

    def read1(self, size: int | None = -1) -> bytes:
        return super().read1(7)


def answers(*lines: str | bytes, source: type[BytesIO] = BytesIO) -> list[dict[str, Any]]:
    data = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\n"
    sink = BytesIO()
    main(source(data), sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def test_orders_trade_and_balances_follow() -> None:
    got = answers(
        *OPENING,
        '{"op":"place","acct":2,"cid":"s","sym":"X","side":"S","type":"limit","px":10000,"qty":5}',
        '{"op":"place","acct":1,"cid":"b","sym":"X","side":"B","type":"limit","px":10100,"qty":7,"tif":"IOC"}',
        '{"op":"query","what":"balances","acct":1}',
    )

    assert {"event": "band", "sym": "X", "lo": 9000, "hi": 11000, "ref": 10000} == got[0]
    kinds = ["band", "balances", "balances", "accepted", "accepted", "trade", "cancelled", "balances"]
    assert kinds == [answer["event"] for answer in got]
    assert ("s", 2, "b", 1, 10_000, 5, "B") == tuple(
        got[5][name] for name in ("sell", "sell_acct", "buy", "buy_acct", "px", "qty", "aggressor")
    )
    assert {"CNY": {"free": 950_000, "held": 0}, "X": {"free": 5, "held": 0}} == got[-1]["assets"]


def test_input_in_pieces_gives_the_same_answers() -> None:
    lines = [*OPENING, "nonsense", '{"op":"query","what":"hash"}']

    assert answers(*lines) == answers(*lines, source=Trickle)


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "3", "null", '"place"', "{}", '{"op":"fly"}', '{"op":["place"]}', '{"op":"list"}',
        '{"op":"deposit","acct":1,"asset":"CNY","amount":NaN}',
        '{"op":"deposit","acct":1,"asset":"CNY","amount":Infinity}',
        '{"op":"deposit","acct":1,"asset":"CNY","amount":1.0}',
        '{"op":"deposit","acct":1,"asset":"CNY","amount":true}',
        '{"op":"deposit","acct":1,"asset":"CNY","amount":-1}',
        '{"op":"deposit","acct":1,"asset":"CNY","amount":0}',
        '{"op":"deposit","acct":1,"asset":"CNY","amount":9223372036854775808}',
        '{"op":"deposit","acct":"1","asset":"CNY","amount":1}',
        '{"op":"deposit","acct":1,"asset":"CNY","amount":1,"note":"x"}',
        '{"op":"place","acct":1,"cid":"","sym":"X","side":"B","px":10000,"qty":1}',
        '{"op":"place","acct":1,"cid":7,"sym":"X","side":"B","px":10000,"qty":1}',
        '{"op":"place","acct":1,"cid":"a\\u0000","sym":"X","side":"B","px":10000,"qty":1}',
        '{"op":"place","acct":1,"cid":"a","sym":"X","side":"BUY","px":10000,"qty":1}',
        '{"op":"place","acct":1,"cid":"a","sym":"X","side":"B","type":"wish","px":10000,"qty":1}',
        '{"op":"place","acct":1,"cid":"a","sym":"X","side":"B","px":10000}',
        '{"op":"query"}', '{"op":"query","what":"book"}', '{"op":"query","what":"balances","acct":true}',
        '{"op":"query","what":"hash","and":1}',
        "[" * 100_000,
        '{"op":"' + "x" * 200_000 + '"}',
        b"\xff\xfe{}", b'{"op":"deposit","acct":1,"asset":"\xed\xa0\x80","amount":1}',
    ],
)  # fmt: skip
def test_bad_line_gives_one_malformed_and_changes_nothing(line: str | bytes) -> None:
    expected = answers(*OPENING, '{"op":"query","what":"hash"}')

    got = answers(*OPENING, line, '{"op":"query","what":"hash"}')

    assert ["rejected", "MALFORMED"] == [got[-2]["event"], got[-2]["code"]]
    assert expected[-1]["hash"] == got[-1]["hash"]


def test_question_about_an_unknown_instrument_is_refused() -> None:
    assert "UNKNOWN_INSTRUMENT" == answers('{"op":"query","what":"book","sym":"Y"}')[0]["code"]


@pytest.mark.parametrize("before", [b"", b" " * 60_000])
def test_line_is_too_long_by_its_length_and_not_by_how_it_arrives(before: bytes) -> None:
    padded = OPENING[0].encode() + b" " * 70_000

    got = answers(before, padded, '{"op":"query","what":"hash"}')

    assert ["rejected", "hash"] == [answer["event"] for answer in got]


def test_question_may_carry_a_time() -> None:
    assert "hash" == answers('{"op":"query","what":"hash","ts":5}')[0]["event"]
    assert "MALFORMED" == answers('{"op":"query","what":"hash","ts":"5"}')[0]["code"]


def test_last_line_needs_no_newline() -> None:
    sink = BytesIO()
    main(BytesIO(b"nonsense"), sink)

    assert b"MALFORMED" in sink.getvalue()


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_are_answered_and_never_crash_it(lines: list[bytes]) -> None:
    for answer in answers(*lines):
        assert "MALFORMED" == answer["code"]


@pytest.mark.parametrize(
    "line",
    [
        '{"op":"cancel","acct":1,"cid":"q","cid":"a"}',
        '{"op":"cancel_all","acct":1,"sym":""}',
        '{"op":"withdraw","acct":-1,"asset":"CNY","amount":1}',
        '{"op":"query","what":"balances","acct":9223372036854775808}',
        '\ufeff{"op":"query","what":"hash"}',
    ],
)
def test_ambiguous_line_is_malformed(line: str) -> None:
    assert ["MALFORMED"] == [answer["code"] for answer in answers(line)]
