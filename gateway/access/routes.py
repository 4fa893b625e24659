"""What people do about themselves: register, log in, see and end their sessions, keep their keys."""

from ipaddress import ip_network
from typing import Annotated, Any

import msgspec
from aiohttp import web

from gateway.access.names import clean
from gateway.access.people import Personal, personal_of
from gateway.access.sessions import COOKIE, LASTS_NS, agent_of, csrf_of, require_private
from gateway.errors import Problem
from gateway.market import Market
from gateway.rest import MARKET, answer, decoded, identify
from gateway.store import CLIENT_SCOPES, OPERATOR_SCOPES, Identity, KeyRow, SessionRow
from gateway.wire import Text, decoder

KEYS_MAX = 20  # of one person that work
Secret = Annotated[str, msgspec.Meta(max_length=256)]
Mail = Annotated[str, msgspec.Meta(max_length=254)]


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a route is told."""


class Registration(Body, kw_only=True):
    login: Text
    password: Secret
    name: Text = ""
    phone: Text = ""
    email: Mail = ""


class LoginNew(Body, kw_only=True):
    """`bearer` asks for a token to send in a header, where a browser gets a cookie."""

    login: Text
    password: Secret
    code: Text = ""
    bearer: bool = False


class Me(Body, kw_only=True):
    login: Text
    name: Text = ""
    phone: Text = ""
    email: Mail = ""


class PasswordNew(Body, kw_only=True):
    old: Secret
    new: Secret
    code: Text = ""


class Code(Body, kw_only=True):
    code: Text


class Confirmation(Body, kw_only=True):
    password: Secret
    code: Text = ""


class OwnKey(Body, kw_only=True):
    """`ips` are networks, such as 203.0.113.0/24, from which alone the key works; none: from anywhere."""

    scopes: list[Text]
    label: Text = ""
    ips: Annotated[list[Text], msgspec.Meta(max_length=16)] = []


REGISTRATION, LOGIN, ME, PASSWORD, CODE, CONFIRMATION, KEY = (
    decoder(kind, "json") for kind in (Registration, LoginNew, Me, PasswordNew, Code, Confirmation, OwnKey)
)


def outside(request: web.Request) -> tuple[Market, str]:
    """Somebody who is not known yet, and where he is; neither asks too often. Raises Problem."""
    market = request.app[MARKET]
    ip = market.address_of(request)
    require_private(ip, market.authenticator.proxies.scheme_of(request))
    market.limits.take("logins", ip, market.config.clock())
    return market, ip


async def in_person(request: web.Request) -> tuple[Market, Identity]:
    """Somebody who logged in, and not a program of his. Raises Problem."""
    market, identity = await identify(request, "read")
    if not identity.is_session:
        raise Problem("FORBIDDEN", msg="this takes a person who logged in, and not a key")
    return market, identity


# ----------------------------------------------------------------------------------------------------- in and out


async def register(request: web.Request) -> web.Response:
    """Open an account; who logs in is the same person, and nobody else."""
    market, _ = outside(request)
    new: Registration = await decoded(request, REGISTRATION)
    who = personal_of(new.login, new.name, new.phone, new.email)
    taken = {*market.exchange.accounts(), *(standing.acct for standing in market.store.people.values())}
    made = await market.people.register(who, new.password, taken, market.config.clock())
    return answer({"person": made.id, "acct": made.acct}, 201)


async def login(request: web.Request) -> web.Response:
    """Begin a session. A browser gets a cookie and a CSRF token, a program that asks for it a bearer token."""
    market, ip = outside(request)
    new: LoginNew = await decoded(request, LOGIN)
    now = market.config.clock()
    market.limits.take("logins", f"name {new.login.casefold()}", now)
    person = await market.people.log_in(new.login, new.password, new.code, now)
    row, token = await market.sessions.begin(person.id, new.bearer, ip, agent_of(request), now)
    told = {"session": row.id, "expires_ts": row.expires_ts, **_standing(market.store.identity_of_session(row))}
    if new.bearer:
        return answer(told | {"token": token}, 201)
    response = answer(told | {"csrf": csrf_of(token)}, 201)
    response.set_cookie(
        COOKIE, token, max_age=LASTS_NS // 10**9, path="/", secure=True, httponly=True, samesite="Strict"
    )
    return response


async def session(request: web.Request) -> web.Response:
    """Who I am, and what I may do; a browser's page learns its CSRF token again."""
    market, identity = await identify(request, "read")
    token = request.cookies.get(COOKIE, "")
    mine = identity.is_session and market.sessions.of_request(request, market.config.clock())
    return answer(_standing(identity) | ({"csrf": csrf_of(token)} if mine and not mine.is_bearer else {}))


