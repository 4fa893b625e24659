"""What the handlers share: the parts of one running exchange, and the questions that REST and socket both answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from engine.commands import Place
from engine.core import OpenOrder
from engine.exchange import Exchange
from gateway.access.approvals import Approvals
from gateway.access.people import People
from gateway.access.sessions import Sessions
from gateway.auth import Authenticator
from gateway.config import Config
from gateway.errors import Problem
from gateway.feed import Feed
from gateway.follower import Follower
from gateway.limits import Limits, Rate
from gateway.orders import place_command
from gateway.sequencer import Sequencer
from gateway.store import Identity, Store
from gateway.watcher import Watcher
from gateway.wire import Balance, Band, Instrument, Order, OrderNew
from ledger.custody.service import Custody
from ledger.proof.publishing import Proofs
from ledger.rules import OrderRow
from ledger.store import LedgerReader
from marketplace.catalog import Facts


@dataclass(slots=True)
class Market:
    config: Config
    exchange: Exchange
    sequencer: Sequencer | Follower
    feed: Feed
    reader: LedgerReader
    store: Store
    custody: Custody
    proofs: Proofs
    watcher: Watcher
    authenticator: Authenticator
    people: People
    sessions: Sessions
    approvals: Approvals
    limits: Limits
    catalog: Mapping[str, Facts]
    sockets: set[Any] = field(default_factory=set)

    def address_of(self, request: web.BaseRequest) -> str:
        return self.authenticator.proxies.address_of(request)

    def take(self, what: str, who: Identity) -> tuple[Rate, int] | None:
        """Take a token of one of the asker's buckets. Raises Problem."""
        account = self.store.accounts.get(who.acct)
        per_s = account.order_rate if account and what == "orders" else 0
        return self.limits.take(what, who.key, self.config.clock(), per_s)

    def cut_off(self, is_meant: Callable[[Identity], bool]) -> None:
        """Close the sockets of those who may not go on as they are; they can log in again if they may."""
        for socket in list(self.sockets):
            if socket.identity is not None and is_meant(socket.identity):
                socket.cut_off()

    def instruments(self) -> list[Instrument]:
        return [self.instrument(sym) for sym in self.exchange.instruments]

    def instrument(self, sym: str) -> Instrument:
        """The engine's limits with the catalogue's facts; a line without facts goes by its symbol."""
        it = self.exchange.instruments[sym]
        facts = self.catalog.get(sym)
        return Instrument(
            sym=sym,
            name_zh=facts.name_zh if facts else sym,
            name_en=facts.name_en if facts else sym,
            winery=facts.winery if facts else "",
            vintage=facts.vintage if facts else 0,
            ml=facts.ml if facts else 0,
            abv_bp=facts.abv_bp if facts else 0,
            tick=it.tick, lot=it.lot, min_qty=it.min_qty, max_qty=it.max_qty, lo=it.lo, hi=it.hi, ref=it.ref,
            fee_bp=max(it.listing.maker_bp, it.listing.taker_bp),
            fee_min=it.listing.min_fee,
            phase=it.phase, last=it.last,
        )  # fmt: skip

    def bands(self) -> list[Band]:
        return [
            Band(sym=sym, lo=it.lo, hi=it.hi, ref=it.ref, up_bp=it.up_bp, down_bp=it.down_bp)
            for sym, it in self.exchange.instruments.items()
        ]

    def known(self, sym: str) -> str:
        """The symbol itself. Raises Problem when nothing of that name is listed."""
        if sym not in self.exchange.instruments:
            raise Problem("UNKNOWN_INSTRUMENT", field="sym")
        return sym

    def balances(self, acct: int) -> list[Balance]:
        found = self.exchange.balances(acct)
        return [Balance(asset=asset, free=balance.free, held=balance.held) for asset, balance in found.items()]

    def place(self, acct: int, order: OrderNew) -> Place:
        """The command of a new order. Raises Problem when the account owes storage fees."""
        if self.custody.in_debt(acct):
            raise Problem("IN_DEBT", cid=order.cid)
        return place_command(acct, order)

    async def order(self, acct: int, cid: str) -> Order:
        """One of the account's orders, open or done. Raises Problem; nobody sees another's order."""
        row = await self.reader.order(acct, cid)
        if open_order := self.exchange.order(acct, cid):
            return wire_of_open(open_order, row.ts if row else 0)
        if row is None or row.open:
            # Done a moment ago and not yet in the books: wait for them.
            await self.sequencer.projected()
            row = await self.reader.order(acct, cid)
        if row is None:
            raise Problem("UNKNOWN_ORDER", field="cid", cid=cid)
        return wire_of_row(row)

    async def orders(self, acct: int, limit: int) -> list[Order]:
        """The account's last orders, newest first."""
        await self.sequencer.projected()
        return [wire_of_row(row) for row in await self.reader.orders(acct, limit=limit)]

    def open_orders(self, acct: int) -> list[Order]:
        return [wire_of_open(order, 0) for order in self.exchange.orders(acct)]


def wire_of_open(order: OpenOrder, ts: int) -> Order:
    return Order(
        oid=order.oid, cid=order.cid, sym=order.sym, side="B" if order.side == "B" else "S", px=order.px, qty=order.qty,
        cum=order.qty - order.open, lvs=order.open, tif=order.tif, st="open", ts=ts,
    )  # fmt: skip


def wire_of_row(row: OrderRow) -> Order:
    return Order(
        oid=row.oid, cid=row.cid, sym=row.sym, side="B" if row.side == "B" else "S", px=row.px, qty=row.qty,
        cum=row.filled, lvs=row.open, tif=row.tif,
        st="open" if row.open else "cancelled" if row.reason else "filled", ts=row.ts,
    )  # fmt: skip
