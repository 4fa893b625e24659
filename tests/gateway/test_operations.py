"""What operators do: each with a reason, in the log before it is done, and tried without doing it."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.access.sessions import CSRF
from gateway.market import Market
from ledger.audit import audit
from ledger.databases import databases_of
from ledger.operator_log import HEAD, Row, check, read, read_head
from tests.gateway.crowd import asked, browser, logged_in, person, said
from tests.gateway.house import CASH_FEN, SYM, House, house, order

OPS = "/api/v1/ops"
WHY = "a reason"


async def ops(exchange: House, method: str, path: str, **body: Any) -> tuple[int, Any]:
    """An operation by the founder's key."""
    content = json.dumps({"reason": WHY, **body}).encode() if method != "GET" else b""
    return await exchange.call(exchange.operator.credentials, method, OPS + path, content)


async def rows_of(market: Market) -> list[Row]:
    async with market.store.shop.connect() as db:
        return await read(db, 0, 1_000)


async def test_a_halt_stops_all_instruments_or_those_named(exchange: House) -> None:
    await ops(exchange, "POST", "/instruments", sym="Y", tick="1.00", ref="100.00")
    phases = {sym: it.phase for sym, it in exchange.market.exchange.instruments.items()}

    status, made = await ops(exchange, "PUT", "/phase", phase="HALTED", syms=["Y"])
    assert (200, ["halted"]) == (status, [event["phase"].lower() for event in made["events"]])
    assert phases | {"Y": "HALTED"} == {sym: it.phase for sym, it in exchange.market.exchange.instruments.items()}

    await ops(exchange, "PUT", "/phase", phase="HALTED")
    assert {"HALTED"} == {it.phase for it in exchange.market.exchange.instruments.values()}


async def test_an_instrument_is_listed_with_its_money_in_yuan(exchange: House) -> None:
    status, _ = await ops(
        exchange, "POST", "/instruments", sym="Y", tick="0.50", ref="100.00", up_bp=500, down_bp=300, taker_bp=20,
        min_fee="1.00", max_holding=60,
    )  # fmt: skip

    it = exchange.market.exchange.instruments["Y"]
    assert (200, 50, 10_000, 10_500, 9_700) == (status, it.tick, it.ref, it.hi, it.lo)
    assert (20, 100, 60) == (it.listing.taker_bp, it.listing.min_fee, it.listing.max_holding)


async def test_fees_groups_assets_and_rolls_are_commands_too(exchange: House) -> None:
    answers = [
        await ops(exchange, "PUT", f"/instruments/{SYM}/fees", maker_bp=1, taker_bp=2, min_fee="0.10"),
        await ops(exchange, "PUT", "/accounts/1/group", group=7),
        await ops(exchange, "POST", "/assets", asset="POINT"),
        await ops(exchange, "POST", f"/instruments/{SYM}/roll"),
    ]

    assert [200] * 4 == [status for status, _ in answers]
    assert (1, 2, 10) == exchange.market.exchange.instruments[SYM].fees


async def test_an_accounts_orders_are_cancelled_for_it(exchange: House) -> None:
    client = await exchange.client(1)
    for cid in ("a", "b"):
        await client.place(order("B 1@268000", cid))

    status, made = await ops(exchange, "POST", "/accounts/1/cancel")

    assert (200, ["a", "b"]) == (status, [event["cid"] for event in made["events"]])
    assert [] == exchange.market.exchange.orders(1)


DRY = [
    ("PUT", "/phase", {"phase": "HALTED"}),
    ("POST", "/instruments", {"sym": "Y", "tick": "1.00", "ref": "100.00"}),
    ("POST", f"/instruments/{SYM}/roll", {}),
    ("PUT", f"/instruments/{SYM}/fees", {"maker_bp": 1, "taker_bp": 2}),
    ("PUT", f"/instruments/{SYM}/band", {"up_bp": 10, "down_bp": 10}),
    ("POST", "/assets", {"asset": "POINT"}),
    ("PUT", "/accounts/1/group", {"group": 7}),
    ("POST", "/accounts/1/cancel", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), DRY, ids=[path for _, path, _ in DRY])
