"""Every command as a rule of one state machine, which knows the names it gave and so mostly asks what makes sense.

After each command the kernels, compiled and not, and their slow twin must have said the same, and be sound.
"""

from hashlib import sha256

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from engine.commands import (
    CASH,
    AddAsset,
    Allot,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    Group,
    Leg,
    LegKind,
    List,
    Method,
    Offer,
    OrderType,
    Phase,
    Place,
    Recall,
    Roll,
    SetBand,
    SetFees,
    SetPhase,
    Side,
    Subscribe,
    TimeInForce,
    Transfer,
    When,
    Withdraw,
)
from engine.events import Event, Rejected, Transferred
from engine.exchange import Exchange
from tests.engine.conftest import KERNELS
from tests.reference_book import ReferenceExchange
from tests.strategies import ISSUER, LISTED, LISTINGS, SEED, opening

CLIENTS = st.integers(1, 3)
PARTIES = st.sampled_from([1, 2, 3, 4, -1, -2, -1001])
SYMBOLS = st.sampled_from(LISTED)
ASSETS = st.sampled_from([CASH, *LISTED, "POINT"])
STEPS = st.integers(-3, 3)  # ticks from the reference price
WILD = st.sampled_from([0] * 12 + [-40, -11, 11, 60, 1_000])
QTYS = st.sampled_from([1, 2, 2, 4, 4, 6, 8, 12, 25, 70])
FOCUS = st.sampled_from([""] * 6 + LISTED)  # "": the instrument that this market is mostly about
FLOWS = st.lists(st.tuples(CLIENTS, st.sampled_from(Side), STEPS, QTYS), min_size=1, max_size=6)
LASTING = st.sampled_from([TimeInForce.GTC] * 4 + [TimeInForce.DAY])
ODDS_ON_PLAIN = st.sampled_from([OrderType.LIMIT] * 4 + [OrderType.MARKET])


def price(sym: str, step: int) -> int:
    return max(0, 3000 + 5 * step if sym == "B" else 100 + step)


