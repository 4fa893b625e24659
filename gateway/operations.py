"""What operators do, each route by its own permission, with a reason, and kept in their log.

Money, bands and posts are proposals: another operator approves them, unless the server runs for one operator alone.
`dry_run` says what would happen: the events of the command on a copy of the exchange.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
from aiohttp import web

from engine.codec import Malformed, command_from_json, event_to_json
from engine.commands import (
    CASH,
    AddAsset,
    CancelAll,
    Command,
    Deposit,
    Group,
    List,
    Phase,
    Roll,
    SelfTrade,
    SetBand,
    SetFees,
    SetPhase,
    Withdraw,
)
from engine.events import Event, Rejected
from engine.exchange import Exchange
from gateway.access.accounts import set_account
from gateway.access.approvals import PROPOSING, Approval, Kind
from gateway.access.posts import May, known_post
from gateway.access.routes import told_key
from gateway.errors import Problem, fault_of_rejection
from gateway.market import Market
from gateway.pickups import number
from gateway.rest import answer, decoded, malformed, permitted
from gateway.rest import number as query_number
from gateway.store import SCOPES, Account, Identity
from gateway.wire import BandSet, Fen, KeyNew, Qty, Text, Whole, decoder
from ledger.operator_log import last, read

ROOT = "/api/v1/ops"
LOG_MAX = 1_000
SYMS_MAX = 1_000
COMMANDS = (List, Deposit, Withdraw, SetPhase, SetBand)  # and nothing that trades for somebody else
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Bp = Annotated[int, msgspec.Meta(ge=-1, le=1_000_000)]
B = TypeVar("B", bound="Body")


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What every operation is told: why."""

    reason: Reason


class Change(Body, kw_only=True):
    """With `dry_run` nothing happens, and the answer says what would."""

    dry_run: bool = False


class PhaseSet(Change, kw_only=True):
    """The phase of some instruments, or with no symbol of all: `HALTED` stops everything, `CANCEL_ONLY` new orders."""

    phase: Phase
    syms: Annotated[list[Text], msgspec.Meta(max_length=SYMS_MAX)] = []


class Listing(Change, kw_only=True):
    """A new instrument; see `List` of the engine's commands. `up_bp` -1: no band."""

    sym: Text
    tick: Fen
    ref: Fen = 0
    lot: Qty = 1
    up_bp: Bp = 1000
    down_bp: Bp = 1000
    min_qty: Qty = 1
    max_qty: Whole = 0
    max_holding: Whole = 0
    maker_bp: Whole = 0
    taker_bp: Whole = 0
    min_fee: Fen = 0
    stp: SelfTrade = SelfTrade.NEWEST
    dyn_bp: Whole = 0
    static_bp: Whole = 0
    resale_lock_days: Whole = 0
    first_up_bp: Whole = 0
    first_down_bp: Whole = 0
    first_days: Whole = 0


class AssetNew(Change, kw_only=True):
    asset: Text


class FeesSet(Change, kw_only=True):
    maker_bp: Whole
    taker_bp: Whole
    min_fee: Fen = 0


class GroupSet(Change, kw_only=True):
    """Accounts of one group do not trade with each other; 0 is none."""

    group: Whole


class BandNew(Change, kw_only=True):
    """`ref` 0 keeps the reference price; `when` roll waits for the next session."""

    up_bp: Bp
    down_bp: Bp
    ref: Fen = 0
    when: Literal["now", "roll"] = "now"


class Money(Body, kw_only=True):
    acct: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
    amount: Fen


class PostSet(Body, kw_only=True):
    """No post makes a client of an operator."""

    post: Text


class AccountSet(Body, kw_only=True):
    is_blocked: bool = False
    order_rate: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0


KEY = decoder(KeyNew, "json")
BAND = decoder(BandSet, "json")
Operation: TypeAlias = Callable[[Market, Identity, Any, web.Request], Awaitable[Any]]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


