"""Keys of their owners: scopes, networks, replacement, end."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.client import Credentials
from gateway.store import OVERLAP_NS
from tests.gateway.access.test_people import Clock
from tests.gateway.crowd import Person, person, said
from tests.gateway.house import House, house

KEYS = "/api/v1/keys"


async def made(client: Person, *scopes: str, **more: Any) -> Credentials:
    """A key that somebody made for himself."""
    status, key = await client.ask("POST", KEYS, scopes=list(scopes or ("read",)), **more)
    assert status == 201, key
    return credentials_of(key)


def credentials_of(key: dict[str, Any]) -> Credentials:
    return Credentials(key["key"], bytes.fromhex(key["secret"]))


async def status_of(exchange: House, credentials: Credentials, **headers: str) -> int:
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return (await exchange.call(credentials, "GET", "/api/v1/balances", changed=changed))[0]


async def test_a_key_acts_for_its_owners_account_in_its_scopes(exchange: House) -> None:
    client = await person(exchange)
    key = await made(client, "read")

    status, listed = await exchange.call(key, "GET", KEYS)

    assert (200, [(key.key, client.acct, ["read"])]) == (
        status,
        [(one["key"], one["acct"], one["scopes"]) for one in listed],
    )
    assert 403 == (await exchange.call(key, "DELETE", "/api/v1/orders"))[0]
    assert "secret" not in listed[0]


@pytest.mark.parametrize("scopes", [["admin"], ["read", "admin"], [], ["everything"]])
async def test_nobody_makes_a_key_that_may_do_more_than_himself(exchange: House, scopes: list[str]) -> None:
    client = await person(exchange)

    answer = await client.ask("POST", KEYS, scopes=scopes)

    assert (400, "MALFORMED", "scopes") == (*said(answer), answer[1]["field"])


async def test_an_operators_key_does_what_his_post_allows_as_it_is_now(exchange: House) -> None:
    operator = await person(exchange, "auditor")
    key = await made(operator, "admin")
    assert [200, 403] == [(await exchange.call(key, "GET", path))[0] for path in ("/api/v1/state", KEYS)]

    path = f"/api/v1/ops/people/{operator.person}/post"
    assert "done" == (await exchange.operator.call("PUT", path, post="", reason="left"))["state"]

    assert 403 == (await exchange.call(key, "GET", "/api/v1/state"))[0]


async def test_a_key_works_from_its_networks_only(tmp_path: Path) -> None:
    async with house(tmp_path, proxies=("127.0.0.1/32",)) as exchange:
        client = await person(exchange)
        key = await made(client, ips=["203.0.113.0/24", "2001:db8::1"])
        seen = [
            await status_of(exchange, key, X_Forwarded_For=ip)
            for ip in ("203.0.113.7", "2001:db8::1", "203.0.114.7", "2001:db8::2", "::ffff:203.0.113.9")
        ]

    assert [200, 200, 401, 401, 200] == seen


async def test_what_is_no_network_is_refused(exchange: House) -> None:
    client = await person(exchange)

    answer = await client.ask("POST", KEYS, scopes=["read"], ips=["everywhere"])

    assert (400, "MALFORMED", "ips") == (*said(answer), answer[1]["field"])


async def test_a_replaced_key_works_for_an_hour_yet(tmp_path: Path) -> None:
    clock = Clock()
    async with house(tmp_path, clock=clock) as exchange:
        client = await person(exchange)
        old = await made(client)
        status, key = await exchange.call(old, "POST", f"{KEYS}/{old.key}/replacement")
        assert (201, [200, 200]) == (
            status, [await status_of(exchange, one) for one in (old, credentials_of(key))],
        )  # fmt: skip

        row = exchange.market.store.key(old.key)
        assert row is not None
        assert clock.now + OVERLAP_NS == row.expires_ts
        assert [False, True] == [row.has_ended(clock.now + OVERLAP_NS - off) for off in (1, 0)]


async def test_a_key_replaces_itself_and_no_other(exchange: House) -> None:
    client = await person(exchange)
    one, other = await made(client), await made(client)

    assert (403, "FORBIDDEN") == said(await exchange.call(one, "POST", f"{KEYS}/{other.key}/replacement"))


async def test_an_ended_key_works_no_more_nor_do_its_sockets(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        client = await person(exchange)
        key = await made(client)
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{exchange.server.url}/ws/v1") as ws:
            ts, nonce, sign = key.sign("GET", "/ws/v1", b"")
            await ws.send_json({"op": "login", "key": key.key, "ts": ts, "nonce": nonce, "sign": sign})
            assert "login" == (await ws.receive_json(timeout=10))["op"]
            assert (200, {}) == await client.ask("DELETE", f"{KEYS}/{key.key}")
            async with asyncio.timeout(10):
                message = await ws.receive()
        assert (aiohttp.WSMsgType.CLOSE, 1008) == (message.type, message.data)
        assert 401 == await status_of(exchange, key)

    async with house(tmp_path) as exchange:  # and not after a restart either
        assert 401 == await status_of(exchange, key)


async def test_anothers_key_is_not_there(exchange: House) -> None:
    client, stranger = await person(exchange), await person(exchange)
    key = await made(client)

    answers = [
        await stranger.ask("DELETE", f"{KEYS}/{key.key}"),
        await stranger.ask("POST", f"{KEYS}/{key.key}/replacement"),
    ]

    assert [(404, "UNKNOWN_KEY")] * 2 == [said(answer) for answer in answers]
    assert [] == (await stranger.ask("GET", KEYS))[1]
    assert 200 == await status_of(exchange, key)


async def test_when_a_key_was_last_used_is_told_and_kept(tmp_path: Path) -> None:
    clock = Clock()
    async with house(tmp_path, clock=clock) as exchange:
        client = await person(exchange)
        key = await made(client)
        assert [0] == [one["used_ts"] for one in (await client.ask("GET", KEYS))[1]]
        await status_of(exchange, key)
        assert [clock.now] == [one["used_ts"] for one in (await client.ask("GET", KEYS))[1]]

    async with house(tmp_path) as exchange:
        row = exchange.market.store.key(key.key)
        assert row is not None
        assert clock.now == row.used_ts


async def test_a_person_has_no_more_than_twenty_keys_that_work(exchange: House) -> None:
    client = await person(exchange)
    keys = [await made(client) for _ in range(20)]

    assert 400 == (await client.ask("POST", KEYS, scopes=["read"]))[0]
    await client.ask("DELETE", f"{KEYS}/{keys[0].key}")
    assert 201 == (await client.ask("POST", KEYS, scopes=["read"]))[0]


async def test_operators_make_no_key_to_somebodys_account(tmp_path: Path) -> None:
    async with house(tmp_path, four_eyes=True) as exchange:
        client, operator = await person(exchange), await person(exchange, "support")

        answers = [
            await operator.ask("POST", "/api/v1/admin/keys", acct=acct, scopes=["trade", "withdraw"])
            for acct in (client.acct, 7)
        ]

    assert [(403, "FOUR_EYES"), 201] == [said(answers[0]), answers[1][0]]
