"""People at the door of a house: they register, log in and ask over HTTP, as anybody does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import aiohttp

from gateway.access.people import set_post
from gateway.access.sessions import COOKIE
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

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def ask(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        return await asked(self.house, method, path, self.headers, **body)


async def asked(house: House, method: str, path: str, headers: Mapping[str, str] = {}, **body: Any) -> tuple[int, Any]:
    """A request that is not signed: its status and its answer."""
    return await house.call(None, method, path, json.dumps(body).encode() if body else b"", headers)


def said(answer: tuple[int, Any]) -> tuple[int, str]:
    """The status and name of a refusal."""
    status, body = answer
    return status, body["name"]


async def registered(house: House) -> tuple[str, int, int]:
    """A new login, its person and its account."""
    login = f"guest{next(NUMBERS)}"
    status, made = await asked(house, "POST", "/api/v1/register", login=login, password=PASSWORD)
    assert status == 201, made
    return login, made["person"], made["acct"]


async def logged_in(house: House, login: str, **more: Any) -> tuple[int, Any]:
    return await asked(house, "POST", "/api/v1/login", login=login, password=PASSWORD, bearer=True, **more)


async def person(house: House, post: str = "") -> Person:
    """Somebody new who logged in; with a post, which is written down past the approvals that it takes."""
    login, number, acct = await registered(house)
    if post:
        async with house.market.store.shop.begin() as db:
            await set_post(db, number, post)
        await house.market.store.load()
    status, made = await logged_in(house, login)
    assert status == 201, made
    return Person(house, login, number, acct, made["token"])


@dataclass
class Page:
    """What a browser has after logging in: the cookie, which a page cannot read, and what the page was told."""

    house: House
    set_cookie: str
    csrf: str

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": self.set_cookie.partition(";")[0]}

    @property
    def token(self) -> str:
        return self.set_cookie.partition(";")[0].removeprefix(f"{COOKIE}=")


async def browser(house: House) -> Page:
    login, *_ = await registered(house)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{house.server.url}/api/v1/login", json={"login": login, "password": PASSWORD}) as response,
    ):
        return Page(house, response.headers["Set-Cookie"], (await response.json())["csrf"])