def operation(may: May, body: type[B], act: Operation, *, logs: bool = True) -> Handler:
    """A route that changes something. What is asked is in the log before it is done, and then what came of it.

    Without `logs`, what it does writes the log itself.
    """
    read_body = decoder(body, "json")

    async def handle(request: web.Request) -> web.Response:
        market, who = await permitted(request, may)
        asked: B = await decoded(request, read_body)
        if not asked.reason.strip():
            raise Problem("MALFORMED", field="reason", msg="say why")
        if not logs or getattr(asked, "dry_run", False):
            return answer(await act(market, who, asked, request))
        action = f"{request.method} {request.path}"
        await note(market, who, action, asked.reason, asked)
        try:
            made = await act(market, who, asked, request)
        except Problem as problem:
            await note(market, who, action, "", {"refused": problem.fault.name})
            raise
        await note(market, who, action, "", made)
        return answer(made)

    return handle


def look(may: May, ask: Callable[[Market, web.Request], Awaitable[Any]]) -> Handler:
    """A route that only tells."""

    async def handle(request: web.Request) -> web.Response:
        market, _ = await permitted(request, may)
        return answer(await ask(market, request))

    return handle


async def note(market: Market, who: Identity, action: str, reason: str, detail: object) -> None:
    await market.store.record_action(market.config.clock(), who.actor, action, reason, detail)


# ------------------------------------------------------------------------------------------------------ the market


async def carry_out(market: Market, asked: Change, *commands: Command) -> dict[str, Any]:
    """Apply commands as one durable step, or see what would come of them. Raises Problem when the first is refused."""
    if asked.dry_run:
        records = list(market.exchange.snapshot())
        ts = max(market.config.clock(), market.exchange.ts)
        events = await asyncio.to_thread(_tried, records, [command._replace(ts=ts) for command in commands])
    else:
        events = await market.sequencer.submit(*commands)
    if isinstance(events[0], Rejected):
        raise Refused(events[0])
    return {"dry_run": asked.dry_run, "seq": events[-1].seq, "events": [event_to_json(event) for event in events]}


class Refused(Problem):
    """The engine's refusal of an operator's command."""

    def __init__(self, event: Rejected) -> None:
        super().__init__("MALFORMED")
        self.fault = fault_of_rejection(event)


def _tried(records: list[tuple[Any, ...]], commands: list[Command]) -> list[Event]:
    return Exchange.restore(records).apply(commands)


async def set_phase(market: Market, _: Identity, asked: PhaseSet, __: web.Request) -> Any:
    syms = [market.known(sym) for sym in dict.fromkeys(asked.syms)] or list(market.exchange.instruments)
    if not syms:
        raise Problem("UNKNOWN_INSTRUMENT", field="syms")
    return await carry_out(market, asked, *(SetPhase(0, sym, asked.phase) for sym in syms))


async def roll(market: Market, _: Identity, asked: Change, request: web.Request) -> Any:
    return await carry_out(market, asked, Roll(0, market.known(request.match_info["sym"])))


async def add_listing(market: Market, _: Identity, asked: Listing, __: web.Request) -> Any:
    fields = {name: getattr(asked, name) for name in asked.__struct_fields__ if name not in ("reason", "dry_run")}
    plain = {name: int(value) if isinstance(value, int) else str(value) for name, value in fields.items()}
    return await carry_out(market, asked, List(ts=0, **plain))  # type: ignore[arg-type]


async def add_asset(market: Market, _: Identity, asked: AssetNew, __: web.Request) -> Any:
    return await carry_out(market, asked, AddAsset(0, asked.asset))


async def set_fees(market: Market, _: Identity, asked: FeesSet, request: web.Request) -> Any:
    sym = market.known(request.match_info["sym"])
    return await carry_out(market, asked, SetFees(0, sym, asked.maker_bp, asked.taker_bp, int(asked.min_fee)))


# ------------------------------------------------------------------------------------------------------- four eyes


