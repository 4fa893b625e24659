"""Whole stories on the screen, against the real server: what a collector does, and what the screen then shows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from gateway.app import Server, serving
from gateway.client import Client, Credentials
from gateway.config import Config
from gateway.wire import BandSet, OrderNew
from terminal.app import Terminal
from terminal.screens.trade import Trade
from terminal.widgets.board import Board

SYM = "FEITIAN-2021-500"
NASTY = "EVIL"
OPENING = [
    {"op": "list", "sym": SYM, "ref": 267_000, "tick": 100, "taker_bp": 20, "stp": "none"},
    {"op": "list", "sym": NASTY, "ref": 10_000},
    {"op": "deposit", "acct": 1, "asset": "CNY", "amount": 10_000_000},
    {"op": "deposit", "acct": 2, "asset": SYM, "amount": 100},
]


class Story:
    """A server, a maker with bottles, and the collector's terminal."""

    def __init__(self, server: Server, maker: Client, operator: Client, pilot: Pilot[None]) -> None:
        self.server = server
        self.maker = maker
        self.operator = operator
        self.pilot = pilot

    @property
    def screen(self) -> Trade:
        screen = self.pilot.app.screen
        assert isinstance(screen, Trade)
        return screen

    def shown(self, pane: str) -> str:
        """The text of a pane as it is drawn."""
        board = self.screen.query_one(f"#{pane}", Board)
        return "\n".join(board.render_line(y).text for y in range(board.size.height))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for the screen; fail after ten seconds."""
        async with asyncio.timeout(10):
            while not holds():
                await self.pilot.pause(0.02)


@contextlib.asynccontextmanager
async def story(data: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Story]:
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            serving(Config(data=data, port=0, unbacked_bottles=True, four_eyes=False, rates=None))
        )
        operator = await stack.enter_async_context(Client(server.url, Credentials.load(data / "operator.key")))
        await operator.admin(OPENING)
        clients = []
        for acct in (1, 2):
            key = await operator.create_key(acct, ["read", "trade"])
            credentials = Credentials(key.key, bytes.fromhex(key.secret))
            clients.append(await stack.enter_async_context(Client(server.url, credentials)))
        collector, maker = clients
        await maker.place(OrderNew(sym=SYM, side="S", px=268_000, qty=5))
        pilot = await stack.enter_async_context(Terminal(collector, "en").run_test(size=size))
        found = Story(server, maker, operator, pilot)
        await found.until(lambda: "2,680.00" in found.shown("ladder"))
        yield found


async def test_collector_buys_at_the_ask_by_keyboard_and_sees_the_fill(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.pilot.press("b")
        await told.pilot.press("3", "enter")
        assert "Enter again sends: BUY 3 @ 2,680.00" in str(told.screen.query_one("#ticket-word").render())

        await told.pilot.press("enter")

        await told.until(lambda: "filled" in told.shown("orders"))
        assert "3/3" in told.shown("orders")
        await told.until(lambda: "91,943.92" in told.shown("balances"))  # 100,000.00 less 8,040.00 and 0.2 %
        await told.until(lambda: "2,680.00" in told.shown("tape"))


async def test_codes_21_and_23_open_the_ticket_on_their_side(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.pilot.press("2", "3")
        await told.until(lambda: told.screen.ticket.ticket.side == "S")

        await told.pilot.press("escape", "2", "1")
        await told.until(lambda: told.screen.ticket.ticket.side == "B")


async def test_order_outside_the_band_is_refused_in_words_before_it_is_sent(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        told.screen.ticket.start("B", 300_000)
        await told.pilot.press("1", "enter")
        await told.pilot.pause()

        assert "outside the band, 2,403.00 to 2,937.00" in str(told.screen.query_one("#ticket-word").render())
        await told.pilot.press("enter")
        assert [] == await told.screen.client.orders("all")


async def test_operators_new_band_reaches_the_screen(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.operator.set_band(SYM, BandSet(up_bp=500, down_bp=500, reason="calm"))

        await told.until(lambda: "2,536.50" in told.shown("facts") or "2,537.00" in told.shown("facts"))


@pytest.mark.parametrize("phase", ["HALTED", "CLOSED"])
async def test_instrument_that_takes_no_orders_says_so_beside_its_price(tmp_path: Path, phase: str) -> None:
    async with story(tmp_path) as told:
        await told.operator.admin([{"op": "phase", "sym": SYM, "phase": phase}])

        await told.until(lambda: f" {phase} " in told.shown("facts"))


async def test_resting_order_is_marked_on_its_row_and_cancelled_with_c(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        told.screen.ticket.start("B", 266_000)
        await told.pilot.press("7", "enter", "enter")
        await told.until(lambda: any("7" in line and "2,660.00" in line for line in told.shown("ladder").split("\n")))

        await told.pilot.press("escape", "o", "c")

        await told.until(lambda: "cancelled" in told.shown("orders"))
        await told.until(lambda: "2,660.00" not in told.shown("ladder"))


async def test_the_cursor_stays_on_its_order_when_a_newer_one_comes(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.screen.client.place(OrderNew(sym=SYM, side="B", px=266_000, qty=7, cid="old"))
        await told.until(lambda: "old" in told.screen.state.orders)
        await told.pilot.press("c")  # goes to the orders and cancels nothing yet
        await told.screen.client.place(OrderNew(sym=SYM, side="B", px=265_000, qty=9, cid="new"))
        await told.until(lambda: "new" in told.screen.state.orders)
        await told.pilot.press("c")

        await told.until(lambda: told.screen.state.orders["old"].st == "cancelled")
        assert "open" == told.screen.state.orders["new"].st


async def test_bottles_of_the_chosen_line_stand_below_the_cash(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.operator.admin([{"op": "deposit", "acct": 1, "asset": asset, "amount": 3} for asset in (NASTY, SYM)])
        await told.until(lambda: "Moutai" in told.shown("balances").split("\n")[2])

        told.screen.select(NASTY)

        await told.until(lambda: NASTY in told.shown("balances").split("\n")[2])


async def test_choosing_another_instrument_disarms_the_order(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.pilot.press("b", "3", "enter")
        assert told.screen.ticket.armed is not None

        told.screen.select(NASTY)

        assert told.screen.ticket.armed is None


@pytest.mark.parametrize("key", ["b", "question_mark"])
async def test_ctrl_c_leaves_also_from_the_ticket_and_the_help(tmp_path: Path, key: str) -> None:
    async with story(tmp_path) as told:
        await told.pilot.press(key, "ctrl+c")

        await told.until(lambda: told.pilot.app._exit)


async def test_lost_server_is_shown_and_the_book_is_marked_stale(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.server.stop()

        await told.until(lambda: "disconnected" in told.shown("status"))
        await told.until(lambda: "STALE" in told.shown("ladder"))


async def test_server_that_comes_back_elsewhere_is_found_again(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.server.stop()
        await told.until(lambda: "disconnected" in told.shown("status"))
        async with serving(Config(data=tmp_path, port=0, unbacked_bottles=True, four_eyes=False, rates=None)) as again:
            told.screen.locate = lambda: again.url
            await told.until(lambda: "● connected" in told.shown("status") and "STALE" not in told.shown("ladder"))

            assert again.url != told.server.url


async def test_every_pane_keeps_its_place_at_80_by_24(tmp_path: Path) -> None:
    async with story(tmp_path, size=(80, 24)) as told:
        for pane in ("watchlist", "ladder", "tape", "ticket", "orders", "status"):
            region = told.screen.query_one(f"#{pane}").region
            assert region.width > 10, pane
            assert region.right <= 80, pane
            assert region.bottom <= 24, pane


async def test_name_with_escapes_and_markup_shows_harmlessly(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        nasty = told.screen.state.instruments[NASTY]
        nasty.name_en = nasty.name_zh = nasty.winery = "\x1b[31m[red]\u202eevil\x07"
        told.screen.select(NASTY)
        await told.pilot.pause()

        for pane in ("watchlist", "facts"):
            assert "[red]evil" in told.shown(pane)
            assert not set("\x1b\x07\u202e") & set(told.shown(pane))


async def test_help_names_every_key_and_any_key_closes_it(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.pilot.press("question_mark")
        await told.pilot.pause()
        assert "watchlist" in str(told.pilot.app.screen.query_one("#help").render())

        await told.pilot.press("x")
        await told.pilot.pause()
        assert isinstance(told.pilot.app.screen, Trade)
