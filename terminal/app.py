"""The trading terminal: one Textual app around one client."""

import asyncio
from pathlib import Path

from textual.app import App

from gateway.client import Client, Credentials
from terminal.screens.trade import Trade
from terminal.text import Lang, Text, default_lang
from terminal.theme import THEME


class Terminal(App[None]):
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "Cellarbook"

    def __init__(self, client: Client, lang: Lang | None = None) -> None:
        super().__init__()
        self.client = client
        self.text = Text(lang or default_lang())

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = THEME.name
        self.push_screen(Trade(self.client, self.text))


def run_terminal(url: str, credentials: Path, lang: Lang | None = None) -> None:
    """Run the terminal until the user leaves it. Raises OSError or ValueError when there is no usable key file."""

    async def run(key: Credentials) -> None:
        async with Client(url, key) as client:
            await Terminal(client, lang).run_async()

    asyncio.run(run(Credentials.load(credentials)))
