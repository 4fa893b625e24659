"""People: they register, log in, and can be forgotten. Nothing but `access_personal` says who they are."""

import secrets
from collections.abc import Container
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access import passwords
from gateway.access.names import clean, login_name
from gateway.access.passwords import Passwords
from gateway.access.tables import keys, people, personal, sessions
from gateway.errors import Problem
from gateway.store import Standing, Store

ACCTS = 10**9, 10**10  # account numbers of people: at random, so that no backup ever gives one away again
MAIL_MAX = 254  # RFC 5321


class Person(NamedTuple):
    id: int
    acct: int
    post: str
    password: str
    totp: str
    totp_on: int
    totp_step: int


class Personal(NamedTuple):
    """What says who somebody is; every part but the login may be empty."""

    login: str
    name: str = ""
    phone: str = ""
    email: str = ""


def personal_of(login: str, name: str, phone: str, email: str) -> Personal:
    """The same as it is kept. Raises Problem."""
    found = Personal(login_name(login), clean(name, "name"), clean(phone, "phone", 32), clean(email, "email", MAIL_MAX))
    if found.email and (found.email.count("@") != 1 or " " in found.email):
        raise Problem("MALFORMED", field="email", msg="this is no e-mail address")
    return found


class People:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.passwords = Passwords()

    async def register(self, who: Personal, password: str, taken: Container[int], ts: int) -> Person:
        """Make a person and an account that is not `taken`. Raises Problem when the login is another's."""
        hashed = await self.passwords.hash(password)
        acct = ACCTS[0] + secrets.randbelow(ACCTS[1] - ACCTS[0])
        while acct in taken:
            acct = ACCTS[0] + secrets.randbelow(ACCTS[1] - ACCTS[0])
        try:
            async with self._store.shop.begin() as db:
                last = await db.scalar(select(people.c.id).order_by(people.c.id.desc()).limit(1))
                person = Person((last or 0) + 1, acct, "", hashed, "", 0, 0)
                await db.execute(insert(people).values(**person._asdict(), created_ts=ts, erased_ts=0))
                await db.execute(insert(personal).values(person=person.id, **who._asdict()))
        except IntegrityError as error:
            raise Problem("LOGIN_TAKEN", field="login") from error
        self._store.people[person.id] = Standing(acct, "")
        return person

    async def log_in(self, login: str, password: str, code: str, ts: int) -> Person:
        """Who that is. Raises Problem BAD_LOGIN, whichever part is wrong, or CODE_NEEDED after the right password."""
        try:
            found = await self._by_login(login_name(login))
        except Problem:
            found = None  # such a name was never registered
        if not await self.passwords.is_right(password, found and found.password):
            raise Problem("BAD_LOGIN")
        assert found is not None
        if found.totp_on:
            if not code:
                raise Problem("CODE_NEEDED", field="code")
            await self._use_code(found, code, ts)
        return found

    async def confirm(self, person: int, password: str, code: str, ts: int) -> Person:
        """Ask again, before what a stolen session must not do. Raises Problem."""
        return await self.log_in((await self.personal(person)).login, password, code, ts)

    async def _by_login(self, login: str) -> Person | None:
        query = select(*(people.c[name] for name in Person._fields)).join(personal, personal.c.person == people.c.id)
        async with self._store.shop.connect() as db:
            row = (await db.execute(query.where(personal.c.login == login))).one_or_none()
        return None if row is None else Person._make(row)

    async def get(self, person: int) -> Person:
        async with self._store.shop.connect() as db:
            return await _person(db, person)

    async def personal(self, person: int) -> Personal:
        """Raises Problem for somebody who was forgotten."""
        query = select(*(personal.c[name] for name in Personal._fields)).where(personal.c.person == person)
        async with self._store.shop.connect() as db:
            row = (await db.execute(query)).one_or_none()
        if row is None:
            raise Problem("NOT_FOUND")
        return Personal._make(row)

    async def set_personal(self, person: int, who: Personal) -> None:
        """Raises Problem when the login is another's."""
        try:
            async with self._store.shop.begin() as db:
                await db.execute(update(personal).where(personal.c.person == person).values(who._asdict()))
        except IntegrityError as error:
            raise Problem("LOGIN_TAKEN", field="login") from error

    async def set_password(self, person: int, password: str) -> None:
        await self._set(person, password=await self.passwords.hash(password))

    # ---------------------------------------------------------------------------------------- authenticator codes

    async def begin_totp(self, person: int) -> tuple[str, str]:
        """A new secret and its URI for an authenticator. It counts once `end_totp` has seen a code of it."""
        if (await self.get(person)).totp_on:
            raise Problem("WRONG_STATE", msg="codes are on already; switch them off first")
        secret = passwords.new_totp()
        await self._set(person, totp=secret, totp_step=0)
        return secret, passwords.totp_uri(secret, (await self.personal(person)).login)

    async def end_totp(self, person: int, code: str, ts: int) -> None:
        """Ask for codes from now on. Raises Problem unless this is one."""
        found = await self.get(person)
        if not found.totp or found.totp_on:
            raise Problem("WRONG_STATE", msg="ask for a secret first")
        await self._use_code(found, code, ts)
        await self._set(person, totp_on=1)

    async def drop_totp(self, person: int) -> None:
        await self._set(person, totp="", totp_on=0, totp_step=0)

    async def _use_code(self, person: Person, code: str, ts: int) -> None:
        """Each code is good once, also for two that show it at the same moment."""
        step = passwords.step_of(person.totp, code, ts, person.totp_step)
        if step is None:
            raise Problem("BAD_LOGIN", field="code")
        async with self._store.shop.begin() as db:
            unused = (people.c.id == person.id) & (people.c.totp_step < step)
            if not (await db.execute(update(people).where(unused).values(totp_step=step))).rowcount:
                raise Problem("BAD_LOGIN", field="code")

    # ------------------------------------------------------------------------------------------------- forgetting

    async def forget(self, person: int, ts: int) -> None:
        """Erase who somebody is, and end all of his sessions and keys. His account's history stays, without a name."""
        async with self._store.shop.begin() as db:
            if db.dialect.name == "sqlite":
                await db.exec_driver_sql("PRAGMA secure_delete = ON")  # or the bytes would stay in the free pages
            await db.execute(delete(sessions).where(sessions.c.person == person))
            await db.execute(delete(personal).where(personal.c.person == person))
            await db.execute(update(keys).where(keys.c.person == person).values(expires_ts=ts, label="", ips=""))
            gone = {"password": "", "totp": "", "totp_on": 0, "post": "", "erased_ts": ts}
            await db.execute(update(people).where(people.c.id == person).values(gone))
        await self._store.shop.scrub()
        await self._store.load()

    async def _set(self, person: int, **values: str | int) -> None:
        async with self._store.shop.begin() as db:
            await db.execute(update(people).where(people.c.id == person).values(values))


async def set_post(db: AsyncConnection, person: int, post: str) -> None:
    await db.execute(update(people).where(people.c.id == person).values(post=post))


async def _person(db: AsyncConnection, person: int) -> Person:
    query = select(*(people.c[name] for name in Person._fields)).where(people.c.id == person)
    return Person._make((await db.execute(query)).one())
