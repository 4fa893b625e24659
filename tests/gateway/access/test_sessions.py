"""Sessions: what a browser and a program show, and when it is not good."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.access.sessions import COOKIE, CSRF, LASTS_NS
from gateway.store import digest_of
from tests.gateway.access.test_people import Clock
from tests.gateway.crowd import asked, browser, logged_in, person, registered, said
from tests.gateway.house import House, house


async def test_a_browsers_cookie_is_for_this_host_over_https_and_for_no_script(exchange: House) -> None:
    page = await browser(exchange)

    parts = {part.strip() for part in page.set_cookie.split(";")[1:]}

    assert page.set_cookie.startswith(f"{COOKIE}=")
    assert COOKIE.startswith("__Host-")
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= parts
    assert not any(part.startswith("Domain") for part in parts)


async def test_what_a_browser_changes_needs_its_csrf_token(exchange: House) -> None:
    page = await browser(exchange)
    other = await browser(exchange)
    shown: list[dict[str, str]] = [{}, {CSRF: "0" * 64}, {CSRF: other.csrf}, {CSRF: "\udcff"}, {CSRF: page.csrf}]

    answers = [await asked(exchange, "DELETE", "/api/v1/sessions", page.cookie | header) for header in shown]

    assert [403, 403, 403, 403, 200] == [status for status, _ in answers]
    assert "BAD_CSRF" == answers[0][1]["name"]
    status, told = await asked(exchange, "GET", "/api/v1/session", page.cookie)
    assert (200, page.csrf) == (status, told["csrf"])


async def test_a_browsers_token_is_no_bearers_and_the_other_way_round(exchange: House) -> None:
    page, client = await browser(exchange), await person(exchange)

    assert 200 == (await asked(exchange, "GET", "/api/v1/session", page.cookie))[0]
    assert 200 == (await asked(exchange, "GET", "/api/v1/session", client.headers))[0]
    swapped = [{"Authorization": f"Bearer {page.token}"}, {"Cookie": f"{COOKIE}={client.token}"}]
    assert [(401, "BAD_SESSION")] * 2 == [said(await asked(exchange, "GET", "/api/v1/session", one)) for one in swapped]


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer nothing"}, {"Cookie": f"{COOKIE}=nothing"}, {"Authorization": "Bearer \udcffx"}],
)
async def test_an_unknown_token_is_401(exchange: House, headers: dict[str, str]) -> None:
    assert (401, "BAD_SESSION") == said(await asked(exchange, "GET", "/api/v1/session", headers))


async def test_only_a_digest_of_the_token_is_kept(exchange: House) -> None:
    client = await person(exchange)

    (row,) = exchange.market.store.sessions.values()

    assert digest_of(client.token) == row.digest
    assert client.token not in str(row)


async def test_a_session_ends_after_twelve_hours(tmp_path: Path) -> None:
    clock = Clock()
    async with house(tmp_path, clock=clock) as exchange:
        client = await person(exchange)
        clock.now += LASTS_NS - 1
        assert 200 == (await client.ask("GET", "/api/v1/session"))[0]
        clock.now += 1

        assert (401, "BAD_SESSION") == said(await client.ask("GET", "/api/v1/session"))


async def test_a_session_outlives_the_server_and_a_logout_does_too(tmp_path: Path) -> None:
    async with house(tmp_path) as exchange:
        stays, leaves = await person(exchange), await person(exchange)
        assert (200, {}) == await leaves.ask("DELETE", "/api/v1/session")

    async with house(tmp_path) as exchange:
        answers = [await asked(exchange, "GET", "/api/v1/session", one.headers) for one in (stays, leaves)]

    assert [200, 401] == [status for status, _ in answers]


async def test_one_sees_and_ends_ones_own_sessions_only(exchange: House) -> None:
    client, stranger = await person(exchange), await person(exchange)
    _, other = await logged_in(exchange, client.login)

    _, mine = await client.ask("GET", "/api/v1/sessions")
    _, theirs = await stranger.ask("GET", "/api/v1/sessions")
    assert (2, 1) == (len(mine), len(theirs))
    assert [("127.0.0.1", True)] * 2 == [(one["ip"], one["bearer"]) for one in mine]
    assert [True, False] == [one["is_this"] for one in mine]

    path = f"/api/v1/sessions/{other['session']}"
    assert (404, "UNKNOWN_SESSION") == said(await stranger.ask("DELETE", path))
    assert (200, {}) == await client.ask("DELETE", path)
    assert (404, "UNKNOWN_SESSION") == said(await client.ask("DELETE", path))
    assert 401 == (await asked(exchange, "GET", "/api/v1/session", {"Authorization": f"Bearer {other['token']}"}))[0]


async def test_a_person_has_no_more_than_twenty_sessions(exchange: House) -> None:
    client = await person(exchange)
    for _ in range(20):
        await logged_in(exchange, client.login)

    assert 20 == len(exchange.market.store.sessions)
    assert (401, "BAD_SESSION") == said(await client.ask("GET", "/api/v1/session"))  # it was the oldest


async def socket(exchange: House, headers: dict[str, str], *sent: dict[str, Any]) -> list[Any]:
    """Open a socket, say this, and return the answers."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{exchange.server.url}/ws/v1", headers=headers) as ws,
    ):
        answers = []
        for one in sent:
            await ws.send_json(one)
            answers.append(await ws.receive_json(timeout=10))
        return answers