async def logout(request: web.Request) -> web.Response:
    market, identity = await in_person(request)
    await _end(market, [row for row in market.sessions.of(identity.person) if row.id == identity.key])
    response = answer({})
    response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
    return response


async def sessions(request: web.Request) -> web.Response:
    """All of mine, oldest first."""
    market, identity = await in_person(request)
    return answer([_session(row, identity.key) for row in market.sessions.of(identity.person)])


async def session_end(request: web.Request) -> web.Response:
    """End one of mine."""
    market, identity = await in_person(request)
    found = [row for row in market.sessions.of(identity.person) if row.id == request.match_info["session"]]
    if not found:
        raise Problem("UNKNOWN_SESSION")
    await _end(market, found)
    return answer({})


async def sessions_end(request: web.Request) -> web.Response:
    """End all of mine but this one."""
    market, identity = await in_person(request)
    return answer({"ended": await _end_others(market, identity)})


# -------------------------------------------------------------------------------------------------------- oneself


async def me(request: web.Request) -> web.Response:
    """What is kept that says who I am; all of it."""
    market, identity = await in_person(request)
    who = await market.people.personal(identity.person)
    codes = bool((await market.people.get(identity.person)).totp_on)
    return answer({**who._asdict(), "person": identity.person, "acct": identity.acct, "codes": codes})


async def me_set(request: web.Request) -> web.Response:
    market, identity = await in_person(request)
    new: Me = await decoded(request, ME)
    who: Personal = personal_of(new.login, new.name, new.phone, new.email)
    await market.people.set_personal(identity.person, who)
    return answer(who._asdict())


async def me_forget(request: web.Request) -> web.Response:
    """Erase who I am, and end everything that lets me in. The account must be empty."""
    market, identity = await in_person(request)
    asked: Confirmation = await decoded(request, CONFIRMATION)
    await _confirm(market, identity, asked.password, asked.code)
    if any(free or held for free, held in market.exchange.balances(identity.acct).values()):
        raise Problem("NOT_EMPTY")
    await market.people.forget(identity.person, market.config.clock())
    market.cut_off(lambda who: who.person == identity.person)
    return answer({})


async def password_set(request: web.Request) -> web.Response:
    """A new password; all my other sessions end."""
    market, identity = await in_person(request)
    asked: PasswordNew = await decoded(request, PASSWORD)
    await _confirm(market, identity, asked.old, asked.code)
    await market.people.set_password(identity.person, asked.new)
    return answer({"ended": await _end_others(market, identity)})


async def totp_new(request: web.Request) -> web.Response:
    """A secret for an authenticator, told only now; it counts once its first code is shown."""
    market, identity = await in_person(request)
    asked: Confirmation = await decoded(request, CONFIRMATION)
    await _confirm(market, identity, asked.password, asked.code)
    secret, uri = await market.people.begin_totp(identity.person)
    return answer({"secret": secret, "uri": uri}, 201)


async def totp_on(request: web.Request) -> web.Response:
    market, identity = await in_person(request)
    asked: Code = await decoded(request, CODE)
    market.limits.take("logins", f"person {identity.person}", market.config.clock())
    await market.people.end_totp(identity.person, asked.code, market.config.clock())
    return answer({})


async def totp_off(request: web.Request) -> web.Response:
    market, identity = await in_person(request)
    asked: Confirmation = await decoded(request, CONFIRMATION)
    await _confirm(market, identity, asked.password, asked.code)
    await market.people.drop_totp(identity.person)
    return answer({})


# ----------------------------------------------------------------------------------------------------------- keys


async def keys(request: web.Request) -> web.Response:
    """The account's keys, without their secrets."""
    market, identity = await identify(request, "read")
    return answer([told_key(row) for row in market.store.keys_of(identity.acct)])


