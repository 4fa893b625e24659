"""Four eyes: proposed by one, approved by another, done once, whatever happens in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from engine.commands import Command
from engine.events import Event
from gateway.access.approvals import State
from gateway.access.tables import approvals
from gateway.errors import Problem
from ledger.accounts import BANK
from ledger.audit import audit
from tests.gateway.access.test_keys import credentials_of
from tests.gateway.crowd import Person, person, said
from tests.gateway.house import CASH_FEN, SYM, House, house

OPS = "/api/v1/ops"
DEPOSIT: dict[str, Any] = {"acct": 1, "amount": "100.00", "reason": "bank statement 7"}


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, four_eyes=True) as exchange:
        yield exchange


async def proposed(maker: Person, what: str = "deposits", **body: Any) -> int:
    status, made = await maker.ask("POST", f"{OPS}/{what}", **(DEPOSIT | body))
    assert (200, "proposed") == (status, made["state"])
    number: int = made["id"]
    return number


async def decided(checker: Person, number: int, how: str = "approve") -> tuple[int, Any]:
    return await checker.ask("POST", f"{OPS}/approvals/{number}/{how}", reason="seen")


async def test_money_moves_when_a_second_person_approved_it(bank: House) -> None:
    maker, checker = await person(bank, "treasurer"), await person(bank, "controller")
    number = await proposed(maker)
    assert (0, 0) == bank.market.exchange.balance(1, "CNY")

    status, made = await decided(checker, number)

    assert (200, "done", maker.actor, checker.actor) == (status, made["state"], made["maker"], made["checker"])
    assert {"acct": 1, "amount": "100.00"} == made["wants"]
    assert [(10_000, 0), (-10_000, 0)] == [bank.market.exchange.balance(acct, "CNY") for acct in (1, BANK)]


async def test_nobody_approves_what_he_proposed(bank: House) -> None:
    director = await person(bank, "director")
    number = await proposed(director)

    assert (403, "SAME_PERSON") == said(await decided(director, number))
    assert (403, "SAME_PERSON") == said(await decided(director, number, "reject"))
    assert (0, 0) == bank.market.exchange.balance(1, "CNY")


async def test_two_keys_of_one_person_are_one_person(bank: House) -> None:
    director = await person(bank, "director")
    _, key = await director.ask("POST", "/api/v1/keys", scopes=["admin"])
    number = await proposed(director)

    path = f"{OPS}/approvals/{number}/approve"
    assert (403, "SAME_PERSON") == said(await bank.call(credentials_of(key), "POST", path, b'{"reason":"mine"}'))


async def test_a_key_that_is_nobodys_own_neither_proposes_nor_approves(bank: House) -> None:
    number = await proposed(await person(bank, "treasurer"))
    founder = bank.operator.credentials

    answers = [
        await bank.call(founder, "POST", f"{OPS}/deposits", b'{"acct":1,"amount":"1.00","reason":"alone"}'),
        await bank.call(founder, "POST", f"{OPS}/approvals/{number}/approve", b'{"reason":"alone"}'),
        await bank.call(
            founder, "POST", "/api/v1/admin/commands", b'[{"op":"deposit","acct":1,"asset":"CNY","amount":1}]'
        ),
        await bank.call(founder, "POST", "/api/v1/admin/commands", b'[{"op":"band","sym":"X","up_bp":1,"down_bp":1}]'),
        await bank.call(founder, "PUT", f"/api/v1/bands/{SYM}", b'{"up_bp":1,"down_bp":1,"reason":"alone"}'),
        await bank.call(founder, "POST", "/api/v1/admin/keys", b'{"acct":0,"scopes":["admin"]}'),
    ]

    assert [(403, "FOUR_EYES")] * 6 == [said(answer) for answer in answers]
    assert (0, 0) == bank.market.exchange.balance(1, "CNY")


@pytest.mark.parametrize("post", ["treasurer", "market", "support", "auditor", "risk"])
async def test_only_some_posts_approve_money(bank: House, post: str) -> None:
    maker, checker = await person(bank, "treasurer"), await person(bank, post)
    number = await proposed(maker)

    assert (403, "FORBIDDEN") == said(await decided(checker, number))


async def test_what_was_rejected_is_over(bank: House) -> None:
    maker, checker = await person(bank, "treasurer"), await person(bank, "controller")
    number = await proposed(maker)
    assert "rejected" == (await decided(checker, number, "reject"))[1]["state"]

    assert (409, "WRONG_STATE") == said(await decided(checker, number))
    assert (0, 0) == bank.market.exchange.balance(1, "CNY")


async def test_two_approvals_at_once_move_money_once(bank: House) -> None:
    maker = await person(bank, "treasurer")
    checkers = [await person(bank, "controller") for _ in range(3)]
    number = await proposed(maker)

    answers = await asyncio.gather(*(decided(checker, number) for checker in checkers))

    assert [200, 409, 409] == sorted(status for status, _ in answers)
    assert (10_000, 0) == bank.market.exchange.balance(1, "CNY")


async def test_a_withdrawal_that_is_not_covered_any_more_is_refused(bank: House) -> None:
    maker, checker = await person(bank, "treasurer"), await person(bank, "controller")
    await decided(checker, await proposed(maker))
    enough, too_much = [await proposed(maker, "withdrawals", amount=yuan) for yuan in ("60.00", "60.00")]

    states = [(await decided(checker, number))[1] for number in (enough, too_much)]

    assert [("done", ""), ("refused", "INSUFFICIENT_FUNDS")] == [(one["state"], one["code"]) for one in states]
    assert (4_000, 0) == bank.market.exchange.balance(1, "CNY")


@pytest.mark.parametrize(
    "change", [{"amount": "0.00"}, {"amount": "-1.00"}, {"amount": 100}, {"reason": " "}, {"acct": -1}, {"to": 1}]
)
async def test_a_malformed_proposal_is_none(bank: House, change: dict[str, Any]) -> None:
    maker = await person(bank, "treasurer")

    assert (400, "MALFORMED") == said(await maker.ask("POST", f"{OPS}/deposits", **(DEPOSIT | change)))
    assert [] == (await maker.ask("GET", f"{OPS}/approvals"))[1]


async def test_a_band_is_set_when_it_was_approved(bank: House) -> None:
    maker, checker = await person(bank, "market"), await person(bank, "risk")
    _, made = await maker.ask("PUT", f"{OPS}/instruments/{SYM}/band", up_bp=500, down_bp=500, reason="festival")
    assert ("proposed", 294_800) == (made["state"], bank.market.exchange.instruments[SYM].hi)

    assert "done" == (await decided(checker, made["id"]))[1]["state"]
    assert 281_400 == bank.market.exchange.instruments[SYM].hi


async def test_posts_are_given_alone_until_two_can_approve_them(bank: House) -> None:
    people = [await person(bank) for _ in range(3)]

    async def post(who: int) -> dict[str, Any]:
        path = f"{OPS}/people/{people[who].person}/post"
        return dict(await bank.operator.call("PUT", path, post="director", reason="first ones"))

    assert ["done", "done"] == [(await post(0))["state"], (await post(1))["state"]]
    with pytest.raises(Exception, match="FOUR_EYES"):
        await post(2)

    path = f"{OPS}/people/{people[2].person}/post"
    _, made = await people[0].ask("PUT", path, post="treasurer", reason="hired")
    assert ("proposed", "") == (made["state"], bank.market.store.people[people[2].person].post)
    assert "done" == (await decided(people[1], made["id"]))[1]["state"]
    assert "treasurer" == bank.market.store.people[people[2].person].post


async def test_the_database_itself_refuses_one_person_twice(bank: House) -> None:
    row = {
        "id": 1, "key": "k", "kind": "deposit", "detail": "{}", "reason": "", "maker": "p1", "made_ts": 1,
        "answer": "", "checked_ts": 1, "eyes": 4, "code": "", "seq": 0,
    }  # fmt: skip
    for state, checker in (("approved", "p1"), ("approved", ""), ("done", "")):
        with pytest.raises(IntegrityError):
            async with bank.market.store.shop.begin() as db:
                await db.execute(insert(approvals).values(**row, state=state, checker=checker))


class Died(Exception):
    """The process ends here."""


@pytest.mark.parametrize("when", ["before the engine was asked", "after the engine did it"])
@pytest.mark.parametrize("kind", ["deposit", "band"])
async def test_what_a_crash_left_open_is_done_once(tmp_path: Path, when: str, kind: str) -> None:
    async with house(tmp_path, four_eyes=True) as exchange:
        maker, _ = await person(exchange, "director"), await person(exchange, "director")  # the last one approves
        if kind == "deposit":
            number = await proposed(maker)
        else:
            path = f"{OPS}/instruments/{SYM}/band"
            number = (await maker.ask("PUT", path, up_bp=500, down_bp=500, reason="festival"))[1]["id"]
        submit = exchange.market.approvals._submit

        async def die(*commands: Command) -> Sequence[Event]:
            if when == "after the engine did it":
                await submit(*commands)
            raise Died

        exchange.market.approvals._submit = die  # type: ignore[assignment]
        identity = exchange.market.store.identity_of_session(list(exchange.market.store.sessions.values())[-1])
        with pytest.raises(Died):
            await exchange.market.approvals.decide(identity, number, True, "seen")
        assert State.APPROVED == (await exchange.market.approvals.get(number)).state

    for _ in range(2):  # and a second restart finds nothing to do
        async with house(tmp_path, four_eyes=True) as exchange:
            assert State.DONE == (await exchange.market.approvals.get(number)).state
            assert 0 == await exchange.market.approvals.resume()
            expected = ((10_000, 0), 294_800) if kind == "deposit" else ((0, 0), 281_400)
            found = exchange.market.exchange.balance(1, "CNY"), exchange.market.exchange.instruments[SYM].hi
            assert expected == found
    assert audit(tmp_path).ok


async def test_a_busy_exchange_leaves_what_was_approved_for_later(bank: House) -> None:
    maker, checker = await person(bank, "treasurer"), await person(bank, "controller")
    number = await proposed(maker)
    submit = bank.market.approvals._submit

    async def busy(*_: Command) -> list[Event]:
        raise Problem("BUSY")

    bank.market.approvals._submit = busy
    assert (503, "BUSY") == said(await decided(checker, number))
    bank.market.approvals._submit = submit

    assert 1 == await bank.market.approvals.resume()
    assert (10_000, 0) == bank.market.exchange.balance(1, "CNY")


async def test_what_is_carried_out_is_carried_out_by_one_at_a_time(bank: House) -> None:
    """A round of what was left open comes upon an approval that is just being carried out."""
    maker, checker = await person(bank, "market"), await person(bank, "risk")
    path = f"{OPS}/instruments/{SYM}/band"
    _, made = await maker.ask("PUT", path, up_bp=500, down_bp=500, reason="festival")
    submit, rounds = bank.market.approvals._submit, list[asyncio.Task[int]]()

    async def slowly(*commands: Command) -> list[Event]:
        rounds.append(asyncio.create_task(bank.market.approvals.resume()))
        await asyncio.sleep(0.05)  # the round has found the approval by now, and waits for its turn
        return await submit(*commands)

    bank.market.approvals._submit = slowly
    before = bank.market.exchange.seq
    assert "done" == (await decided(checker, made["id"]))[1]["state"]
    await asyncio.gather(*rounds)

    assert before + 1 == bank.market.exchange.seq


async def test_one_operator_alone_is_enough_where_that_was_said(exchange: House) -> None:
    made = await exchange.operator.call("POST", f"{OPS}/deposits", **DEPOSIT)

    assert ("done", "") == (made["state"], made["checker"])
    assert CASH_FEN + 10_000 == exchange.market.exchange.balance(1, "CNY").free
