"""The trading terminal: one Textual app around one client."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual.app import App
from textual.binding import Binding

from gateway.client import Client, Credentials
from terminal.screens.trade import Trade
from terminal.text import Lang, Text, default_lang
from terminal.theme import THEME
from terminal.tty import end_with_the_window


class Terminal(App[None]):
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [Binding("ctrl+c", "quit", show=False, priority=True)]  # noqa: RUF012
    TITLE = "Cellarbook"

    def __init__(self, client: Client, lang: Lang | None = None, locate: Callable[[], str] | None = None) -> None:
        super().__init__()
        self.client = client
        self.locate = locate or (lambda: client.url)
        self.text = Text(lang or default_lang())

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = THEME.name
        self.push_screen(Trade(self.client, self.text, self.locate))


def run_terminal(locate: Callable[[], str], credentials: Path, lang: Lang | None = None) -> None:
    """Run the terminal until the user leaves it; `locate` says where the server is, now and after each loss of it.

    Raises NoServer, and OSError or ValueError when there is no usable key file.
    """

    end_with_the_window()

    async def run(key: Credentials) -> None:
        async with Client(locate(), key) as client:
            await Terminal(client, lang, locate).run_async()

    asyncio.run(run(Credentials.load(credentials)))
