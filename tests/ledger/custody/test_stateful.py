"""Random trading, custody and transfers, with crashes: after every step engine, ledger and serials agree."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.commands import CASH, CancelAll, Leg, LegKind, Place, Transfer
from ledger.accounts import LOSS, ROAD, warehouse
from ledger.custody.codes import Slip
from ledger.custody.pickup import Pickup, PickupState
from ledger.custody.shipping import Remedy
from ledger.custody.terms import Terms
from tests.ledger.custody.cellar import BEIJING, DAY_NS, SHANGHAI, SYM, TWIN, Cellar, Crash, open_cellar

T = TypeVar("T")

ACCTS = st.sampled_from([1, 2])
SEEDS = st.integers(0, 1_000)
BINS = {"A-01": SHANGHAI, "A-02": SHANGHAI, "B-01": BEIJING}
ENDED = {
    PickupState.REFUSED,
    PickupState.RELEASED,
    PickupState.COMPENSATED,
    PickupState.CANCELLED,
    PickupState.EXPIRED,
}
STAFF = {SHANGHAI: ("wang", "li"), BEIJING: ("zhao", "wang")}


def any_of(things: Sequence[T], seed: int) -> T | None:
    return things[seed % len(things)] if things else None


class Random(RuleBasedStateMachine):
    """Anybody does anything. What is refused must change nothing, and what crashed must be finished later."""

    furnished: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(prefix="cellarbook-")
        self.opened = AsyncExitStack()
        self.number = 0

    @initialize()
    def open(self) -> None:
        data_dir = Path(self.folder.name) / "data"
        shutil.copytree(self.furnished, data_dir)
        self.cellar: Cellar = self.runner.run(self.opened.enter_async_context(open_cellar(data_dir)))
        self.custody = self.cellar.custody
        terms = Terms(pickup_fee_fen=1_00, late_fen=1, late_days_max=3, keep_days=1)
        self.do(self.custody.terms.set(self.cellar.by("office"), terms))
        for acct in (1, 2):
            self.do(self.cellar.store(acct, [f"{acct}-{n}" for n in range(9)], lot=f"first {acct}"))

    def teardown(self) -> None:
        if hasattr(self, "cellar"):
            self.restart()
        self.runner.run(self.opened.aclose())
        self.runner.close()
        self.folder.cleanup()

    def do(self, step: Coroutine[Any, Any, T]) -> T | None:
        """Take a step. When nobody knows how it ended, its intent stays open until somebody finds out."""
        try:
            return self.runner.run(step)
        except Crash:
            self.cellar.crash_before = self.cellar.crash_after = False
            return None

    def pickups(self) -> list[Pickup]:
        return [pickup for acct in (1, 2) for pickup in self.runner.run(self.custody.pickups.of(acct))]

    # ---------------------------------------------------------------------------------------------------- the rules

    @rule(is_after=st.booleans())
    def crash_in_the_next_step(self, is_after: bool) -> None:
        self.cellar.crash_before, self.cellar.crash_after = not is_after, is_after

    @rule()
    def restart(self) -> None:
        self.runner.run(self.cellar.restart())
        self.custody = self.cellar.custody

    @rule(acct=ACCTS, side=st.sampled_from("BS"), px=st.integers(98_00, 102_00), qty=st.integers(1, 3))
    def place(self, acct: int, side: str, px: int, qty: int) -> None:
        self.number += 1
        self.do(self.cellar.submit(Place(0, acct, f"c{self.number}", SYM, side, px, qty)))

    @rule(acct=ACCTS)
    def cancel_orders(self, acct: int) -> None:
        self.do(self.cellar.submit(CancelAll(0, acct)))

    @rule(acct=ACCTS, asset=st.sampled_from([SYM, CASH]), amount=st.integers(1, 3))
    def give(self, acct: int, asset: str, amount: int) -> None:
        self.number += 1
        leg = Leg(LegKind.TRANSFER, acct, 3 - acct, asset, amount)
        self.do(self.cellar.submit(Transfer(0, f"gift {self.number}", (leg,))))

    @rule(acct=ACCTS, qty=st.integers(1, 3), resale_forbidden=st.booleans())
    def store(self, acct: int, qty: int, resale_forbidden: bool) -> None:
        self.number += 1
        serials = [f"s{self.number}-{n}" for n in range(qty)]
        self.do(self.cellar.store(acct, serials, lot=f"lot {self.number}", resale_forbidden=resale_forbidden))

    @rule(acct=ACCTS, qty=st.integers(1, 3), asset=st.sampled_from([SYM, SYM, TWIN]), sent=st.booleans())
    def request(self, acct: int, qty: int, asset: str, sent: bool) -> None:
        address = "address 9" if sent else ""
        self.do(self.custody.pickups.request(self.cellar.now, acct, asset, qty, SHANGHAI, address=address))

    @rule(seed=SEEDS, choices=st.lists(st.integers(0, 5), min_size=1, max_size=4), days=st.sampled_from([0, 0, 0, 2]))
    def advance(self, seed: int, choices: list[int], days: int) -> None:
        """Take a pickup some steps further, and look after each."""
        self.cellar.now += days * DAY_NS
        for choice in choices:
            self.step(seed, choice)
            self.engine_ledger_and_serials_agree()

    def step(self, seed: int, choice: int) -> None:
        """Do one of the things that can be done to a pickup."""
        pickup = any_of([p for p in self.pickups() if p.state not in ENDED], seed)
        if pickup is None:
            return
        pickups, shipping = self.custody.pickups, self.custody.shipping
        match pickup.state, choice:
            case ((PickupState.HELD | PickupState.READY), 0):
                self.do(pickups.cancel(self.cellar.now, pickup.acct, pickup.id))
            case PickupState.HELD, _:
                serials = self.runner.run(self.cellar.serials(pickup=pickup.id))
                self.do(pickups.pick(self.cellar.by("wang"), pickup.id, serials))
            case PickupState.READY, 1:
                self.do(pickups.expire(self.cellar.by("clock")))
            case PickupState.READY, _ if pickup.address:
                self.do(shipping.ship(self.cellar.by("wang"), pickup.id, "SF Express", "SF1"))
            case PickupState.READY, _:
                self.release(pickup, choice)
            case PickupState.SHIPPED, (0 | 1 | 2):
                self.do(shipping.delivered(self.cellar.by("wang"), pickup.id))
            case PickupState.SHIPPED, _:
                self.do(shipping.lose(self.cellar.by("wang"), pickup.id, "lost"))
            case PickupState.LOST, _:
                (claim,) = [c for c in self.runner.run(shipping.claims()) if c.pickup == pickup.id]
                remedy = list(Remedy)[choice % len(Remedy)]
                fen = 500 if remedy == Remedy.CASH else 0
                self.do(shipping.decide(self.cellar.by("li"), claim.id, remedy, fen))

    def release(self, pickup: Pickup, choice: int) -> None:
        """Hand out all, or one bottle; or meet somebody who guesses."""
        slip = self.do(self.custody.pickups.issue_code(self.cellar.now, pickup.acct, pickup.id))
        code = slip.code if isinstance(slip, Slip) and choice > 2 else "0000"
        picked = self.runner.run(self.cellar.serials("picked", pickup.id))
        handed = picked[:1] if choice > 4 else []
        self.do(self.custody.pickups.release(self.cellar.by("li"), pickup.id, code, "identity card", handed))

    @rule(seed=SEEDS)
    def haul(self, seed: int) -> None:
        if serial := any_of(self.runner.run(self.cellar.serials("stored")), seed):
            self.do(self.custody.hauls.send(self.cellar.by("wang"), SHANGHAI, BEIJING, [serial]))

    @rule(seed=SEEDS)
    def unload(self, seed: int) -> None:
        if haul := any_of(self.runner.run(self.custody.hauls.under_way()), seed):
            for serial in self.runner.run(self.cellar.serials("moving")):  # a haul has one, and refuses the others
                self.do(self.custody.hauls.receive(self.cellar.by("zhao"), haul.id, [serial], "B-01"))

    @rule(bin_code=st.sampled_from(sorted(BINS)), seed=SEEDS, agrees=st.booleans())
    def count(self, bin_code: str, seed: int, agrees: bool) -> None:
        """One bottle that stood here is gone, and one that was missing has turned up."""
        store = BINS[bin_code]
        here = [b.serial for b in self.runner.run(self.cellar.bottles()) if b.bin == bin_code]
        lost = self.runner.run(self.cellar.serials("missing"))
        seen = {*here, *lost[:1]} - {any_of(here, seed)}
        counter, checker = STAFF[store]
        count = self.do(self.custody.counts.take(self.cellar.by(counter), store, bin_code, sorted(seen)))
        if isinstance(count, int):
            decide = self.custody.counts.agree if agrees else self.custody.counts.reject
            self.do(decide(self.cellar.by(checker), count))

    @rule(acct=ACCTS, qty=st.integers(1, 2), seed=SEEDS, is_named=st.booleans())
    def place_lien(self, acct: int, qty: int, seed: int, is_named: bool) -> None:
        serial = any_of(self.runner.run(self.cellar.serials("stored")), seed)
        named = [serial] if is_named and serial else []
        self.do(self.custody.liens.place(self.cellar.by("wang"), acct, SYM, qty, "in dispute", named))

    @rule(acct=ACCTS, seed=SEEDS)
    def lift_lien(self, acct: int, seed: int) -> None:
        if lien := any_of(self.runner.run(self.custody.liens.of(acct)), seed):
            self.do(self.custody.liens.lift(self.cellar.by("li"), lien.id))

    # ----------------------------------------------------------------------------------------------- what must hold

    @invariant()
    @precondition(lambda self: hasattr(self, "cellar"))
    def engine_ledger_and_serials_agree(self) -> None:
        self.runner.run(self.cellar.require_agreement())

    @invariant()
    @precondition(lambda self: hasattr(self, "cellar"))
    def every_bottle_that_is_owned_stands_somewhere_or_is_owed(self) -> None:
        places = (warehouse(SHANGHAI), warehouse(BEIJING), ROAD, LOSS)
        exchange = self.cellar.books.exchange
        for asset in (exchange.balances(1).keys() | exchange.balances(2).keys()) - {CASH}:
            owned = sum(sum(self.cellar.balance(acct, asset)) for acct in (1, 2))
            assert owned == -sum(self.cellar.balance(place, asset)[0] for place in places)


def test_engine_ledger_and_serials_agree_whatever_happens(furnished: Path) -> None:
    Random.furnished = furnished
    run_state_machine_as_test(Random, settings=settings(max_examples=12, stateful_step_count=30, deadline=None))
