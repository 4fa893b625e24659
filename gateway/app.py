"""The composition root: recovers the exchange, wires the parts, serves, and stops in order."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

from aiohttp import web
from sqlalchemy.exc import DBAPIError

from engine.commands import Command
from engine.events import Event
from engine.exchange import Exchange
from gateway import cellar, history, operations, pickups, proofs, rest, ws
from gateway.access import routes as access
from gateway.access.approvals import Approvals
from gateway.access.people import People
from gateway.access.sessions import Sessions
from gateway.auth import Authenticator, ensure_operator_key
from gateway.cellarman import Cellarman
from gateway.config import ADMIN_BODY_MAX, HEARTBEAT_S, KEEPALIVE_S, KEYS_S, LINGER_S, USES_S, Config
from gateway.dialects import udf
from gateway.errors import Problem
from gateway.feed import Feed, print_of
from gateway.follower import Follower
from gateway.framing import Runner
from gateway.keeper import Keeper
from gateway.limits import Limits, Proxies
from gateway.market import Market
from gateway.sequencer import Sequencer
from gateway.store import Store
from gateway.watcher import Watcher
from ledger.custody.service import Custody
from ledger.databases import databases_of, told
from ledger.days import day_of, start_of
from ledger.errors import BadDatabase
from ledger.files import WriterLock
from ledger.following import follow
from ledger.proof.publishing import Proofs
from ledger.recovery import recover
from ledger.shop import Shop
from ledger.store import LedgerReader
from marketplace import catalog

__all__ = ["Config", "Server", "run", "serving"]  # what `cellarbook serve` needs

ROUTES = [
    *rest.ROUTES,
    *access.ROUTES,
    *operations.ROUTES,
    *pickups.ROUTES,
    *cellar.ROUTES,
    *proofs.ROUTES,
    *history.ROUTES,
    *udf.ROUTES,
    web.get(ws.PATH, ws.socket),
]

log = logging.getLogger(__name__)


class Server:
    """One running exchange. `url` says where it listens; `fault` why it had to stop."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.url = ""
        self.fault: BaseException | None = None
        self.stopping = asyncio.Event()
        self._stack = contextlib.AsyncExitStack()

    async def start(self) -> Market:
        """Recover and open for business. Raises LedgerError, or OSError when the address is taken."""
        self.config.data.mkdir(parents=True, exist_ok=True)
        market = await (self._follow() if self.config.follow else self._lead())
        for work in (self._tick(market), self._heartbeat(market)):
            self._run(work)
        await self._listen(market)
        self._stack.push_async_callback(_drained, market)
        log.info("open at command %d", market.exchange.seq)
        return market

    async def _lead(self) -> Market:
        """Be the one server that takes commands. Raises DataInUse when another is."""
        data, url = self.config.data, self.config.database
        self._lock_files()
        loop = asyncio.get_running_loop()
        recovered = await asyncio.to_thread(recover, data, url)
        self._stack.callback(recovered.journal.close)
        recovered.projector.on_fault = lambda error: loop.call_soon_threadsafe(self._fail, error)
        recovered.projector.start()
        self._stack.push_async_callback(recovered.projector.stop)
        shop = await Shop.open(databases_of(data, url).shop)
        self._stack.push_async_callback(shop.close)
        store = await self._store(shop, data)
        await ensure_operator_key(store, data / "operator.key")
        reader, feed = await self._feed(recovered.exchange)
        sequencer = Sequencer(
            recovered.journal, recovered.exchange, recovered.projector, self.config.clock, feed.publish, self._fail
        )
        sequencer.start()
        keeper = Keeper(recovered.exchange, recovered.snapshots, self.config.clock)
        self._stack.push_async_callback(self._keep, keeper)
        self._stack.push_async_callback(sequencer.stop)
        self._run(keeper.run())
        custody = await Custody.open(shop, sequencer.submit)
        market = self._market(sequencer, feed, reader, store, custody)
        await market.approvals.resume()
        self._run(Cellarman(custody, market.proofs, recovered.exchange, self.config.clock).run())
        if self.config.audit_s:
            self._run(market.watcher.run())
        self._stack.push_async_callback(_note_uses, store)
        self._run(self._look_after_access(market))
        return market

    async def _follow(self) -> Market:
        """Show what another server does, and write nothing but where we listen."""
        data, url = self.config.data, self.config.database
        if url is None:
            raise BadDatabase("to follow takes the PostgreSQL database of the server to follow")
        self._lock_files()
        journal, exchange = await asyncio.to_thread(follow, data, url)
        self._stack.callback(journal.close)
        shop = Shop(databases_of(data, url).shop)
        self._stack.push_async_callback(shop.close)
        store = await self._store(shop)
        reader, feed = await self._feed(exchange)
        follower = Follower(journal, exchange, reader, feed.publish, self._fail)
        while await follower.step():
            pass
        follower.start()
        self._stack.push_async_callback(follower.stop)
        self._run(self._load_often(store))
        return self._market(follower, feed, reader, store, Custody(shop, _refuse))

    def _lock_files(self) -> None:
        """One server a data directory: SQLite's journal sees to that, but not a database that is elsewhere."""
        if self.config.database is not None:
            self._stack.callback(WriterLock(self.config.data / "server.lock").close)

    async def _store(self, shop: Shop, folder: Path | None = None) -> Store:
        store = Store(shop, folder)
        await store.load()
        return store

    async def _feed(self, exchange: Exchange) -> tuple[LedgerReader, Feed]:
        """The feed, with all trades until the command at which the exchange stands, those of today in full."""
        reader = LedgerReader(databases_of(self.config.data, self.config.database).ledger)
        self._stack.push_async_callback(reader.close)
        now = self.config.clock()
        feed = Feed(exchange, epoch=now)
        for trade in await reader.trades_since(start_of(day_of(now))):
            if trade.seq <= exchange.seq:
                feed.tapes[trade.sym].add(print_of(trade))
        for sym in exchange.instruments:
            feed.candles.load(sym, await reader.moves(sym, exchange.seq))
        return reader, feed

    def _market(
        self, sequencer: Sequencer | Follower, feed: Feed, reader: LedgerReader, store: Store, custody: Custody
    ) -> Market:
        clock, people = self.config.clock, People(store)
        self._stack.push_async_callback(people.passwords.close)
        submit = _refuse if self.config.follow else sequencer.submit
        return Market(
            self.config, sequencer.exchange, sequencer, feed, reader, store, custody,
            Proofs(self.config.data, databases_of(self.config.data, self.config.database)), Watcher(self.config),
            Authenticator(store, clock, Proxies(self.config.proxies)), people, Sessions(store),
            Approvals(store, submit, clock, self.config.four_eyes), Limits(self.config.rates), catalog.load(),
        )  # fmt: skip

    def _run(self, work: Coroutine[object, object, None]) -> None:
        """Do background work until the server stops."""
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._stack.push_async_callback(_cancelled, task)

    async def _listen(self, market: Market) -> None:
        app = web.Application(
            middlewares=[rest.errors, rest.addresses, rest.no_commands, rest.slow_bodies],
            client_max_size=ADMIN_BODY_MAX,
        )
        app[rest.MARKET] = market
        app.add_routes(ROUTES)
        runner = Runner(
            app, access_log=None, keepalive_timeout=KEEPALIVE_S, shutdown_timeout=2, lingering_time=LINGER_S
        )
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        self._stack.push_async_callback(ws.close_all, market)
        site = web.TCPSite(runner, self.config.host, self.config.port)
        await site.start()
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        self.url = f"http://{host}:{runner.addresses[0][1]}"
        announcement = self.config.data / "server.json"
        announcement.write_text(json.dumps({"url": self.url, "pid": os.getpid()}))
        self._stack.callback(announcement.unlink, missing_ok=True)

    async def stop(self) -> None:
        """Refuse what is new, finish what is queued, close the sockets, write a snapshot."""
        self.stopping.set()
        await self._stack.aclose()

    def _fail(self, error: BaseException) -> None:
        self.fault = self.fault or error
        self.stopping.set()

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        """Background work that fails stops the server, loudly."""
        try:
            await work
        except Exception as error:
            log.exception("background work failed")
            self._fail(error)

    async def _tick(self, market: Market) -> None:
        while True:
            await asyncio.sleep(self.config.tick_s)
            market.feed.tick()

    async def _heartbeat(self, market: Market) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            market.feed.heartbeat(self.config.clock())

    async def _keep(self, keeper: Keeper) -> None:
        """Keep the last state, unless a fault put it in doubt."""
        if self.fault is None:
            await keeper.keep()
        await keeper.close()

    async def _look_after_access(self, market: Market) -> None:
        """Note when keys were used, and carry out what a busy moment kept from being done."""
        while True:
            await asyncio.sleep(USES_S)
            await _note_uses(market.store)
            with contextlib.suppress(Problem, DBAPIError):
                await market.approvals.resume()

    async def _load_often(self, store: Store) -> None:
        while True:
            await asyncio.sleep(KEYS_S)
            await store.load()


