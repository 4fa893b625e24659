"""A picture of the terminal by itself: `python -m terminal.picture OUT.svg` beside a running demo."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from gateway.client import Client, Credentials
from terminal.app import Terminal
from terminal.server import find

SETTLE_S = 3.0  # the first quotes are there, and a few trades went by


def main(
    out: Annotated[Path, typer.Argument(help="SVG file to write.")],
    data: Annotated[Path, typer.Option(help="Data directory of the running demo.")] = Path("var/demo"),
    lang: Annotated[Literal["zh", "en"], typer.Option()] = "en",
    columns: int = 120,
    rows: int = 40,
) -> None:
    """Save what the collector's terminal shows now."""
    out.write_text(asyncio.run(shown(find(None, data), data / "collector.key", lang, (columns, rows))))


async def shown(url: str, key: Path, lang: Literal["zh", "en"], size: tuple[int, int]) -> str:
    async with Client(url, Credentials.load(key)) as client:
        app = Terminal(client, lang)
        async with app.run_test(size=size) as pilot:
            await pilot.pause(SETTLE_S)
            return app.export_screenshot(title="Cellarbook")


if __name__ == "__main__":
    typer.run(main)
