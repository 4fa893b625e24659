"""The trading screen: watchlist, ladder, tape, ticket, my orders and balances, live."""

import asyncio
import contextlib
from collections.abc import Callable

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.screen import Screen

from gateway.client import Client, ClientError, GatewayDown
from gateway.wire import Disconnected, OrderNew
from terminal.format import count, money
from terminal.keymap import CODES, KEYS
from terminal.screens.help import Help
from terminal.server import NoServer
from terminal.state import RECENT, State
from terminal.text import Text
from terminal.widgets.board import Board
from terminal.widgets.facts import Facts, Status
from terminal.widgets.ladder import LadderPane
from terminal.widgets.lists import Balances, Orders, Tape
from terminal.widgets.ticket import TicketPane
from terminal.widgets.watchlist import Watchlist

FRAME_S = 1 / 30
RETRY_S = 2
NARROW, WIDE = 100, 150  # columns
CODE_S = 1.0  # a code's second digit must follow within this


class Trade(Screen[None]):
    BINDINGS = [Binding(key.keys, key.action, key.en, show=False) for key in KEYS]  # noqa: RUF012

    def __init__(self, client: Client, text: Text, locate: Callable[[], str]) -> None:
        super().__init__()
        self.client = client
        self.locate = locate
        self.text = text
        self.state = State()
        self._digit = ""

    def compose(self) -> ComposeResult:
        yield Facts(self.state, self.text, id="facts")
        with Horizontal(id="market"):
            yield Watchlist(self.state, self.text, id="watchlist")
            yield LadderPane(self.state, self.text, id="ladder")
            yield Tape(self.state, self.text, id="tape")
        with Horizontal(id="desk"):
            yield TicketPane(self.state, self.text, id="ticket")
            yield Orders(self.state, self.text, id="orders")
            yield Balances(self.state, self.text, id="balances")
        yield Status(self.state, self.text, id="status")

    def on_mount(self) -> None:
        self.boards = list(self.query(Board))
        self.ticket = self.query_one(TicketPane)
        self.status = self.query_one(Status)
        self.watchlist = self.query_one(Watchlist)
        self.watchlist.focus()
        self.set_interval(FRAME_S, self.flush)
        self.follow()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < NARROW, "narrow")
        self.set_class(event.size.width >= WIDE, "wide")
        self.set_class(event.size.height < 30, "low")

    def flush(self) -> None:
        for board in self.boards:
            board.flush()

    # --------------------------------------------------------------------------------------------------- the market

    @work(exclusive=True)
    async def follow(self) -> None:
        """Load the market, follow its feed, and begin again whenever the link was lost."""
        while True:
            try:
                await self.load()
                channels = ["book", "trades", "ticker"]
                async for frame in self.client.stream(channels, list(self.state.instruments), private=True):
                    was_connected = self.state.connected
                    self.show(self.state.apply(frame))
                    if isinstance(frame, Disconnected):
                        self.relocate()
                    elif not was_connected:
                        await self.load()
            except GatewayDown as error:
                self.show(self.state.apply(Disconnected(why=str(error))))
                self.relocate()
            except ClientError as error:
                self.status.say(self.text.refusal(error.fault), alarm=True)
            await asyncio.sleep(RETRY_S)

    def relocate(self) -> None:
        """Look where the server is now: started again, it may have another port."""
        with contextlib.suppress(NoServer):
            self.client.url = self.locate().rstrip("/")

    async def load(self) -> None:
        """Ask for what the feed does not repeat: instruments, balances, orders."""
        instruments, balances = await self.client.instruments(), await self.client.balances()
        orders = [*await self.client.orders(), *await self.client.orders("all", RECENT)]  # an open one may be long ago
        self.state.load(instruments, balances, orders)
        self.touch_all()

    def show(self, changed: set[str]) -> None:
        """Mark the rows that the changed topics are drawn on."""
        selected = self.state.selected
        for topic in changed:
            kind, _, sym = topic.partition(":")
            match kind:
                case "watch":
                    self.watchlist.touch_sym(sym)
                    if sym == selected:
                        self.query_one(Facts).touch()
                case "book" if sym == selected:
                    self.query_one(LadderPane).touch([0])
                case "tape" if sym == selected:
                    self.query_one(Tape).touch()
                case "orders":
                    self.query_one(Orders).touch()
                    self.query_one(LadderPane).touch()
                case "balances":
                    self.query_one(Balances).touch()
                    self.ticket.show()
                case "link":
                    self.status.touch()
                    self.query_one(LadderPane).touch([0])

    def touch_all(self) -> None:
        for board in self.boards:
            board.touch()
        self.ticket.show()

    # ------------------------------------------------------------------------------------------------------- actions

    def select(self, sym: str) -> None:
        self.state.selected = sym
        self.query_one(LadderPane).cursor = 0
        self.ticket.disarm()
        self.ticket.px.value = ""
        self.watchlist.show(sym)
        self.touch_all()

    def on_watchlist_chosen(self, message: Watchlist.Chosen) -> None:
        self.select(message.sym)

    def on_ladder_pane_picked(self, message: LadderPane.Picked) -> None:
        if message.side:
            self.ticket.start(message.side, message.px)
        else:
            self.ticket.set_price(message.px)

    def on_ticket_pane_left(self) -> None:
        self.watchlist.focus()

    def on_ticket_pane_send(self, message: TicketPane.Send) -> None:
        self.send(message.order)

    @work
    async def send(self, order: OrderNew) -> None:
        words = f"{self.text('buy' if order.side == 'B' else 'sell')} {count(order.qty)} @ {money(order.px)}"
        try:
            ack = await self.client.place(order)
        except ClientError as error:
            self.status.say(f"{words}: {self.text.refusal(error.fault)}", alarm=True)
            self.app.bell()
            return
        self.status.say(f"{words}: {self.text(f'st_{ack.st}')} {count(ack.cum)}/{count(order.qty)}")

    @work
    async def cancel(self, cid: str) -> None:
        try:
            await self.client.cancel(cid)
        except ClientError as error:
            self.status.say(self.text.refusal(error.fault), alarm=True)
            return
        self.status.say(self.text("st_cancelled"))

    def on_key(self, event: events.Key) -> None:
        """Two digits typed one after the other are a code, such as 21 for buy."""
        digit = event.character or ""
        if digit.isdigit() and not self.ticket.is_writing:
            code, self._digit = self._digit + digit, digit
            self.set_timer(CODE_S, self.forget_digit)
            if code in CODES:
                self._digit = ""
                event.stop()
                self.call_later(self.run_action, CODES[code][0])

    def forget_digit(self) -> None:
        self._digit = ""

    def action_ticket(self, side: str) -> None:
        self.ticket.start(side, self.query_one(LadderPane).cursor)

    def action_best(self, side: str) -> None:
        self.ticket.start(side, self.state.ladder.best("S" if side == "B" else "B"))

    def action_show(self, pane: str) -> None:
        self.query_one(f"#{pane}").focus()

    def action_next(self, step: int) -> None:
        syms = list(self.state.instruments)
        if syms:
            self.select(syms[(syms.index(self.state.selected) + step) % len(syms)])

    def action_cancel(self) -> None:
        """Cancel the chosen order; the first press only goes to where one sees which that is."""
        orders = self.query_one(Orders)
        if not orders.has_focus:
            orders.focus()
        elif orders.chosen is not None and orders.chosen.lvs:
            self.cancel(orders.chosen.cid)

    def action_leave(self) -> None:
        self.watchlist.focus()

    def action_help(self) -> None:
        self.app.push_screen(Help(self.text))

    async def action_quit(self) -> None:
        self.app.exit()
