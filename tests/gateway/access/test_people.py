"""People register, log in and are forgotten."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import text

from gateway.access import passwords
from gateway.access.tables import people, personal
from tests.gateway.crowd import PASSWORD, asked, logged_in, person, registered, said
from tests.gateway.house import House, house, order

NAMES = {"name": "Wang Fang-Unmistakable", "phone": "+86 139 1234 5678", "email": "fang.unmistakable@example.org"}


async def test_who_registered_logs_in_and_trades_on_an_account_of_his_own(exchange: House) -> None:
    client = await person(exchange)
    deposit = {"op": "deposit", "acct": client.acct, "asset": "CNY", "amount": 10**8}
    await exchange.operator.admin([deposit])

    status, ack = await client.ask("POST", "/api/v1/orders", sym="X", side="B", px="2680.00", qty=1)

    assert (201, "open") == (status, ack["st"])
    assert [client.acct] == [order.acct for order in exchange.market.exchange.orders(client.acct)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "short"}, "password"),
        ({"login": "a b"}, "login"),
        ({"name": "\x1b[2J"}, "name"),
        ({"email": "no address"}, "email"),
        ({"post": "director"}, "post"),
    ],
)
async def test_a_registration_says_what_is_wrong_with_it(exchange: House, change: dict[str, str], field: str) -> None:
    body: dict[str, Any] = {"login": "guest", "password": PASSWORD} | change

    status, fault = await asked(exchange, "POST", "/api/v1/register", **body)

    assert (400, "MALFORMED", field) == (status, fault["name"], fault["field"])
    assert {} == exchange.market.store.people


async def test_a_login_is_one_persons(exchange: House) -> None:
    login, *_ = await registered(exchange)

    again = await asked(exchange, "POST", "/api/v1/register", login=login.upper(), password=PASSWORD)

    assert (409, "LOGIN_TAKEN") == said(again)
    assert 1 == len(exchange.market.store.people)


async def test_a_wrong_name_and_a_wrong_password_are_one_error(exchange: House) -> None:
    login, *_ = await registered(exchange)
    wrong = [
        await asked(exchange, "POST", "/api/v1/login", login=name, password=word)
        for name, word in ((login, "another password"), ("nobody", PASSWORD), ("n", PASSWORD), (login, ""))
    ]

    assert [(401, "BAD_LOGIN")] * 4 == [said(answer) for answer in wrong]
    assert 1 == len({str(body) for _, body in wrong})


async def test_passwords_are_kept_as_argon2id_alone(exchange: House) -> None:
    await registered(exchange)

    async with exchange.market.store.shop.connect() as db:
        (kept,) = (await db.execute(text("SELECT password FROM access_people"))).scalars()

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


class Clock:
    """A clock that stands still until it is turned. It begins now, for clients sign by the real time."""

    def __init__(self) -> None:
        self.now = time.time_ns()

    def __call__(self) -> int:
        return self.now

    def code(self, secret: str, off_s: int = 0) -> str:
        return pyotp.TOTP(secret).at(self.now // 10**9 + off_s)


async def test_a_code_is_asked_for_once_it_was_shown_and_each_is_good_once(tmp_path: Path) -> None:
    clock = Clock()
    async with house(tmp_path, clock=clock) as exchange:
        client = await person(exchange)
        _, told = await client.ask("POST", "/api/v1/me/codes", password=PASSWORD)
        assert 201 == (await logged_in(exchange, client.login))[0]  # it does not count before its first code
        assert (401, "BAD_LOGIN") == said(await client.ask("PUT", "/api/v1/me/codes", code="000000"))
        assert 200 == (await client.ask("PUT", "/api/v1/me/codes", code=clock.code(told["secret"])))[0]

        assert (401, "CODE_NEEDED") == said(await logged_in(exchange, client.login))
        assert (401, "BAD_LOGIN") == said(await logged_in(exchange, client.login, code=clock.code(told["secret"])))
        clock.now += 30 * 10**9
        code = clock.code(told["secret"])
        answers = await asyncio.gather(*(logged_in(exchange, client.login, code=code) for _ in range(3)))

        assert [201, 401, 401] == sorted(status for status, _ in answers)


@pytest.mark.parametrize(("off_s", "good"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_code_may_be_half_a_minute_off(off_s: int, good: bool) -> None:
    clock, secret = Clock(), passwords.new_totp()

    assert good is (passwords.step_of(secret, clock.code(secret, off_s), clock.now, 0) is not None)


async def test_a_new_password_takes_the_old_one_and_ends_the_other_sessions(exchange: House) -> None:
    client = await person(exchange)
    _, other = await logged_in(exchange, client.login)

    assert 401 == (await client.ask("PUT", "/api/v1/me/password", old="not the old one", new="a new password"))[0]
    assert (200, {"ended": 1}) == await client.ask("PUT", "/api/v1/me/password", old=PASSWORD, new="a new password")

    assert 200 == (await client.ask("GET", "/api/v1/me"))[0]
    assert (401, "BAD_SESSION") == said(
        await asked(exchange, "GET", "/api/v1/me", {"Authorization": f"Bearer {other['token']}"})
    )
    assert 401 == (await logged_in(exchange, client.login))[0]


async def test_nothing_of_who_was_forgotten_is_left_in_the_files(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        client = await person(exchange)
        assert 200 == (await client.ask("PUT", "/api/v1/me", login="fang.unmistakable", **NAMES))[0]
        _, key = await client.ask("POST", "/api/v1/keys", scopes=["read"])
        assert (401, "BAD_LOGIN") == said(await client.ask("DELETE", "/api/v1/me", password="another password"))
        assert (200, {}) == await client.ask("DELETE", "/api/v1/me", password=PASSWORD)

        assert (401, "BAD_SESSION") == said(await client.ask("GET", "/api/v1/me"))
        assert exchange.market.store.key(key["key"]).has_ended(exchange.server.config.clock())  # type: ignore[union-attr]
        assert 401 == (await logged_in(exchange, "fang.unmistakable"))[0]
        async with exchange.market.store.shop.connect() as db:
            assert [client.acct] == list((await db.execute(people.select())).scalars("acct"))
            assert [] == (await db.execute(personal.select())).all()

    kept = b"".join(path.read_bytes() for path in tmp_path.glob("*.sqlite*"))  # noqa: ASYNC240
    assert b"Unmistakable" not in kept
    assert b"unmistakable" not in kept
    assert b"139 1234" not in kept


async def test_who_still_has_something_is_not_forgotten(exchange: House) -> None:
    client = await person(exchange)
    await exchange.operator.admin([{"op": "deposit", "acct": client.acct, "asset": "CNY", "amount": 1}])

    assert (409, "NOT_EMPTY") == said(await client.ask("DELETE", "/api/v1/me", password=PASSWORD))
    assert 200 == (await client.ask("GET", "/api/v1/me"))[0]


async def test_names_are_in_one_table_alone(exchange: House) -> None:
    """Whatever else a client did: only `access_personal` has what says who he is."""
    client = await person(exchange)
    await client.ask("PUT", "/api/v1/me", login="fang.unmistakable", **NAMES)
    await client.ask("POST", "/api/v1/keys", scopes=["read"])
    await exchange.operator.call("PUT", f"/api/v1/ops/accounts/{client.acct}", reason="asked for", order_rate=5)

    async with exchange.market.store.shop.connect() as db:
        tables = (await db.execute(text("SELECT name FROM sqlite_schema WHERE type = 'table'"))).scalars().all()
        found = [
            table
            for table in tables
            if "unmistakable" in str((await db.execute(text(f"SELECT * FROM {table}"))).all()).lower()
        ]

    assert ["access_personal"] == found


async def test_a_flood_of_logins_keeps_no_order_waiting(exchange: House) -> None:
    """Orders go on, one after another, while logins take turns in their threads: several for each login."""
    login, *_ = await registered(exchange)
    trader = await exchange.client(1)
    done: list[str] = []

    async def try_login() -> None:
        await asked(exchange, "POST", "/api/v1/login", login=login, password="not this one")
        done.append("login")

    flood = asyncio.gather(*(try_login() for _ in range(30)))
    while not flood.done():
        await trader.place(order("B 1@268000"))
        done.append("order")
    await flood

    first, last = done.index("login"), len(done) - done[::-1].index("login")
    assert done[first:last].count("order") > 30


async def test_more_logins_than_can_wait_are_turned_away(exchange: House, monkeypatch: pytest.MonkeyPatch) -> None:
    login, *_ = await registered(exchange)
    monkeypatch.setattr(passwords, "WAITING_MAX", 2)

    answers = await asyncio.gather(*(logged_in(exchange, login) for _ in range(12)))

    assert {201, 503} == {status for status, _ in answers}
    assert 0 == exchange.market.people.passwords.waiting