class Market(RuleBasedStateMachine):
    """A market of a few clients, in which every command may come at any time."""

    orders = Bundle("orders")
    offerings = Bundle("offerings")
    holds = Bundle("holds")
    transfers = Bundle("transfers")

    def __init__(self) -> None:
        super().__init__()
        self.twin = ReferenceExchange()
        self.exchanges = [Exchange(kernel) for kernel in KERNELS.values()]
        self.ts = 0
        self.named = 0
        self.focus = ""

    def name(self) -> str:
        self.named += 1
        return f"n{self.named}"

    def say(self, command: Command) -> list[Event]:
        expected = self.twin.apply([command])
        for exchange in self.exchanges:
            assert expected == exchange.apply([command]), command
        return expected

    def at(self, sym: str) -> str:
        return sym or self.focus

    @initialize(focus=SYMBOLS)
    def open_market(self, focus: str) -> None:
        self.focus = focus
        for command in opening():
            self.say(command)

    # ------------------------------------------------------------------------------------------------- trading

    @rule(target=orders, sym=FOCUS, wild=WILD, tif=LASTING, flow=FLOWS)
    def place(self, sym: str, wild: int, tif: str, flow: list[tuple[int, str, int, int]]) -> object:
        placed = []
        for acct, side, step, qty in flow:
            cid = self.name()
            self.say(Place(self.ts, acct, cid, self.at(sym), side, price(self.at(sym), step + wild), qty, tif))
            placed.append((acct, cid, self.at(sym)))
        return multiple(*placed)

    @rule(
        target=orders, acct=CLIENTS, sym=FOCUS, side=st.sampled_from(Side), step=STEPS, qty=QTYS,
        tif=st.sampled_from(TimeInForce), kind=ODDS_ON_PLAIN, post=st.booleans(), display=st.integers(0, 4),
        life=st.integers(0, 20),
    )  # fmt: skip
    def place_with_conditions(
        self,
        acct: int,
        sym: str,
        side: str,
        step: int,
        qty: int,
        tif: str,
        kind: str,
        post: bool,
        display: int,
        life: int,
    ) -> tuple[int, str, str]:
        cid = self.name()
        sym = self.at(sym)
        expiry = self.ts + life if tif == TimeInForce.GTD else 0
        self.say(
            Place(
                self.ts, acct, cid, sym, side, price(sym, step), qty, tif, kind, post and display < 3, display, expiry
            )
        )
        return acct, cid, sym

    @rule(
        target=orders, acct=CLIENTS, sym=FOCUS, side=st.sampled_from(Side), step=STEPS, trigger=STEPS,
        qty=st.sampled_from([2, 4, 6]), tif=st.sampled_from(TimeInForce),
        kind=st.sampled_from([OrderType.STOP, OrderType.STOP_LIMIT]),
    )  # fmt: skip
    def place_stop(
        self, acct: int, sym: str, side: str, step: int, trigger: int, qty: int, tif: str, kind: str
    ) -> tuple[int, str, str]:
        cid = self.name()
        expiry = self.ts + 9 if tif == TimeInForce.GTD else 0
        sym = self.at(sym)
        px, stop_px = price(sym, step), price(sym, trigger)
        self.say(Place(self.ts, acct, cid, sym, side, px, qty, tif, kind, expire_ts=expiry, stop_px=stop_px))
        return acct, cid, sym

    @rule(order=orders)
    def place_again(self, order: tuple[int, str, str]) -> None:
        acct, cid, sym = order
        self.say(Place(self.ts, acct, cid, sym, Side.BUY, price(sym, 0), 2))

    @rule(order=orders)
    def cancel(self, order: tuple[int, str, str]) -> None:
        self.say(Cancel(self.ts, *order[:2]))

    @rule(order=orders, step=st.none() | STEPS, qty=st.sampled_from([0, 1, 2, 3, 4, 6, 9, 14, 30]))
    def amend(self, order: tuple[int, str, str], step: int | None, qty: int) -> None:
        acct, cid, sym = order
        self.say(Amend(self.ts, acct, cid, 0 if step is None else price(sym, step), qty))

    @rule(acct=CLIENTS, sym=st.sampled_from(["", *LISTED, "NONE"]), side=st.sampled_from(["", "B", "S"]))
    def cancel_all(self, acct: int, sym: str, side: str) -> None:
        self.say(CancelAll(self.ts, acct, sym, side))

    @rule(sym=st.sampled_from([*LISTED, "NONE"]), tif=st.sampled_from(TimeInForce), expiry=st.integers(0, 40))
    def place_awkwardly(self, sym: str, tif: str, expiry: int) -> None:
        self.say(Place(self.ts, 1, self.name(), sym, Side.SELL, 101, 3, tif, OrderType.LIMIT, False, 4, expiry))

    # -------------------------------------------------------------------------------------------------- the venue

    @rule(sym=FOCUS, phase=st.sampled_from([*Phase, *[Phase.OPENING_CALL] * 5, *[Phase.CONTINUOUS] * 9]))
    def set_phase(self, sym: str, phase: str) -> None:
        self.say(SetPhase(self.ts, self.at(sym), phase))

    @rule(
        sym=FOCUS, up=st.sampled_from([0, 100, 300, 1000]), down=st.sampled_from([0, 100, 300, 1000]),
        step=st.none() | STEPS, when=st.sampled_from(When),
    )  # fmt: skip
    def set_band(self, sym: str, up: int, down: int, step: int | None, when: str) -> None:
        sym = self.at(sym)
        self.say(SetBand(self.ts, sym, up, down, 0 if step is None else price(sym, step), when))

    @rule(sym=FOCUS, maker=st.integers(0, 40), taker=st.integers(0, 40), least=st.integers(0, 30))
    def set_fees(self, sym: str, maker: int, taker: int, least: int) -> None:
        self.say(SetFees(self.ts, self.at(sym), maker, taker, least))

    @rule(sym=FOCUS)
    def roll(self, sym: str) -> None:
        self.say(Roll(self.ts, self.at(sym)))

    @rule(later=st.integers(1, 15))
    def wait(self, later: int) -> None:
        self.ts += later

    @rule(acct=st.integers(1, 4), group=st.integers(0, 1))
    def group(self, acct: int, group: int) -> None:
        self.say(Group(self.ts, acct, group))

    @rule(listing=st.sampled_from(LISTINGS))
    def list_again(self, listing: List) -> None:
        self.say(listing)

    @rule(asset=st.sampled_from(["POINT", "A", CASH]))
    def add_asset_again(self, asset: str) -> None:
        self.say(AddAsset(self.ts, asset))

    @rule(acct=CLIENTS, asset=ASSETS, amount=st.integers(1, 60), come=st.booleans())
    def bring_or_take(self, acct: int, asset: str, amount: int, come: bool) -> None:
        self.say((Deposit if come else Withdraw)(self.ts, acct, asset, amount))

    # --------------------------------------------------------------------------------------- what is not trading

    @rule(target=holds, acct=CLIENTS, asset=ASSETS, amount=st.integers(1, 50))
    def hold(self, acct: int, asset: str, amount: int) -> object:
        name = self.name()
        said = self.say(Transfer(self.ts, name, (Leg(LegKind.HOLD, acct, asset=asset, amount=amount, hold=name),)))
        return name if isinstance(said[-1], Transferred) else multiple()

    @rule(
        target=transfers, hold=holds, to=PARTIES, acct=PARTIES, asset=ASSETS, amount=st.integers(0, 30),
        kinds=st.lists(st.sampled_from(LegKind), min_size=1, max_size=3),
    )  # fmt: skip
    def transfer(self, hold: str, to: int, acct: int, asset: str, amount: int, kinds: list[str]) -> Transfer:
        legs = {
            LegKind.TRANSFER: Leg(LegKind.TRANSFER, acct, to if to != acct else 3 - acct, asset, amount or 1),
            LegKind.HOLD: Leg(LegKind.HOLD, abs(acct) % 4, asset=asset, amount=amount or 1, hold=hold),
            LegKind.CAPTURE: Leg(LegKind.CAPTURE, to=to, amount=amount, hold=hold),
            LegKind.RELEASE: Leg(LegKind.RELEASE, amount=amount, hold=hold),
        }
        command = Transfer(self.ts, self.name(), tuple(legs[LegKind(kind)] for kind in kinds))
        self.say(command)
        return command

    @rule(transfer=transfers, other=st.booleans())
    def transfer_again(self, transfer: Transfer, other: bool) -> None:
        self.say(transfer._replace(ts=self.ts, legs=transfer.legs[:1] if other else transfer.legs))

    @rule(
        target=offerings, sym=st.sampled_from([*LISTED, "POINT", "NONE"]),
        px=st.integers(1, 2_000), qty=st.integers(1, 40),
        most=st.sampled_from([0, 20]), method=st.sampled_from(Method), opens=st.sampled_from([0, 0, 5]),
        closes=st.sampled_from([0, 0, 12]), final=st.booleans(),
    )  # fmt: skip
    def offer(
        self, sym: str, px: int, qty: int, most: int, method: str, opens: int, closes: int, final: bool
    ) -> object:
        name, commit = self.name(), sha256(SEED.encode()).hexdigest()
        opens, closes = opens and self.ts + opens, closes and self.ts + closes
        said = self.say(Offer(self.ts, name, ISSUER, sym, px, qty, commit, 2, 4, most, 1, method, opens, closes, final))
        return multiple() if isinstance(said[-1], Rejected) else name

    @rule(offering=offerings, acct=st.sampled_from([1, 2, 3, ISSUER]), qty=st.sampled_from([0, 2, 3, 4, 6, 10, 20, 24]))
    def subscribe(self, offering: str, acct: int, qty: int) -> None:
        self.say(Subscribe(self.ts, acct, offering, qty))

    @rule(offering=offerings, seed=st.sampled_from([SEED, SEED, SEED, "another"]))
    def allot(self, offering: str, seed: str) -> None:
        self.say(Allot(self.ts, offering, seed))

    @rule(offering=consumes(offerings))
    def recall(self, offering: str) -> None:
        self.say(Recall(self.ts, offering))

    @rule()
    def ask_for_an_offering_that_is_not(self) -> None:
        self.say(Recall(self.ts, "none"))

    # ------------------------------------------------------------------------------------------------ invariants

    @invariant()
    def all_are_sound(self) -> None:
        for exchange in self.exchanges:
            exchange.check()

    @rule()
    def restore(self) -> None:
        """Everybody stops and goes on from a snapshot."""
        self.exchanges = [
            Exchange.restore(exchange.snapshot(), kernel)
            for exchange, kernel in zip(self.exchanges, KERNELS.values(), strict=True)
        ]

    def teardown(self) -> None:
        for exchange in self.exchanges:
            for sym in self.twin.lines:
                assert self.twin.book(sym) == exchange.book(sym)
            for acct in exchange.accounts():
                for asset, (free, held) in exchange.balances(acct).items():
                    kept = self.twin.free.get((acct, asset), 0), self.twin.held.get((acct, asset), 0)
                    assert kept == (free, held), f"account {acct}, {asset}"
        assert len({exchange.state_hash() for exchange in self.exchanges}) == 1