GET = {"op": "order.get", "cid": "none"}


async def test_a_socket_may_open_with_a_session(exchange: House) -> None:
    client, page = await person(exchange), await browser(exchange)

    answers = [(await socket(exchange, headers, GET))[0]["name"] for headers in ({}, client.headers, page.cookie)]

    assert ["UNAUTHENTICATED", "UNKNOWN_ORDER", "UNKNOWN_ORDER"] == answers


async def test_a_socket_with_a_bad_session_does_not_open(exchange: House) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await socket(exchange, {"Authorization": "Bearer nothing"})

    assert 401 == caught.value.status


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_a_page_of_another_origin_opens_no_socket_with_the_cookie(exchange: House, origin: str) -> None:
    page = await browser(exchange)

    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await socket(exchange, page.cookie | {"Origin": origin})

    assert 403 == caught.value.status


async def test_who_is_logged_out_loses_his_sockets(exchange: House) -> None:
    client = await person(exchange)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{exchange.server.url}/ws/v1", headers=client.headers) as ws,
    ):
        await ws.send_json(GET)
        await ws.receive_json(timeout=10)
        await client.ask("DELETE", "/api/v1/session")

        async with asyncio.timeout(10):
            message = await ws.receive()

    assert (aiohttp.WSMsgType.CLOSE, 1008) == (message.type, message.data)


async def test_passwords_and_sessions_go_over_https_or_stay_on_the_machine(tmp_path: Path) -> None:
    """The proxy is on this machine; it says where its clients are."""
    plain = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    private = plain | {"X-Forwarded-Proto": "https"}
    async with house(tmp_path, proxies=("127.0.0.0/8",)) as exchange:
        login, *_ = await registered(exchange)
        client = await person(exchange)
        body = {"login": login, "password": "a wrong password"}

        answers = [
            await asked(exchange, "POST", "/api/v1/login", plain, **body),
            await asked(exchange, "POST", "/api/v1/login", private, **body),
            await asked(exchange, "GET", "/api/v1/session", client.headers | plain),
        ]
        seen = await asked(exchange, "GET", "/api/v1/session", client.headers | private)

    assert [(403, "NOT_PRIVATE"), (401, "BAD_LOGIN"), (403, "NOT_PRIVATE")] == [said(one) for one in answers]
    assert 200 == seen[0]