async def propose_band(market: Market, who: Identity, asked: BandNew, request: web.Request) -> Any:
    sym = market.known(request.match_info["sym"])
    if asked.dry_run:
        command = SetBand(0, sym, asked.up_bp, asked.down_bp, int(asked.ref), asked.when)
        return await carry_out(market, asked, command)
    facts = {"sym": sym, "up_bp": asked.up_bp, "down_bp": asked.down_bp, "ref": int(asked.ref), "when": asked.when}
    return told(await market.approvals.propose(who, Kind.BAND, facts, asked.reason))


def propose_money(kind: Kind) -> Operation:
    async def propose(market: Market, who: Identity, asked: Money, _: web.Request) -> Any:
        facts = {"acct": asked.acct, "amount": int(asked.amount)}
        return told(await market.approvals.propose(who, kind, facts, asked.reason))

    return propose


async def propose_post(market: Market, who: Identity, asked: PostSet, request: web.Request) -> Any:
    person = number(request, "person")
    if person not in market.store.people:
        raise Problem("UNKNOWN_PERSON")
    facts = {"person": person, "post": known_post(asked.post)}
    made = told(await market.approvals.propose(who, Kind.POST, facts, asked.reason))
    market.cut_off(lambda one: one.person == person)
    return made


def decide(approve: bool) -> Operation:
    async def decided_on(market: Market, who: Identity, asked: Body, request: web.Request) -> Any:
        made = await market.approvals.decide(who, number(request), approve, asked.reason)
        if made.kind == Kind.POST:
            market.cut_off(lambda one: one.person == made.facts["person"])
        return told(made)

    return decided_on


async def approvals(market: Market, request: web.Request) -> Any:
    """Proposals, the oldest first; `?state=proposed` those that wait."""
    return [told(one) for one in await market.approvals.list(request.query.get("state", ""))]


async def approval(market: Market, request: web.Request) -> Any:
    return told(await market.approvals.get(number(request)))


def told(found: Approval) -> dict[str, Any]:
    """A proposal on the wire. Raises nothing: what it wants was checked when it was made."""
    names = ("id", "kind", "reason", "maker", "made_ts", "state", "checker", "answer", "checked_ts", "code", "seq")
    return {name: getattr(found, name) for name in names} | {"wants": found.facts}


# -------------------------------------------------------------------------------------------------------- accounts


async def account(market: Market, request: web.Request) -> Any:
    """What an account has, and who gets in for it; nothing that says who somebody is."""
    acct = number(request, "acct")
    persons = {person: one for person, one in market.store.people.items() if one.acct == acct}
    known = (*persons, *market.store.keys_of(acct), acct in market.store.accounts, acct in market.exchange.accounts())
    if not any(known):
        raise Problem("NOT_FOUND")
    kept = market.store.accounts.get(acct, Account(acct))
    return {
        "acct": acct,
        "balances": [msgspec.to_builtins(one, enc_hook=int) for one in market.balances(acct)],
        "orders": len(market.exchange.orders(acct)),
        "is_blocked": bool(kept.is_blocked),
        "order_rate": kept.order_rate,
        "persons": [{"person": person, "post": one.post} for person, one in persons.items()],
        "sessions": sum(len(market.sessions.of(person)) for person in persons),
        "keys": [told_key(row) for row in market.store.keys_of(acct)],
    }


async def account_set(market: Market, _: Identity, asked: AccountSet, request: web.Request) -> Any:
    kept = Account(number(request, "acct"), int(asked.is_blocked), asked.order_rate)
    await set_account(market.store, kept)
    market.cut_off(lambda one: one.acct == kept.acct)
    return {"acct": kept.acct, "is_blocked": asked.is_blocked, "order_rate": kept.order_rate}


async def account_group(market: Market, _: Identity, asked: GroupSet, request: web.Request) -> Any:
    return await carry_out(market, asked, Group(0, number(request, "acct"), asked.group))


async def account_cancel(market: Market, _: Identity, asked: Change, request: web.Request) -> Any:
    """Cancel all of its open orders."""
    return await carry_out(market, asked, CancelAll(0, number(request, "acct")))