async def test_a_dry_run_says_what_would_happen_and_does_nothing(
    exchange: House, method: str, path: str, body: dict[str, Any]
) -> None:
    await (await exchange.client(1)).place(order("B 1@260000", "far"))
    before, rows = exchange.market.exchange.state_hash(), await rows_of(exchange.market)

    status, tried = await ops(exchange, method, path, dry_run=True, **body)

    assert (200, True) == (status, tried["dry_run"])
    assert before == exchange.market.exchange.state_hash()
    assert rows == await rows_of(exchange.market)

    _, made = await ops(exchange, method, path, **body)
    if "events" in made:
        assert (tried["events"], tried["seq"]) == (made["events"], made["seq"])
    else:
        assert tried["seq"] == made["seq"]
    assert before != exchange.market.exchange.state_hash()


async def test_a_dry_run_is_refused_for_what_would_be_refused(exchange: House) -> None:
    answers = [await ops(exchange, "POST", "/instruments", sym=SYM, tick="1.00", dry_run=dry) for dry in (True, False)]

    assert [(409, "DUPLICATE_ID")] * 2 == [said(answer) for answer in answers]


async def test_a_blocked_account_looks_and_does_nothing(exchange: House) -> None:
    client = await exchange.client(1)
    stream = await client.connect()
    await client.place(order("B 1@268000", "c1"))

    assert (200, {"acct": 1, "is_blocked": True, "order_rate": 0}) == await ops(
        exchange, "PUT", "/accounts/1", is_blocked=True
    )
    await stream.close()

    body = b'{"sym":"X","side":"B","px":"2680.00","qty":1}'
    asked_for = [("GET", "/api/v1/orders", b""), ("POST", "/api/v1/orders", body), ("DELETE", "/api/v1/orders", b"")]
    assert [200, 403, 403] == [(await exchange.call(client.credentials, *one))[0] for one in asked_for]

    await ops(exchange, "PUT", "/accounts/1", is_blocked=False)
    assert 201 == (await exchange.call(client.credentials, "POST", "/api/v1/orders", body))[0]


async def test_a_block_outlives_the_server(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        client = await exchange.client(1)
        await ops(exchange, "PUT", "/accounts/1", is_blocked=True)

    async with house(tmp_path) as exchange:
        assert 403 == (await exchange.call(client.credentials, "DELETE", "/api/v1/orders"))[0]


async def test_an_account_is_told_without_a_name(exchange: House) -> None:
    client = await person(exchange)
    await client.ask("POST", "/api/v1/keys", scopes=["read"], label="mine")

    status, told = await ops(exchange, "GET", f"/accounts/{client.acct}")
    rich = (await ops(exchange, "GET", "/accounts/1"))[1]

    assert (200, [{"person": client.person, "post": ""}], 1) == (status, told["persons"], told["sessions"])
    assert client.login not in json.dumps(told)
    assert [{"asset": "CNY", "free": f"{CASH_FEN // 100}.00", "held": "0.00"}] == [
        one for one in rich["balances"] if one["asset"] == "CNY"
    ]
    assert (404, "NOT_FOUND") == said(await ops(exchange, "GET", "/accounts/987654"))


async def test_who_is_thrown_out_has_no_session_left(exchange: House) -> None:
    client = await person(exchange)
    await logged_in(exchange, client.login)

    assert (200, {"ended": 2}) == await ops(exchange, "POST", f"/accounts/{client.acct}/logout")
    assert 401 == (await client.ask("GET", "/api/v1/me"))[0]


async def test_people_with_posts_are_listed(exchange: House) -> None:
    await person(exchange)
    operator = await person(exchange, "market")

    told = await ops(exchange, "GET", "/people")

    assert (200, [{"person": operator.person, "acct": operator.acct, "post": "market"}]) == told


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/phase", {"phase": "HALTED"}),
        ("POST", "/deposits", {"acct": 1, "amount": "1.00"}),
        ("PUT", "/accounts/1", {}),
        ("POST", f"/instruments/{SYM}/roll", {}),
    ],
)
@pytest.mark.parametrize("reason", [None, "", " ", 7, "x" * 501])
async def test_nothing_is_done_without_a_reason(
    exchange: House, method: str, path: str, body: dict[str, Any], reason: object
) -> None:
    seq = exchange.market.exchange.seq
    content = json.dumps(body | ({} if reason is None else {"reason": reason})).encode()

    answer = await exchange.call(exchange.operator.credentials, method, OPS + path, content)

    assert (400, "MALFORMED") == said(answer)
    assert (seq, []) == (exchange.market.exchange.seq, (await rows_of(exchange.market))[1:])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "name"),
    [
        ("PUT", "/phase", {"phase": "LUNCH"}, 400, "MALFORMED"),
        ("PUT", "/phase", {"phase": "HALTED", "syms": ["NONE"]}, 400, "UNKNOWN_INSTRUMENT"),
        ("PUT", "/instruments/NONE/fees", {"maker_bp": 1, "taker_bp": 1}, 400, "UNKNOWN_INSTRUMENT"),
        ("PUT", f"/instruments/{SYM}/fees", {"maker_bp": 10**15, "taker_bp": 1}, 400, "MALFORMED"),
        ("POST", "/instruments", {"sym": "\x1b", "tick": "1.00"}, 400, "MALFORMED"),
        ("POST", "/instruments", {"sym": "Y", "tick": 1}, 400, "MALFORMED"),
        ("PUT", "/accounts/1", {"order_rate": -1}, 400, "MALFORMED"),
        ("PUT", "/accounts/x", {}, 404, "NOT_FOUND"),
        ("PUT", "/people/99/post", {"post": "market"}, 404, "UNKNOWN_PERSON"),
        ("POST", "/approvals/99/approve", {}, 404, "UNKNOWN_APPROVAL"),
        ("GET", "/approvals/99", {}, 404, "UNKNOWN_APPROVAL"),
        ("GET", "/log?limit=0", {}, 400, "MALFORMED"),
    ],
)
async def test_bad_input_has_a_clear_error(
    exchange: House, method: str, path: str, body: dict[str, Any], status: int, name: str
) -> None:
    assert (status, name) == said(await ops(exchange, method, path, **body))
    assert exchange.market.sequencer.is_open


