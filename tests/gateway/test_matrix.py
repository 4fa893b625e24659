"""Who may do what: every route of the server, asked by everybody that there is. What is not allowed is 401 or 403."""

from collections.abc import Awaitable, Callable

import pytest

from gateway.access.posts import POSTS, May
from gateway.app import ROUTES
from gateway.client import Credentials
from tests.gateway.crowd import Person, person
from tests.gateway.house import ALL_SCOPES, SYM, House
from tests.gateway.test_cellar import bring, staffed

ANYBODY = None
IN_PERSON = "in person"  # a session, and no key
Need = May | str | None

NEEDS: dict[tuple[str, str], Need] = {
    ("POST", "/api/v1/orders"): "trade",
    ("GET", "/api/v1/orders"): "read",
    ("DELETE", "/api/v1/orders"): "trade",
    ("GET", "/api/v1/orders/{cid}"): "read",
    ("DELETE", "/api/v1/orders/{cid}"): "trade",
    ("GET", "/api/v1/balances"): "read",
    ("GET", "/api/v1/instruments"): ANYBODY,
    ("GET", "/api/v1/instruments/{sym}/book"): ANYBODY,
    ("GET", "/api/v1/instruments/{sym}/trades"): ANYBODY,
    ("GET", "/api/v1/instruments/{sym}/candles"): ANYBODY,
    ("GET", "/api/v1/instruments/{sym}/stats"): ANYBODY,
    ("GET", "/api/v1/stats"): ANYBODY,
    ("GET", "/api/v1/proofs"): ANYBODY,
    **{("GET", f"/udf/{name}"): ANYBODY for name in ("config", "time", "symbols", "search", "history")},
    ("GET", "/api/v1/proofs/{day}"): ANYBODY,
    ("GET", "/api/v1/proofs/{day}/mine"): "read",
    ("GET", "/api/v1/time"): ANYBODY,
    ("GET", "/live"): ANYBODY,
    ("GET", "/ready"): ANYBODY,
    ("GET", "/ws/v1"): ANYBODY,  # a socket logs in by itself
    ("POST", "/api/v1/register"): ANYBODY,
    ("POST", "/api/v1/login"): ANYBODY,
    ("GET", "/api/v1/session"): "read",
    ("DELETE", "/api/v1/session"): IN_PERSON,
    ("GET", "/api/v1/sessions"): IN_PERSON,
    ("DELETE", "/api/v1/sessions"): IN_PERSON,
    ("DELETE", "/api/v1/sessions/{session}"): IN_PERSON,
    ("GET", "/api/v1/me"): IN_PERSON,
    ("PUT", "/api/v1/me"): IN_PERSON,
    ("DELETE", "/api/v1/me"): IN_PERSON,
    ("PUT", "/api/v1/me/password"): IN_PERSON,
    ("POST", "/api/v1/me/codes"): IN_PERSON,
    ("PUT", "/api/v1/me/codes"): IN_PERSON,
    ("DELETE", "/api/v1/me/codes"): IN_PERSON,
    ("GET", "/api/v1/keys"): "read",
    ("POST", "/api/v1/keys"): IN_PERSON,
    ("POST", "/api/v1/keys/{key}/replacement"): "read",
    ("DELETE", "/api/v1/keys/{key}"): IN_PERSON,
    ("GET", "/api/v1/warehouses"): ANYBODY,
    ("GET", "/api/v1/terms/{asset:.+}"): ANYBODY,
    ("GET", "/api/v1/stored"): "read",
    ("GET", "/api/v1/pickups"): "read",
    ("POST", "/api/v1/pickups"): "withdraw",
    ("GET", "/api/v1/pickups/{id}"): "read",
    ("DELETE", "/api/v1/pickups/{id}"): "withdraw",
    ("POST", "/api/v1/pickups/{id}/code"): "withdraw",
    ("GET", "/api/v1/pickups/{id}/shipment"): "read",
    ("GET", "/api/v1/liens"): "read",
    ("GET", "/api/v1/bills"): "read",
    ("POST", "/api/v1/bills/pay"): "trade",
    ("GET", "/api/v1/state"): May.VIEW,
    ("GET", "/api/v1/bands"): May.VIEW,
    ("PUT", "/api/v1/bands/{sym}"): May.BANDS,
    ("POST", "/api/v1/admin/commands"): May.COMMANDS,
    ("POST", "/api/v1/admin/keys"): May.KEYS,
    ("PUT", "/api/v1/ops/phase"): May.MARKET,
    ("POST", "/api/v1/ops/instruments"): May.LISTINGS,
    ("POST", "/api/v1/ops/instruments/{sym}/roll"): May.MARKET,
    ("PUT", "/api/v1/ops/instruments/{sym}/fees"): May.LISTINGS,
    ("PUT", "/api/v1/ops/instruments/{sym}/band"): May.BANDS,
    ("POST", "/api/v1/ops/assets"): May.LISTINGS,
    ("POST", "/api/v1/ops/deposits"): May.MONEY,
    ("POST", "/api/v1/ops/withdrawals"): May.MONEY,
    ("GET", "/api/v1/ops/approvals"): May.VIEW,
    ("GET", "/api/v1/ops/approvals/{id}"): May.VIEW,
    ("POST", "/api/v1/ops/approvals/{id}/approve"): May.VIEW,  # and what the proposal's kind takes
    ("POST", "/api/v1/ops/approvals/{id}/reject"): May.VIEW,
    ("GET", "/api/v1/ops/accounts/{acct}"): May.VIEW,
    ("PUT", "/api/v1/ops/accounts/{acct}"): May.ACCOUNTS,
    ("PUT", "/api/v1/ops/accounts/{acct}/group"): May.ACCOUNTS,
    ("POST", "/api/v1/ops/accounts/{acct}/cancel"): May.ACCOUNTS,
    ("POST", "/api/v1/ops/accounts/{acct}/logout"): May.ACCOUNTS,
    ("GET", "/api/v1/ops/people"): May.VIEW,
    ("PUT", "/api/v1/ops/people/{person}/post"): May.POSTS,
    ("GET", "/api/v1/ops/log"): May.LOG,
    ("GET", "/api/v1/ops/log/head"): May.LOG,
}
CELLAR = "/api/v1/cellar/"
SERVED = [(route.method, route.path) for route in ROUTES]