async def key_new(request: web.Request) -> web.Response:
    """A key of my own; its secret is told only now."""
    market, identity = await in_person(request)
    new: OwnKey = await decoded(request, KEY)
    allowed = OPERATOR_SCOPES if identity.may else CLIENT_SCOPES
    if not new.scopes or not set(new.scopes) <= allowed & identity.scopes:
        raise Problem("MALFORMED", field="scopes", msg=f"your scopes are {', '.join(sorted(identity.scopes))}")
    now = market.config.clock()
    if sum(not row.has_ended(now) for row in market.store.keys_of(identity.acct)) >= KEYS_MAX:
        raise Problem("MALFORMED", msg=f"there are {KEYS_MAX} keys already; end one first")
    label, ips = clean(new.label, "label"), [_network(text) for text in new.ips]
    made = await market.store.create_key(
        identity.acct, sorted(set(new.scopes)), person=identity.person, label=label, ips=ips, ts=now
    )
    return answer(made, 201)


async def key_replace(request: web.Request) -> web.Response:
    """A new key like this one, which ends in an hour. A key may replace itself, and no other."""
    market, identity = await identify(request, "read")
    found = _own_key(market, identity, request.match_info["key"])
    if not identity.is_session and identity.key != found.key:
        raise Problem("FORBIDDEN", msg="a key replaces itself only")
    return answer(await market.store.replace_key(found, market.config.clock()), 201)


async def key_end(request: web.Request) -> web.Response:
    """The key works no more, nor do the sockets that it opened."""
    market, identity = await in_person(request)
    found = _own_key(market, identity, request.match_info["key"])
    await market.store.end_key(found, market.config.clock())
    market.cut_off(lambda who: who.key == found.key)
    return answer({})


def told_key(row: KeyRow) -> dict[str, Any]:
    """A key as its owner sees it."""
    told = {name: getattr(row, name) for name in ("key", "acct", "label", "created_ts", "expires_ts", "used_ts")}
    return told | {"scopes": row.scopes.split(), "ips": row.ips.split()}


def _own_key(market: Market, identity: Identity, key: str) -> KeyRow:
    """One of the account's keys that still works. Raises Problem; nobody sees another's."""
    found = market.store.key(key)
    if found is None or found.acct != identity.acct or found.has_ended(market.config.clock()):
        raise Problem("UNKNOWN_KEY")
    return found


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError as error:
        raise Problem("MALFORMED", field="ips", msg=f"{text[:40]!r} is no address or network") from error


def _standing(identity: Identity) -> dict[str, Any]:
    return {
        "person": identity.person,
        "acct": identity.acct,
        "scopes": sorted(identity.scopes),
        "may": sorted(identity.may),
    }


def _session(row: SessionRow, mine: str) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("created_ts", "expires_ts", "ip", "agent")}
    return {"session": row.id, "is_this": row.id == mine, "bearer": bool(row.is_bearer), **told}


async def _confirm(market: Market, identity: Identity, password: str, code: str) -> None:
    """Ask who it is once more, as seldom as at a login."""
    now = market.config.clock()
    market.limits.take("logins", f"person {identity.person}", now)
    await market.people.confirm(identity.person, password, code, now)


async def _end_others(market: Market, identity: Identity) -> int:
    others = [row for row in market.sessions.of(identity.person) if row.id != identity.key]
    await _end(market, others)
    return len(others)


async def _end(market: Market, rows: list[SessionRow]) -> None:
    await market.sessions.end(rows)
    ended = {row.id for row in rows}
    market.cut_off(lambda who: who.key in ended)


ROUTES = [
    web.post("/api/v1/register", register),
    web.post("/api/v1/login", login),
    web.get("/api/v1/session", session),
    web.delete("/api/v1/session", logout),
    web.get("/api/v1/sessions", sessions),
    web.delete("/api/v1/sessions", sessions_end),
    web.delete("/api/v1/sessions/{session}", session_end),
    web.get("/api/v1/me", me),
    web.put("/api/v1/me", me_set),
    web.delete("/api/v1/me", me_forget),
    web.put("/api/v1/me/password", password_set),
    web.post("/api/v1/me/codes", totp_new),
    web.put("/api/v1/me/codes", totp_on),
    web.delete("/api/v1/me/codes", totp_off),
    web.get("/api/v1/keys", keys),
    web.post("/api/v1/keys", key_new),
    web.post("/api/v1/keys/{key}/replacement", key_replace),
    web.delete("/api/v1/keys/{key}", key_end),
]
