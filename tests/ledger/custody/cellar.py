"""A cellar on the real engine, journal and ledger, with two warehouses and people in them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from engine.commands import CASH, Command, Deposit, List
from engine.events import Event
from ledger.books import differences
from ledger.custody.inbound import Finding, Goods, Grade
from ledger.custody.refusals import Refusal
from ledger.custody.service import Custody
from ledger.custody.stock import Bottle, By, Filter, Owner
from ledger.databases import Location, databases_of
from ledger.recovery import Recovered
from ledger.rules import entry_of
from ledger.shop import Shop
from tests.ledger.history import opened

SYM = "FEITIAN-2021-500"
TWIN = SYM + "/NR"
SHANGHAI, BEIJING = 1, 2
DAY_NS = 86_400 * 10**9
SOUND = Finding(Grade.MINT, seal_intact=True)

T = TypeVar("T")


class Crash(Exception):
    """The process ended here."""


def made(value: T | Refusal | None) -> T:
    """What a flow made, which was not refused."""
    assert not isinstance(value, Refusal), value
    assert value is not None
    return value


class Cellar:
    """Wang and Li work in Shanghai, Zhao in Beijing; accounts 1 and 2 have 10,000 yuan each."""

    def __init__(self, data_dir: Path, books: Recovered, shop: Shop) -> None:
        self.data_dir = data_dir
        self.books = books
        self.shop = shop
        self.now = 1_000
        self.crash_before = self.crash_after = False
        self.after_submit: Callable[[], Awaitable[object]] | None = None  # called once
        self.events: list[Event] = []
        self.custody = Custody(shop, self.submit)

    async def submit(self, *commands: Command) -> list[Event]:
        """What the sequencer does: durable, applied, projected."""
        if self.crash_before:
            raise Crash
        stamped = [command._replace(ts=self.now) for command in commands]
        self.books.journal.append(stamped)
        events = self.books.exchange.apply(stamped)
        self.books.projector.project(events)
        self.events += events
        if self.crash_after:
            raise Crash
        if call := self.after_submit:
            self.after_submit = None
            await call()
        return events

    async def restart(self) -> None:
        """A new process finds the same databases."""
        self.crash_before = self.crash_after = False
        self.custody = await Custody.open(self.shop, self.submit)

    def by(self, name: str) -> By:
        self.now += 1
        return By(name, self.now)

    async def furnish(self) -> None:
        stock = self.custody.stock
        for code, city in (("SH-1", "Shanghai"), ("BJ-1", "Beijing")):
            made(await stock.add_warehouse(code, f"{city} bonded", city))
        for warehouse, code in ((SHANGHAI, "A-01"), (SHANGHAI, "A-02"), (BEIJING, "B-01")):
            made(await stock.add_bin(warehouse, code))
        for name, warehouse in (("wang", SHANGHAI), ("li", SHANGHAI), ("zhao", BEIJING)):
            assert await stock.assign(name, warehouse) is None
        await self.submit(List(0, SYM, ref=100_00))
        for acct in (1, 2):
            await self.submit(Deposit(0, acct, CASH, 10_000_00))

    async def store(
        self,
        acct: int,
        serials: Sequence[str],
        *,
        lot: str = "L1",
        resale_forbidden: bool = False,
        bin_code: str = "A-01",
    ) -> None:
        """Bring bottles in, all the way from the advice to the bin."""
        inbound = self.custody.inbound
        goods = Goods(lot, SYM, "2021", Owner.MEMBER, resale_forbidden)
        advice = made(await inbound.advise(self.by("office"), acct, SHANGHAI, goods, len(serials)))
        assert await inbound.receive(self.by("wang"), advice, serials) is None
        assert await inbound.inspect(self.by("wang"), serials, SOUND) is True
        assert len(serials) == await inbound.book(self.by("wang"), advice, bin_code)

    async def ready(self, acct: int, qty: int, serials: Sequence[str] = (), **asked: str) -> int:
        """Request bottles and pick them."""
        pickups = self.custody.pickups
        asset = asked.pop("asset", SYM)
        number = made(await pickups.request(self.by("").ts, acct, asset, qty, SHANGHAI, serials, **asked))
        assert await pickups.pick(self.by("wang"), number, await self.serials(pickup=number)) is None
        return number

    async def bottles(self, state: str = "", pickup: int = 0) -> list[Bottle]:
        """Bottles in order of lot, of a state or a pickup when they are given."""
        found = await self.custody.stock.find(Filter(state=state), limit=10_000)
        return [bottle for bottle in found if pickup in (0, bottle.pickup)]

    async def serials(self, state: str = "", pickup: int = 0) -> list[str]:
        return [bottle.serial for bottle in await self.bottles(state, pickup)]

    async def state_of(self, serial: str) -> str:
        (bottle,) = await self.custody.stock.find(Filter(serial=serial))
        return bottle.state

    def balance(self, acct: int, asset: str = SYM) -> tuple[int, int]:
        """Free and held, by the engine."""
        free, held = self.books.exchange.balance(acct, asset)
        return free, held

    def postings(self) -> dict[str, int]:
        """What the last entry in the books moved."""
        entries = [entry for entry in map(entry_of, self.events) if entry]
        return {posting.account.name: posting.amount for posting in entries[-1].postings}

    async def require_agreement(self) -> None:
        """Engine, ledger and serials say the same."""
        self.books.exchange.check()
        assert [] == differences(self.books.exchange, self.books.projector.books.balances())
        assert [] == await self.custody.check(self.books.exchange, self.now)


@asynccontextmanager
async def open_cellar(data_dir: Path, location: Location | None = None) -> AsyncIterator[Cellar]:
    """A cellar whose books agree when the block ends; `furnish` a new one."""
    with opened(data_dir) as books:
        shop = await Shop.open(location or databases_of(data_dir).shop)
        try:
            cellar = Cellar(data_dir, books, shop)
            yield cellar
            await cellar.require_agreement()
        finally:
            await shop.close()