async def test_an_unknown_post_is_none(exchange: House) -> None:
    client = await person(exchange)

    assert (400, "MALFORMED") == said(await ops(exchange, "PUT", f"/people/{client.person}/post", post="king"))


async def test_what_an_operator_asks_is_in_the_log_before_it_is_done_and_then_what_came_of_it(
    exchange: House,
) -> None:
    operator = await person(exchange, "market")
    await operator.ask("PUT", f"{OPS}/phase", phase="HALTED", reason="a fire drill")
    await operator.ask("PUT", f"{OPS}/instruments/{SYM}/fees", maker_bp=10**15, taker_bp=0, reason="typo")

    status, told = await ops(exchange, "GET", "/log?after=1")

    asked_for, done, typo, refused = told
    assert (200, operator.actor, f"PUT {OPS}/phase", "a fire drill") == (
        status, asked_for["actor"], asked_for["action"], asked_for["reason"],
    )  # fmt: skip
    assert "HALTED" == asked_for["detail"]["phase"]
    assert exchange.market.exchange.seq - 1 == done["detail"]["seq"]  # the refused command is the last
    assert ("typo", {"refused": "MALFORMED"}) == (typo["reason"], refused["detail"])


async def test_a_proposal_and_its_end_are_in_the_log_with_both_people(tmp_path: Path) -> None:
    async with house(tmp_path, four_eyes=True) as exchange:
        maker, checker = await person(exchange, "treasurer"), await person(exchange, "controller")
        _, made = await maker.ask("POST", f"{OPS}/deposits", acct=1, amount="100.00", reason="statement 7")
        await checker.ask("POST", f"{OPS}/approvals/{made['id']}/approve", reason="seen it")
        rows = (await rows_of(exchange.market))[-3:]

    assert [
        ("propose", maker.actor, "statement 7"),
        ("approve", checker.actor, "seen it"),
        ("done", checker.actor, ""),
    ] == [(row.action, row.actor, row.reason) for row in rows]
    assert {"id": 1, "kind": "deposit", "acct": 1, "amount": 10_000} == {
        name: value for name, value in json.loads(rows[0].detail).items() if name != "seq"
    }


async def test_the_head_of_the_log_is_told_and_kept(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        await ops(exchange, "PUT", "/phase", phase="HALTED")
        _, told = await ops(exchange, "GET", "/log/head")

    kept = read_head(tmp_path / HEAD)
    assert kept is not None
    assert told == kept._asdict()
    assert (kept, []) == check(databases_of(tmp_path), kept)
    assert audit(tmp_path).ok


async def test_an_operator_by_cookie_needs_the_csrf_token_too(exchange: House) -> None:
    page = await browser(exchange)
    await ops(exchange, "PUT", f"/people/{max(exchange.market.store.people)}/post", post="market")

    statuses = [
        (await asked(exchange, "PUT", f"{OPS}/phase", page.cookie | shown, phase="HALTED", reason=WHY))[0]
        for shown in ({}, {CSRF: page.csrf})
    ]

    assert [403, 200] == statuses
