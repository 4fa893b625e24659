"""The cellar over HTTP: a bottle comes in, is owned, asked for, and leaves against its code."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gateway.cellarman import Cellarman
from gateway.client import ClientError, Credentials
from gateway.errors import KINDS
from ledger.custody.refusals import CustodyReject
from ledger.days import date_of, day_of
from ledger.proof.commitment import verify
from tests.gateway.house import SYM, House, house, order

CELLAR = "/api/v1/cellar"
MIDNIGHT_NS = 57_600 * 10**9  # in Shanghai, on 1970-01-02
DAY_NS = 86_400 * 10**9


class Staff:
    """Somebody with an operator's key, and what they do."""

    def __init__(self, house: House, key: Any) -> None:
        self.house = house
        self.name: str = key.key
        self.credentials = Credentials(key.key, bytes.fromhex(key.secret))

    async def ask(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        content = json.dumps(body).encode() if body else b""
        return await self.house.call(self.credentials, method, path, content)

    async def do(self, path: str, **body: Any) -> Any:
        status, answer = await self.ask("POST", CELLAR + path, **body)
        assert status == 200, answer
        return answer


async def member(house: House, acct: int, *scopes: str) -> Staff:
    return Staff(house, await house.market.store.create_key(acct, list(scopes)))


async def staffed(exchange: House) -> Staff:
    """Staff of warehouse 1, which has the bins A-01 and A-02."""
    staff = Staff(exchange, await exchange.market.store.create_key(0, ["admin"]))
    assert {"id": 1} == await staff.do("/warehouses", code="SH-1", name="Shanghai bonded", region="Shanghai")
    for code in ("A-01", "A-02"):
        await staff.do("/warehouses/1/bins", code=code)
    assert (200, {}) == await staff.ask("PUT", f"{CELLAR}/warehouses/1/staff/{staff.name}")
    return staff


@pytest.fixture
async def wang(exchange: House) -> Staff:
    return await staffed(exchange)


NAMES = (f"S{number}" for number in count())


async def bring(wang: Staff, acct: int, qty: int, *, resale_forbidden: bool = False) -> list[str]:
    """Bottles in, from advice to bin; their serials."""
    serials = [next(NAMES) for _ in range(qty)]
    advice = (
        await wang.do(
            "/advices", acct=acct, warehouse=1, lot=f"L{serials[0]}", sym=SYM, vintage="2021", qty=qty,
            resale_forbidden=resale_forbidden,
        )
    )["id"]  # fmt: skip
    await wang.do(f"/advices/{advice}/receipts", serials=serials)
    assert {"passed": True} == await wang.do("/inspections", serials=serials, grade="mint", seal_intact=True)
    assert {"qty": qty} == await wang.do(f"/advices/{advice}/bookings", bin="A-01")
    return serials


async def test_a_bottle_comes_in_and_leaves_against_its_code(exchange: House, wang: Staff) -> None:
    owner = await member(exchange, 3, "read", "withdraw")
    serials = await bring(wang, 3, 2)
    assert (200, {}) == await wang.ask("PUT", f"{CELLAR}/terms/*", pickup_fee="0.00", ready_days=2)

    status, pickup = await owner.ask("POST", "/api/v1/pickups", asset=SYM, qty=2, warehouse=1)
    assert (201, "held", "0.00") == (status, pickup["state"], pickup["fee"])
    assert (0, 2) == exchange.market.exchange.balance(3, SYM)
    (task,) = (await wang.ask("GET", f"{CELLAR}/warehouses/1/tasks"))[1]
    assert serials == [bottle["serial"] for bottle in task["bottles"]]

    await wang.do(f"/pickups/{pickup['id']}/pick", serials=serials)
    status, slip = await owner.ask("POST", f"/api/v1/pickups/{pickup['id']}/code")
    assert (201, f"CELLARBOOK:{pickup['id']}:{slip['code']}") == (status, slip["text"])
    assert "<svg" in slip["svg"]
    handed = {"code": slip["code"], "identity": "passport"}
    assert {"qty": 2} == await wang.do(f"/pickups/{pickup['id']}/release", **handed)

    assert (409, "WRONG_STATE") == said(await wang.ask("POST", f"{CELLAR}/pickups/{pickup['id']}/release", **handed))
    assert (0, 0) == exchange.market.exchange.balance(3, SYM)
    assert "released" == (await owner.ask("GET", f"/api/v1/pickups/{pickup['id']}"))[1]["state"]
    history = (await wang.ask("GET", f"{CELLAR}/bottles/{serials[0]}/history"))[1]
    assert ["receipt", "inspection", "booking", "pickup", "pick", "release"] == [step["flow"] for step in history]


def said(answer: tuple[int, Any]) -> tuple[int, str]:
    status, body = answer
    return status, body["name"]


async def test_another_accounts_pickup_is_not_there(exchange: House, wang: Staff) -> None:
    owner, other = await member(exchange, 3, "read", "withdraw"), await member(exchange, 4, "read", "withdraw")
    await bring(wang, 3, 1)
    number = (await owner.ask("POST", "/api/v1/pickups", asset=SYM, qty=1, warehouse=1))[1]["id"]

    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/code"), ("GET", "/shipment")):
        answer = await other.ask(method, f"/api/v1/pickups/{number}{path}")
        assert (404, "UNKNOWN_PICKUP") == said(answer)
    assert [] == (await other.ask("GET", "/api/v1/pickups"))[1]
    assert "held" == (await owner.ask("GET", f"/api/v1/pickups/{number}"))[1]["state"]


async def test_bottles_that_may_not_be_resold_are_owned_picked_up_and_never_sold(exchange: House, wang: Staff) -> None:
    await bring(wang, 3, 1, resale_forbidden=True)
    owner = await member(exchange, 3, "read", "trade", "withdraw")

    held = (await owner.ask("GET", "/api/v1/balances"))[1]
    sold = await owner.ask("POST", "/api/v1/orders", sym=f"{SYM}/NR", side="S", px="2680.00", qty=1)
    plain = await owner.ask("POST", "/api/v1/orders", sym=SYM, side="S", px="2680.00", qty=1)
    picked = await owner.ask("POST", "/api/v1/pickups", asset=f"{SYM}/NR", qty=1, warehouse=1)

    assert {"asset": f"{SYM}/NR", "free": 1, "held": 0} in held
    assert (400, "UNKNOWN_INSTRUMENT") == said(sold)
    assert (422, "INSUFFICIENT_BOTTLES") == said(plain)
    assert 201 == picked[0]


async def test_a_debtor_places_no_orders_until_it_pays(exchange: House, wang: Staff) -> None:
    await bring(wang, 3, 1)
    await wang.ask("PUT", f"{CELLAR}/terms/*", storage_millifen=500_000)
    debtor = await member(exchange, 3, "read", "trade", "withdraw")
    man = Cellarman(
        exchange.market.custody, exchange.market.proofs, exchange.market.exchange, lambda: MIDNIGHT_NS + 40 * DAY_NS
    )
    await man.go_round()
    man = Cellarman(
        exchange.market.custody, exchange.market.proofs, exchange.market.exchange, lambda: MIDNIGHT_NS + 70 * DAY_NS
    )
    await man.go_round()
    ask = {"sym": SYM, "side": "S", "px": "2680.00", "qty": 1}

    (bill,) = (await debtor.ask("GET", "/api/v1/bills"))[1]
    assert ("unpaid", "95.00") == (bill["state"], bill["amount"])
    assert (422, "IN_DEBT") == said(await debtor.ask("POST", "/api/v1/orders", **ask))
    assert (422, "IN_DEBT") == said(await debtor.ask("POST", "/api/v1/pickups", asset=SYM, qty=1, warehouse=1))
    assert (422, "INSUFFICIENT_FUNDS") == said(await debtor.ask("POST", "/api/v1/bills/pay"))
    with pytest.raises(ClientError, match="IN_DEBT"):
        await (await exchange.client(3)).place(order("S 1@268000"))

    await exchange.operator.admin([{"op": "deposit", "acct": 3, "asset": "CNY", "amount": 9_500}])
    assert (200, "paid") == ((paid := await debtor.ask("POST", "/api/v1/bills/pay"))[0], paid[1][0]["state"])
    assert 201 == (await debtor.ask("POST", "/api/v1/orders", **ask))[0]


async def test_a_difference_halts_the_instrument_and_rings_until_it_is_explained(exchange: House, wang: Staff) -> None:
    await bring(wang, 3, 2)
    man = Cellarman(
        exchange.market.custody, exchange.market.proofs, exchange.market.exchange, exchange.market.config.clock
    )
    await man.go_round()
    assert [] == (await wang.ask("GET", f"{CELLAR}/alarms"))[1]

    async with exchange.market.custody._shop.begin() as db:  # a bottle walks out at night
        await db.exec_driver_sql("UPDATE custody_bottles SET state = 'out' WHERE id = 1")
    await man.go_round()
    await man.go_round()

    (alarm,) = (await wang.ask("GET", f"{CELLAR}/alarms"))[1]
    assert (SYM, 2, 1) == (alarm["asset"], alarm["ledger"], alarm["serials"])
    assert "HALTED" == exchange.market.exchange.instruments[SYM].phase
    await wang.do(f"/alarms/{alarm['id']}/clear")
    assert (404, "UNKNOWN_ALARM") == said(await wang.ask("POST", f"{CELLAR}/alarms/{alarm['id']}/clear"))


@pytest.mark.parametrize(
    ("method", "path", "body", "wanted"),
    [
        ("POST", "/warehouses", {"code": "SH-1", "name": "again", "region": "x"}, (409, "DUPLICATE_CODE")),
        ("POST", "/warehouses", {"code": "X"}, (400, "MALFORMED")),
        ("POST", "/warehouses/9/bins", {"code": "X"}, (404, "UNKNOWN_WAREHOUSE")),
        ("POST", "/warehouses/x/bins", {"code": "X"}, (404, "NOT_FOUND")),
        ("GET", "/bottles?colour=red", {}, (400, "MALFORMED")),
        ("GET", "/bottles?warehouse=one", {}, (400, "MALFORMED")),
        ("POST", "/claims/1", {"remedy": "prayer"}, (400, "MALFORMED")),
        ("POST", "/claims/1", {"remedy": "cash"}, (400, "MALFORMED")),
        ("PUT", "/terms/*", {"pickup_fee": -1}, (400, "MALFORMED")),
    ],
)
async def test_bad_input_has_a_clear_error(
    wang: Staff, method: str, path: str, body: dict[str, Any], wanted: tuple[int, str]
) -> None:
    status, answer = await wang.ask(method, CELLAR + path, **body)

    assert wanted == (status, answer["name"])
    assert answer["msg"]


async def test_only_operators_work_in_the_cellar(exchange: House, wang: Staff) -> None:
    outsider = await member(exchange, 3, "read", "trade", "withdraw")
    stranger = Staff(exchange, await exchange.market.store.create_key(0, ["admin"]))
    advice = (await wang.do("/advices", acct=3, warehouse=1, lot="L", sym=SYM, vintage="2021", qty=1))["id"]

    assert (403, "FORBIDDEN") == said(await outsider.ask("GET", f"{CELLAR}/stock"))
    assert (403, "NOT_STAFF") == said(await stranger.ask("POST", f"{CELLAR}/advices/{advice}/receipts", serials=["s"]))


def test_every_refusal_of_the_cellar_has_a_code() -> None:
    assert set(CustodyReject) <= KINDS.keys()


async def test_bottles_do_not_come_or_go_by_an_operators_word(tmp_path: Path) -> None:
    async with house(tmp_path, accounts=0, unbacked_bottles=False) as strict:
        for op in ("deposit", "withdraw"):
            with pytest.raises(ClientError, match="UNBACKED_BOTTLES"):
                await strict.operator.admin([{"op": op, "acct": 1, "asset": SYM, "amount": 1}])

        assert [] == strict.market.exchange.accounts()[1:]


async def test_yesterday_is_proven_to_everybody_and_to_each_holder(exchange: House, wang: Staff) -> None:
    await bring(wang, 3, 2)
    holder, other = await member(exchange, 3, "read"), await member(exchange, 4, "read")
    tomorrow = exchange.market.config.clock() + DAY_NS
    day = date_of(day_of(tomorrow) - 1)
    await exchange.market.sequencer.projected()
    man = Cellarman(exchange.market.custody, exchange.market.proofs, exchange.market.exchange, lambda: tomorrow)
    await man.go_round()

    assert (200, [str(day)]) == await exchange.call(None, "GET", "/api/v1/proofs")
    status, published = await exchange.call(None, "GET", f"/api/v1/proofs/{day}")
    (asset,) = published["document"]["assets"]
    assert (200, SYM, 2) == (status, asset["asset"], asset["places"]["warehouse 1"])
    assert 2 == published["document"]["serials"][SYM]["count"]
    mine = (await holder.ask("GET", f"/api/v1/proofs/{day}/mine"))[1]
    assert [f"2 of {asset['bottles']} {SYM} are account 3's"] == verify(mine, published["root"])
    assert [] == (await other.ask("GET", f"/api/v1/proofs/{day}/mine"))[1]["holdings"]
    for path in ("/api/v1/proofs/1999-01-01", "/api/v1/proofs/today"):
        assert (404, "NOT_FOUND") == said(await exchange.call(None, "GET", path))
    assert (404, "NOT_FOUND") == said(await holder.ask("GET", "/api/v1/proofs/1999-01-01/mine"))
    assert 401 == (await exchange.call(None, "GET", f"/api/v1/proofs/{day}/mine"))[0]
