"""The order ticket 下单: side, price, quantity; what it comes to; and why it cannot be sent, before it is sent."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label

from gateway.wire import OrderNew
from terminal.format import clean, count, money, parse_money
from terminal.state import State
from terminal.text import Text
from terminal.ticket import Ticket


class TicketPane(Vertical):
    """Enter goes from price to quantity, then checks and arms the order; Enter again sends it, Esc leaves."""

    class Send(Message):
        def __init__(self, order: OrderNew) -> None:
            super().__init__()
            self.order = order

    class Left(Message):
        """The user is done with the ticket."""

    def __init__(self, state: State, text: Text, *, id: str) -> None:
        super().__init__(id=id)
        self.state = state
        self.text = text
        self.ticket = Ticket()
        self.armed: OrderNew | None = None

    def compose(self) -> ComposeResult:
        yield Label(f"  {self.text('ticket')}", id="ticket-title", markup=False)
        with Horizontal(classes="field"):
            yield Label(self.text("side"), markup=False)
            yield Label("", id="ticket-side", markup=False)
        with Horizontal(classes="field"):
            yield Label(self.text("price"), markup=False)
            yield Input(id="ticket-px", restrict=r"[0-9,]{0,12}\.?[0-9]{0,2}", compact=True, select_on_focus=True)
        with Horizontal(classes="field"):
            yield Label(self.text("qty"), markup=False)
            yield Input(id="ticket-qty", restrict=r"[0-9]{0,12}", compact=True, select_on_focus=True)
        yield Label("", id="ticket-sum", markup=False)
        yield Label("", id="ticket-word", markup=False)

    def on_mount(self) -> None:
        self.show()

    @property
    def px(self) -> Input:
        return self.query_one("#ticket-px", Input)

    @property
    def qty(self) -> Input:
        return self.query_one("#ticket-qty", Input)

    @property
    def is_writing(self) -> bool:
        return self.px.has_focus or self.qty.has_focus

    # ------------------------------------------------------------------------------------------------------ writing

    def start(self, side: str, px: int) -> None:
        """Begin an order at a price; the cursor goes where the next number is missing."""
        self.disarm()
        self.ticket.side = "B" if side == "B" else "S"
        if px:
            self.px.value = money(px).replace(",", "")
        (self.qty if px else self.px).focus()
        self.show()

    def set_price(self, px: int) -> None:
        self.disarm()
        self.px.value = money(px).replace(",", "")
        self.qty.focus()

    def disarm(self) -> None:
        self.armed = None
        self.show()

    def on_input_changed(self) -> None:
        self.disarm()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "ticket-px":
            self.qty.focus()
            return
        if self.armed is not None:
            order, self.armed = self.armed, None
            self.qty.value = ""
            self.post_message(self.Send(order))
            self.show()
            return
        order_or_why = self.ticket.order(self.state, self.text)
        if isinstance(order_or_why, OrderNew):
            self.armed = order_or_why
        self.show()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.disarm()
            self.post_message(self.Left())
        elif event.key in ("up", "down") and self.is_writing:
            event.stop()
            self.step(1 if event.key == "up" else -1)

    def step(self, by: int) -> None:
        """Move the number under the cursor by a tick or a lot."""
        instrument = self.state.instrument
        if instrument is None:
            return
        if self.px.has_focus:
            px = (parse_money(self.px.value) or instrument.ref) + by * instrument.tick
            self.px.value = money(min(max(px, instrument.lo), instrument.hi)).replace(",", "")
        else:
            typed = int(self.qty.value or 0)
            self.qty.value = str(max(typed + by * instrument.lot, 0))

    # ------------------------------------------------------------------------------------------------------ showing

    def show(self) -> None:
        """Bring the labels up to what is typed and what the account has."""
        if not self.is_mounted:
            return
        self.ticket.px, self.ticket.qty = self.px.value, self.qty.value
        buying = self.ticket.side == "B"
        side = self.query_one("#ticket-side", Label)
        side.update(f" {self.text('buy' if buying else 'sell')} ")
        side.set_classes("buy" if buying else "sell")
        most = f"{self.text('max_buy' if buying else 'max_sell')} {count(self.ticket.max_qty(self.state))}"
        px, typed = parse_money(self.ticket.px), self.ticket.qty.strip()
        total = f"{self.text('total')} {money(px * int(typed))}   " if px and typed.isdigit() else ""
        self.query_one("#ticket-sum", Label).update(f" {total}{most}")
        word = self.query_one("#ticket-word", Label)
        if self.armed is not None:
            order = self.armed
            line = f"{self.text('buy' if order.side == 'B' else 'sell')} {count(order.qty)} @ {money(order.px)}"
            word.update(" " + self.text("armed", order=line))
            word.set_classes("armed")
            return
        refused = self.ticket.order(self.state, self.text) if typed and self.ticket.px else ""
        word.update(" " + clean(refused if isinstance(refused, str) and refused else self.text("enter_to_arm")))
        word.set_classes("refused" if isinstance(refused, str) and refused else "")