async def account_out(market: Market, _: Identity, __: Body, request: web.Request) -> Any:
    """End every session of its people, and close its sockets."""
    acct = number(request, "acct")
    rows = [row for row in market.store.sessions.values() if market.store.people[row.person].acct == acct]
    await market.sessions.end(rows)
    market.cut_off(lambda one: one.acct == acct)
    return {"ended": len(rows)}


async def people(market: Market, _: web.Request) -> Any:
    """Who has a post."""
    return [
        {"person": number, "acct": one.acct, "post": one.post}
        for number, one in sorted(market.store.people.items())
        if one.post
    ]


# ------------------------------------------------------------------------------------------------------- what was


async def state(market: Market, _: web.Request) -> Any:
    """The digest of the whole state, for operators: equal at equal `seq` on every server of an exchange. O(state)."""
    return {
        "seq": market.exchange.seq,
        "hash": market.exchange.state_hash(),
        "projected_seq": market.sequencer.projected_seq,
        "audited_seq": market.watcher.seq,
        "follows": market.config.follow,
    }


async def bands(market: Market, _: web.Request) -> Any:
    return market.bands()


async def log(market: Market, request: web.Request) -> Any:
    """What operators did, from the row after `?after=`, at most `?limit=` rows."""
    after = query_number(request, "after", 1, 10**9) if "after" in request.query else 0
    async with market.store.shop.connect() as db:
        rows = await read(db, after, query_number(request, "limit", 100, LOG_MAX))
    return [row._asdict() | {"detail": msgspec.json.decode(row.detail)} for row in rows]


async def log_head(market: Market, _: web.Request) -> Any:
    """The number and hash of the last row. Who keeps them can prove later that nothing before was changed or cut."""
    async with market.store.shop.connect() as db:
        return (await last(db))._asdict()


# -------------------------------------------------------------------------------- one operator, and a list of commands


async def admin_commands(request: web.Request) -> web.Response:
    """Apply a list of engine commands, in the form of `cellarbook engine`, as one durable step."""
    market, who = await permitted(request, May.COMMANDS)
    try:
        data = msgspec.json.decode(await request.read(), type=list[Any])
        commands = [command_from_json(item) for item in data]
    except (msgspec.DecodeError, Malformed, RecursionError) as error:
        raise malformed(error) from error
    if not commands:
        raise Problem("MALFORMED", msg="no commands")
    if not all(isinstance(command, COMMANDS) for command in commands):
        raise Problem("MALFORMED", field="op", msg="operators list, deposit, withdraw, and set phases and bands")
    if market.config.four_eyes and any(isinstance(command, Deposit | Withdraw | SetBand) for command in commands):
        raise Problem("FOUR_EYES", field="op")
    if not market.config.unbacked_bottles and any(moves_bottles(command) for command in commands):
        raise Problem("UNBACKED_BOTTLES", field="asset")
    events = await submit(market, who, "commands", request, *commands)
    body = msgspec.json.encode([event_to_json(event) for event in events])
    return web.Response(body=body, content_type="application/json")


def moves_bottles(command: Command) -> bool:
    """Whether bottles would come or go without a warehouse."""
    return isinstance(command, Deposit | Withdraw) and command.asset != CASH


async def admin_key(request: web.Request) -> web.Response:
    """Make an API key for an account that is nobody's, such as a market maker's; its secret is told only now."""
    market, who = await permitted(request, May.KEYS)
    wanted: KeyNew = await decoded(request, KEY)
    if not wanted.scopes or not set(wanted.scopes) <= set(SCOPES):
        raise Problem("MALFORMED", field="scopes", msg=f"scopes are some of {', '.join(SCOPES)}")
    if "admin" in wanted.scopes and (market.config.four_eyes or May.POSTS not in who.may):
        raise Problem("FOUR_EYES", field="scopes", msg="operators are people with posts, and make their own keys")
    if market.config.four_eyes and any(one.acct == wanted.acct for one in market.store.people.values()):
        raise Problem("FOUR_EYES", field="acct", msg="this account is a person's, who makes his own keys")
    await note(market, who, "key", "", {"acct": wanted.acct, "scopes": wanted.scopes})
    return answer(await market.store.create_key(wanted.acct, wanted.scopes, ts=market.config.clock()), 201)


