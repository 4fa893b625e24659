"""REST against the real server: what is taken, what is refused and how, and who sees what."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.client import ClientError, Credentials
from gateway.signing import KEY, NONCE, SIGN, TIMESTAMP
from gateway.wire import BandSet
from tests.gateway.house import BOTTLES, CASH_FEN, SYM, House, house, order

ORDER = {"sym": SYM, "side": "B", "px": "2680.00", "qty": 1}
# -------------------------------------------------------------------------------------------------- order entry


async def test_a_placed_order_is_open_and_its_cash_is_held(exchange: House) -> None:
    client = await exchange.client(1)

    ack = await client.place(order("B 5@268000", "c1"))

    assert ("c1", "open", 0, 5) == (ack.cid, ack.st, ack.cum, ack.lvs)
    assert [("c1", 268_000, 5, 5, "open")] == [(o.cid, o.px, o.qty, o.lvs, o.st) for o in await client.orders()]
    assert (CASH_FEN - 5 * 268_000, 5 * 268_000) == next(
        (b.free, b.held) for b in await client.balances() if b.asset == "CNY"
    )


async def test_cancel_releases_the_whole_hold(exchange: House) -> None:
    client = await exchange.client(1)
    await client.place(order("S 5@268000", "c1"))

    ack = await client.cancel("c1")

    assert ("cancelled", 0, 0) == (ack.st, ack.cum, ack.lvs)
    assert (BOTTLES, 0) == next((b.free, b.held) for b in await client.balances() if b.asset == SYM)


async def test_an_order_without_a_cid_gets_one_that_finds_it(exchange: House) -> None:
    client = await exchange.client(1)

    ack = await client.place(order("B 5@268000"))

    assert ack.oid == (await client.order(ack.cid)).oid


async def test_a_filled_order_is_found_by_cid_as_soon_as_it_is_acknowledged(exchange: House) -> None:
    buyer, seller = await exchange.client(1), await exchange.client(2)
    await seller.place(order("S 5@267900", "s"))

    ack = await buyer.place(order("B 3@268000", "b"))
    found = await buyer.order("b")

    assert ("filled", 3, 0) == (ack.st, ack.cum, ack.lvs) == (found.st, found.cum, found.lvs)


async def test_what_an_ioc_order_does_not_fill_is_cancelled(exchange: House) -> None:
    buyer, seller = await exchange.client(1), await exchange.client(2)
    await seller.place(order("S 2@268000"))

    ack = await buyer.place(order("B 5@268000", "b", "IOC"))

    assert ("cancelled", 2, 0) == (ack.st, ack.cum, ack.lvs)


async def test_all_orders_are_listed_newest_first_with_how_they_ended(exchange: House) -> None:
    client = await exchange.client(1)
    for cid in ("c1", "c2", "c3"):
        await client.place(order("B 1@268000", cid))
    await client.cancel("c2")

    assert [("c3", "open"), ("c2", "cancelled")] == [(o.cid, o.st) for o in await client.orders("all", limit=2)]


async def test_cancel_all_says_how_many_orders_it_cancelled(exchange: House) -> None:
    client = await exchange.client(1)
    await client.place(order("B 1@268000"))
    await client.place(order("B 1@267900"))

    assert [2, 0] == [await client.cancel_all(), await client.cancel_all(SYM)]


REFUSED: dict[str, tuple[dict[str, Any], int, int, int]] = {
    "UNKNOWN_INSTRUMENT": ({"sym": "NONE"}, 400, 3001, 3999),
    "OFF_TICK": ({"px": "2680.01"}, 400, 3001, 3999),
    "PRICE_OUT_OF_BAND": ({"px": "9999.00"}, 422, 4002, 4002),
    "ABOVE_MAX_QTY": ({"qty": 501}, 400, 3001, 3999),
    "INSUFFICIENT_BOTTLES": ({"side": "S"}, 422, 4004, 4004),
    "INSUFFICIENT_FUNDS": ({}, 422, 4001, 4001),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_has_its_name_code_and_status(exchange: House, name: str) -> None:
    change, status, low, high = REFUSED[name]
    pauper = await exchange.client(99)

    answer, fault = await exchange.call(
        pauper.credentials, "POST", "/api/v1/orders", json.dumps(ORDER | change).encode()
    )

    assert (status, name) == (answer, fault["name"])
    assert low <= fault["code"] <= high


async def test_a_price_outside_the_band_is_told_the_band_in_yuan(exchange: House) -> None:
    client = await exchange.client(1)

    with pytest.raises(ClientError, match=r"2412\.00.*2948\.00"):
        await client.place(order("B 1@999900"))


async def test_a_used_cid_is_a_conflict(exchange: House) -> None:
    client = await exchange.client(1)
    body = json.dumps(ORDER | {"cid": "c1"}).encode()

    answers = [await exchange.call(client.credentials, "POST", "/api/v1/orders", body) for _ in range(2)]

    assert [201, 409] == [status for status, _ in answers]
    assert 5001 == answers[1][1]["code"]


# ------------------------------------------------------------------------------------------------ who may do what


async def test_a_query_that_was_not_signed_is_refused(exchange: House) -> None:
    credentials = (await exchange.client(1)).credentials
    assert credentials is not None
    ts, nonce, sign = credentials.sign("GET", "/api/v1/orders?status=open", b"")

    status, _ = await exchange.call(
        None,
        "GET",
        "/api/v1/orders?status=all",
        changed={KEY: credentials.key, TIMESTAMP: ts, NONCE: nonce, SIGN: sign},
    )

    assert 401 == status


@pytest.mark.parametrize("header", [KEY, TIMESTAMP, NONCE, SIGN])
async def test_a_header_that_is_no_text_is_refused_and_no_fault(exchange: House, header: str) -> None:
    credentials = (await exchange.client(1)).credentials

    status, _ = await exchange.call(credentials, "GET", "/api/v1/balances", changed={header: "\udcff"})

    assert 401 == status


async def test_another_accounts_order_is_not_there(exchange: House) -> None:
    owner, stranger = await exchange.client(1), await exchange.client(2)
    await owner.place(order("B 1@268000", "c1"))

    seen = await exchange.call(stranger.credentials, "GET", "/api/v1/orders/c1")
    cancelled = await exchange.call(stranger.credentials, "DELETE", "/api/v1/orders/c1")

    assert [(404, "UNKNOWN_ORDER")] * 2 == [(status, fault["name"]) for status, fault in (seen, cancelled)]
    assert "open" == (await owner.order("c1")).st


# ------------------------------------------------------------------------------------------------------ bad input

BODIES = {
    "empty": b"",
    "not json": b"{",
    "not text": b"\xff\xfe",
    "an array": b"[]",
    "too deep": b"[" * 8_000,
    "unknown field": json.dumps(ORDER | {"price": 1}).encode(),
    "money as a number": json.dumps(ORDER | {"px": 2680.00}).encode(),
    "negative money": json.dumps(ORDER | {"px": "-2680.00"}).encode(),
    "huge money": json.dumps(ORDER | {"px": "9" * 14}).encode(),
    "a bool for a quantity": json.dumps(ORDER | {"qty": True}).encode(),
    "a huge quantity": json.dumps(ORDER | {"qty": 10**30}).encode(),
    "a side that is none": json.dumps(ORDER | {"side": "X"}).encode(),
    "a cid of control characters": json.dumps(ORDER | {"cid": "\x1b[2J"}).encode(),
    "a symbol of half a surrogate": b'{"sym":"\\ud800","side":"B","px":"2680.00","qty":1}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_malformed_order_is_refused_as_such(exchange: House, body: bytes) -> None:
    client = await exchange.client(1)

    status, fault = await exchange.call(client.credentials, "POST", "/api/v1/orders", body)

    assert (400, "MALFORMED") == (status, fault["name"])


async def test_a_refused_field_is_named(exchange: House) -> None:
    client = await exchange.client(1)

    _, fault = await exchange.call(client.credentials, "POST", "/api/v1/orders", BODIES["negative money"])

    assert "px" == fault["field"]


async def test_what_is_no_command_is_refused_before_it_is_journalled(exchange: House) -> None:
    client, before = await exchange.client(1), exchange.market.exchange.seq

    _, fault = await exchange.call(
        client.credentials, "POST", "/api/v1/orders", json.dumps(ORDER | {"cid": "\x1b[2J"}).encode()
    )

    assert ("MALFORMED", "cid", before) == (fault["name"], fault["field"], exchange.market.exchange.seq)


async def test_a_body_that_is_not_as_its_headers_say_is_malformed(exchange: House) -> None:
    status, fault = await exchange.call(None, "POST", "/api/v1/orders", b"not gzip", {"Content-Encoding": "gzip"})

    assert (400, "MALFORMED") == (status, fault["name"])


async def test_a_body_over_the_limit_is_too_large(exchange: House) -> None:
    client = await exchange.client(1)

    status, fault = await exchange.call(client.credentials, "POST", "/api/v1/orders", b" " * (16 * 1024 + 1))

    assert (413, "TOO_LARGE") == (status, fault["name"])


async def test_what_is_not_there_is_answered_in_the_same_form(exchange: House) -> None:
    status, fault = await exchange.call(None, "GET", "/api/v1/nothing")

    assert (404, "err", "NOT_FOUND") == (status, fault["op"], fault["name"])


# ------------------------------------------------------------------------------------------------------- operators


async def test_one_bad_command_stops_the_whole_list(exchange: House) -> None:
    before = exchange.market.exchange.seq

    with pytest.raises(ClientError):
        await exchange.operator.admin(
            [{"op": "deposit", "acct": 1, "asset": "CNY", "amount": 5}, {"op": "deposit", "acct": 1}]
        )

    assert before == exchange.market.exchange.seq


async def test_a_list_of_commands_is_one_group_of_the_journal(exchange: House) -> None:
    deposit = {"op": "deposit", "acct": 1, "asset": "CNY", "amount": 5}
    before = exchange.market.exchange.seq

    await exchange.operator.admin([deposit, deposit, deposit])

    groups = list(exchange.market.sequencer._journal.groups(before))
    assert [3] == [len(group.commands) for group in groups]


async def test_operators_do_not_trade_for_others(exchange: House) -> None:
    place = {"op": "place", "acct": 1, "cid": "theirs", "sym": SYM, "side": "B", "px": 268_000, "qty": 1}

    with pytest.raises(ClientError):
        await exchange.operator.admin([place])

    assert [] == exchange.market.exchange.orders(1)


async def test_the_time_of_a_command_is_the_servers(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        with contextlib.suppress(ClientError):  # refusing it is as good as replacing it
            await exchange.operator.admin([{"op": "deposit", "acct": 1, "asset": "CNY", "amount": 5, "ts": 2**62}])

        assert exchange.market.exchange.ts <= exchange.server.config.clock()


async def test_a_band_is_set_for_a_reason_that_is_kept(exchange: House) -> None:
    it = await exchange.operator.set_band(SYM, BandSet(up_bp=500, down_bp=500, reason="festival"))

    assert (254_600, 281_400) == (it.lo, it.hi)
    async with exchange.market.store.shop.connect() as connection:
        rows = (await connection.execute(text("SELECT reason FROM operator_log"))).scalars().all()
    assert "festival" == rows[-1]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", f"/api/v1/bands/{SYM}", {"up_bp": 10**30, "down_bp": 1000, "reason": "typo"}, "up_bp"),
        ("PUT", f"/api/v1/bands/{SYM}", {"up_bp": 1000, "down_bp": -1, "reason": "typo"}, "down_bp"),
        ("PUT", f"/api/v1/bands/{SYM}", {"up_bp": 10**12, "down_bp": 0, "reason": "typo"}, ""),
        ("POST", "/api/v1/admin/keys", {"acct": 10**30, "scopes": ["read"]}, "acct"),
    ],
)
async def test_an_operators_number_that_fits_nowhere_is_refused_and_stops_nothing(
    exchange: House, method: str, path: str, body: dict[str, object], field: str
) -> None:
    status, fault = await exchange.call(exchange.operator.credentials, method, path, json.dumps(body).encode())

    assert (400, "MALFORMED", field) == (status, fault["name"], fault["field"])
    assert exchange.market.sequencer.is_open


async def test_a_new_key_trades_for_its_account_only_in_its_scopes(exchange: House) -> None:
    key = await exchange.operator.create_key(1, ["read"])
    credentials = Credentials(key.key, bytes.fromhex(key.secret))

    statuses = [
        (await exchange.call(credentials, method, "/api/v1/orders", body))[0]
        for method, body in (("GET", b""), ("POST", json.dumps(ORDER).encode()))
    ]

    assert [200, 403] == statuses


async def test_instruments_show_the_catalogues_facts_and_a_stranger_its_symbol(exchange: House) -> None:
    listing: dict[str, Any] = {"op": "list", "sym": "FEITIAN-2021-500", "tick": 100, "ref": 268_000}
    await exchange.operator.admin([listing])

    named = {it.sym: (it.name_en, it.vintage) for it in await exchange.operator.instruments()}

    assert {SYM: (SYM, 0), "FEITIAN-2021-500": ("Moutai Feitian 2021", 2021)} == named


async def test_what_was_acknowledged_is_there_after_a_clean_stop(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        client = await exchange.client(1)
        await client.place(order("B 1@268000", "c1"))
        before = exchange.market.exchange.state_hash()

    assert not (tmp_path / "server.json").exists()
    async with house(tmp_path) as exchange:
        assert before == exchange.market.exchange.state_hash()
        assert "open" == (await (await exchange.client(1)).order("c1")).st
