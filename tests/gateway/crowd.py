"""People at the door of a house: they register, log in and ask over HTTP, as anybody does."""

import json
from dataclasses import dataclass
from itertools import count
from typing import Any

import aiohttp

from tests.gateway.house import House

PASSWORD = "correct horse battery"
NUMBERS = count(1)


@dataclass
class Person:
    """Somebody who logged in with a bearer token."""

    house: House
    login: str
    person: int
    acct: int
    token: str

    @property
    def actor(self) -> str:
        return f"p{self.person}"

    async def ask(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        return await asked(self.house, method, path, {"Authorization": f"Bearer {self.token}"}, **body)


async def asked(
    house: House, method: str, path: str, headers: dict[str, str] | None = None, **body: Any
) -> tuple[int, Any]:
    """A request that is not signed: its status and its answer."""
    content = json.dumps(body).encode() if body else b""
    return await house.call(None, method, path, content, headers or {})


async def registered(house: House) -> tuple[str, int, int]:
    """A new login, its person and its account."""
    login = f"guest{next(NUMBERS)}"
    status, made = await asked(house, "POST", "/api/v1/register", login=login, password=PASSWORD)
    assert status == 201, made
    return login, made["person"], made["acct"]


async def person(house: House, post: str = "") -> Person:
    """Somebody new, with a post when one is named: given by the founder's key, or written where that takes two."""
    login, number, acct = await registered(house)
    if post:
        await appointed(house, number, post)
    status, made = await asked(house, "POST", "/api/v1/login", login=login, password=PASSWORD, bearer=True)
    assert status == 201, made
    return Person(house, login, number, acct, made["token"])


async def appointed(house: House, number: int, post: str) -> None:
    """Give a post, past the approvals that it takes."""
    from gateway.access.people import set_post

    store = house.market.store
    async with store.shop.begin() as db:
        await set_post(db, number, post)
    await store.load()


async def browser(house: House, login: str, **body: Any) -> tuple[dict[str, Any], aiohttp.CookieJar, Any]:
    """Log in as a browser does: what the page is told, its cookies as the server set them, and the raw header."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(cookie_jar=jar) as session,
        session.post(
            f"{house.server.url}/api/v1/login", json={"login": login, "password": PASSWORD, **body}
        ) as response,
    ):
        return await response.json(), jar, response.headers.get("Set-Cookie", "")