async def band_set(request: web.Request) -> web.Response:
    """Set one instrument's band, with a reason that is kept: for one operator alone."""
    market, who = await permitted(request, May.BANDS)
    band: BandSet = await decoded(request, BAND)
    sym = market.known(request.match_info["sym"])
    if market.config.four_eyes:
        raise Problem("FOUR_EYES")
    command = SetBand(0, sym, band.up_bp, band.down_bp, int(band.ref))
    events = await submit(market, who, band.reason, request, command)
    if isinstance(events[0], Rejected):
        raise Problem("MALFORMED", msg="these numbers make no band")
    return answer(market.instrument(sym))


async def submit(market: Market, who: Identity, reason: str, request: web.Request, *commands: Command) -> list[Event]:
    """Submit an operator's commands and keep who did it, and why."""
    events = await market.sequencer.submit(*commands)
    detail = {"seq": events[-1].seq, "commands": len(commands)}
    await note(market, who, f"{request.method} {request.path}", reason, detail)
    return events


ROUTES = [
    web.get("/api/v1/state", look(May.VIEW, state)),
    web.get("/api/v1/bands", look(May.VIEW, bands)),
    web.put("/api/v1/bands/{sym}", band_set),
    web.post("/api/v1/admin/commands", admin_commands),
    web.post("/api/v1/admin/keys", admin_key),
    web.put(f"{ROOT}/phase", operation(May.MARKET, PhaseSet, set_phase)),
    web.post(f"{ROOT}/instruments", operation(May.LISTINGS, Listing, add_listing)),
    web.post(f"{ROOT}/instruments/{{sym}}/roll", operation(May.MARKET, Change, roll)),
    web.put(f"{ROOT}/instruments/{{sym}}/fees", operation(May.LISTINGS, FeesSet, set_fees)),
    web.put(f"{ROOT}/instruments/{{sym}}/band", operation(PROPOSING[Kind.BAND], BandNew, propose_band, logs=False)),
    web.post(f"{ROOT}/assets", operation(May.LISTINGS, AssetNew, add_asset)),
    web.post(f"{ROOT}/deposits", operation(PROPOSING[Kind.DEPOSIT], Money, propose_money(Kind.DEPOSIT), logs=False)),
    web.post(
        f"{ROOT}/withdrawals", operation(PROPOSING[Kind.WITHDRAW], Money, propose_money(Kind.WITHDRAW), logs=False)
    ),
    web.get(f"{ROOT}/approvals", look(May.VIEW, approvals)),
    web.get(f"{ROOT}/approvals/{{id}}", look(May.VIEW, approval)),
    web.post(f"{ROOT}/approvals/{{id}}/approve", operation(May.VIEW, Body, decide(True), logs=False)),
    web.post(f"{ROOT}/approvals/{{id}}/reject", operation(May.VIEW, Body, decide(False), logs=False)),
    web.get(f"{ROOT}/accounts/{{acct}}", look(May.VIEW, account)),
    web.put(f"{ROOT}/accounts/{{acct}}", operation(May.ACCOUNTS, AccountSet, account_set)),
    web.put(f"{ROOT}/accounts/{{acct}}/group", operation(May.ACCOUNTS, GroupSet, account_group)),
    web.post(f"{ROOT}/accounts/{{acct}}/cancel", operation(May.ACCOUNTS, Change, account_cancel)),
    web.post(f"{ROOT}/accounts/{{acct}}/logout", operation(May.ACCOUNTS, Body, account_out)),
    web.get(f"{ROOT}/people", look(May.VIEW, people)),
    web.put(f"{ROOT}/people/{{person}}/post", operation(PROPOSING[Kind.POST], PostSet, propose_post, logs=False)),
    web.get(f"{ROOT}/log", look(May.LOG, log)),
    web.get(f"{ROOT}/log/head", look(May.LOG, log_head)),
]