def need_of(route: tuple[str, str]) -> Need:
    return May.CELLAR if route[1].startswith(CELLAR) else NEEDS[route]


def concrete(path: str) -> str:
    """A path of the right form; what it names need not be there."""
    return path.replace("{asset:.+}", SYM).format(
        cid="c1", sym=SYM, id=1, acct=1, person=9_999, session="none", key="none", name="nobody", serial="none",
        asset=SYM, day="2026-01-01",
    )  # fmt: skip


def test_every_route_is_in_the_table() -> None:
    assert set(SERVED) == NEEDS.keys() | {route for route in SERVED if route[1].startswith(CELLAR)}


Ask = Callable[[str, str], Awaitable[int]]


async def refused(ask: Ask) -> set[tuple[str, str]]:
    """The routes that answer 401 or 403. The one that ends the asker's own session is asked last."""
    routes = sorted(SERVED, key=lambda route: route == ("DELETE", "/api/v1/session"))
    return {route for route in routes if await ask(route[0], concrete(route[1])) in (401, 403)}


def but(allowed: Callable[[Need], bool]) -> set[tuple[str, str]]:
    return {route for route in SERVED if not allowed(need_of(route))}


async def with_key(exchange: House, credentials: Credentials | None, method: str, path: str) -> int:
    return (await exchange.call(credentials, method, path))[0]


async def test_a_stranger_gets_nothing_but_what_is_public(exchange: House) -> None:
    async def ask(method: str, path: str) -> int:
        return await with_key(exchange, None, method, path)

    assert but(lambda need: need is ANYBODY) == await refused(ask)


async def test_a_forger_gets_what_a_stranger_gets(exchange: House) -> None:
    forged = Credentials((await exchange.market.store.create_key(1, ALL_SCOPES)).key, bytes(32))

    async def ask(method: str, path: str) -> int:
        return await with_key(exchange, forged, method, path)

    assert but(lambda need: need is ANYBODY) == await refused(ask)


@pytest.mark.parametrize("scope", ALL_SCOPES)
async def test_a_key_does_what_its_one_scope_allows(exchange: House, scope: str) -> None:
    key = await exchange.market.store.create_key(1, [scope])
    credentials = Credentials(key.key, bytes.fromhex(key.secret))

    async def ask(method: str, path: str) -> int:
        return await with_key(exchange, credentials, method, path)

    def allowed(need: Need) -> bool:
        return need in (ANYBODY, scope) or (scope == "admin" and isinstance(need, May))

    assert but(allowed) == await refused(ask)


async def by_session(someone: Person, method: str, path: str) -> int:
    return (await someone.ask(method, path))[0]


async def test_a_client_does_what_clients_do(exchange: House) -> None:
    client = await person(exchange)

    async def ask(method: str, path: str) -> int:
        return await by_session(client, method, path)

    assert but(lambda need: need in (ANYBODY, IN_PERSON, "read", "trade", "withdraw")) == await refused(ask)


@pytest.mark.parametrize("post", POSTS)
async def test_an_operator_does_what_the_post_allows_and_never_trades(exchange: House, post: str) -> None:
    operator = await person(exchange, post)

    async def ask(method: str, path: str) -> int:
        return await by_session(operator, method, path)

    assert but(lambda need: need in (ANYBODY, IN_PERSON, "read") or need in POSTS[post]) == await refused(ask)


async def test_an_unknown_post_allows_nothing(exchange: House) -> None:
    operator = await person(exchange, "wizard")

    assert 403 == await by_session(operator, "GET", "/api/v1/state")


async def test_every_object_of_a_client_is_404_to_another(exchange: House) -> None:
    """Every route that names an object, asked with the true name by somebody else who may do everything."""
    owner, stranger, wang = await person(exchange), await person(exchange), await staffed(exchange)
    await exchange.operator.admin([{"op": "deposit", "acct": owner.acct, "asset": "CNY", "amount": 10**8}])
    await owner.ask("POST", "/api/v1/orders", sym=SYM, side="B", px="2680.00", qty=1, cid="theirs")
    await bring(wang, owner.acct, 1)
    _, pickup = await owner.ask("POST", "/api/v1/pickups", asset=SYM, qty=1, warehouse=1)
    _, key = await owner.ask("POST", "/api/v1/keys", scopes=["read"])
    (session,) = (await owner.ask("GET", "/api/v1/sessions"))[1]
    names = {"cid": "theirs", "id": pickup["id"], "key": key["key"], "session": session["session"]}

    objects = [
        (method, path)
        for method, path in SERVED
        if any(f"{{{name}}}" in path for name in names) and not isinstance(need_of((method, path)), May)
    ]
    statuses = {(method, path): (await stranger.ask(method, path.format(**names)))[0] for method, path in objects}

    assert 9 == len(objects)
    assert dict.fromkeys(objects, 404) == statuses
    assert [("theirs", "open")] == [(one["cid"], one["st"]) for one in (await owner.ask("GET", "/api/v1/orders"))[1]]