async def _refuse(*_commands: Command) -> list[Event]:
    """What a server that follows says to its cellar."""
    raise Problem("FOLLOWER")


async def _note_uses(store: Store) -> None:
    """Write down when keys were last used, if the shop takes it: nothing hangs on that."""
    try:
        await store.save_uses()
    except DBAPIError as error:
        log.warning("when keys were used is not kept: %s", error.orig)


async def _drained(market: Market) -> None:
    """Refuse what is new and finish what is queued, so that every client has its answer before its socket closes."""
    await market.sequencer.stop()
    await asyncio.sleep(0)  # the answers are written by callbacks
    market.feed.tick()


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextlib.asynccontextmanager
async def serving(config: Config) -> AsyncIterator[Server]:
    """A server for the length of a block."""
    server = Server(config)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


async def _serve(config: Config) -> int:
    server = Server(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stopping.set)
    try:
        await server.start()
        place = told(config.database) if config.database else config.data
        print(f"cellarbook: {server.url}, {'following' if config.follow else 'data in'} {place}", flush=True)
        if not config.four_eyes:
            print("cellarbook: one operator alone moves money and sets bands (--one-operator)", flush=True)
        if config.rates is None:
            print("cellarbook: nobody's requests are limited (--no-limits)", flush=True)
        await server.stopping.wait()
    finally:
        await server.stop()
    if server.fault is not None:
        print("cellarbook: stopped:", " ".join(str(server.fault).split()), file=sys.stderr)
        return 1
    return 0


class JsonLines(logging.Formatter):
    """One JSON object a record, whatever it says."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"ts": int(record.created * 1e9), "level": record.levelname, "at": record.name}
        trace = {"trace": self.formatException(record.exc_info)} if record.exc_info else {}
        return json.dumps(line | {"msg": record.getMessage()} | trace)


def run(config: Config) -> int:
    """Serve until a signal or a fault; return the process's exit code. Raises LedgerError, OSError at the start."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    try:
        import uvloop

        return uvloop.run(_serve(config))
    except ImportError:
        return asyncio.run(_serve(config))
